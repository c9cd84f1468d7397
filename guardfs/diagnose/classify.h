/* classify.h: what the answers of a server mean: the decisions of a diagnosis, without its system calls.
 *
 * Pure. Texts are hostile. tests/unit/test-diagnose.c. */
#ifndef GUARDFS_DIAGNOSE_CLASSIFY_H
#define GUARDFS_DIAGNOSE_CLASSIFY_H

#include "diagnose/sftp.h"
#include "policy/errclass.h"

/* Copies n bytes as printable ASCII: runs of white space become one space, everything else that is not
 * printable a question mark; none at either end. Terminated, cut to fit. */
void diagnose_clean(char *dst, size_t size, const void *src, size_t n);

/* An errno (positive) of connect(2). */
enum errclass diagnose_connect_class(int err);

/* Of two addresses' failures, the one that tells more: a server that refused was at least reached. */
enum errclass diagnose_more_telling(enum errclass a, enum errclass b);

enum diagnose_banner { BANNER_INCOMPLETE, BANNER_SSH, BANNER_FOREIGN };

/* What a server says first: lines, of which one begins with "SSH-2.0-" or "SSH-1.99-" (RFC 4253, 4.2), within
 * DIAGNOSE_BANNER_MAX bytes. BANNER_SSH: *line and *length are that line; FOREIGN: it cannot become one any
 * more. */
#define DIAGNOSE_BANNER_MAX 4096
enum diagnose_banner diagnose_banner(const char *bytes, size_t n, const char **line, size_t *length);

/* The connection was closed after the n bytes, of which none was an SSH banner. A server that has no room for
 * us says nothing, or says so; anything else isn't an SSH server. */
enum errclass diagnose_no_banner_class(const char *bytes, size_t n);

/* What libssh says about a connection that ended or a key exchange that failed; otherwise: if it tells
 * nothing. */
enum errclass diagnose_disconnect_class(const char *text, enum errclass otherwise);

/* A negative status for the configured path. */
enum errclass diagnose_path_class(uint32_t status);

/* Is the file system fit for writing? NONE, FULL or READ_ONLY. One that knows no blocks or no files (0 of 0)
 * isn't full of them. *why: a constant. */
enum errclass diagnose_space_class(const struct sftp_statvfs *s, const char **why);

/* A negative status while the canary was made (creating) or written. SFTP v3 has no words for a full or
 * read-only file system, OpenSSH says "Failure" for both; servers that have more to say put it into a later
 * version's code or into the message. */
enum errclass diagnose_write_class(bool creating, uint32_t status, struct sftp_slice message,
				   const char **why);

/* The same for a directory: an errno (positive). NONE for 0. */
enum errclass diagnose_errno_class(int err);

#endif
