#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "ctl/ctl.h"
#include "ctl/html.h"
#include "ctl/summary/summary.h"

#include <stdlib.h>

#define INCIDENTS_MAX 1000 /* of one answer */
#define SINCE_DEFAULT "30d"

struct target {
	const struct ctl_options *options;
	/* guardfs's name may differ from the runtime directory's. */
	struct ctl_instance instance;
	const char *name;
	double now;
	/* Those of which a page is written. */
	const struct summary *summary;
};

static int write_page(const char *output, const char *page, size_t size)
{
	errint_t err;

	if (!page)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	if (!output)
		return fwrite(page, 1, size, stdout) == size ? CTL_EXIT_OK : CTL_EXIT_REFUSED;
	err = fd_write_atomic(output, page, size, 0644, false);
	if (err)
		return ctl_fail(CTL_EXIT_REFUSED, "cannot write %s: %s", output, strerror(-err));
	return CTL_EXIT_OK;
}

/* ---- one incident ---- */

static int write_incident(const struct target *t, const char *number, const char *output)
{
	CLEANUP_FREE char *page = NULL;
	json_t *result = NULL;
	size_t size = 0;
	int status = ctl_ask_incident(t->options, number, &result);
	FILE *out;

	if (status)
		return status;
	out = open_memstream(&page, &size);
	if (out) {
		html_report(out, result, t->name, t->now);
		fclose(out);
	}
	json_decref(result);
	return write_page(output, page, size);
}

/* ---- a time ---- */

/* Beside the page, by its name: report-17.html to report.html. To be freed. */
static char *name_of_incident(const char *output, int64_t id)
{
	size_t n = strlen(output);
	char *name = NULL;

	if (n > 5 && strcmp(output + n - 5, ".html") == 0)
		n -= 5;
	return asprintf(&name, "%.*s-%lld.html", (int)n, output, (long long)id) < 0 ? NULL : name;
}

static bool has_page(const struct summary *s, int64_t id)
{
	for (size_t i = 0; i < s->n_worst; i++)
		if (s->worst[i]->id == id)
			return true;
	return false;
}

/* Relative, each odd byte as %HH: "./" keeps any name from being taken for an address. */
static char *link_to(const void *context, int64_t id)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
	const struct target *t = context;
	CLEANUP_FREE char *path = NULL;
	char *link = NULL;
	size_t size = 0;
	FILE *out;

	if (!t->options->output || !has_page(t->summary, id))
		return NULL;
	path = name_of_incident(t->options->output, id);
	out = path ? open_memstream(&link, &size) : NULL;
	if (!out)
		return NULL;
	fputs("./", out);
	for (const char *c = strrchr(path, '/') ? strrchr(path, '/') + 1 : path; *c; c++)
		fprintf(out, strchr(plain, *c) ? "%c" : "%%%02X", (unsigned char)*c);
	return fclose(out) == 0 ? link : NULL;
}

static int write_incidents(const struct target *t)
{
	int status = CTL_EXIT_OK;

	for (size_t i = 0; t->options->output && status == CTL_EXIT_OK && i < t->summary->n_worst; i++) {
		CLEANUP_FREE char *path = name_of_incident(t->options->output, t->summary->worst[i]->id);
		char number[32];

		snprintf(number, sizeof(number), "%lld", (long long)t->summary->worst[i]->id);
		status = path ? write_incident(t, number, path)
			      : ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	}
	return status;
}

static int write_summary(struct target *t, const struct summary *s)
{
	CLEANUP_FREE char *page = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&page, &size);
	int status = CTL_EXIT_OK;

	t->summary = s;
	if (out && t->options->html)
		summary_page(out, s, t->name, t->now, link_to, t);
	else if (out)
		summary_print(out, s, t->name);
	if (out)
		fclose(out);
	if (t->options->html)
		status = write_incidents(t);
	return status ? status : write_page(t->options->output, page, size);
}

static int ask_after(const struct target *t, int64_t since, int64_t after, json_t **result)
{
	json_t *arguments = json_pack("{s:I, s:i}", "since", (json_int_t)since, "limit", INCIDENTS_MAX);

	if (after)
		json_object_set_new(arguments, "after", json_integer((json_int_t)after));
	return ctl_ask_about(t->options, "incidents", arguments, CTL_ASK_MS, result);
}

static bool has_all(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "incidents")) < INCIDENTS_MAX &&
	       !json_is_true(json_object_get(answer, "more"));
}

/* As one answer: of a part nobody could tell which backends were down all the time. */
static int ask_all(const struct target *t, int64_t since, json_t **result)
{
	int status = ask_after(t, since, 0, result);
	bool all = status != CTL_EXIT_OK || has_all(*result);

	while (!all) {
		json_t *incidents = json_object_get(*result, "incidents"), *next = NULL;
		size_t n = json_array_size(incidents);

		status =
		    ask_after(t, since, n ? ctl_number(json_array_get(incidents, n - 1), "id") : 0, &next);
		all = status != CTL_EXIT_OK || has_all(next);
		if (status == CTL_EXIT_OK)
			json_array_extend(incidents, json_object_get(next, "incidents"));
		json_decref(next);
		if (status == CTL_EXIT_OK && json_array_size(incidents) == n && !all)
			status = ctl_fail(CTL_EXIT_UNREACHABLE, "the journal says less than it has");
		all |= status != CTL_EXIT_OK;
	}
	if (status != CTL_EXIT_OK) {
		json_decref(*result);
		*result = NULL;
	}
	return status;
}

static int report_time(struct target *t)
{
	const char *typed = t->options->since ? t->options->since : SINCE_DEFAULT;
	struct summary summary;
	json_t *result = NULL;
	int64_t since = 0;
	int status;

	if (ctl_parse_since(typed, (int64_t)t->now, &since))
		return ctl_fail(
		    CTL_EXIT_USAGE,
		    "--since: \"%s\" is no time: 12h, 7d (ago), 2026-01-08, or seconds since the epoch",
		    typed);
	status = ask_all(t, since, &result);
	if (status)
		return status;
	if (summary_make(result, t->instance.status, (double)since, t->now, &summary) < 0)
		status = ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	else
		status = write_summary(t, &summary);
	summary_release(&summary);
	json_decref(result);
	return status;
}

static int run_report(struct target *t, int argc, char **argv)
{
	if (argc == 0)
		return report_time(t);
	if (t->options->since)
		return ctl_fail(CTL_EXIT_USAGE, "--since goes with a report of a time, not of incident %s",
				argv[0]);
	if (!t->options->html)
		return ctl_fail(CTL_EXIT_USAGE,
				"report of one incident needs --html. For text: guardctl incident %s",
				argv[0]);
	return write_incident(t, argv[0], t->options->output);
}

int ctl_cmd_report(const struct ctl_options *options, int argc, char **argv)
{
	struct target t = {.options = options, .now = (double)clock_real_ns() / (double)NSEC_PER_SEC};
	char message[CTL_MESSAGE_MAX];
	int known = ctl_instance_open(&t.instance, options, ctl_run_root, message), status;

	t.name = known == CTL_EXIT_OK ? ctl_text(t.instance.status, "name") : "";
	status = run_report(&t, argc, argv);
	ctl_instance_release(&t.instance);
	return status;
}
