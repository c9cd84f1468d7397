/* fd.h: file descriptors: whole writes, atomic files, passing over sockets. */
#ifndef GUARDFS_BASE_FD_H
#define GUARDFS_BASE_FD_H

#include "base/base.h"
#include <sys/types.h>

/* Writes all n bytes at the current position; retries EINTR and short counts. Returns 0 or -errno. */
errint_t fd_write_all(int fd, const void *data, size_t n) WARN_UNUSED;

/* Reads up to size bytes of a file into buf and terminates it. Returns the length (< size) or -errno; -EFBIG
 * if the file does not fit in size - 1 bytes. For small files (/proc, markers). */
ssize_t fd_read_file(const char *path, char *buf, size_t size) WARN_UNUSED;

/* Size of an open file as its file system says now: not out of the kernel's cache. 0 or -errno. */
errint_t fd_size_now(int fd, off_t *size) WARN_UNUSED;

/* Replaces path by the n bytes at data: temporary file beside it with the given mode, optional fsync, rename.
 * On error the old file is untouched and the temporary one removed. Returns 0 or -errno. */
errint_t fd_write_atomic(const char *path, const void *data, size_t n, mode_t mode, bool sync) WARN_UNUSED;

/* Removes what fd_write_atomic has left beside path (beside every file of a directory, if path ends with a
 * slash) when its process was killed or the power failed. alone: nobody can be writing it now; else what
 * belongs to a process that exists is left. What cannot be removed stays, without a word: it is only in the
 * way of nobody. */
void fd_remove_leftovers(const char *path, bool alone);

/* Creates every missing directory of path with the given mode, like mkdir -p. Returns 0 or -errno. */
errint_t fd_mkdir_parents(const char *path, mode_t mode) WARN_UNUSED;

/* Opens path ("": dir itself) below the directory dir, as openat(2) with flags: nothing on the way may be a
 * symbolic link or lead out of dir, nor, with same_mount, into another mount, whose file system could hang.
 * Returns the descriptor, or -errno (openat2(2): -ELOOP a link, -EXDEV it leads out or into another mount).
 */
int fd_open_beneath(int dir, const char *path, int flags, bool same_mount) WARN_UNUSED;

/* Sends one datagram of n bytes over a SOCK_SEQPACKET socket, with passed_fd attached when it is >= 0 (the
 * caller keeps its own copy). MSG_NOSIGNAL. Returns 0 or -errno (-EAGAIN on a full non-blocking socket). */
errint_t fd_send_message(int sock, const void *data, size_t n, int passed_fd) WARN_UNUSED;

/* Receives one datagram. *passed_fd is the attached fd (now owned by the caller, not close-on-exec) or -1.
 * Returns the length, 0 at end of file, or -errno (-EMSGSIZE if it did not fit; a passed fd is then closed).
 */
ssize_t fd_receive_message(int sock, void *data, size_t size, int *passed_fd) WARN_UNUSED;

#endif
