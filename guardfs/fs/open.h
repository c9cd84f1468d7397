/* Opening and closing files: libfuse operations. */
#ifndef GUARDFS_FS_OPEN_H
#define GUARDFS_FS_OPEN_H

#include "fs/context.h"

void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi);
void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

#endif
