/* classify.h: classes of a server's answers: a diagnosis's decisions without its system calls.
 *
 * Pure. Texts are hostile. tests/unit/test-diagnose.c. */
#ifndef GUARDFS_DIAGNOSE_CLASSIFY_H
#define GUARDFS_DIAGNOSE_CLASSIFY_H

#include "sftp/packet.h"
#include "policy/errclass.h"

/* Copies n bytes as printable ASCII, terminated, cut to fit: runs of white space become one space, other
 * unprintable bytes a question mark, neither at the ends. */
void diagnose_clean(char *dst, size_t size, const void *src, size_t n);

/* A (positive) errno of connect(2). */
enum errclass diagnose_connect_class(int err);

/* The more telling of two addresses' failures: a server that refused was reached. */
enum errclass diagnose_more_telling(enum errclass a, enum errclass b);

enum diagnose_banner { BANNER_INCOMPLETE, BANNER_SSH, BANNER_FOREIGN };

/* A server's first lines: one begins with "SSH-2.0-" or "SSH-1.99-" (RFC 4253, 4.2), within
 * DIAGNOSE_BANNER_MAX bytes. BANNER_SSH: *line and *length are that line; FOREIGN: none can come any more. */
#define DIAGNOSE_BANNER_MAX 4096
enum diagnose_banner diagnose_banner(const char *bytes, size_t n, const char **line, size_t *length);

/* The connection ended after n bytes without a banner. A full server says nothing, or says so; anything
 * else is no SSH server. */
enum errclass diagnose_no_banner_class(const char *bytes, size_t n);

/* libssh's words on an ended connection or a failed key exchange; otherwise: if they tell nothing. */
enum errclass diagnose_disconnect_class(const char *text, enum errclass otherwise);

/* A negative status for the configured path. */
enum errclass diagnose_path_class(uint32_t status);

/* Can the file system be written to? NONE, FULL or READ_ONLY. 0 of 0 blocks or files is not full. *why: a
 * constant. */
enum errclass diagnose_space_class(const struct sftp_statvfs *s, const char **why);

/* A negative status while the canary was made (creating) or written. SFTP v3 cannot say full or read-only:
 * OpenSSH says "Failure"; other servers use a later version's code, or the message. */
enum errclass diagnose_write_class(bool creating, uint32_t status, struct sftp_slice message,
				   const char **why);

/* The same for a directory: a positive errno. NONE for 0. */
enum errclass diagnose_errno_class(int err);

#endif
