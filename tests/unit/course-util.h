/* A course, its time, and what came out of it as words. */
#ifndef COURSE_UTIL_H
#define COURSE_UTIL_H

#include "policy/course.h"

#define MS     NSEC_PER_MSEC
#define SECOND NSEC_PER_SEC
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define MIDDLE 0x80000000u

static struct course_limits limits;
static struct course c;
static uint64_t now;

/* What came out since the last look, in order, as words. */
static char effects[512];

static void say(const char *word)
{
	size_t used = strlen(effects);

	assert_true(used + strlen(word) + 2 < sizeof(effects));
	if (used)
		effects[used++] = ' ';
	strcpy(effects + used, word);
}

static void take_all(void)
{
	static const char *const acts[] = {"down", "recovered", "exhausted"};
	struct course_effect e;

	assert_true(c.n_effects < COURSE_EFFECTS_MAX);
	while (course_take(&c, &e)) {
		if (e.kind == COURSE_TRANSITION)
			say(health_state_name(e.to));
		else if (e.kind == COURSE_ACT)
			say(e.verdict == CAPS_ALLOWED ? acts[e.act] : "capped");
		else
			say(e.kind == COURSE_INCIDENT_OPEN    ? "open"
			    : e.kind == COURSE_INCIDENT_CLOSE ? "close"
			    : e.kind == COURSE_TRY	      ? "try"
							      : "stop");
	}
}

static void expect(const char *file, int line, const char *wanted)
{
	take_all();
	if (strcmp(effects, wanted) != 0) {
		print_error("%s:%d: expected \"%s\", got \"%s\"\n", file, line, wanted, effects);
		fail();
	}
	effects[0] = '\0';
}
#define EXPECT(wanted) expect(__FILE__, __LINE__, wanted)

static uint64_t step(uint64_t later)
{
	uint64_t wake;

	now += later;
	wake = course_step(&c, now);
	take_all();
	return wake;
}

static void fail_try(enum errclass class)
{
	course_try_started(&c, now);
	course_try_failed(&c, class, MIDDLE, now);
	take_all();
}

static void prove(void)
{
	course_try_started(&c, now);
	course_proven(&c, now);
	take_all();
}

/* First connection made and settled. */
static void serve(void)
{
	step(0);
	prove();
	step(200 * MS);
	EXPECT("try probation healthy");
	now += HOUR;
}

static int begin(void **state)
{
	(void)state;
	limits = (struct course_limits){.backoff_min_ms = 1000,
					.backoff_max_ms = 60000,
					.probation_ms = 200,
					.short_ms = 10000,
					.flap_count = 4,
					.flap_window_ms = 600000,
					.recoveries = {20, 100, 0},
					.act_confirm_failures = 2,
					.act_confirm_ms = 120000,
					.acts = {2, 6, 900000}};
	now = 1000 * SECOND;
	effects[0] = '\0';
	course_init(&c, &limits, HEALTH_CONNECTING, ERRCLASS_NONE, false, now);
	return 0;
}

static void break_it(void)
{
	course_broken(&c, ERRCLASS_SERVER_GONE, MIDDLE, now);
	take_all();
}

#endif
