/* Nodes found by id, for file handles (name_to_handle_at(2), NFS) of inodes that the kernel has forgotten.
 * Any thread. */
#ifndef GUARDFS_FS_EXPORT_H
#define GUARDFS_FS_EXPORT_H

#include "fs/context.h"

/* A handle's LOOKUP? The kernel itself resolves programs' "." and "..". */
static inline bool export_is_asked(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* LOOKUP of "." (the node) or ".." (its directory). ESTALE: gone. */
void export_lookup(fuse_req_t req, fuse_ino_t id, const char *name);

#endif
