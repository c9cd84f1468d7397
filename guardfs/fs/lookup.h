/* LOOKUP and FORGET: libfuse operations. */
#ifndef GUARDFS_FS_LOOKUP_H
#define GUARDFS_FS_LOOKUP_H

#include "fs/context.h"

/* The LOOKUP got another answer than slot.fallback: takes the lookup back. */
void lookup_forget_promised(struct slot *slot);

void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);

#endif
