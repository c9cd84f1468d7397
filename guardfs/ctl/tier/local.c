/* The local tier's directory, in words. */
#include "ctl/tier/tiers.h"
#include "base/cleanup.h"
#include "config/localtier.h"
#include <errno.h>

#define LISTED_MAX 4096 /* a large host has a few hundred job directories */

static const char *tier_of(const struct tiers *t, const char *path)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(t->routes, i, entry)
	{
		if (strcmp(ctl_text(entry, "path"), path) == 0)
			return ctl_text(entry, "tier");
	}
	return "";
}

static void list_directory(struct tiers *t, const char *path, const char *why)
{
	if (json_array_size(t->local) < LISTED_MAX)
		json_array_append_new(t->local,
				      json_pack("{s:o, s:s}", "path", ctl_json_string(path), "why", why));
}

static void take_finding(void *arg, const struct localtier_finding *f)
{
	struct tiers *t = arg;

	switch (f->kind) {
	case LOCALTIER_JOB:
		list_directory(t, f->path, "the default: no route and no pattern took it");
		break;
	case LOCALTIER_MISPLACED:
		list_directory(t, f->path, "it was made where no pattern could take it");
		tiers_find(t, "misplaced", true, f->path,
			   "Move it while no job writes to it: guardctl help tier.",
			   "is on the local tier, but a pattern leads such directories to %s",
			   t->config->backends[f->backend].name);
		break;
	case LOCALTIER_SHADOWED:
		tiers_find(t, "shadowed", true, f->path,
			   "Look at it, copy what the backend lacks, then move it out of the local tier.",
			   "%s/%s holds something, but the route to %s hides it", t->config->local, f->path,
			   tier_of(t, f->path));
		break;
	case LOCALTIER_BENEATH:
		tiers_find(t, "shadowed", false, f->path, "rmdir it, if it disturbs.",
			   "%s/%s is an empty directory beneath the route", t->config->local, f->path);
		break;
	}
}

/* From status.json. Names that JSON cannot carry differ; bad ones are left out. */
static void make_map(const struct tiers *t, struct tiermap *map)
{
	const json_t *entry;
	struct route route;
	size_t i;

	json_array_foreach(t->routes, i, entry)
	{
		memset(&route, 0, sizeof(route));
		if (copy_string(route.path, sizeof(route.path), ctl_text(entry, "path")) < 0 ||
		    tiermap_add(map, &route) < 0)
			continue;
	}
}

void tiers_look_at_local(struct tiers *t)
{
	CLEANUP_FREE struct tiermap *map = calloc(1, sizeof(*map));
	errint_t err = -ENOMEM;

	if (map) {
		make_map(t, map);
		err = localtier_look(t->config, map, take_finding, t);
	}
	if (err < 0)
		tiers_find(t, "unreadable", true, t->config->local, err == -E2BIG ? "" : "Run it as root.",
			   "not all of the local tier could be looked at: %s",
			   err == -E2BIG ? "it has too many directories" : strerror(-err));
}
