/* A transport asked through its ring, one request at a time for each thread.
 *
 * Calls wait for their answers while the transport lives. A thread in one can be killed at any time: the next worker
 * gives its records back, keeper a probe's; a probe's refs stay open. The transport's sizes, refs, names and errors
 * are checked. All return 0 (or a length), or: -ENOTCONN: the transport is gone, and nobody knows whether it was
 * carried out; -EIO: the server says only that it failed, or the answer makes no sense; -EBADMSG: as sftp_error;
 * -ENAMETOOLONG; or another error of the server's. Paths are the server's: relative ones begin in the user's home.
 * Worker, probes. */
#ifndef GUARDFS_SFTP_CLIENT_H
#define GUARDFS_SFTP_CLIENT_H

#include "sftp/ring.h"
#include <sys/types.h>

/* An operation of paths alone, or SETSTAT, LSETSTAT or MKDIR with set. attrs (may be NULL): what is there afterwards;
 * has is 0 if the server did not say. */
struct client_request {
	enum ring_operation operation;
	/* RING_KEEPS_EXISTING. */
	unsigned flags;
	const char *path, *to;
	const struct sftp_attributes *set;
};
errint_t client_change(const struct ring_user *user, const struct client_request *request,
		       struct sftp_attributes *attrs);

/* Follows no link. Permissions, with the type, are among the attributes. */
errint_t client_lstat(const struct ring_user *user, const char *path, struct sftp_attributes *attrs);
/* The same of a name in the directory dir. *dir_is_there: on ENOENT, is dir known to be one? No further round
 * trip. */
errint_t client_lstat_in(const struct ring_user *user, const char *path, const char *dir,
			 struct sftp_attributes *attrs, bool *dir_is_there);
errint_t client_fstat(const struct ring_user *user, uint32_t ref, struct sftp_attributes *attrs);
/* attrs as in client_change. */
errint_t client_fsetstat(const struct ring_user *user, uint32_t ref, const struct sftp_attributes *set,
			 struct sftp_attributes *attrs);

/* flags: a set of enum sftp_open_flag; set: of a new file. *ref is the caller's to close. attrs: of whatever has the
 * name, as in client_change. */
errint_t client_open(const struct ring_user *user, const char *path, unsigned flags,
		     const struct sftp_attributes *set, uint32_t *ref, struct sftp_attributes *attrs);
errint_t client_opendir(const struct ring_user *user, const char *path, uint32_t *ref);
/* The ref is gone whatever it returns. */
errint_t client_close(const struct ring_user *user, uint32_t ref);
errint_t client_fsync(const struct ring_user *user, uint32_t ref);

/* All of size, less only at the end of the file. known_end (0: unknown): an answer that comes short there is
 * believed, another one is asked about again. */
ssize_t client_read(const struct ring_user *user, uint32_t ref, void *bytes, size_t size, uint64_t offset,
		    uint64_t known_end);

/* Size; or, if the server failed on the way, the bytes written without a gap from the beginning. *error (may be
 * NULL): what ended it. */
ssize_t client_write(const struct ring_user *user, uint32_t ref, const void *bytes, size_t size,
		     uint64_t offset, errint_t *error);

/* The same in two steps, of at most RING_DATA_MAX bytes. begin: a ticket for end, or -errno, and nothing was written.
 * What is begun first reaches the server first. end returns as client_write. */
int client_begin_write(const struct ring_user *user, uint32_t ref, const void *bytes, size_t size,
		       uint64_t offset);
ssize_t client_end_write(const struct ring_user *user, int ticket, size_t size, errint_t *error);

ssize_t client_readlink(const struct ring_user *user, const char *path, char *text, size_t size);
errint_t client_statvfs(const struct ring_user *user, const char *path, struct sftp_statvfs *figures);

/* The entries without "." and "..", until emit returns false. name: terminated, one component, at most 255 bytes. */
typedef bool (*client_entry_fn)(void *arg, const char *name, size_t length,
				const struct sftp_attributes *attrs);
errint_t client_readdir(const struct ring_user *user, uint32_t ref, client_entry_fn emit, void *arg);

/* RING_KEEP. */
errint_t client_keep(const struct ring_user *user, const uint8_t *places);

#endif
