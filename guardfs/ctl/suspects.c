/* guardctl suspects. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "ctl/ctl.h"
#include "ctl/show.h"

#include <stdio.h>
#include <stdlib.h>

#define SUSPECTS_LIMIT_MAX 1000

static void put_bytes(const char *before, const json_t *ranges)
{
	const json_t *range;
	size_t i;

	json_array_foreach(ranges, i, range)
	{
		const char *level = ctl_text(range, "level");

		printf("%s%llu to %llu", i ? ", " : before, (unsigned long long)show_count(range, "from"),
		       (unsigned long long)show_count(range, "to") - 1);
		if (level[0]) {
			fputs(" (", stdout);
			show_plain(stdout, level);
			fputc(')', stdout);
		}
	}
	if (json_array_size(ranges))
		fputc('\n', stdout);
}

static void put_finding(const json_t *s)
{
	const char *verdict = ctl_text(s, "verdict"), *why = ctl_text(s, "why");

	fputs("  ", stdout);
	show_plain(stdout, verdict);
	if (strcmp(verdict, "truncated") == 0 || strcmp(verdict, "damaged") == 0)
		printf(" at byte %llu, whole to %llu", (unsigned long long)show_count(s, "at"),
		       (unsigned long long)show_count(s, "whole_to"));
	if (why[0]) {
		fputs(": ", stdout);
		show_plain(stdout, why);
	}
	if (ctl_number(s, "checked_ns")) {
		fputs("; looked at ", stdout);
		show_time(stdout, (double)ctl_number(s, "checked_ns") / (double)NSEC_PER_SEC);
	}
	fputc('\n', stdout);
	put_bytes("  zeros: bytes ", json_object_get(s, "holes"));
}

static const char *cause_text(const char *cause)
{
	static const char *const texts[][2] = {
	    {"lost", "acknowledged, and not on storage"},
	    {"poisoned", "an open file could not be gone on with"},
	    {"failed", "a write met an error, and may be there in part"},
	    {"crashed", "it was open for writing when guardfs ended"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(cause, texts[i][0]) == 0)
			return texts[i][1];
	return cause;
}

static void put_suspect(const json_t *s)
{
	show_plain(stdout, ctl_text(s, "path")[0] ? ctl_text(s, "path") : "(its name is not known)");
	fputs("\n  ", stdout);
	show_time(stdout, (double)ctl_number(s, "told_ns") / (double)NSEC_PER_SEC);
	fputs(", ", stdout);
	show_plain(stdout, ctl_text(s, "backend"));
	if (ctl_number(s, "incident"))
		printf(", incident %lld", (long long)ctl_number(s, "incident"));
	fputs(": ", stdout);
	show_plain(stdout, cause_text(ctl_text(s, "cause")));
	printf("\n  acknowledged size %llu", (unsigned long long)show_count(s, "size"));
	if (ctl_number(s, "checked_ns"))
		printf(", found %llu", (unsigned long long)show_count(s, "found_size"));
	fputc('\n', stdout);
	put_bytes("  bytes ", json_object_get(s, "ranges"));
	put_finding(s);
}

static void put_answer(const json_t *result, bool settled)
{
	const json_t *suspects = json_object_get(result, "suspects"), *s;
	const char *journal = ctl_text(result, "journal");
	size_t i;

	json_array_foreach(suspects, i, s) put_suspect(s);
	if (json_array_size(suspects) == 0)
		puts(settled ? "none was settled" : "no file needs a look");
	if (journal[0] && strcmp(journal, "ok") != 0) {
		fputs("The journal is ", stdout);
		show_plain(stdout, journal);
		fputs(": see guardctl status\n", stdout);
	}
}

/* "": said what is wrong. */
static const char *arguments_for(const struct ctl_options *o, json_t *arguments)
{
	int64_t since = 0;
	uint64_t limit = 0;

	if (o->open && o->settled)
		ctl_fail(0, "--open or --settled, not both");
	else if (!o->settled && (o->since || o->limit))
		ctl_fail(0, "--since and --limit are for --settled: all that need a look are shown");
	else if (o->since && (ctl_parse_since(o->since, (int64_t)(clock_real_ns() / NSEC_PER_SEC), &since) ||
			      json_object_set_new(arguments, "since", json_integer(since))))
		ctl_fail(0, "--since: \"%s\" is no time", o->since);
	else if (o->limit && (ctl_parse_number(o->limit, SUSPECTS_LIMIT_MAX, &limit) ||
			      json_object_set_new(arguments, "limit", json_integer((json_int_t)limit))))
		ctl_fail(0, "--limit: \"%s\" is no number from 1 to %d", o->limit, SUSPECTS_LIMIT_MAX);
	else if ((o->backend && json_object_set_new(arguments, "backend", json_string(o->backend))) ||
		 (o->job && json_object_set_new(arguments, "job", json_string(o->job))))
		ctl_fail(0, "--backend, --job: not UTF-8");
	else
		return o->settled ? "suspects-settled" : "suspects";
	return "";
}

static int show_suspects(const struct ctl_options *o)
{
	json_t *arguments = json_object(), *result = NULL;
	const char *command = arguments_for(o, arguments);
	int status;

	if (!command[0]) {
		json_decref(arguments);
		return CTL_EXIT_USAGE;
	}
	status = ctl_ask_about(o, command, arguments, CTL_ASK_MS, &result);
	if (status)
		return status;
	if (o->json)
		status = ctl_print_json(json_object_get(result, "suspects"));
	else
		put_answer(result, o->settled);
	if (!status && !o->settled && json_array_size(json_object_get(result, "suspects")))
		status = CTL_EXIT_DEGRADED;
	json_decref(result);
	return status;
}

/* As it is listed: below the mount. Absolute paths stay. */
static const char *below_mount(const struct ctl_instance *instance, const char *path)
{
	const char *mountpoint = ctl_text(instance->status, "mountpoint");
	size_t n = strlen(mountpoint);

	return strncmp(path, mountpoint, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

static int ask_accept(const struct ctl_instance *instance, const struct ctl_options *o, const char *path)
{
	json_t *result = NULL;
	long long n;
	int status = ctl_ask(instance, "suspects-accept",
			     json_pack("{s:s, s:s, s:b}", "path", path ? below_mount(instance, path) : "",
				       "job", o->job ? o->job : "", "all", (int)o->all),
			     CTL_ASK_MS, &result);

	if (status)
		return status;
	n = (long long)ctl_number(result, "accepted");
	json_decref(result);
	if (n == 0)
		return ctl_fail(CTL_EXIT_REFUSED, "no such file needs a look: see guardctl suspects");
	printf("%lld %s accepted\n", n, n == 1 ? "file" : "files");
	return CTL_EXIT_OK;
}

static int accept_suspects(const struct ctl_options *o, const char *path)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	int status;

	if ((path != NULL) + (o->job != NULL) + o->all != 1)
		return ctl_fail(CTL_EXIT_USAGE, "accept takes a path, --job JOB, or --all");
	status = ctl_instance_open(&instance, o, ctl_run_root, message);
	if (status)
		ctl_fail(0, "%s", message);
	else
		status = ask_accept(&instance, o, path);
	ctl_instance_release(&instance);
	return status;
}

int ctl_cmd_suspects(const struct ctl_options *options, int argc, char **argv)
{
	if (argc > 0 && strcmp(argv[0], "accept") == 0)
		return accept_suspects(options, argc > 1 ? argv[1] : NULL);
	if (argc > 0 || options->all)
		return ctl_fail(CTL_EXIT_USAGE,
				"usage: guardctl suspects [accept]. See guardctl help suspects");
	return show_suspects(options);
}
