/* guardctl verify: guardfs-verify with guardfs's jobs and tiers. Touches nothing that the tier map calls
 * down. */
#include "ctl/ctl.h"
#include "policy/health.h"
#include "verify/run.h"

#include <errno.h>
#include <stdio.h>

/* NULL: nothing known. */
static const char *why_not(const struct ctl_instance *instance, const struct ctl_responsible *responsible)
{
	const char *state = ctl_text(responsible->condition, "state");

	if (!json_is_true(json_object_get(instance->status, "serving")))
		return "no worker serves";
	return responsible->condition && !health_serves(health_state_from_name(state)) ? state : NULL;
}

static int verify_path(const struct ctl_instance *instance, struct verify_run *run, const char *name)
{
	const char *mountpoint = ctl_text(instance->status, "mountpoint"), *why;
	char path[CTL_ABSOLUTE_MAX];
	struct ctl_responsible responsible;

	if (ctl_path_absolute(mountpoint, name, path, sizeof(path)) ||
	    ctl_responsible_for(instance->status, path, &responsible))
		return ctl_fail(CTL_EXIT_USAGE, "%s is not below %s. guardfs-verify reads any file", name,
				mountpoint);
	why = why_not(instance, &responsible);
	if (why) {
		ctl_fail(0, "%s: %s: %s", path, responsible.backend, why);
		verify_run_unknown(run, path, EIO);
	} else {
		verify_run_path(run, path);
	}
	return CTL_EXIT_OK;
}

static int verify_jobs(const struct ctl_instance *instance, struct verify_run *run)
{
	const json_t *jobs = json_object_get(instance->status, "jobs"), *job;
	int status = CTL_EXIT_OK;
	size_t i;

	json_array_foreach(jobs, i, job)
	{
		if (!status)
			status = verify_path(instance, run, ctl_text(job, "name"));
	}
	return status;
}

static int take_options(const struct ctl_options *o, int64_t now, struct verify_run *run)
{
	static const char *const levels[VERIFY_LEVEL_COUNT] = {"0", "1", "2"};
	unsigned level = 0;

	while (o->level && level < VERIFY_LEVEL_COUNT && strcmp(o->level, levels[level]) != 0)
		level++;
	if (level == VERIFY_LEVEL_COUNT)
		return ctl_fail(CTL_EXIT_USAGE, "--level: 0, 1 or 2");
	if (o->level)
		run->options.level = (enum verify_level)level;
	if (o->since && ctl_parse_since(o->since, now, &run->since_s))
		return ctl_fail(CTL_EXIT_USAGE, "--since: \"%s\" is no time: 2h, 7d, 2026-01-08", o->since);
	if (o->rate && parse_rate(o->rate, &run->options.rate))
		return ctl_fail(CTL_EXIT_USAGE, "--bwlimit: \"%s\" is no rate: 500K, 20M, 1G", o->rate);
	run->json = o->json;
	run->repair_to = o->repair_to;
	return CTL_EXIT_OK;
}

static int run_verify(const struct ctl_instance *instance, const struct ctl_options *options,
		      const char *path)
{
	struct verify_run run = {
	    .options = {.level = VERIFY_LEVEL_WARC, .fresh = true}, .program = "guardctl", .out = stdout};
	int status = take_options(options, instance->now, &run);

	if (status)
		return status;
	ctl_warn_if_stale(instance);
	verify_run_begin(&run);
	status = path ? verify_path(instance, &run, path) : verify_jobs(instance, &run);
	return status ? status : verify_run_end(&run);
}

int ctl_cmd_verify(const struct ctl_options *options, int argc, char **argv)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	int status;

	if (options->repair_to && argc == 0)
		return ctl_fail(CTL_EXIT_USAGE, "--repair-to is about one file: name it");
	status = ctl_instance_open(&instance, options, ctl_run_root, message);
	if (status)
		ctl_fail(status, "%s", message);
	else
		status = run_verify(&instance, options, argc ? argv[0] : NULL);
	ctl_instance_release(&instance);
	return status;
}
