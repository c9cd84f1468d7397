/* virtual.h: the virtual files in .guardfs at the root of the mount: health, readable while all else is
 * stuck.
 *
 * .guardfs is reachable by name but not listed (ZFS hides .zfs alike): rm -rf, du, rsync, find or a backup
 * would follow .guardfs/backends into every backend. All of it is read-only: fs/ answers changes with EROFS.
 * Files have no size until they are read: fs/ renders at open, keeps the text in the handle, and serves with
 * direct I/O.
 *
 * Worker, any thread. */
#ifndef GUARDFS_FS_VIRTUAL_H
#define GUARDFS_FS_VIRTUAL_H

#include "base/base.h"
#include "shm/arena.h"
#include <sys/types.h>

#define VIRTUAL_DIR_NAME ".guardfs"

/* Ids are kept in the arena (node.ino of NODE_VIRTUAL nodes) and in inode numbers: never renumber, only
 * append. */
enum virtual_id {
	VIRTUAL_MOUNT_ROOT = 0, /* parent of VIRTUAL_DIR; not itself a virtual file */
	VIRTUAL_DIR = 1,
	VIRTUAL_STATUS = 2,
	VIRTUAL_STATUS_JSON = 3,
	VIRTUAL_HEALTH = 4,
	VIRTUAL_ROUTES = 5,
	VIRTUAL_BACKENDS = 6, /* its children are the guarded roots of the backends, made by fs/ */
	VIRTUAL_INCIDENTS = 7,
	VIRTUAL_METRICS = 8,
	VIRTUAL_JOBS = 9,
	VIRTUAL_SUSPECTS = 10,
	VIRTUAL_ID_COUNT
};

struct virtual_file {
	unsigned parent; /* enum virtual_id */
	const char *name;
	mode_t mode;	  /* type and permissions: S_IFREG | 0444 or S_IFDIR | 0555 */
	const char *help; /* one line */
	/* Renders into a malloc'ed string; NULL for directories. */
	errint_t (*render)(const struct arena *arena, char **text, size_t *length);
};

/* Id of the entry name in directory parent_id, or -ENOENT (also if parent_id is no virtual directory). */
int virtual_lookup(unsigned parent_id, const char *name);

/* The entry with this id, or NULL if there is none (hostile ids included, VIRTUAL_MOUNT_ROOT too). */
const struct virtual_file *virtual_get(unsigned id);

/* Next entry of directory parent_id after id (start with 0), in a stable order, or -ENOENT at the end. For
 * listings. */
int virtual_next(unsigned parent_id, unsigned id);

/* Text of file id as of now, malloc'ed (caller frees). -EISDIR for directories, -ENOENT for unknown ids,
 * -ENOMEM. */
errint_t virtual_render(const struct arena *arena, unsigned id, char **text, size_t *length) WARN_UNUSED;

#endif
