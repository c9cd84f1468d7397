/* A sorted array. Routes never nest: at most one applies to a path. */
#include "config/tiermap.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#define COMPONENT_MAX 255

static bool component_is_valid(const char *component, size_t n)
{
	if (n == 0 || n > COMPONENT_MAX)
		return false;
	return !(component[0] == '.' && (n == 1 || (n == 2 && component[1] == '.')));
}

bool tiermap_path_is_valid(const char *path)
{
	if (strlen(path) >= CONFIG_PATH_MAX)
		return false;
	for (;;) {
		size_t n = strcspn(path, "/");

		if (!component_is_valid(path, n))
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

/* With the first n bytes of key, like strcmp. */
static int compare(const struct route *route, const char *key, size_t n)
{
	int order = strncmp(route->path, key, n);

	return order == 0 && route->path[n] != '\0' ? 1 : order;
}

/* First route not before it; n < CONFIG_PATH_MAX. */
static uint32_t lower_bound(const struct tiermap *map, const char *key, size_t n)
{
	uint32_t low = 0, high = map->n_routes;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare(&map->routes[middle], key, n) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct route *find_prefix(const struct tiermap *map, const char *path, size_t n)
{
	uint32_t at;

	if (n >= CONFIG_PATH_MAX)
		return NULL;
	at = lower_bound(map, path, n);
	return at < map->n_routes && compare(&map->routes[at], path, n) == 0 ? &map->routes[at] : NULL;
}

const struct route *tiermap_find_exact(const struct tiermap *map, const char *path)
{
	return find_prefix(map, path, strlen(path));
}

const struct route *tiermap_find(const struct tiermap *map, const char *path)
{
	const struct route *route = NULL;
	size_t n = 0;

	while (!route && path[n] != '\0') {
		n += path[n] == '/';
		n += strcspn(path + n, "/");
		route = find_prefix(map, path, n);
	}
	return route;
}

static bool is_inside(const char *path, const char *dir, size_t n)
{
	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

/* First route below dir ("": mount root). */
static uint32_t first_inside(const struct tiermap *map, const char *dir)
{
	char key[CONFIG_PATH_MAX + 1];
	int n = snprintf(key, sizeof(key), "%s/", dir);

	if (*dir == '\0')
		return 0;
	if (n < 0 || (size_t)n >= CONFIG_PATH_MAX)
		return map->n_routes; /* no path is that long */
	return lower_bound(map, key, (size_t)n);
}

static bool is_at_or_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return n == 0 || (strncmp(path, top, n) == 0 && (path[n] == '/' || path[n] == '\0'));
}

const struct route *tiermap_nearest(const struct tiermap *map, unsigned backend, const char *target,
				    const char **rest)
{
	const struct route *nearest = NULL;

	for (uint32_t i = 0; i < map->n_routes; i++) {
		const struct route *r = &map->routes[i];

		if (r->backend == backend && is_at_or_below(target, r->target) &&
		    (!nearest || strlen(r->target) > strlen(nearest->target)))
			nearest = r;
	}
	*rest = target + (nearest ? strlen(nearest->target) : 0);
	*rest += **rest == '/';
	return nearest;
}

const struct route *tiermap_conflict(const struct tiermap *map, const char *path)
{
	const struct route *outer = tiermap_find(map, path);
	uint32_t at;

	if (outer)
		return outer;
	at = first_inside(map, path);
	if (at < map->n_routes && is_inside(map->routes[at].path, path, strlen(path)))
		return &map->routes[at];
	return NULL;
}

errint_t tiermap_add(struct tiermap *map, const struct route *route)
{
	const struct route *other;
	uint32_t at;

	if (!tiermap_path_is_valid(route->path) || route->backend >= CONFIG_BACKENDS_MAX)
		return -EINVAL;
	if (route->target[0] != '\0' && !tiermap_path_is_valid(route->target))
		return -EINVAL;
	other = tiermap_conflict(map, route->path);
	if (other) {
		bool same = strcmp(other->path, route->path) == 0 &&
			    strcmp(other->target, route->target) == 0 && other->backend == route->backend;

		return same ? -EEXIST : -EBUSY;
	}
	if (map->n_routes >= TIERMAP_ROUTES_MAX)
		return -ENOSPC;
	at = lower_bound(map, route->path, strlen(route->path));
	memmove(&map->routes[at + 1], &map->routes[at], (map->n_routes - at) * sizeof(*route));
	map->routes[at] = *route;
	map->n_routes++;
	return 0;
}

errint_t tiermap_remove(struct tiermap *map, const char *path)
{
	const struct route *route = tiermap_find_exact(map, path);
	uint32_t at;

	if (!route)
		return -ENOENT;
	at = (uint32_t)(route - map->routes);
	map->n_routes--;
	memmove(&map->routes[at], &map->routes[at + 1], (map->n_routes - at) * sizeof(*route));
	return 0;
}

static bool is_usable(const struct tiermap *before, const struct route *route, uint32_t n_backends)
{
	const struct route *last = before->n_routes > 0 ? &before->routes[before->n_routes - 1] : NULL;

	if (memchr(route->path, '\0', sizeof(route->path)) == NULL ||
	    memchr(route->target, '\0', sizeof(route->target)) == NULL)
		return false;
	if (!tiermap_path_is_valid(route->path) || route->backend >= n_backends ||
	    route->origin > ROUTE_PATTERN)
		return false;
	if (route->target[0] != '\0' && !tiermap_path_is_valid(route->target))
		return false;
	return (!last || strcmp(last->path, route->path) < 0) && !tiermap_conflict(before, route->path);
}

uint32_t tiermap_repair(struct tiermap *map, uint32_t n_backends)
{
	uint32_t n = map->n_routes > TIERMAP_ROUTES_MAX ? TIERMAP_ROUTES_MAX : map->n_routes;
	uint32_t dropped = map->n_routes > TIERMAP_ROUTES_MAX;

	/* Routes below n_routes were usable. */
	map->n_routes = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!is_usable(map, &map->routes[i], n_backends)) {
			dropped++;
			continue;
		}
		if (map->n_routes != i)
			map->routes[map->n_routes] = map->routes[i];
		map->n_routes++;
	}
	return dropped;
}

bool tiermap_match_pattern(const struct config *config, const char *path, struct route *route)
{
	for (uint32_t i = 0; i < config->n_patterns; i++) {
		const struct config_pattern *pattern = &config->patterns[i];
		const char *slash = pattern->target[0] != '\0' ? "/" : "";
		int n;

		if (fnmatch(pattern->pattern, path, FNM_PATHNAME | FNM_PERIOD) != 0)
			continue;
		memset(route, 0, sizeof(*route));
		route->backend = pattern->backend;
		route->origin = ROUTE_PATTERN;
		n = snprintf(route->target, sizeof(route->target), "%s%s%s", pattern->target, slash, path);
		if (n < 0 || (size_t)n >= sizeof(route->target) ||
		    copy_string(route->path, sizeof(route->path), path) < 0)
			route->path[0] = '\0';
		return true;
	}
	return false;
}

void tiermap_children(const struct tiermap *map, const char *dir,
		      void (*emit)(void *arg, const char *name, bool is_route), void *arg)
{
	size_t prefix = *dir ? strlen(dir) + 1 : 0;
	char last[COMPONENT_MAX + 1] = "";

	/* Routes below one child are neighbours: they share "child/". */
	for (uint32_t i = first_inside(map, dir); i < map->n_routes; i++) {
		const char *rest = map->routes[i].path;
		size_t n;

		if (prefix > 0 && !is_inside(rest, dir, prefix - 1))
			break;
		rest += prefix;
		n = strcspn(rest, "/");
		if (n > COMPONENT_MAX || (strncmp(rest, last, n) == 0 && last[n] == '\0'))
			continue;
		memcpy(last, rest, n);
		last[n] = '\0';
		emit(arg, last, rest[n] == '\0');
	}
}
