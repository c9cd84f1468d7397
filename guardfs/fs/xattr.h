/* Extended attributes: libfuse operations. user.guardfs.tier and user.guardfs.state show where a path lives;
 * unlisted, so that rsync -X and cp -a do not copy them. */
#ifndef GUARDFS_FS_XATTR_H
#define GUARDFS_FS_XATTR_H

#include "fs/context.h"

void fs_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void fs_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags);
void fs_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void fs_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

#endif
