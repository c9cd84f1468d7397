/* guardctl drill --simulate. */
#include "ctl/drill.h"
#include "ctl/show.h"
#include "policy/backoff.h"
#include "policy/errclass.h"
#include "policy/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define TRIES_SHOWN 8
#define MINUTE_MS   60000u

enum needs { NEEDS_NOTHING, NEEDS_CARRIER, NEEDS_LOGIN, NEEDS_FILTER };

struct kind_info {
	const char *name, *does;
	/* Of the outage until the drill's end; NONE: no outage. */
	enum errclass class;
	bool noticed_at_once;
	enum needs needs;
};

static const struct kind_info kinds[DRILL_KIND_COUNT] = {
    [DRILL_HANG] = {"hang", "its sshfs is stopped, and every new one: nothing comes back, nothing fails",
		    ERRCLASS_TIMEOUT, false, NEEDS_CARRIER},
    [DRILL_DROP] = {"drop", "its sshfs is killed, and every new one", ERRCLASS_SERVER_GONE, true,
		    NEEDS_CARRIER},
    [DRILL_SLOW] = {"slow", "every operation takes 3 s longer", ERRCLASS_NONE, false, NEEDS_FILTER},
    [DRILL_FULL] = {"full", "writing gets ENOSPC", ERRCLASS_NONE, false, NEEDS_FILTER},
    [DRILL_AUTH] = {"auth", "its sshfs is killed, and logging in fails", ERRCLASS_AUTH_FAILED, true,
		    NEEDS_LOGIN},
    [DRILL_WORKER_KILL] = {"worker-kill", "the process that answers the kernel is killed", ERRCLASS_NONE,
			   false, NEEDS_NOTHING},
    [DRILL_KEEPER_KILL] = {"keeper-kill", "the process that watches and reconnects is killed", ERRCLASS_NONE,
			   false, NEEDS_NOTHING},
};

const char *drill_kind_name(enum drill_kind kind)
{
	return (unsigned)kind < DRILL_KIND_COUNT ? kinds[kind].name : "";
}

enum drill_kind drill_kind_find(const char *name)
{
	unsigned i = 0;

	while (i < DRILL_KIND_COUNT && strcmp(kinds[i].name, name) != 0)
		i++;
	return (enum drill_kind)i;
}

static void put_ms(FILE *out, uint64_t ms)
{
	if (ms % MINUTE_MS == 0 && ms > 0)
		fprintf(out, "%u min", (unsigned)(ms / MINUTE_MS));
	else if (ms % MSEC_PER_SEC == 0)
		fprintf(out, "%llu s", ms / MSEC_PER_SEC);
	else
		show_span(out, (double)ms / 1000);
}

/* A cap: 0 is none. */
static void put_cap(FILE *out, uint32_t cap, const char *per)
{
	if (cap)
		fprintf(out, "%" PRIu32 " %s", cap, per);
	else
		fprintf(out, "any number %s", per);
}

/* Before a row's text; NULL: the row goes on. */
static void put_name(FILE *out, const char *name)
{
	fprintf(out, "%-14s", name ? name : "");
}

/* ---- an outage ---- */

static void put_detection(FILE *out, const struct config *config, const struct kind_info *info)
{
	uint64_t interval_ms =
	    config->probe_interval_ms + (uint64_t)config->probe_interval_ms * config->probe_jitter / 100;

	put_name(out, "detection");
	if (info->noticed_at_once) {
		fputs("at once: its sshfs ends\n", out);
		return;
	}
	fputs("with callers at their deadline: ", out);
	put_ms(out, config->deadline.ms[OP_METADATA]);
	fputs(" for metadata, ", out);
	put_ms(out, config->deadline.ms[OP_READ]);
	fputs(" for reading\n", out);
	put_name(out, NULL);
	fputs("without, by a probe: at most ", out);
	put_ms(out, interval_ms + config->probe_timeout_ms);
	fputs(" (interval, jitter, timeout)\n", out);
}

static void put_callers(FILE *out, const struct config *config, const struct kind_info *info)
{
	const char *name = config->error == ETIMEDOUT ? "ETIMEDOUT" : "EIO";

	put_name(out, "callers");
	if (config->patience_ms && errclass_info(info->class)->passes) {
		fputs("for ", out);
		put_ms(out, config->patience_ms);
		fprintf(out,
			" (patience) they wait for the connection, each until his deadline; "
			"later: %s at once\n",
			name);
	} else {
		fprintf(out, "those inside: %s at their deadline; whoever comes later: %s at once\n", name,
			name);
	}
	put_name(out, NULL);
	fputs("writes to open files wait for the connection, at most ", out);
	put_ms(out, config->deadline.ms[OP_WRITE]);
	fputc('\n', out);
}

/* Pauses as in policy/course.c. */
static void put_tries(FILE *out, const struct config *config, const struct kind_info *info)
{
	uint64_t min_ms = config->backoff_min_ms, max_ms = config->backoff_max_ms;
	bool patient = !errclass_info(info->class)->retried;

	put_name(out, "first try");
	if (config->confirm_ms) {
		put_ms(out, config->confirm_ms);
		fputs(" after detection (confirm)\n", out);
	} else {
		fputs("at once\n", out);
	}
	put_name(out, "next tries");
	if (patient) {
		fputs("every ", out);
		put_ms(out, max_ms);
		fprintf(out, " (backoff_max): %s needs a person\n", errclass_info(info->class)->name);
		return;
	}
	fputs("while it lasts, after", out);
	for (uint32_t i = 0; i < TRIES_SHOWN; i++) {
		fputs(i ? ", " : " ", out);
		put_ms(out, backoff_delay_ms(i, min_ms, max_ms, UINT32_MAX / 2 + 1));
		if (backoff_delay_ms(i, min_ms, max_ms, 0) == backoff_delay_ms(i + 1, min_ms, max_ms, 0))
			break;
	}
	fputs(", each +-25 %\n", out);
}

static void put_caps(FILE *out, const struct config *config)
{
	put_name(out, "caps");
	put_cap(out, config->recoveries_per_hour, "an hour");
	fputs(" and ", out);
	put_cap(out, config->recoveries_per_day, "a day");
	fputs(" are recovered from; then the state is exhausted\n", out);
}

static void put_plan(FILE *out, const struct config *config, const struct config_backend *backend)
{
	struct plan_input input = {.sshfs = backend->type == BACKEND_SSHFS,
				   .sftp = backend->type == BACKEND_SFTP,
				   .command = backend->type == BACKEND_COMMAND,
				   .connect_ms = config->connect_timeout_ms,
				   .transport_running = backend_has_carrier(backend->type)};
	struct plan plan;

	plan_make(&input, &plan);
	for (uint32_t i = 0; i < plan.n_steps; i++) {
		const struct plan_step *step = &plan.steps[i];

		put_name(out, i ? NULL : "each try");
		fprintf(out, "%s: %s", rung_info(step->rung)->name,
			step->skipped ? step->why_skipped : step->does);
		if (step->deadline_ms && !step->skipped) {
			fputs(", within ", out);
			put_ms(out, step->deadline_ms);
		}
		fputc('\n', out);
	}
}

/* ---- hooks ---- */

static void put_program(FILE *out, const struct config_program *program)
{
	struct config_program copy = *program; /* words are writable */
	char *words[CONFIG_HOOK_WORDS_MAX + 1];
	unsigned n = config_program_words(&copy, words);

	put_name(out, NULL);
	fprintf(out, "  %s", config_hook_name((enum config_hook)program->hook));
	for (unsigned i = 0; i < n; i++) {
		fputc(' ', out);
		show_plain(out, words[i]);
	}
	fputc('\n', out);
}

static unsigned put_programs(FILE *out, const struct config *config)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < config->n_hooks && i < CONFIG_HOOKS_MAX; i++) {
		uint32_t hook = config->hooks[i].hook;

		if (hook == CONFIG_HOOK_DOWN || hook == CONFIG_HOOK_RECOVERED) {
			put_program(out, &config->hooks[i]);
			n++;
		}
	}
	return n;
}

static void put_breaker(FILE *out, const struct config *config)
{
	put_name(out, "hooks");
	if (!config->sentinel[0]) {
		fputs("none is run: no sentinel is configured\n", out);
		return;
	}
	show_plain(out, config->sentinel);
	fputs(access(config->sentinel, F_OK) == 0 ? " is there: hooks may run\n"
						  : " is missing: none is run\n",
	      out);
}

static void put_hooks(FILE *out, const struct config *config, uint64_t seconds)
{
	bool long_enough = seconds * MSEC_PER_SEC >= config->act_confirm_ms;

	put_breaker(out, config);
	put_name(out, NULL);
	fprintf(out, "on_down after %" PRIu32 " failed tries and ", config->act_confirm_failures);
	put_ms(out, config->act_confirm_ms);
	fprintf(out, ": %s; then on_recovered\n",
		long_enough ? "this may be long enough"
			    : "this is not long enough, unless recovery takes longer");
	put_name(out, NULL);
	fputs("at most ", out);
	put_cap(out, config->act_per_hour, "an hour");
	fputs(", ", out);
	put_cap(out, config->act_per_day, "a day");
	fputs(", ", out);
	put_ms(out, config->act_cooldown_ms);
	fputs(" apart\n", out);
	if (put_programs(out, config) == 0) {
		put_name(out, NULL);
		fputs("  neither is configured\n", out);
	}
}

/* ---- kinds that lose no backend ---- */

static void put_slow(FILE *out, const struct config *config)
{
	put_name(out, "detection");
	fputs("degraded, class slow, when for ", out);
	put_ms(out, config->slow_for_ms);
	fputs(" the 99th percentile exceeds\n", out);
	for (unsigned i = 0; i < OP_CLASS_COUNT; i++) {
		put_name(out, NULL);
		fprintf(out, "  %-9s ", op_class_name((enum op_class)i));
		if (config->slow_ms[i])
			put_ms(out, config->slow_ms[i]);
		else
			fputs("no bound", out);
		fputc('\n', out);
	}
	put_name(out, "callers");
	fputs("wait, each at most for its deadline; nothing is reconnected, no hook is run\n", out);
}

static void put_others(FILE *out, const struct config *config, enum drill_kind kind)
{
	if (kind == DRILL_SLOW) {
		put_slow(out, config);
	} else if (kind == DRILL_FULL) {
		put_name(out, "callers");
		fputs("writers get ENOSPC, unchanged: it is no trouble of the connection. Reading goes on\n",
		      out);
	} else if (kind == DRILL_WORKER_KILL) {
		put_name(out, "callers");
		fputs("wait a moment: another worker is started and runs again what may be run twice;\n",
		      out);
		put_name(out, NULL);
		fputs("whatever else was under way in a backend gets the error. Open files stay open\n", out);
	} else {
		put_name(out, "callers");
		fputs("notice nothing. guardian starts another keeper, which adopts what runs\n", out);
	}
}

static void put_needs(FILE *out, const struct config_backend *backend, enum needs needs)
{
	const char *missing = NULL;

	if (needs == NEEDS_CARRIER && !backend_has_carrier(backend->type))
		missing = "type = sshfs, sftp or command";
	if (needs == NEEDS_LOGIN && !backend_has_server(backend->type))
		missing = "type = sshfs or sftp";
	if (needs == NEEDS_FILTER && backend->filter != FILTER_FAULT)
		missing = "filter = fault";
	if (!missing)
		return;
	put_name(out, NULL);
	fprintf(out, "for real, this needs %s in the section of this backend\n", missing);
}

void drill_simulate(FILE *out, const struct config *config, const struct config_backend *backend,
		    enum drill_kind kind, uint64_t seconds)
{
	const struct kind_info *info = &kinds[kind];

	fprintf(out, "%s on %s for ", info->name, backend->name);
	put_ms(out, seconds * MSEC_PER_SEC);
	fputs(", as configured; nothing was touched\n\n", out);
	put_name(out, "what");
	fprintf(out, "%s\n", info->does);
	put_needs(out, backend, info->needs);
	if (info->class == ERRCLASS_NONE) {
		put_others(out, config, kind);
		return;
	}
	put_detection(out, config, info);
	put_callers(out, config, info);
	put_tries(out, config, info);
	put_plan(out, config, backend);
	put_caps(out, config);
	put_hooks(out, config, seconds);
}
