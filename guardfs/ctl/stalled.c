/* guardctl stalled: jobs without progress, and why. */
#include "ctl/ctl.h"
#include "ctl/show.h"

#include <stdio.h>

#define DEFAULT_SECONDS 3600

static void put_job(const json_t *job)
{
	show_plain(stdout, ctl_text(job, "name"));
	fputs(": no progress for ", stdout);
	show_span(stdout, show_number(job, "seconds"));
	fprintf(stdout, ", %llu files open for writing, tier ",
		(unsigned long long)show_count(job, "writers"));
	show_plain(stdout, ctl_text(job, "tier"));
	fputs("\n  to blame: ", stdout);
	show_plain(stdout, ctl_text(job, "blame"));
	fputs(": ", stdout);
	show_plain(stdout, ctl_text(job, "why"));
	if (show_count(job, "incident"))
		fprintf(stdout, " (incident %llu)", (unsigned long long)show_count(job, "incident"));
	fputc('\n', stdout);
}

static void put_answer(const json_t *result)
{
	const json_t *jobs = json_object_get(result, "stalled"), *job;
	size_t i;

	json_array_foreach(jobs, i, job) put_job(job);
	if (json_array_size(jobs) == 0)
		puts("no job is stalled");
	if (ctl_text(result, "acted")[0]) {
		fputs("on_stall is run for ", stdout);
		show_plain(stdout, ctl_text(result, "acted"));
		fputc('\n', stdout);
	} else if (ctl_text(result, "not_acted")[0]) {
		fputs("on_stall is not run: ", stdout);
		show_plain(stdout, ctl_text(result, "not_acted"));
		fputc('\n', stdout);
	}
}

/* 1: a job's own fault; 75: only storage's. */
static int exit_of(const json_t *result)
{
	const json_t *jobs = json_object_get(result, "stalled"), *job;
	size_t i;

	json_array_foreach(jobs, i,
			   job) if (strcmp(ctl_text(job, "blame"), "storage") != 0) return CTL_EXIT_DEGRADED;
	return json_array_size(jobs) ? CTL_EXIT_TIMEOUT : CTL_EXIT_OK;
}

int ctl_cmd_stalled(const struct ctl_options *options, int argc, char **argv)
{
	uint64_t seconds = DEFAULT_SECONDS;
	json_t *result = NULL;
	int status;

	(void)argc;
	(void)argv;
	if (options->no_progress && ctl_parse_number(options->no_progress, 366 * 86400, &seconds))
		return ctl_fail(CTL_EXIT_USAGE,
				"--require-no-progress-seconds: \"%s\" is no number of seconds",
				options->no_progress);
	status = ctl_ask_about(options, options->apply ? "stalled-act" : "stalled",
			       json_pack("{s:I}", "seconds", (json_int_t)seconds), CTL_ASK_MS, &result);
	if (status)
		return status;
	status = exit_of(result);
	if (options->json)
		(void)ctl_print_json(result);
	else
		put_answer(result);
	json_decref(result);
	return status;
}
