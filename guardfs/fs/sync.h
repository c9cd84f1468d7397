/* IOCTL, for guardctl sync alone (base/sync-ioctl.h; docs/INTERNALS.md, "Syncing the whole"). */
#ifndef GUARDFS_FS_SYNC_H
#define GUARDFS_FS_SYNC_H

#include "fs/context.h"

void fs_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int command, void *arg, struct fuse_file_info *fi,
	      unsigned flags, const void *in, size_t in_size, size_t out_size);

#endif
