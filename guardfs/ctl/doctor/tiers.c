/* The manifest against the active map. */
#include "ctl/doctor/doctor.h"
#include "base/cleanup.h"
#include "config/tiermap.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define MANIFEST_SIZE_MAX (4u << 20)

static const json_t *find_route(const struct doctor *d, const char *path)
{
	const json_t *routes = json_object_get(d->status, "routes"), *route;
	size_t i;

	json_array_foreach(routes, i, route)
	{
		if (strcmp(ctl_text(route, "path"), path) == 0)
			return route;
	}
	return NULL;
}

/* In both directions. */
static unsigned compare_routes(struct doctor *d, const struct tiermap *map)
{
	const json_t *routes = json_object_get(d->status, "routes"), *route;
	const char *remedy =
	    "It is read again when it changes, or: kill -HUP the guardian. See the log if that fails.";
	unsigned differences = 0;
	size_t i;

	for (uint32_t r = 0; r < map->n_routes; r++) {
		if (find_route(d, map->routes[r].path))
			continue;
		doctor_find(d, DOCTOR_WARNING, "manifest", remedy,
			    "%s is in the manifest, but not in the active map", map->routes[r].path);
		differences++;
	}
	json_array_foreach(routes, i, route)
	{
		if (strcmp(ctl_text(route, "origin"), "manifest") != 0 ||
		    tiermap_find_exact(map, ctl_text(route, "path")))
			continue;
		doctor_find(d, DOCTOR_WARNING, "manifest", remedy,
			    "%s is in the active map, but no longer in the manifest",
			    ctl_text(route, "path"));
		differences++;
	}
	return differences;
}

static char *read_manifest(const char *path, size_t *n)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = fd >= 0 ? malloc(MANIFEST_SIZE_MAX) : NULL;
	ssize_t got = 0;

	for (*n = 0; text && *n < MANIFEST_SIZE_MAX; *n += (size_t)got) {
		got = read(fd, text + *n, MANIFEST_SIZE_MAX - *n);
		if (got <= 0)
			break;
	}
	return text;
}

void doctor_check_manifest(struct doctor *d)
{
	const char *path = d->config ? d->config->manifest : "";
	CLEANUP_FREE struct tiermap *map = NULL;
	CLEANUP_FREE char *text = NULL;
	char error[CONFIG_ERROR_MAX] = "";
	size_t n;

	if (!path[0])
		return;
	text = read_manifest(path, &n);
	if (!text) {
		doctor_find(d, DOCTOR_ERROR, "manifest",
			    "Create it, or correct manifest in the configuration.", "%s: %s", path,
			    strerror(errno));
		return;
	}
	map = calloc(1, sizeof(*map));
	if (!map)
		return;
	if (tiermap_parse_manifest(d->config, path, text, n, map, error) < 0)
		doctor_find(d, DOCTOR_ERROR, "manifest",
			    "Correct the line. Until then the running guardfs stays with the last good map.",
			    "%s", error);
	else if (!d->status || compare_routes(d, map) == 0)
		doctor_find(d, DOCTOR_OK, "manifest", "", "%s: %u routes%s", path, map->n_routes,
			    d->status ? ", all active" : "");
}

void doctor_check_routes(struct doctor *d)
{
	const json_t *routes = json_object_get(d->status, "routes"), *route;
	unsigned missing = 0;
	size_t i;

	if (!d->status)
		return;
	json_array_foreach(routes, i, route)
	{
		if (strcmp(ctl_text(route, "class"), "path_missing") != 0)
			continue;
		doctor_find(d, DOCTOR_WARNING, "routes",
			    "Create the directory on the backend, or take the line out.",
			    "%s leads to %s on %s, which is not there", ctl_text(route, "path"),
			    ctl_text(route, "target"), ctl_text(route, "backend"));
		missing++;
	}
	if (missing == 0)
		doctor_find(d, DOCTOR_OK, "routes", "", "no route of %zu leads to something that is missing",
			    json_array_size(routes));
}
