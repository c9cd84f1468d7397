/* export.h: nodes found again by their ids: what the kernel asks when a file handle (name_to_handle_at(2),
 * NFS) names an inode that it has forgotten. Worker, any thread. */
#ifndef GUARDFS_FS_EXPORT_H
#define GUARDFS_FS_EXPORT_H

#include "fs/context.h"

/* Is this a LOOKUP for a handle? Programs' "." and ".." the kernel resolves by itself. */
static inline bool export_is_asked(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* LOOKUP of "." (the node itself) or ".." (the directory above it) in the node with this id. ESTALE once the
 * id is no more: ids last as long as their nodes. */
void export_lookup(fuse_req_t req, fuse_ino_t id, const char *name);

#endif
