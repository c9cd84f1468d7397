/* Small files on a backend read and synced. Within the guard; worker, any thread. */
#ifndef GUARDFS_FS_PUBLISH_IO_H
#define GUARDFS_FS_PUBLISH_IO_H

#include "fs/context.h"

/* As storage can: that it cannot sync is no error. 0 or -errno. */
errint_t publish_fsync(struct backend *b, int ref) WARN_UNUSED;

/* All that the file open as ref has, about `about` bytes; *data is malloc'ed. -EFBIG: more than a state
 * file may have. */
errint_t publish_read(struct backend *b, int ref, uint64_t about, void **data, size_t *size) WARN_UNUSED;

#endif
