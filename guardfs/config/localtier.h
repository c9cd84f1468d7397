/* Entries of the local tier that routes and patterns lead elsewhere. Looks at no backend, and not
 * through the mount, other mounts or links. Bounded, but a disk answers: not for threads that serve requests. path:
 * relative to the mount. */
#ifndef GUARDFS_CONFIG_LOCALTIER_H
#define GUARDFS_CONFIG_LOCALTIER_H

#include "config/tiermap.h"

/* a host has a few hundred job directories */
#define LOCALTIER_ENTRIES_MAX 100000u

enum localtier_state { LOCALTIER_MISSING, LOCALTIER_EMPTY, LOCALTIER_HOLDS };

/* The local tier at path: enum localtier_state (HOLDS: also a file, link or mount), or -errno: unknown. */
int localtier_at(const struct config *config, const char *path) WARN_UNUSED;

/* The same where nothing may be hidden: unknown is HOLDS. Without a local directory: MISSING. */
enum localtier_state localtier_assume(const struct config *config, const char *path);

enum localtier_kind {
	LOCALTIER_JOB,	     /* job directory ([jobs] pattern) that no pattern leads elsewhere */
	LOCALTIER_MISPLACED, /* directory that a pattern leads to a backend, without a route */
	LOCALTIER_SHADOWED,  /* hidden by a route */
	LOCALTIER_BENEATH    /* an empty directory at a route's path: harmless */
};

struct localtier_finding {
	enum localtier_kind kind;
	/* Valid during the call. */
	const char *path;
	/* Of the route or pattern; JOB: 0. */
	uint8_t backend;
};

/* Calls found for each finding, in no order. active: the routes in force. 0; or, at the end, the first -errno: there
 * may be more (-E2BIG: beyond LOCALTIER_ENTRIES_MAX). */
errint_t localtier_look(const struct config *config, const struct tiermap *active,
			void (*found)(void *arg, const struct localtier_finding *finding),
			void *arg) WARN_UNUSED;

#endif
