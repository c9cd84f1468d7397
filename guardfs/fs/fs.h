/* fs.h: the core: libfuse's low-level operations over nodes, handles and backends. Knows no transport.
 *
 * A file for each family of operations: lookup.c (and forget), attr.c, make.c, rename.c, open.c, io.c,
 * dir.c, xattr.c, sync.c. Beneath: node.c, handle.c, tiers.c (where paths live), guard.c (deadlines,
 * breaker). Beneath all: context.c. All run in worker threads. */
#ifndef GUARDFS_FS_FS_H
#define GUARDFS_FS_FS_H

#include "fs/context.h"

/* Opens the backends, rebuilds indexes from the arena, makes a missing root node. 0 or -errno. Worker,
 * before threads. */
errint_t fs_init(struct arena *arena, int dev_fd) WARN_UNUSED;

/* For libfuse. */
extern const struct fuse_lowlevel_ops fs_ops;

/* FUSE_INTERRUPT: answers the request EINTR if its caller is being killed (SIGKILL pending); else
 * remembers it, since the kernel interrupts only once, at the first signal. */
void fs_interrupt(const uint8_t *buffer);

/* Looks again at interrupted requests. Every heartbeat, control thread. */
void fs_interrupted_tick(void);

/* A backend's epoch has changed: closes unused descriptors of the old one. Control thread. */
void fs_epoch_changed(unsigned backend);

/* After a visit: closes files for which there was no room. Worker thread with no request. */
void fs_close_waiting(unsigned backend);

/* Takes over a changed tier map; cheap otherwise. Any worker thread. */
void fs_refresh_tiers(void);

#endif
