/* The files in .guardfs at the mount's root (docs/INTERNALS.md, ".guardfs"), readable while all else is
 * stuck. Read-only, by direct I/O. Any thread. */
#ifndef GUARDFS_FS_VIRTUAL_H
#define GUARDFS_FS_VIRTUAL_H

#include "base/base.h"
#include "shm/arena.h"
#include <sys/types.h>

#define VIRTUAL_DIR_NAME ".guardfs"

/* In the arena (node.ino) and in inode numbers: only append. */
enum virtual_id {
	VIRTUAL_MOUNT_ROOT = 0, /* parent of VIRTUAL_DIR, no virtual file */
	VIRTUAL_DIR = 1,
	VIRTUAL_STATUS = 2,
	VIRTUAL_STATUS_JSON = 3,
	VIRTUAL_HEALTH = 4,
	VIRTUAL_ROUTES = 5,
	VIRTUAL_BACKENDS = 6, /* its children are the backends' roots */
	VIRTUAL_INCIDENTS = 7,
	VIRTUAL_METRICS = 8,
	VIRTUAL_JOBS = 9,
	VIRTUAL_SUSPECTS = 10,
	VIRTUAL_ID_COUNT
};

struct virtual_file {
	/* enum virtual_id. */
	unsigned parent;
	const char *name;
	/* S_IFREG | 0444 or S_IFDIR | 0555. */
	mode_t mode;
	/* One line. */
	const char *help;
	/* Into a malloc'ed string; NULL: a directory. */
	errint_t (*render)(const struct arena *arena, char **text, size_t *length);
};

/* Its id, or -ENOENT (also if parent_id is no virtual directory). */
int virtual_lookup(unsigned parent_id, const char *name);

/* NULL: none (hostile ids, VIRTUAL_MOUNT_ROOT). */
const struct virtual_file *virtual_get(unsigned id);

/* The entry after id (0: the first), or -ENOENT. */
int virtual_next(unsigned parent_id, unsigned id);

/* The present text, malloc'ed. -EISDIR, -ENOENT (unknown id), -ENOMEM. */
errint_t virtual_render(const struct arena *arena, unsigned id, char **text, size_t *length) WARN_UNUSED;

#endif
