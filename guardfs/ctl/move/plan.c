/* May this job move there, and how? Before a byte is copied. */
#include "ctl/manifest/manifest.h"
#include "ctl/move/move.h"
#include "base/cleanup.h"
#include "config/localtier.h"
#include "policy/health.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Routes above or below would be torn apart. */
static int find_source(struct move_run *r, const json_t **own)
{
	const json_t *route;
	size_t i, n = strlen(r->m.job);

	*own = NULL;
	json_array_foreach(json_object_get(r->instance->status, "routes"), i, route)
	{
		const char *path = ctl_text(route, "path");
		size_t k = strlen(path), shorter = MIN(n, k);

		if (strncmp(path, r->m.job, shorter) != 0)
			continue;
		if (n == k)
			*own = route;
		else if ((n > k ? r->m.job : path)[shorter] == '/')
			return ctl_fail(CTL_EXIT_REFUSED,
					"the route %s lies %s it. Only a whole route, or a directory without "
					"routes in it, can be moved",
					path, n > k ? "above" : "in");
	}
	return CTL_EXIT_OK;
}

/* A route DIR/x to SOMEWHERE/x means SOMEWHERE for DIR. */
static bool target_of_neighbours(struct move_run *r, const char *backend)
{
	const json_t *route;
	char directory[CONFIG_PATH_MAX], other[CONFIG_PATH_MAX];
	const char *name, *other_name, *target_name;
	size_t i;

	move_split(r->m.job, directory, &name);
	json_array_foreach(json_object_get(r->instance->status, "routes"), i, route)
	{
		if (strcmp(ctl_text(route, "backend"), backend) != 0)
			continue;
		move_split(ctl_text(route, "path"), other, &other_name);
		if (strcmp(other, directory) != 0)
			continue;
		move_split(ctl_text(route, "target"), other, &target_name);
		if (strcmp(other_name, target_name) != 0)
			continue;
		return snprintf(r->m.to.path, sizeof(r->m.to.path), "%s%s%s", other, *other ? "/" : "",
				name) < (int)sizeof(r->m.to.path);
	}
	return false;
}

static int choose_target(struct move_run *r, int backend, const char *given)
{
	CLEANUP_FREE struct route *route = calloc(1, sizeof(*route));
	char absolute[CTL_ABSOLUTE_MAX];

	if (!route)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	if (given) {
		if (ctl_path_absolute("/", given, absolute, sizeof(absolute)) ||
		    copy_string(r->m.to.path, sizeof(r->m.to.path), absolute + 1))
			return ctl_fail(CTL_EXIT_USAGE, "--to: \"%s\" is no path on a backend", given);
	} else if (tiermap_match_pattern(r->config, r->m.job, route) && route->backend == backend) {
		(void)copy_string(r->m.to.path, sizeof(r->m.to.path), route->target);
	} else if (!target_of_neighbours(r, r->config->backends[backend].name)) {
		(void)copy_string(r->m.to.path, sizeof(r->m.to.path), r->m.job);
	}
	if (!tiermap_path_is_valid(r->m.to.path))
		return ctl_fail(CTL_EXIT_USAGE, "\"%s\" cannot be the path on %s. Name one: --to %s:PATH",
				r->m.to.path, r->m.to.tier, r->m.to.tier);
	snprintf(absolute, sizeof(absolute), "/%s", r->m.to.path);
	return manifest_check_field("--to", absolute);
}

static int plan_to_backend(struct move_run *r)
{
	const char *colon = strchr(r->options->to, ':');
	size_t n = colon ? (size_t)(colon - r->options->to) : strlen(r->options->to);
	int backend, there, status;

	snprintf(r->m.from.tier, sizeof(r->m.from.tier), MOVE_LOCAL);
	(void)copy_string(r->m.from.path, sizeof(r->m.from.path), r->m.job);
	if (n >= sizeof(r->m.to.tier))
		return ctl_fail(CTL_EXIT_USAGE, "--to: there is no backend of such a name");
	memcpy(r->m.to.tier, r->options->to, n);
	backend = config_find_backend(r->config, r->m.to.tier);
	if (backend < 0)
		return ctl_fail(CTL_EXIT_USAGE,
				"--to: there is no backend \"%s\". guardctl status names them", r->m.to.tier);
	if (!r->config->backends[backend].alias[0])
		return ctl_fail(CTL_EXIT_REFUSED,
				"the manifest has no name for %s. Add alias = PATH to its section of %s",
				r->m.to.tier, r->config->file);
	status = choose_target(r, backend, colon ? colon + 1 : NULL);
	if (status != CTL_EXIT_OK)
		return status;
	there = move_exists(r->config, r->m.to.tier, r->m.to.path);
	if (there < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: %s. See guardctl status", r->m.to.tier,
				strerror(-there));
	if (there)
		return ctl_fail(
		    CTL_EXIT_REFUSED,
		    "%s has something at %s already. Look at it and take it away, or name another "
		    "place: --to %s:PATH",
		    r->m.to.tier, r->m.to.path, r->m.to.tier);
	return CTL_EXIT_OK;
}

static int plan_to_local(struct move_run *r, const json_t *route)
{
	CLEANUP_FREE struct route *pattern = calloc(1, sizeof(*pattern));

	if (!pattern)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	if (strcmp(ctl_text(route, "origin"), "pattern") == 0 ||
	    tiermap_match_pattern(r->config, r->m.job, pattern))
		return ctl_fail(
		    CTL_EXIT_REFUSED,
		    "a pattern of %s leads %s to %s, and would do so again. Change the pattern first",
		    r->config->file, r->m.job, ctl_text(route, "backend"));
	if (localtier_assume(r->config, r->m.job) == LOCALTIER_HOLDS)
		return ctl_fail(
		    CTL_EXIT_REFUSED,
		    "%s/%s holds something, hidden by the route. Look at it and take it away first",
		    r->config->local, r->m.job);
	snprintf(r->m.to.tier, sizeof(r->m.to.tier), MOVE_LOCAL);
	if (copy_string(r->m.to.path, sizeof(r->m.to.path), r->m.job) ||
	    copy_string(r->m.from.tier, sizeof(r->m.from.tier), ctl_text(route, "backend")) ||
	    copy_string(r->m.from.path, sizeof(r->m.from.path), ctl_text(route, "target")) ||
	    !tiermap_path_is_valid(r->m.from.path))
		return ctl_fail(
		    CTL_EXIT_REFUSED, "%s:%s cannot be moved: it is no directory below the root of %s",
		    ctl_text(route, "backend"), ctl_text(route, "target"), ctl_text(route, "backend"));
	return CTL_EXIT_OK;
}

static int plan_ends(struct move_run *r)
{
	const json_t *own;
	int status = find_source(r, &own);
	bool to_local = strcmp(r->options->to, MOVE_LOCAL) == 0;

	if (status != CTL_EXIT_OK)
		return status;
	if (to_local)
		return own ? plan_to_local(r, own)
			   : ctl_fail(CTL_EXIT_REFUSED, "%s is on the local tier already", r->hot);
	if (own)
		return ctl_fail(CTL_EXIT_REFUSED,
				"%s is on %s already (%s). To another backend: --to local first", r->hot,
				ctl_text(own, "backend"), ctl_text(own, "target"));
	return plan_to_backend(r);
}

/* A lost copy, perhaps with its state_dir, has a move's names. */
static int check_leftover(const struct move_run *r, const char *tier, const char *path)
{
	char absolute[CTL_ABSOLUTE_MAX];

	if (move_exists(r->config, tier, path) == 0)
		return CTL_EXIT_OK;
	move_absolute(r->config, tier, path, absolute, sizeof(absolute));
	return ctl_fail(
	    CTL_EXIT_REFUSED,
	    "%s is there already, or cannot be looked for: a copy made by a move of which nothing is "
	    "written down any more. Look at it and take it away",
	    absolute);
}

static int check_leftovers(const struct move_run *r)
{
	char staging[CONFIG_PATH_MAX + MOVE_STAGING_SIZE];
	int status = CTL_EXIT_OK;

	if (move_staging_path(r, staging, sizeof(staging)))
		return ctl_fail(CTL_EXIT_USAGE, "%s is too long", r->m.to.path);
	if (strcmp(r->m.from.tier, MOVE_LOCAL) == 0)
		status = check_leftover(r, MOVE_LOCAL, r->m.old);
	return status == CTL_EXIT_OK ? check_leftover(r, r->m.to.tier, staging) : status;
}

static int check_source(const struct move_run *r)
{
	int there = move_exists(r->config, r->m.from.tier, r->m.from.path);

	if (there == 1)
		return CTL_EXIT_OK;
	return ctl_fail(CTL_EXIT_REFUSED, "%s, on %s: %s. There is nothing to move", r->hot, r->m.from.tier,
			strerror(there < 0 ? -there : ENOENT));
}

int move_plan(struct move_run *r)
{
	int status = plan_ends(r);

	if (status == CTL_EXIT_OK)
		status = move_check_health(r);
	if (status == CTL_EXIT_OK)
		status = check_source(r);
	if (status == CTL_EXIT_OK && move_old_path(r, r->m.old, sizeof(r->m.old)))
		status = ctl_fail(CTL_EXIT_USAGE, "%s is too long", r->m.job);
	if (status == CTL_EXIT_OK)
		status = check_leftovers(r);
	if (status == CTL_EXIT_OK)
		status = move_check_writers(r);
	return status == CTL_EXIT_OK ? move_check_carry(r) : status;
}
