/* Checks and refusals of several steps. */
#include "ctl/manifest/manifest.h"
#include "ctl/move/move.h"
#include "base/cleanup.h"
#include "policy/health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool leads_to(const struct config *config, const struct route *route, const struct move_end *end)
{
	return strcmp(config->backends[route->backend].name, end->tier) == 0 &&
	       strcmp(route->target, end->path) == 0;
}

int move_is_switched(const struct move_run *r)
{
	bool to_local = strcmp(r->m.to.tier, MOVE_LOCAL) == 0;
	const struct move_end *backend = to_local ? &r->m.from : &r->m.to;
	CLEANUP_FREE struct route *route = calloc(1, sizeof(*route));
	int line = route ? manifest_line_of(r->config, r->m.job, route) : -1, there;

	if (line < 0)
		return -EINVAL;
	if (line && !leads_to(r->config, route, backend)) {
		ctl_fail(
		    CTL_EXIT_REFUSED,
		    "%s leads to %s:%s by the manifest: it was edited since the move began. Make it lead to "
		    "%s:%s again, or take the line out",
		    r->hot, r->config->backends[route->backend].name, route->target, backend->tier,
		    backend->path);
		return -EINVAL;
	}
	if (line || to_local)
		return to_local ? !line : 1;
	/* Once the final name exists guardfs follows the pattern. */
	if (!tiermap_match_pattern(r->config, r->m.job, route) || !leads_to(r->config, route, backend))
		return 0;
	there = move_exists(r->config, backend->tier, backend->path);
	if (there < 0)
		ctl_fail(CTL_EXIT_REFUSED, "%s: %s. See guardctl status; then repeat this", backend->tier,
			 strerror(-there));
	return there;
}

int move_check_health(const struct move_run *r)
{
	const char *tier = strcmp(r->m.from.tier, MOVE_LOCAL) == 0 ? r->m.to.tier : r->m.from.tier;
	const json_t *backend = ctl_find_backend(r->instance->status, tier);
	enum health_state state = health_state_from_name(ctl_text(backend, "state"));

	if (ctl_instance_stale(r->instance))
		return ctl_fail(CTL_EXIT_REFUSED, "the status of guardfs is %lld s old. See guardctl doctor",
				(long long)r->instance->age);
	if (state != HEALTH_HEALTHY && state != HEALTH_PROBATION)
		return ctl_fail(
		    CTL_EXIT_REFUSED,
		    "%s is %s (%s): nothing is moved. guardctl wait --state healthy --timeout 1h %s, then "
		    "repeat this",
		    tier, ctl_text(backend, "state"), ctl_text(backend, "class"), tier);
	if (ctl_number(backend, "incident") > 0)
		return ctl_fail(
		    CTL_EXIT_REFUSED,
		    "incident %lld of %s is not closed: nothing is moved. See guardctl incident %lld",
		    (long long)ctl_number(backend, "incident"), tier,
		    (long long)ctl_number(backend, "incident"));
	return CTL_EXIT_OK;
}

int move_check_writers(const struct move_run *r)
{
	CLEANUP_FREE char *text = NULL;
	size_t n = 0;
	struct move_writers w = {.config = r->config, .job = r->m.job, .from = &r->m.from, .to = &r->m.to};

	w.out = open_memstream(&text, &n);
	if (!w.out)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	move_writers_find(&w);
	fclose(w.out);
	if (!w.found)
		return CTL_EXIT_OK;
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;)
		ctl_fail(CTL_EXIT_REFUSED, "%s", line);
	return ctl_fail(CTL_EXIT_REFUSED, "%s is in use (%u found). Stop them, then repeat this", r->hot,
			w.found);
}

int move_refuse_entry(const struct move_run *r, const char *path, errint_t err)
{
	if (err == -EMEDIUMTYPE)
		return ctl_fail(
		    CTL_EXIT_REFUSED,
		    "%s/%s is a socket, a pipe or a device, which is not moved. Take it away first", r->hot,
		    path);
	if (err == -EXDEV)
		return ctl_fail(CTL_EXIT_REFUSED, "something is mounted at %s/%s. Unmount it first", r->hot,
				path);
	return CTL_EXIT_OK;
}

/* A begun move's trouble has always the same remedy. */
int move_stay(const struct move_run *r, const char *subject, const char *path, errint_t err)
{
	return ctl_fail(
	    err == -ETIMEDOUT ? CTL_EXIT_TIMEOUT : CTL_EXIT_REFUSED,
	    "%s%s%s: %s. Nothing was switched: %s is whole on %s. guardctl status says how the tiers "
	    "are; repeat this to go on, or give it up with --abort",
	    subject, path[0] ? ": " : "", path, strerror(-err), r->hot, r->m.from.tier);
}
