/* The core: libfuse's low-level operations over nodes, handles and backends. In worker threads. */
#ifndef GUARDFS_FS_FS_H
#define GUARDFS_FS_FS_H

#include "fs/context.h"

/* Opens the backends, rebuilds indexes from the arena, makes a missing root node. 0 or -errno. Before
 * threads. */
errint_t fs_init(struct arena *arena, int dev_fd) WARN_UNUSED;

extern const struct fuse_lowlevel_ops fs_ops;

/* FUSE_INTERRUPT: answers EINTR if SIGKILL is pending for the caller; else remembers the request, for the
 * kernel interrupts only at the first signal. */
void fs_interrupt(const uint8_t *buffer);

/* Looks again at those. Every heartbeat, control thread. */
void fs_interrupted_tick(void);

/* Closes unused descriptors of the old epoch. Control thread. */
void fs_epoch_changed(unsigned backend);

/* After a visit: closes files for which there was no room. Without a request. */
void fs_close_waiting(unsigned backend);

/* Takes a changed tier map; cheap otherwise. */
void fs_refresh_tiers(void);

#endif
