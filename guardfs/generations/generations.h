/* The last versions of state files, on the local disk: STATE_DIR/generations/HASH/{path,TIME}, or
 * HASH-N where another path has the hash. For root alone.
 *
 * Written by the worker, read by guardctl, also while no guardfs runs. path: relative to the mount. A version is
 * named by its time of publishing (CLOCK_REALTIME, ns), and has the file's owner, group and mode. The disk may hang.
 * Any thread; one writer at a time in a process, and beside it perhaps the rest of a dead worker. */
#ifndef GUARDFS_GENERATIONS_GENERATIONS_H
#define GUARDFS_GENERATIONS_GENERATIONS_H

#include "base/base.h"
#include <sys/types.h>

#define GENERATIONS_MAX 128u /* of one file */

struct generations_limit {
	uint32_t count; /* of one file */
	uint64_t bytes; /* of all files */
};

struct generations_owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Keeps a version, unless the newest has the same content; then removes what is beyond the limit: the oldest of the
 * file, and of all files those of the file that has most. 0; -EEXIST: too many paths have the hash; or -errno, also
 * of a removal, after which there may be more than the limit. */
errint_t generations_put(const char *state_dir, const char *path, struct generations_owner owner,
			 uint64_t real_ns, const void *data, size_t n,
			 struct generations_limit limit) WARN_UNUSED;

struct generation {
	uint64_t real_ns;
	uint64_t size;
};

/* Newest first; *n: how many. 0; -ENOENT: none was ever kept; -errno. */
errint_t generations_list(const char *state_dir, const char *path, struct generation list[GENERATIONS_MAX],
			  size_t *n) WARN_UNUSED;

/* A descriptor open for reading, with the file's owner and mode, or -errno. */
int generations_open(const char *state_dir, const char *path, uint64_t real_ns) WARN_UNUSED;

#endif
