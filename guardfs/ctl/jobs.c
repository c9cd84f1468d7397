/* guardctl jobs, from status.json. */
#include "ctl/ctl.h"
#include "ctl/show.h"

#include <stdio.h>

/* "4 min ago", "never". */
static void put_age(FILE *out, double when, double now, int width)
{
	char *text = NULL;
	size_t size = 0;
	FILE *buffer = open_memstream(&text, &size);

	if (!buffer)
		return;
	if (when > 0) {
		show_span(buffer, MAX(now - when, 0.0));
		fputs(" ago", buffer);
	} else {
		fputs("never", buffer);
	}
	fclose(buffer);
	show_cell(out, text, width);
	free(text);
}

static void put_size(FILE *out, const json_t *job, const char *key, int width)
{
	char *text = NULL;
	size_t size = 0;
	FILE *buffer = open_memstream(&text, &size);

	if (!buffer)
		return;
	/* The kernel reads local files by itself. */
	if (strcmp(key, "read_bytes") == 0 && strcmp(ctl_text(job, "by"), "stat") == 0)
		fputc('?', buffer);
	else
		show_bytes(buffer, show_count(job, key));
	fclose(buffer);
	show_cell(out, text, width);
	free(text);
}

static void put_errors(FILE *out, const json_t *job)
{
	json_t *errors = json_object_get(job, "errors"), *value;
	const char *key, *before = "";

	json_object_foreach(errors, key, value)
	{
		fprintf(out, "%s%llu ", before, (unsigned long long)show_count(errors, key));
		show_plain(out, key);
		before = ", ";
	}
	if (json_object_size(errors) == 0)
		fputc('-', out);
	if (show_count(job, "suspects"))
		fprintf(out, "; %llu of its files need a look: guardctl suspects",
			(unsigned long long)show_count(job, "suspects"));
}

void show_jobs(FILE *out, const json_t *status, double now)
{
	const json_t *jobs = json_object_get(status, "jobs"), *job;
	size_t i;

	if (json_array_size(jobs) == 0) {
		fputs("  no file below a job's directory has been opened (guardfs.conf, [jobs] pattern)\n",
		      out);
		return;
	}
	fprintf(out, "  %-40s %-12s %-10s %7s %-16s %-11s %-11s %s\n", "job", "tier", "state", "writers",
		"last progress", "written", "read", "errors");
	json_array_foreach(jobs, i, job)
	{
		fputs("  ", out);
		show_cell(out, ctl_text(job, "name"), 40);
		show_cell(out, ctl_text(job, "tier"), 12);
		show_cell(out, ctl_text(job, "state"), 10);
		fprintf(out, "%7llu ", (unsigned long long)show_count(job, "writers"));
		put_age(out, show_time_of(job, "progress"), now, 16);
		put_size(out, job, "written_bytes", 11);
		put_size(out, job, "read_bytes", 11);
		put_errors(out, job);
		fputc('\n', out);
	}
}

static int run_jobs(const struct ctl_instance *instance, const struct ctl_options *options)
{
	ctl_warn_if_stale(instance);
	if (options->json)
		return ctl_print_json(json_object_get(instance->status, "jobs"));
	show_jobs(stdout, instance->status, (double)instance->now);
	return CTL_EXIT_OK;
}

int ctl_cmd_jobs(const struct ctl_options *options, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return ctl_on_instance(options, run_jobs);
}
