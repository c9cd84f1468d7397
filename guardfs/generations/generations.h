/* generations.h: the last versions of state files, on the local disk: STATE_DIR/generations/HASH/{path,TIME}.
 *
 * Written by the worker, read by guardctl, also while no guardfs runs. path: relative to the mount. A version is named by the
 * time at which it was published (CLOCK_REALTIME, ns). The disk may hang. Any thread; one writer at a time. */
#ifndef GUARDFS_GENERATIONS_GENERATIONS_H
#define GUARDFS_GENERATIONS_GENERATIONS_H

#include "base/base.h"

#define GENERATIONS_MAX 128u /* of one file */

struct generations_limit {
	uint32_t count; /* of one file */
	uint64_t bytes; /* of all files */
};

/* Keeps a version, unless the newest one has the same content; then removes what is beyond the limit. 0 or -errno. */
errint_t generations_put(const char *state_dir, const char *path, uint64_t real_ns, const void *data,
			 size_t n, struct generations_limit limit) WARN_UNUSED;

struct generation {
	uint64_t real_ns;
	uint64_t size;
};

/* Fills list, the newest first; *n: how many. 0; -ENOENT: none was ever kept; -errno. */
errint_t generations_list(const char *state_dir, const char *path, struct generation list[GENERATIONS_MAX],
			  size_t *n) WARN_UNUSED;

/* A descriptor open for reading, or -errno. */
int generations_open(const char *state_dir, const char *path, uint64_t real_ns) WARN_UNUSED;

#endif
