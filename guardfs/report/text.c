/* Status for people, from status.json. */
#include "report/report.h"
#include "base/utf8.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct page {
	FILE *out;
	int64_t now;
};

static const char *text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static int64_t number(const json_t *object, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(object, key));
}

/* Foreign text must not steer the terminal. */
static void put_foreign(const struct page *p, const char *s)
{
	utf8_print_escaped(p->out, s, SIZE_MAX);
}

static void put_time(const struct page *p, int64_t when)
{
	struct tm tm;
	time_t t = (time_t)when;
	char buf[64];

	if (when > 0 && localtime_r(&t, &tm) && strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S %z", &tm))
		fputs(buf, p->out);
	else
		fputs("an unknown time", p->out);
}

static void put_span(const struct page *p, int64_t s)
{
	if (s < 0)
		s = 0;
	if (s < 60)
		fprintf(p->out, "%" PRId64 " s", s);
	else if (s < 3600)
		fprintf(p->out, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
	else if (s < 86400)
		fprintf(p->out, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
	else
		fprintf(p->out, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
}

/* " since 2026-01-01 00:00:00 +0000 (5 min 3 s)"; "": unknown. */
static void put_since(const struct page *p, int64_t when)
{
	if (when <= 0)
		return;
	fputs(" since ", p->out);
	put_time(p, when);
	fputs(" (", p->out);
	put_span(p, p->now - when);
	fputc(')', p->out);
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static void put_head(const struct page *p, const json_t *status)
{
	fputs("guardfs ", p->out);
	put_foreign(p, text(status, "name"));
	fputs(" on ", p->out);
	put_foreign(p, text(status, "mountpoint"));
	fputs(": ", p->out);
	put_foreign(p, text(status, "state"));
	put_since(p, number(status, "since"));
	if (text(status, "detail")[0]) {
		fputs("\n  ", p->out);
		put_foreign(p, text(status, "detail"));
	}
	fputs("\n  as of ", p->out);
	put_time(p, number(status, "time"));
	fputs(", version ", p->out);
	put_foreign(p, text(status, "version"));
	fputs(", running", p->out);
	put_since(p, number(status, "started"));
	fputs("\n", p->out);
}

static void put_next_try(const struct page *p, const json_t *backend)
{
	int64_t next = number(backend, "next_attempt");

	if (next > p->now) {
		fputs("; next try in ", p->out);
		put_span(p, next - p->now);
	} else if (next > 0) {
		fputs("; next try due now", p->out);
	}
	if (number(backend, "attempts") > 0)
		fprintf(p->out, "; tries so far: %" PRId64, number(backend, "attempts"));
	if (is(text(backend, "state"), "held") && number(backend, "held_until") > 0) {
		fputs("; until ", p->out);
		put_time(p, number(backend, "held_until"));
	}
	if (number(backend, "incident") > 0)
		fprintf(p->out, "; incident %" PRId64, number(backend, "incident"));
}

/* In the order of enum health_state. */
const char *report_activity(const json_t *backend)
{
	static const struct {
		const char *state, *activity;
	} table[] = {
	    {"connecting", "making the first connection"},
	    {"healthy", "serving"},
	    {"degraded", "serving, though slowly or with errors; watching it"},
	    {"down", "answering callers with an error at once"},
	    {"recovering", "making a new connection and proving that it is the right one"},
	    {"probation", "serving again; watching it until it counts as healthy"},
	    {"held", "nothing: an operator holds it (guardctl resume)"},
	    {"exhausted", "nothing: it was lost and found too often; guardctl resume lets it go on"},
	};

	const char *state = text(backend, "state");

	if (is(state, "down") && json_is_true(json_object_get(backend, "callers_wait")))
		return "letting callers wait, for it was lost only now";
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (is(table[i].state, state))
			return table[i].activity;
	return "not known";
}

static void put_trouble(const struct page *p, const json_t *backend)
{
	fputs("    why:     ", p->out);
	put_foreign(p, text(backend, "class"));
	fputs(" (", p->out);
	put_foreign(p, text(backend, "summary"));
	fputs(")\n", p->out);
	if (text(backend, "detail")[0]) {
		fputs("    message: ", p->out);
		put_foreign(p, text(backend, "detail"));
		fputc('\n', p->out);
	}
	if (text(backend, "advice")[0]) {
		fputs("    advice:  ", p->out);
		put_foreign(p, text(backend, "advice"));
		fputc('\n', p->out);
	}
}

static void put_counters(const struct page *p, const json_t *backend)
{
	const json_t *c = json_object_get(backend, "counters");

	fprintf(p->out,
		"    totals:  %" PRId64 " operations, %" PRId64 " errors, %" PRId64 " timeouts, %" PRId64
		" refused while down, %" PRId64 " parked, %" PRId64 " late\n",
		number(c, "ops"), number(c, "errors"), number(c, "timeouts"), number(c, "fast_fails"),
		number(c, "parked"), number(c, "late"));
	fprintf(p->out,
		"             %.1f MiB read, %.1f MiB written, %" PRId64 " files reopened, %" PRId64
		" that could not be\n",
		(double)number(c, "read_bytes") / 1048576.0, (double)number(c, "written_bytes") / 1048576.0,
		number(c, "reopened"), number(c, "poisoned"));
}

static void put_refused(const struct page *p, const json_t *backend)
{
	const json_t *refused;
	size_t i;

	json_array_foreach(json_object_get(backend, "refused"), i, refused)
	{
		fprintf(p->out, "    refused: user %" PRId64 ", until ", number(refused, "uid"));
		put_time(p, number(refused, "until"));
		fputs(": it was lost over this user's operations again and again\n", p->out);
	}
}

static void put_backend(const struct page *p, const json_t *backend)
{
	fputs("  ", p->out);
	put_foreign(p, text(backend, "name"));
	fputs(" (", p->out);
	put_foreign(p, text(backend, "type"));
	fputs("): ", p->out);
	put_foreign(p, text(backend, "state"));
	put_since(p, number(backend, "since"));
	fputc('\n', p->out);
	if (!is(text(backend, "class"), "none"))
		put_trouble(p, backend);
	fprintf(p->out, "    doing:   %s", report_activity(backend));
	put_next_try(p, backend);
	fprintf(p->out,
		"\n    now:     %" PRId64 " inside, %" PRId64 " parked, %" PRId64
		" overdue; breaker %s, epoch %" PRId64,
		number(backend, "inflight"), number(backend, "parked"), number(backend, "late"),
		is(text(backend, "breaker"), "closed") ? "closed" : "open", number(backend, "epoch"));
	if (number(backend, "pid") > 0)
		fprintf(p->out, ", transport %" PRId64, number(backend, "pid"));
	fputc('\n', p->out);
	if (number(backend, "owed_bytes") > 0)
		fprintf(p->out,
			"    owed:    %" PRId64 " bytes of %" PRId64
			" files are acknowledged and not on storage yet\n",
			number(backend, "owed_bytes"), number(backend, "owed_files"));
	put_refused(p, backend);
	put_counters(p, backend);
}

static void put_backends(const struct page *p, const json_t *backends)
{
	const json_t *backend;
	size_t i;

	fputs("\nbackends\n", p->out);
	json_array_foreach(backends, i, backend) put_backend(p, backend);
	if (json_array_size(backends) == 0)
		fputs("  none configured: everything is local\n", p->out);
}

static void put_route(const struct page *p, const json_t *route)
{
	fputs("  ", p->out);
	put_foreign(p, text(route, "path"));
	fputs(" -> ", p->out);
	put_foreign(p, text(route, "backend"));
	fputc(':', p->out);
	put_foreign(p, text(route, "target"));
	fputs("  ", p->out);
	put_foreign(p, text(route, "state"));
	if (!is(text(route, "class"), "none")) {
		fputs(", ", p->out);
		put_foreign(p, text(route, "class"));
	}
	put_since(p, number(route, "since"));
	if (number(route, "errno"))
		fprintf(p->out, ", callers get errno %" PRId64, number(route, "errno"));
	fputc('\n', p->out);
}

static void put_routes(const struct page *p, const json_t *status)
{
	const json_t *routes = json_object_get(status, "routes"), *route;
	const json_t *manifest = json_object_get(status, "manifest");
	size_t i;

	if (text(status, "root")[0]) {
		fputs("\nroutes\n  none: the whole mount is ", p->out);
		put_foreign(p, text(status, "root"));
		fputs("\n", p->out);
		return;
	}
	fputs("\nroutes (everything else is local: ", p->out);
	put_foreign(p, text(status, "local"));
	fputs(")\n", p->out);
	json_array_foreach(routes, i, route) put_route(p, route);
	if (json_array_size(routes) == 0)
		fputs("  none\n", p->out);
	if (is(text(manifest, "state"), "bad")) {
		fputs("  MANIFEST NOT READ, the last good routes stay: ", p->out);
		put_foreign(p, text(manifest, "error"));
		fputs("\n  advice: correct it, then reload (systemctl reload, or SIGHUP to guardian)\n",
		      p->out);
	}
}

static void put_process(const struct page *p, const json_t *status, const char *name)
{
	int64_t pid = number(json_object_get(status, "processes"), name);
	const char *state = text(json_object_get(status, "process_states"), name);

	fprintf(p->out, "  %-9s ", name);
	if (pid > 0)
		fprintf(p->out, "%" PRId64 " ", pid);
	put_foreign(p, is(state, "running") ? state : is(state, "missing") ? "MISSING" : "DEAD");
	if (is(name, "worker"))
		fprintf(p->out, ", %s, restarted %" PRId64 " times",
			json_is_true(json_object_get(status, "serving")) ? "serving" : "NOT SERVING",
			number(status, "worker_restarts"));
	if (is(name, "keeper"))
		fprintf(p->out, ", restarted %" PRId64 " times", number(status, "keeper_restarts"));
	fputc('\n', p->out);
}

static void put_remedy(const struct page *p, const json_t *status)
{
	const int64_t guardian = number(json_object_get(status, "processes"), "guardian");

	if (number(status, "unmounted") > 0)
		fprintf(p->out,
			"  advice: guardfs ends by itself when the last process lets go of it (fuser -m, or "
			"findmnt in each container); kill -TERM %" PRId64 " ends it now\n",
			guardian);
	if (!is(text(json_object_get(status, "process_states"), "guardian"), "running")) {
		fputs("  advice: start it again: guardfs -c ", p->out);
		put_foreign(p, text(status, "config"));
		fputs(" (or mount, as it was mounted) goes on with this session, open files and all\n",
		      p->out);
	}
}

static void put_last_crash(const struct page *p, const json_t *status)
{
	const json_t *crash = json_array_get(json_object_get(status, "crashes"), 0);

	if (!crash)
		return;
	fprintf(p->out, "  last crash of a worker (of %" PRId64 "): ", number(status, "crashes_total"));
	put_foreign(p, text(crash, "cause"));
	fputs(", ", p->out);
	put_time(p, number(crash, "time"));
	if (number(crash, "opcode")) {
		fprintf(p->out, ", in request %" PRId64 " ", number(crash, "opcode"));
		put_foreign(p, text(crash, "path"));
	}
	fputc('\n', p->out);
}

/* Older refusals are left out. */
#define REFUSED_SHOWN_S 3600

static void put_shares(const struct page *p, const json_t *status)
{
	const char *kind;
	json_t *share;

	json_object_foreach(json_object_get(status, "shares"), kind, share)
	{
		int64_t refused = number(share, "refused_time");

		if (refused == 0 || p->now - refused > REFUSED_SHOWN_S)
			continue;
		fputs("  shares    ", p->out);
		put_foreign(p, kind);
		fprintf(p->out,
			": %" PRId64 " of %" PRId64 " in use; refused %" PRId64
			" times, last to user %" PRId64 ", ",
			number(share, "used"), number(share, "capacity"), number(share, "refused"),
			number(share, "refused_uid"));
		put_time(p, refused);
		fputs(
		    "\n  advice: if that user needs more, raise user_share; open_files also by LimitNOFILE\n",
		    p->out);
	}
}

static void put_suspects(const struct page *p, const json_t *status)
{
	json_int_t n = json_integer_value(json_object_get(status, "suspects"));

	if (n > 0)
		fprintf(p->out, "\nSuspect files: %lld need%s a look: guardctl suspects\n", (long long)n,
			n == 1 ? "s" : "");
}

/* Only a journal in trouble. */
static void put_journal(const struct page *p, const json_t *status)
{
	const char *journal = text(status, "journal");

	if (!journal[0] || is(journal, "ok"))
		return;
	fputs("  history   ", p->out);
	put_foreign(p, journal);
	fputc('\n', p->out);
}

char *report_text_from_json(const json_t *status, int64_t now, size_t *length)
{
	char *buffer = NULL;
	struct page page = {.out = open_memstream(&buffer, length), .now = now};

	if (!page.out)
		return NULL;
	put_head(&page, status);
	put_backends(&page, json_object_get(status, "backends"));
	put_routes(&page, status);
	fputs("\nprocesses\n", page.out);
	put_process(&page, status, "guardian");
	put_process(&page, status, "worker");
	put_process(&page, status, "keeper");
	put_remedy(&page, status);
	put_last_crash(&page, status);
	put_suspects(&page, status);
	put_journal(&page, status);
	put_shares(&page, status);
	if (fclose(page.out) != 0) {
		free(buffer);
		return NULL;
	}
	return buffer;
}
