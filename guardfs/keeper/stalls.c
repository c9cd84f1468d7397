/* stalls.c: see stalls.h.
 *
 * Acts for one job at a time, where the job itself is to blame, with the sentinel, while no other job goes on
 * (else the crawler is not stalled), and within caps by job. Caps go by the wall clock and are in the journal's
 * memory, under "stall/JOB". */
#include "keeper/stalls.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "keeper/internal.h"
#include "policy/caps.h"
#include "policy/stall.h"
#include "report/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ACTED_MAX     64u /* within a day */
#define QUIET_NS      (600 * NSEC_PER_SEC)
#define DAY_NS	      (86400 * NSEC_PER_SEC)
#define MEMORY_PREFIX "stall/"

struct acted {
	/* "": free. */
	char name[JOB_NAME_MAX];
	struct caps caps;
};

struct stalls {
	struct stall_clock clock;
	struct acted acted[ACTED_MAX];
	char
	    /* The last refusal and its reason, written once. */
	    told[JOB_NAME_MAX + 512];
};

struct look {
	struct keeper *k;
	struct report_snapshot *s;
	uint64_t require_ns, now_ns;
	struct stalled {
		struct job_view job;
		struct report_tier tier;
		enum stall blame;
		uint64_t since_ns;
		/* JOB_MAX. */
	} * found;
	uint32_t n;
	/* Last to progress, and the one before. */
	struct {
		char name[JOB_NAME_MAX];
		uint64_t ns;
	} busiest[2];
};

/* ---- memory ---- */

static void store_stalls(struct keeper *k, const struct acted *a)
{
	json_t *times = json_array();
	CLEANUP_FREE char *text = NULL;
	char key[sizeof(MEMORY_PREFIX) + JOB_NAME_MAX];

	for (uint32_t i = 0; i < a->caps.n; i++)
		json_array_append_new(times, json_integer(a->caps.at_ns[i] / (int64_t)NSEC_PER_SEC));
	text = json_dumps(times, JSON_COMPACT);
	json_decref(times);
	snprintf(key, sizeof(key), MEMORY_PREFIX "%s", a->name);
	if (text && k->journal)
		journal_put_memory(k->journal, key, text);
}

static bool is_over(const struct acted *a, uint64_t now_ns)
{
	return a->name[0] == '\0' || caps_count(&a->caps, DAY_NS / NSEC_PER_MSEC, (int64_t)now_ns) == 0;
}

static void forget_stall(struct keeper *k, struct acted *a)
{
	char key[sizeof(MEMORY_PREFIX) + JOB_NAME_MAX];

	snprintf(key, sizeof(key), MEMORY_PREFIX "%s", a->name);
	if (a->name[0] && k->journal)
		journal_put_memory(k->journal, key, NULL);
	memset(a, 0, sizeof(*a));
}

static struct acted *find_acted(struct keeper *k, const char *name, uint64_t now_ns)
{
	struct acted *free_one = NULL;

	for (uint32_t i = 0; i < ACTED_MAX; i++) {
		struct acted *a = &k->stalls->acted[i];

		if (strcmp(a->name, name) == 0)
			return a;
		if (!free_one && is_over(a, now_ns))
			free_one = a;
	}
	if (free_one) {
		forget_stall(k, free_one);
		(void)copy_string(free_one->name, sizeof(free_one->name), name);
	}
	return free_one;
}

static void recall_stalls(struct keeper *k, struct stalls *stalls)
{
	uint64_t now_ns = clock_real_ns();
	const char *key;
	json_t *value;
	uint32_t n = 0;

	json_object_foreach(k->recalled.memory, key, value)
	{
		const char *text = json_string_value(value);
		struct acted *a = &stalls->acted[n];
		const json_t *when;
		json_t *times;
		size_t i;

		if (strncmp(key, MEMORY_PREFIX, strlen(MEMORY_PREFIX)) != 0 || !text || n == ACTED_MAX ||
		    copy_string(a->name, sizeof(a->name), key + strlen(MEMORY_PREFIX)) < 0)
			continue;
		times = json_loads(text, 0, NULL);
		json_array_foreach(times, i, when) caps_note(
		    &a->caps, (int64_t)(json_integer_value(when) % (INT64_MAX / (json_int_t)NSEC_PER_SEC)) *
				  (int64_t)NSEC_PER_SEC);
		json_decref(times);
		if (is_over(a, now_ns))
			forget_stall(k, a);
		else
			n++;
	}
}

struct stalls *stalls_start(struct keeper *k)
{
	struct stalls *stalls = calloc(1, sizeof(*stalls));

	if (stalls)
		recall_stalls(k, stalls);
	return stalls;
}

void stalls_stop(struct stalls *stalls)
{
	free(stalls);
}

void stalls_tick(struct keeper *k)
{
	if (k->stalls)
		stall_clock_see(&k->stalls->clock, clock_real_ns());
}

/* ---- looking ---- */

static void note_progress(struct look *l, const struct job_view *job)
{
	if (job->progress_ns > l->now_ns || job->progress_ns <= l->busiest[1].ns)
		return;
	l->busiest[1].ns = job->progress_ns;
	memcpy(l->busiest[1].name, job->name, JOB_NAME_MAX);
	if (l->busiest[1].ns > l->busiest[0].ns) {
		l->busiest[1] = l->busiest[0];
		l->busiest[0].ns = job->progress_ns;
		memcpy(l->busiest[0].name, job->name, JOB_NAME_MAX);
	}
}

static bool judge_job(void *arg, const struct job_view *job)
{
	struct look *l = arg;
	struct stalled *found = &l->found[l->n];
	const struct stall_job j = {.writers = job->writers,
				    .writing_since_ns = job->writing_since_ns,
				    .writer_closed_ns = job->writer_closed_ns,
				    .progress_ns = job->progress_ns,
				    .error_ns = job->error_ns,
				    .went_on_ns = l->k->stalls ? l->k->stalls->clock.went_on_ns : 0};
	struct stall_tier tier;

	note_progress(l, job);
	report_tier_of(l->s, job, &found->tier);
	tier = (struct stall_tier){.healthy = found->tier.now.state == HEALTH_HEALTHY,
				   .since_ns = found->tier.now.since_ns};
	found->job = *job;
	found->since_ns = stall_since_ns(&j, l->now_ns);
	found->blame = stall_judge(&j, &tier, l->require_ns, l->now_ns);
	l->n += found->blame != STALL_NONE;
	return l->n < JOB_MAX;
}

static int longest_first(const void *a, const void *b)
{
	const struct stalled *x = a, *y = b;

	return x->since_ns < y->since_ns ? -1 : x->since_ns > y->since_ns;
}

static bool look_at_jobs(struct look *l)
{
	/* The machine may just be waking up. */
	stalls_tick(l->k);
	l->now_ns = clock_real_ns();
	l->s = report_snapshot_take(l->k->arena);
	l->found = malloc(JOB_MAX * sizeof(*l->found));
	if (!l->s || !l->found || !report_jobs_visit(&l->k->arena->jobs, judge_job, l))
		return false;
	qsort(l->found, l->n, sizeof(*l->found), longest_first);
	return true;
}

static void describe_why(const struct look *l, const struct stalled *f, char *why, size_t size)
{
	if (f->blame == STALL_CRAWL)
		snprintf(why, size, "%s was well all the time, and gave it no error", f->tier.name);
	else if (f->tier.now.state != HEALTH_HEALTHY)
		snprintf(why, size, "%s is %s", f->tier.name, health_state_name(f->tier.now.state));
	else if (f->job.error_ns >= f->since_ns)
		snprintf(why, size, "its last error, %llu s ago, was the infrastructure's: %s",
			 (l->now_ns - MIN(f->job.error_ns, l->now_ns)) / NSEC_PER_SEC,
			 errclass_info(f->job.last_error)->name);
	else
		snprintf(why, size, "%s was not well meanwhile: healthy since %llu s only", f->tier.name,
			 (l->now_ns - MIN(f->tier.now.since_ns, l->now_ns)) / NSEC_PER_SEC);
}

static json_t *describe_job(const struct look *l, const struct stalled *f)
{
	CLEANUP_FREE char *name = utf8_clean(f->job.name, sizeof(f->job.name));
	char why[256];

	describe_why(l, f, why, sizeof(why));
	return json_pack("{s:s?, s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:I}", "name", name, "tier", f->tier.name,
			 "state", health_state_name(f->tier.now.state), "blame", stall_name(f->blame), "why",
			 why, "since", (json_int_t)(f->since_ns / NSEC_PER_SEC), "seconds",
			 (json_int_t)((l->now_ns - f->since_ns) / NSEC_PER_SEC), "writers",
			 (int)f->job.writers, "incident", (json_int_t)f->tier.incident);
}

/* ---- acting ---- */

static void write_down(struct keeper *k, const struct stalled *f, const char *kind, const char *name,
		       const char *outcome, const char *text)
{
	char line[JOB_NAME_MAX + 512];
	const struct journal_event event = {.time_ns = clock_real_ns(),
					    .incident = f->tier.incident,
					    .kind = kind,
					    .backend = f->tier.name,
					    .name = name,
					    .outcome = outcome,
					    .text = line};

	snprintf(line, sizeof(line), "%s: %s", f->job.name, text);
	if (k->journal)
		journal_put_event(k->journal, &event);
}

/* Against acting at all; NULL: none. */
static const char *general_obstacle(const struct keeper *k, char *text, size_t size)
{
	const struct config *c = k->config;

	if (!config_has_hook(c, CONFIG_HOOK_STALL) || !k->hooks)
		return "no on_stall is configured: [hooks] on_stall";
	if (!c->stall_sentinel[0])
		return "no sentinel is configured: [jobs] stall_sentinel";
	if (access(c->stall_sentinel, F_OK) < 0) {
		snprintf(text, size, "the sentinel %.200s is not there", c->stall_sentinel);
		return text;
	}
	return NULL;
}

/* Against acting for this job. */
static const char *job_obstacle(const struct look *l, const struct stalled *f, char *text, size_t size)
{
	const struct caps_limits limits = {.per_day = l->k->config->stall_per_day,
					   .cooldown_ms = l->k->config->stall_cooldown_ms};
	unsigned other = strcmp(l->busiest[0].name, f->job.name) == 0;
	const char *why = general_obstacle(l->k, text, size);
	enum caps_verdict verdict;
	struct acted *a;

	if (why)
		return why;
	if (l->busiest[other].ns && l->now_ns - l->busiest[other].ns < QUIET_NS) {
		snprintf(text, size, "%.200s made progress %llu s ago", l->busiest[other].name,
			 (l->now_ns - l->busiest[other].ns) / NSEC_PER_SEC);
		return text;
	}
	a = l->k->stalls ? find_acted(l->k, f->job.name, l->now_ns) : NULL;
	if (!a)
		return "too many jobs were acted upon within a day";
	verdict = caps_check(&a->caps, &limits, (int64_t)l->now_ns);
	if (verdict == CAPS_ALLOWED)
		return NULL;
	caps_describe(verdict, &limits, text, size);
	return text;
}

/* False: too many hooks wait. */
static bool run_hook(const struct look *l, const struct stalled *f)
{
	struct hook_event event = {.kind = CONFIG_HOOK_STALL, .incident = f->tier.incident};
	struct acted *a = find_acted(l->k, f->job.name, l->now_ns);
	char text[64];

	(void)copy_string(event.backend, sizeof(event.backend), f->tier.name);
	(void)copy_string(event.class, sizeof(event.class), "none");
	(void)copy_string(event.state, sizeof(event.state), health_state_name(f->tier.now.state));
	(void)copy_string(event.jobs, sizeof(event.jobs), f->job.name);
	snprintf(event.routes, sizeof(event.routes), "%s/%s\n", l->k->config->mountpoint, f->job.name);
	if (!a || hooks_run(l->k->hooks, &event, clock_mono_ns()) < 0)
		return false;
	caps_note(&a->caps, (int64_t)l->now_ns);
	store_stalls(l->k, a);
	l->k->stalls->told[0] = '\0';
	snprintf(text, sizeof(text), "no progress for %llu s", (l->now_ns - f->since_ns) / NSEC_PER_SEC);
	log_notice("job %s: %s: on_stall is run", f->job.name, text);
	write_down(l->k, f, "note", "stall", "on_stall is run", text);
	return true;
}

/* A timer may ask every minute. */
static void tell_not_done(const struct look *l, const struct stalled *f, const char *why)
{
	char told[sizeof(l->k->stalls->told)];

	if (!l->k->stalls)
		return;
	/* Figures make no difference. */
	snprintf(told, sizeof(told), "%s: %.*s", f->job.name, (int)strcspn(why, "0123456789"), why);
	if (strcmp(told, l->k->stalls->told) == 0)
		return;
	memcpy(l->k->stalls->told, told, sizeof(told));
	log_warning("job %s: on_stall is not run: %s", f->job.name, why);
	write_down(l->k, f, "hook", config_hook_name(CONFIG_HOOK_STALL), "not run", why);
}

/* Names may be any bytes. */
static void set_text(json_t *object, const char *key, const char *text)
{
	CLEANUP_FREE char *clean = utf8_clean(text, SIZE_MAX);

	json_object_set_new(object, key, json_string(clean ? clean : ""));
}

/* For the longest stalled job permitted. */
static void act(struct look *l, json_t *result)
{
	char text[512], first_why[512] = "";
	const struct stalled *first = NULL;

	for (uint32_t i = 0; i < l->n; i++) {
		const struct stalled *f = &l->found[i];
		const char *why;

		if (f->blame != STALL_CRAWL)
			continue;
		why = job_obstacle(l, f, text, sizeof(text));
		if (!why && run_hook(l, f)) {
			set_text(result, "acted", f->job.name);
			return;
		}
		if (!first) {
			first = f;
			(void)copy_string(first_why, sizeof(first_why), why ? why : "too many hooks wait");
		}
	}
	if (!first)
		return;
	tell_not_done(l, first, first_why);
	set_text(result, "not_acted", first_why);
}

json_t *stalls_answer(struct keeper *k, uint64_t require_s, bool acting)
{
	struct look l = {.k = k, .require_ns = require_s * NSEC_PER_SEC};
	json_t *array = json_array(), *result = NULL;

	if (look_at_jobs(&l)) {
		result = json_pack("{s:O, s:s, s:s}", "stalled", array, "acted", "", "not_acted", "");
		for (uint32_t i = 0; i < l.n; i++)
			json_array_append_new(array, describe_job(&l, &l.found[i]));
		if (acting && result)
			act(&l, result);
	}
	json_decref(array);
	free(l.found);
	free(l.s);
	return result;
}
