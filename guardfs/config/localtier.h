/* localtier.h: the contents of the local tier's own directory, and which of them belong elsewhere by
 * routes and patterns. Never looks through the mount, across a mount point or symbolic link, or at a
 * backend. The cost is bounded, but a disk answers: not for threads that serve requests. Any process. */
#ifndef GUARDFS_CONFIG_LOCALTIER_H
#define GUARDFS_CONFIG_LOCALTIER_H

#include "config/tiermap.h"

/* Entries looked at; a host has a few hundred job directories. */
#define LOCALTIER_ENTRIES_MAX 100000u

enum localtier_state { LOCALTIER_MISSING, LOCALTIER_EMPTY, LOCALTIER_HOLDS };

/* The local tier at path (relative to the mount): nothing, an empty directory, or something (a file, link
 * or mount too). enum localtier_state, or -errno: unknown. */
int localtier_at(const struct config *config, const char *path) WARN_UNUSED;

/* The same for a caller who must not hide anything: an unknown path may hold something. Without a local
 * directory there is nothing. */
enum localtier_state localtier_assume(const struct config *config, const char *path);

enum localtier_kind {
	LOCALTIER_JOB,	     /* a job's directory ([jobs] pattern) that no pattern leads elsewhere */
	LOCALTIER_MISPLACED, /* a directory that a pattern leads to a backend, without a route */
	LOCALTIER_SHADOWED,  /* hidden by a route */
	LOCALTIER_BENEATH    /* an empty directory at a route's path: harmless */
};

struct localtier_finding {
	enum localtier_kind kind;
	/* Relative to the mount; valid during the call. */
	const char *path;
	/* Of the route or pattern, as in active or config; JOB: 0. */
	uint8_t backend;
};

/* Calls found for each, in no order. active: the routes in force; below these there are no local jobs. 0;
 * or the first -errno, after all the rest: there may be more; -E2BIG: more than LOCALTIER_ENTRIES_MAX
 * entries. */
errint_t localtier_look(const struct config *config, const struct tiermap *active,
			void (*found)(void *arg, const struct localtier_finding *finding),
			void *arg) WARN_UNUSED;

#endif
