/* fd.h: file descriptors: whole writes, atomic files, passing over sockets. */
#ifndef GUARDFS_BASE_FD_H
#define GUARDFS_BASE_FD_H

#include "base/base.h"
#include <sys/types.h>

/* At the current position; retries EINTR and short counts. 0 or -errno. */
errint_t fd_write_all(int fd, const void *data, size_t n) WARN_UNUSED;

/* Reads a small file (/proc, markers) into buf and terminates it. Returns the length or -errno; -EFBIG:
 * more than size - 1 bytes. */
ssize_t fd_read_file(const char *path, char *buf, size_t size) WARN_UNUSED;

/* As its file system says now, not the kernel's cache. 0 or -errno. */
errint_t fd_size_now(int fd, off_t *size) WARN_UNUSED;

/* Replaces path by n bytes: temporary file beside it with that mode, optional fsync, rename. On error the
 * old file stays and the temporary one is removed. 0 or -errno. */
errint_t fd_write_atomic(const char *path, const void *data, size_t n, mode_t mode, bool sync) WARN_UNUSED;

/* Removes temporary files of killed fd_write_atomic calls beside path (a directory's, if path ends with a
 * slash). alone: nobody can be writing; else the files of living processes stay. A failure is not
 * reported: leftovers are in nobody's way. */
void fd_remove_leftovers(const char *path, bool alone);

/* Like mkdir -p, with that mode. 0 or -errno. */
errint_t fd_mkdir_parents(const char *path, mode_t mode) WARN_UNUSED;

/* Opens path ("": dir itself) below dir, as openat(2) with flags. Nothing on the way may be a symbolic
 * link, lead out of dir or, with same_mount, into another mount, whose file system could hang. Returns the
 * descriptor or -errno (-ELOOP: a link; -EXDEV: out of dir, or another mount). */
int fd_open_beneath(int dir, const char *path, int flags, bool same_mount) WARN_UNUSED;

/* Sends a datagram over a SOCK_SEQPACKET socket, with passed_fd attached if >= 0 (the caller keeps its
 * copy). MSG_NOSIGNAL. 0 or -errno (-EAGAIN: a non-blocking socket is full). */
errint_t fd_send_message(int sock, const void *data, size_t n, int passed_fd) WARN_UNUSED;

/* Receives a datagram. *passed_fd: the attached fd (the caller's now, not close-on-exec) or -1. Returns
 * the length, 0 at end of file, or -errno (-EMSGSIZE: it did not fit; a passed fd is closed). */
ssize_t fd_receive_message(int sock, void *data, size_t size, int *passed_fd) WARN_UNUSED;

#endif
