/* tiermap.h: where paths live: routes from the manifest, routes made by patterns, everything else local.
 *
 * Plain data without pointers: keeper builds and publishes it on the board (shm/board.h); worker copies it
 * when its generation changes. */
#ifndef GUARDFS_CONFIG_TIERMAP_H
#define GUARDFS_CONFIG_TIERMAP_H

#include "config/config.h"

#define TIERMAP_ROUTES_MAX 1024

enum route_origin { ROUTE_MANIFEST, ROUTE_PATTERN };

struct route {
	/* Relative to the mount; no leading or trailing slash, no ".", "..", "//". */
	char path[CONFIG_PATH_MAX];
	/* Relative to the backend's root, same form; "": the root. */
	char target[CONFIG_PATH_MAX];
	uint8_t backend;
	/* enum route_origin. */
	uint8_t origin;
	/* Of the manifest or routes file. */
	uint32_t line;
};

struct tiermap {
	uint32_t n_routes;
	/* Sorted by path (strcmp). */
	struct route routes[TIERMAP_ROUTES_MAX];
};

/* Parses a manifest ("<cold> <hot>", blanks, # comments, CRLF, extra fields ignored) into map, emptied
 * first. cold lies under a backend's alias (the longest wins), hot under config->mountpoint. Errors: one
 * field, relative path, "." or ".." component, NUL, overlong, unknown cold prefix, hot outside the mount
 * or equal to it or under .guardfs, duplicate hot (even identical lines), a route inside another, too
 * many. 0 or -EINVAL; error has the first problem as "FILE:LINE: TEXT" and how many more. */
errint_t tiermap_parse_manifest(const struct config *config, const char *file, const char *text, size_t n,
				struct tiermap *map, char *error) WARN_UNUSED;

/* Parses the state directory's routes: lines "BACKEND<TAB>TARGET<TAB>PATH" with backslash, tab and newline
 * escaped as \xHH. Adds those without a conflict to map; counts the others in *skipped (not equal ones).
 * -EINVAL with message: a malformed line or unknown backend; map holds the routes before it. */
errint_t tiermap_parse_routes(const struct config *config, const char *file, const char *text, size_t n,
			      struct tiermap *map, uint32_t *skipped, char *error) WARN_UNUSED;

/* map's pattern-made routes in that syntax, malloc'ed (the caller frees). 0 or -ENOMEM. */
errint_t tiermap_format_routes(const struct config *config, const struct tiermap *map, char **text,
			       size_t *n) WARN_UNUSED;

/* Adds a route in order. -EEXIST: path has this target already; -EBUSY: conflict with another route (same
 * path, or nested); -ENOSPC: full; -EINVAL: malformed path. */
errint_t tiermap_add(struct tiermap *map, const struct route *route) WARN_UNUSED;

/* 0 or -ENOENT. */
errint_t tiermap_remove(struct tiermap *map, const char *path) WARN_UNUSED;

/* The route at path or above it; NULL: local tier. path as in struct route. */
const struct route *tiermap_find(const struct tiermap *map, const char *path);

/* The route exactly at path, or NULL. */
const struct route *tiermap_find_exact(const struct tiermap *map, const char *path);

/* The route whose target on backend is nearest above target, or equal (the first of several); NULL: none.
 * *rest: what is left of target, without a leading slash. */
const struct route *tiermap_nearest(const struct tiermap *map, unsigned backend, const char *target,
				    const char **rest);

/* A route in conflict with a new one at path: the same path, above, or inside. NULL: none. */
const struct route *tiermap_conflict(const struct tiermap *map, const char *path);

/* Relative, without ".", "..", empty or overlong components, short enough for struct route, not ""? */
bool tiermap_path_is_valid(const char *path);

/* Makes a map that a crash left half written safe: drops routes that are malformed, out of order, nested,
 * or for a backend from n_backends up. Returns how many. */
uint32_t tiermap_repair(struct tiermap *map, uint32_t n_backends);

/* Would a pattern route a directory made at path? The first one wins, and fills route (origin
 * ROUTE_PATTERN). If path or target is too long, route gets an empty path, which tiermap_add refuses:
 * mkdir then fails, for it must not fall to the local tier. */
bool tiermap_match_pattern(const struct config *config, const char *path, struct route *route);

/* For listings: calls emit for each distinct next component of routes below dir ("": the mount root). A
 * route a/b/c gives "a" for "", "b" for "a", "c" for "a/b"; is_route: it ends a route. */
void tiermap_children(const struct tiermap *map, const char *dir,
		      void (*emit)(void *arg, const char *name, bool is_route), void *arg);

#endif
