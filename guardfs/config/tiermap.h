/* Where paths live: routes from the manifest, routes made by patterns, everything else local.
 *
 * Plain data without pointers. Keeper builds and publishes it on the board (shm/board.h); worker copies new
 * generations. Paths have no leading or trailing slash, ".", "..", "//". */
#ifndef GUARDFS_CONFIG_TIERMAP_H
#define GUARDFS_CONFIG_TIERMAP_H

#include "config/config.h"

#define TIERMAP_ROUTES_MAX 1024

enum route_origin { ROUTE_MANIFEST, ROUTE_PATTERN };

struct route {
	/* Relative to the mount. */
	char path[CONFIG_PATH_MAX];
	/* Relative to the backend's root; "": the root. */
	char target[CONFIG_PATH_MAX];
	uint8_t backend;
	uint8_t origin;
	/* Of the manifest or routes file. */
	uint32_t line;
};

struct tiermap {
	uint32_t n_routes;
	/* By path (strcmp). */
	struct route routes[TIERMAP_ROUTES_MAX];
};

/* Parses a manifest ("<cold> <hot>", # comments, CRLF, extra fields ignored) into map, emptied first. cold
 * lies under a backend's alias (the longest wins), hot under config->mountpoint. 0 or -EINVAL: one field, a
 * relative or overlong path, ".", "..", NUL, unknown prefix, hot outside the mount, equal to it or under
 * .guardfs, a duplicate, nested routes, too many. error: the first problem, "FILE:LINE: TEXT", and how many
 * more. */
errint_t tiermap_parse_manifest(const struct config *config, const char *file, const char *text, size_t n,
				struct tiermap *map, char *error) WARN_UNUSED;

/* Parses the state directory's lines "BACKEND<TAB>TARGET<TAB>PATH" (backslash, tab, newline as \xHH). Adds
 * routes without conflict to map; *skipped counts the others, but not equal ones. -EINVAL with error:
 * malformed line or unknown backend; map has the routes before it. */
errint_t tiermap_parse_routes(const struct config *config, const char *file, const char *text, size_t n,
			      struct tiermap *map, uint32_t *skipped, char *error) WARN_UNUSED;

/* Pattern-made routes in that syntax, malloc'ed for the caller. 0 or -ENOMEM. */
errint_t tiermap_format_routes(const struct config *config, const struct tiermap *map, char **text,
			       size_t *n) WARN_UNUSED;

/* -EEXIST: path has this target; -EBUSY: same path or nested; -ENOSPC: full; -EINVAL: malformed path. */
errint_t tiermap_add(struct tiermap *map, const struct route *route) WARN_UNUSED;

/* 0 or -ENOENT. */
errint_t tiermap_remove(struct tiermap *map, const char *path) WARN_UNUSED;

/* The route at path or above; NULL: local tier. */
const struct route *tiermap_find(const struct tiermap *map, const char *path);

/* The route at exactly path, or NULL. */
const struct route *tiermap_find_exact(const struct tiermap *map, const char *path);

/* The first route whose target is nearest above target, or equal; NULL: none. *rest: remainder of target. */
const struct route *tiermap_nearest(const struct tiermap *map, unsigned backend, const char *target,
				    const char **rest);

/* A route at path, above or inside; NULL: none. */
const struct route *tiermap_conflict(const struct tiermap *map, const char *path);

/* Is it fit for struct route, and not ""? */
bool tiermap_path_is_valid(const char *path);

/* Mends a half-written map: drops routes malformed, out of order, nested, or for backends from n_backends up.
 * Returns the number. */
uint32_t tiermap_repair(struct tiermap *map, uint32_t n_backends);

/* Does a pattern route a new directory at path? The first match fills route; its path is empty if path or target is
 * too long: tiermap_add refuses that, so that mkdir fails, and does not fall to the local tier. */
bool tiermap_match_pattern(const struct config *config, const char *path, struct route *route);

/* Emits each distinct next component of routes below dir ("": mount root): a/b/c gives "a" for "", "b" for "a", "c"
 * for "a/b". is_route: it ends one. */
void tiermap_children(const struct tiermap *map, const char *dir,
		      void (*emit)(void *arg, const char *name, bool is_route), void *arg);

#endif
