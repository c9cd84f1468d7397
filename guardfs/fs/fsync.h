/* FLUSH and FSYNC: libfuse operations. */
#ifndef GUARDFS_FS_FSYNC_H
#define GUARDFS_FS_FSYNC_H

#include "fs/context.h"

void fs_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

/* FSYNC of fh for another kind of request. reply: sends 0 or a positive errno; errors may be answered without
 * it. */
void fsync_for(fuse_req_t req, uint64_t fh, int (*reply)(fuse_req_t req, int error));

#endif
