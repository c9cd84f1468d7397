/* fs.h: the file system core: libfuse's low-level operations over nodes, handles and backends. Knows no
 * transport.
 *
 * One family of operations per file: lookup.c (and forget), attr.c, make.c, rename.c, open.c, io.c, dir.c,
 * xattr.c, sync.c; beneath them node.c, handle.c, tiers.c (which path lives where) and guard.c (deadlines and
 * the breaker); beneath all of them context.c. All run in worker threads. */
#ifndef GUARDFS_FS_FS_H
#define GUARDFS_FS_FS_H

#include "fs/context.h"

/* Opens the backends, rebuilds the indexes from the arena, makes the root node if there is none. 0 or -errno.
 * Worker, before threads. */
errint_t fs_init(struct arena *arena, int dev_fd) WARN_UNUSED;

/* What libfuse is to call. */
extern const struct fuse_lowlevel_ops fs_ops;

/* FUSE_INTERRUPT: answers the interrupted request with EINTR if its caller is being killed (SIGKILL pending).
 * Else it is looked at again, for the kernel sends one interrupt only, at the first signal. */
void fs_interrupt(const uint8_t *buffer);

/* Interrupted requests whose callers are being killed by now. Every heartbeat, control thread. */
void fs_interrupted_tick(void);

/* A backend has a new root (epoch): closes what belonged to the old one and nobody uses. Control thread. */
void fs_epoch_changed(unsigned backend);

/* After a visit to a backend: closes files for which there was no room. Worker thread with no request. */
void fs_close_waiting(unsigned backend);

/* The tier map on the board has changed: takes it over. Cheap when it hasn't. Any worker thread. */
void fs_refresh_tiers(void);

#endif
