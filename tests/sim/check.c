/* check.c: the rules, kept apart from the machines that are to follow them: nothing here looks into a course
 * to learn what is right. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>

#define CALLS_PER_MINUTE 10u
#define CALLS_PER_HOUR	 60u
/* Calls are counted when they are heard, tries when they begin: up to 250 ms nearer to each other. */
#define SPREAD_NS (250 * NSEC_PER_MSEC)
#define MINUTE_NS (60 * NSEC_PER_SEC - SPREAD_NS)
#define HOUR_NS	  (3600 * NSEC_PER_SEC)
#define LATE_NS	  (11 * NSEC_PER_SEC) /* the longest that a keeper stays dead, and a little */
#define DAY_NS	  (24 * HOUR_NS)

void sim_say(const struct sim *s, const char *format, ...)
{
	va_list args;

	if (!s->trace)
		return;
	printf("%14.3f  ", (double)(s->now - SIM_START_NS) / 1e9);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void sim_fail(struct sim *s, const char *format, ...)
{
	va_list args;

	if (s->failed)
		return;
	s->failed = true;
	va_start(args, format);
	vsnprintf(s->what, sizeof(s->what), format, args);
	va_end(args);
	sim_say(s, "BROKEN RULE: %s", s->what);
}

/* ---- how often ---- */

static void note(struct times *t, uint64_t now_ns)
{
	t->at[t->n++ % SIM_TIMES] = now_ns;
}

static uint32_t within(const struct times *t, uint64_t window_ns, uint64_t now_ns)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < MIN(t->n, (uint32_t)SIM_TIMES); i++)
		n += t->at[i] + window_ns > now_ns;
	return n;
}

/* With the one that is now. */
static bool beyond(const struct times *t, const struct caps_limits *l, uint64_t now_ns)
{
	return (l->per_hour && within(t, HOUR_NS, now_ns) > l->per_hour) ||
	       (l->per_day && within(t, DAY_NS, now_ns) > l->per_day) ||
	       (l->cooldown_ms && within(t, l->cooldown_ms * NSEC_PER_MSEC, now_ns) > 1);
}

/* ---- states ---- */

/* What time alone decides is done in time, or when keeper is back. */
static void check_in_time(struct sim *s, uint64_t due_ns, const char *what)
{
	if (s->now > due_ns + LATE_NS)
		sim_fail(s, "%s %llu s late", what, (unsigned long long)((s->now - due_ns) / NSEC_PER_SEC));
}

static void check_serving(struct sim *s)
{
	if (!breaker_is_closed(s->world.breaker))
		sim_fail(s, "serves with an open breaker");
	if (s->world.proof_epoch != breaker_epoch(s->world.breaker))
		sim_fail(s, "serves epoch %u, whose identity nobody proved", breaker_epoch(s->world.breaker));
}

void check_serves(struct sim *s)
{
	struct ledger *l = &s->ledger;

	check_serving(s);
	l->wanted = false;
	l->served_ns = s->now;
	l->tried_ns = l->failed_ns = l->asked_ns = l->called_ns = 0;
}

void check_transition(struct sim *s, const struct course_effect *e)
{
	struct ledger *l = &s->ledger;

	if (e->from != s->world.state)
		sim_fail(s, "a transition from %s in state %s", health_state_name(e->from),
			 health_state_name(s->world.state));
	if (e->from != e->to && health_next(e->from, e->event) != e->to)
		sim_fail(s, "%s does not lead from %s to %s", health_event_name(e->event),
			 health_state_name(e->from), health_state_name(e->to));
	if (e->event == HEALTH_EVENT_SETTLED)
		check_in_time(s, l->served_ns + s->limits.probation_ms * NSEC_PER_MSEC, "it settled");
	if (e->event == HEALTH_EVENT_RESUME) {
		if (e->from == HEALTH_HELD && l->held_until_ns)
			check_in_time(s, l->held_until_ns, "a hold ended");
		l->fails = 0;
		l->asked_ns = s->now; /* also at the end of a hold */
		l->wanted = true;
	}
	if (health_serves(e->from) || !health_serves(e->to))
		return;
	check_serves(s);
}

void check_gate_closing(struct sim *s, uint32_t epoch)
{
	if (s->world.sshfs && world_living(s) > 1)
		sim_fail(s, "the breaker closes while an older transport lives");
	if (world_inside(s, epoch - 1, false))
		sim_fail(s, "the breaker closes while operations of an older epoch are inside");
	if (s->world.proof_epoch != epoch)
		sim_fail(s, "the breaker closes on epoch %u, whose identity nobody proved", epoch);
	if (s->world.root_epoch != epoch)
		sim_fail(s, "the breaker closes before worker has the root");
	if (epoch <= breaker_epoch(s->world.breaker))
		sim_fail(s, "epoch %u is not above that of the breaker", epoch);
	if (s->world.state == HEALTH_HELD || s->world.state == HEALTH_EXHAUSTED)
		sim_fail(s, "the breaker closes in state %s", health_state_name(s->world.state));
}

/* ---- incidents ---- */

void check_incident_open(struct sim *s)
{
	struct ledger *l = &s->ledger;

	if (l->incident)
		sim_fail(s, "a second incident is opened");
	l->incident = true;
	l->opened++;
	l->opened_ns = s->now;
	l->fails = l->failing ? 1 : 0;
	l->counted = l->excused = l->acted = l->refused = l->kept = l->told_recovered = false;
}

void check_incident_close(struct sim *s)
{
	struct ledger *l = &s->ledger;

	if (!l->incident)
		sim_fail(s, "an incident is closed twice");
	if (s->world.state != HEALTH_HEALTHY && s->world.state != HEALTH_DEGRADED)
		sim_fail(s, "an incident is closed in state %s", health_state_name(s->world.state));
	l->incident = false;
	l->closed++;
	l->last_acted = l->acted;
}

/* ---- tries ---- */

void check_try_lost(struct sim *s)
{
	struct ledger *l = &s->ledger;
	uint64_t confirmed_ns = l->opened_ns + s->limits.confirm_ms * NSEC_PER_MSEC;

	if (!l->incident || l->counted || l->excused)
		return;
	l->counted = true;
	note(&l->recoveries, s->now);
	if (beyond(&l->recoveries, &s->limits.recoveries, s->now))
		sim_fail(s, "a recovery beyond the caps: %u within the hour, %u within the day",
			 within(&l->recoveries, HOUR_NS, s->now), within(&l->recoveries, DAY_NS, s->now));
	if (s->now < confirmed_ns && !l->asked_ns)
		sim_fail(s, "a try before the outage was confirmed");
}

/* Within the backoff. */
static bool comes_early(const struct sim *s, uint64_t quiet_ns)
{
	const struct ledger *l = &s->ledger;

	return !l->asked_ns && ((l->failed_ns && s->now < l->failed_ns + quiet_ns) ||
				(l->tried_ns && s->now < l->tried_ns + quiet_ns));
}

static void check_try_called(struct sim *s)
{
	struct ledger *l = &s->ledger;

	note(&l->called, s->now);
	if (within(&l->called, MINUTE_NS, s->now) > CALLS_PER_MINUTE)
		sim_fail(s, "a storm: %u tries within a minute because the network called",
			 within(&l->called, MINUTE_NS, s->now));
	if (within(&l->called, HOUR_NS - SPREAD_NS, s->now) > CALLS_PER_HOUR)
		sim_fail(s, "a storm: %u tries within an hour because the network called",
			 within(&l->called, HOUR_NS - SPREAD_NS, s->now));
}

void check_try(struct sim *s)
{
	struct ledger *l = &s->ledger;
	uint64_t quiet_ns = s->limits.backoff_min_ms * NSEC_PER_MSEC / 4 * 3;

	l->tries++;
	if (s->keeper.ladder.climbing)
		sim_fail(s, "two tries at once");
	if (s->world.state != HEALTH_DOWN && s->world.state != HEALTH_CONNECTING)
		sim_fail(s, "a try in state %s", health_state_name(s->world.state));
	if (!l->incident && !l->wanted && s->world.state != HEALTH_CONNECTING)
		sim_fail(s, "a try without an incident that nobody asked for");
	if (comes_early(s, quiet_ns) && l->called_ns)
		check_try_called(s);
	else if (l->failed_ns && !l->asked_ns && s->now < l->failed_ns + quiet_ns)
		sim_fail(s, "a try %llu ms after one that failed",
			 (unsigned long long)((s->now - l->failed_ns) / NSEC_PER_MSEC));
	else if (l->tried_ns && !l->asked_ns && s->now < l->tried_ns + quiet_ns)
		sim_fail(s, "a try %llu ms after one that nobody saw the end of",
			 (unsigned long long)((s->now - l->tried_ns) / NSEC_PER_MSEC));
	check_try_lost(s);
	/* The first connection is begun anew by every keeper: guardian paces those. */
	l->tried_ns = s->world.state == HEALTH_CONNECTING ? 0 : s->now;
	l->asked_ns = l->called_ns = 0;
}

void check_keeper_is_new(struct sim *s)
{
	s->ledger.called.n = 0;
}

void check_called(struct sim *s)
{
	s->ledger.called_ns = s->now;
}

void check_failed(struct sim *s)
{
	s->ledger.failing = true;
	s->ledger.fails++;
	s->ledger.failed_ns = s->now;
	s->ledger.asked_ns = 0;
}

void check_asked(struct sim *s, bool new_budget)
{
	s->ledger.asked_ns = s->now;
	s->ledger.wanted = true;
	if (new_budget)
		s->ledger.recoveries.n = 0;
}

/* ---- acting beyond guardfs ---- */

void check_act_lost(struct sim *s)
{
	struct ledger *l = &s->ledger;

	l->acted = true;
	note(&l->acts, s->now);
	if (beyond(&l->acts, &s->limits.acts, s->now))
		sim_fail(s, "act `down` beyond the caps");
}

static void check_act_down(struct sim *s, bool allowed, bool sentinel)
{
	struct ledger *l = &s->ledger;

	if (!l->incident || l->acted)
		sim_fail(s, "act `down` %s", l->acted ? "a second time" : "without an incident");
	if (health_serves(s->world.state) || s->world.state == HEALTH_HELD)
		sim_fail(s, "act `down` in state %s", health_state_name(s->world.state));
	if (l->fails < s->limits.act_confirm_failures)
		sim_fail(s, "act `down` after %u failures", l->fails);
	if (s->now < l->opened_ns + s->limits.act_confirm_ms * NSEC_PER_MSEC)
		sim_fail(s, "act `down` before the outage was old enough");
	if (!allowed) {
		if (l->refused)
			sim_fail(s, "act `down` refused and told twice");
		l->refused = true;
		return;
	}
	if (!sentinel) {
		if (l->kept)
			sim_fail(s, "act `down` without a sentinel, told twice");
		l->kept = true;
		return;
	}
	check_act_lost(s);
}

void check_act(struct sim *s, const struct course_effect *e, bool kept)
{
	struct ledger *l = &s->ledger;

	switch (e->act) {
	case COURSE_ACT_DOWN:
		check_act_down(s, e->verdict == CAPS_ALLOWED, !kept);
		break;
	case COURSE_ACT_RECOVERED:
		if (l->incident || !l->last_acted || l->told_recovered)
			sim_fail(s, "act `recovered` without `down`, or a second time");
		l->told_recovered = true;
		break;
	case COURSE_ACT_EXHAUSTED:
		if (s->world.state != HEALTH_EXHAUSTED)
			sim_fail(s, "act `exhausted` in state %s", health_state_name(s->world.state));
		break;
	}
}

/* ---- after every step ---- */

void check_always(struct sim *s)
{
	const struct keeper_sim *k = &s->keeper;
	bool closed = breaker_is_closed(s->world.breaker);

	if (closed && s->world.proof_epoch != breaker_epoch(s->world.breaker))
		sim_fail(s, "the breaker is closed without proof");
	if (!k->alive)
		return;
	if (s->world.state == HEALTH_HELD && s->ledger.held_until_ns)
		check_in_time(s, s->ledger.held_until_ns, "a hold goes on");
	if (k->course.state != s->world.state)
		sim_fail(s, "the course says %s, the board %s", health_state_name(k->course.state),
			 health_state_name(s->world.state));
	if (closed != k->serving && !(k->serving && k->notice_ns != NEVER))
		sim_fail(s, "the breaker is %s in state %s", closed ? "closed" : "open",
			 health_state_name(s->world.state));
	if (k->serving != health_serves(s->world.state))
		sim_fail(s, "serving: %d in state %s", k->serving, health_state_name(s->world.state));
	if (k->course.trying != k->ladder.climbing)
		sim_fail(s,
			 k->course.trying ? "a try that climbs no ladder" : "a ladder climbed without a try");
	if (k->course.incident != s->ledger.incident)
		sim_fail(s, "the course %s an incident, the journal %s",
			 k->course.incident ? "has" : "has not", s->ledger.incident ? "has" : "has not");
}

void check_end(struct sim *s)
{
	struct ledger *l = &s->ledger;

	if (l->incident || l->opened != l->closed)
		sim_fail(s, "%u incidents were opened, %u closed", l->opened, l->closed);
	if (s->keeper.ladder.climbing)
		sim_fail(s, "a try although it is healthy");
	check_serving(s);
}
