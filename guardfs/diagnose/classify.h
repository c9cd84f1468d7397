/* Classes of servers' answers. Pure. Texts are hostile. */
#ifndef GUARDFS_DIAGNOSE_CLASSIFY_H
#define GUARDFS_DIAGNOSE_CLASSIFY_H

#include "sftp/packet.h"
#include "policy/errclass.h"

/* As printable ASCII, cut to fit: white space becomes one space, other bytes '?'; neither at the ends. */
void diagnose_clean(char *dst, size_t size, const void *src, size_t n);

/* err: positive, of connect(2). */
enum errclass diagnose_connect_class(int err);

/* Of two addresses' failures: a server that refused was reached. */
enum errclass diagnose_more_telling(enum errclass a, enum errclass b);

enum diagnose_banner { BANNER_INCOMPLETE, BANNER_SSH, BANNER_FOREIGN };

/* SSH: *line is the first "SSH-2.0-" or "SSH-1.99-" line (RFC 4253, 4.2) within DIAGNOSE_BANNER_MAX bytes.
 * FOREIGN: none can come. */
#define DIAGNOSE_BANNER_MAX 4096
enum diagnose_banner diagnose_banner(const char *bytes, size_t n, const char **line, size_t *length);

/* Ended after n bytes without a banner. A full server says nothing, or that; else it is no SSH server. */
enum errclass diagnose_no_banner_class(const char *bytes, size_t n);

/* By libssh's words on an ended connection or key exchange; otherwise: if they tell nothing. */
enum errclass diagnose_disconnect_class(const char *text, enum errclass otherwise);

/* Of a negative status. */
enum errclass diagnose_path_class(uint32_t status);

/* Can it be written to? NONE, FULL, READ_ONLY. 0 of 0 is not full. *why: constant. */
enum errclass diagnose_space_class(const struct sftp_statvfs *s, const char **why);

/* Of a negative status while the canary was made (creating) or written. SFTP v3 has no full or read-only: OpenSSH
 * says "Failure", others a later version's code, or words. */
enum errclass diagnose_write_class(bool creating, uint32_t status, struct sftp_slice message,
				   const char **why);

/* For a directory; 0: NONE. */
enum errclass diagnose_errno_class(int err);

#endif
