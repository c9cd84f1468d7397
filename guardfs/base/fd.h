/* File descriptors: whole writes, atomic files, passing over sockets. Functions return 0 or -errno
 * unless they say more. */
#ifndef GUARDFS_BASE_FD_H
#define GUARDFS_BASE_FD_H

#include "base/base.h"
#include <sys/types.h>

/* Retries EINTR and short counts. */
errint_t fd_write_all(int fd, const void *data, size_t n) WARN_UNUSED;

/* Reads a small file, terminated. Returns the length or -errno; -EFBIG: over size - 1 bytes. */
ssize_t fd_read_file(const char *path, char *buf, size_t size) WARN_UNUSED;

/* The size as the file system has it, not the kernel's cache. */
errint_t fd_size_now(int fd, off_t *size) WARN_UNUSED;

/* Temporary file beside path, fsync if sync, rename. On error the old file stays. */
errint_t fd_write_atomic(const char *path, const void *data, size_t n, mode_t mode, bool sync) WARN_UNUSED;

/* Removes what killed fd_write_atomic calls left beside path, or in path if it ends in a slash. alone: nobody is
 * writing; else living processes' files stay. */
void fd_remove_leftovers(const char *path, bool alone);

/* As mkdir -p. */
errint_t fd_mkdir_parents(const char *path, mode_t mode) WARN_UNUSED;

/* As openat(2) below dir ("": dir itself), without symbolic links. Returns the descriptor or -errno (-ELOOP:
 * a link; -EXDEV: out of dir or, with same_mount, into another mount, which could hang). */
int fd_open_beneath(int dir, const char *path, int flags, bool same_mount) WARN_UNUSED;

/* Sends a datagram over SOCK_SEQPACKET, without SIGPIPE; passed_fd (if >= 0) is attached and stays the
 * caller's. -EAGAIN: a non-blocking socket is full. */
errint_t fd_send_message(int sock, const void *data, size_t n, int passed_fd) WARN_UNUSED;
/* The same, but never waits: -EAGAIN. */
errint_t fd_offer_message(int sock, const void *data, size_t n, int passed_fd) WARN_UNUSED;

/* *passed_fd: the attached fd (now the caller's, not close-on-exec) or -1. Returns the length, 0 at end of
 * file, or -errno (-EMSGSIZE: too long; the passed fd is closed). */
ssize_t fd_receive_message(int sock, void *data, size_t size, int *passed_fd) WARN_UNUSED;

#endif
