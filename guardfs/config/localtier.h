/* localtier.h: what lies in the local tier's own directory, and what of it belongs elsewhere by the routes
 * and patterns. Looks at that directory alone: never through the mount, never across a mount point or a
 * symbolic link, never at a backend. What it costs is bounded, but it is the disk that answers: not for a
 * thread that serves requests. Any process. */
#ifndef GUARDFS_CONFIG_LOCALTIER_H
#define GUARDFS_CONFIG_LOCALTIER_H

#include "config/tiermap.h"

/* Entries looked at in all; a host has a few hundred job directories. */
#define LOCALTIER_ENTRIES_MAX 100000u

enum localtier_state { LOCALTIER_MISSING, LOCALTIER_EMPTY, LOCALTIER_HOLDS };

/* What the local tier has at a path relative to the mount: nothing, an empty directory, or something (a file,
 * a link or a mount counts as that). Returns enum localtier_state, or -errno if it cannot be known. */
int localtier_at(const struct config *config, const char *path) WARN_UNUSED;

/* The same for a caller who must not hide anything: a path that cannot be looked at may hold something. Where
 * the local tier has no directory at all nothing is there. */
enum localtier_state localtier_assume(const struct config *config, const char *path);

enum localtier_kind {
	LOCALTIER_JOB,	     /* a job's directory ([jobs] pattern), and no pattern leads it elsewhere */
	LOCALTIER_MISPLACED, /* a directory that a pattern leads to a backend, and no route takes there */
	LOCALTIER_SHADOWED,  /* something that a route hides */
	LOCALTIER_BENEATH    /* an empty directory at a route's path: no harm */
};

struct localtier_finding {
	enum localtier_kind kind;
	const char *path; /* relative to the mount; valid during the call */
	uint8_t backend;  /* of the route or pattern, as in active or config; JOB: 0 */
};

/* Calls found for each, in no particular order. active: the routes that are in force; what lies at or below
 * one is no job of the local tier's. Returns 0, or, after having looked at all the rest, the first -errno
 * met: then there may be more than was found; -E2BIG: more than LOCALTIER_ENTRIES_MAX entries. */
errint_t localtier_look(const struct config *config, const struct tiermap *active,
			void (*found)(void *arg, const struct localtier_finding *finding),
			void *arg) WARN_UNUSED;

#endif
