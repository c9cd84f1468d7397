/* tiermap.h: which path lives where: routes from the manifest, routes made by patterns, everything else
 * local.
 *
 * Plain data without pointers: keeper builds it and publishes it on the board (shm/board.h); worker
 * copies it out when its generation changes. */
#ifndef GUARDFS_CONFIG_TIERMAP_H
#define GUARDFS_CONFIG_TIERMAP_H

#include "config/config.h"

#define TIERMAP_ROUTES_MAX 1024

enum route_origin { ROUTE_MANIFEST, ROUTE_PATTERN };

struct route {
	char path[CONFIG_PATH_MAX]; /* relative to the mount, no leading or trailing slash, no ".", "..", "//"
				     */
	char target[CONFIG_PATH_MAX]; /* relative to the backend's root, same form; may be empty (the root
					 itself) */
	uint8_t backend;
	uint8_t origin; /* enum route_origin */
	uint32_t line;	/* of the manifest or routes file */
};

struct tiermap {
	uint32_t n_routes;
	struct route routes[TIERMAP_ROUTES_MAX]; /* sorted by path (strcmp) */
};

/* Parses manifest text (FACTS: "<cold> <hot>", blanks, # comments, CRLF, extra fields ignored) into map,
 * which is emptied first. cold must lie under the alias of one backend (longest alias wins), hot under
 * config->mountpoint. Errors, each with "FILE:LINE: ...": one field only, relative path, "." or ".."
 * component, NUL, overlong, unknown cold prefix, hot outside the mount or equal to it or under .guardfs,
 * duplicate hot (identical lines too), a route inside another route, too many. Returns 0 or -EINVAL; error
 * holds the first problem and how many more there are. */
errint_t tiermap_parse_manifest(const struct config *config, const char *file, const char *text, size_t n,
				struct tiermap *map, char *error) WARN_UNUSED;

/* Routes file in the state directory (made by patterns): lines "BACKEND<TAB>TARGET<TAB>PATH" with \\, \t, \n
 * escaped as \\xHH. Adds to map the routes that do not conflict with those already there; conflicting ones
 * are counted in *skipped (equal ones are not). A malformed line or an unknown backend is -EINVAL with
 * message; map then holds what came before. */
errint_t tiermap_parse_routes(const struct config *config, const char *file, const char *text, size_t n,
			      struct tiermap *map, uint32_t *skipped, char *error) WARN_UNUSED;

/* Writes the pattern-made routes of map in the syntax above into a malloc'ed string (caller frees). Returns 0
 * or -ENOMEM. */
errint_t tiermap_format_routes(const struct config *config, const struct tiermap *map, char **text,
			       size_t *n) WARN_UNUSED;

/* Adds one route, keeping the order. -EEXIST if path is taken by the same target, -EBUSY if it conflicts with
 * another route (same path elsewhere, or one inside the other), -ENOSPC if full, -EINVAL for a malformed
 * path. */
errint_t tiermap_add(struct tiermap *map, const struct route *route) WARN_UNUSED;

/* Removes the route with exactly this path. 0 or -ENOENT. */
errint_t tiermap_remove(struct tiermap *map, const char *path) WARN_UNUSED;

/* The route whose path equals path or is an ancestor directory of it; NULL: local tier. path as in struct
 * route. */
const struct route *tiermap_find(const struct tiermap *map, const char *path);

/* The route whose path is exactly path, or NULL. */
const struct route *tiermap_find_exact(const struct tiermap *map, const char *path);

/* The route whose target on backend is nearest above target, or equals it (of equal ones the first); NULL:
 * none. *rest becomes what is left of target, without a leading slash. */
const struct route *tiermap_nearest(const struct tiermap *map, unsigned backend, const char *target,
				    const char **rest);

/* A route that a new one at path would conflict with: same path, an ancestor, or one inside. NULL: none. */
const struct route *tiermap_conflict(const struct tiermap *map, const char *path);

/* Is path relative, free of ".", "..", empty or overlong components, and short enough for struct route? "" is
 * not. */
bool tiermap_path_is_valid(const char *path);

/* Makes a map of any content safe to use: drops routes that are malformed, out of order, inside another or
 * for a backend from n_backends up. Returns how many were dropped. For maps left half written by a crash. */
uint32_t tiermap_repair(struct tiermap *map, uint32_t n_backends);

/* Would a directory made at path be routed by a pattern? Fills route (origin ROUTE_PATTERN) and returns true.
 * First pattern wins. Where the path or the target would be too long for a route, route gets an empty path,
 * which tiermap_add refuses: mkdir then fails, for going to the local tier instead is the one thing that must
 * not happen. */
bool tiermap_match_pattern(const struct config *config, const char *path, struct route *route);

/* Calls emit for each distinct next path component of routes below dir ("" = the mount root): for listings. A
 * route a/b/c gives "a" for
 * "", "b" for "a" and "c" for "a/b"; is_route says whether the component ends a route. */
void tiermap_children(const struct tiermap *map, const char *dir,
		      void (*emit)(void *arg, const char *name, bool is_route), void *arg);

#endif
