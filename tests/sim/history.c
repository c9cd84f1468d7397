/* history.c: one random history. */
#include "sim.h"

#define STEPS_MAX	350u /* then comes the quiet end, so that no history is long */
#define QUIET_STEPS_MAX 3000u
#define SPIN_MAX	50u
#define NOTICE_NS	(2 * NSEC_PER_SEC) /* what is past is noticed within */
#define RESTART_NS	(11 * NSEC_PER_SEC)
#define LADDER_REST_MS \
	15000u /* fence, drain, anchor, routes: what the connection's budget does not cover \
		*/

/* Small caps and short times, so that every limit is met in a history of some hundred steps. */
static void choose_limits(struct sim *s)
{
	struct course_limits *l = &s->limits;

	*l = (struct course_limits){
	    .backoff_min_ms = sim_between(s, 100, 3000),
	    .confirm_ms = sim_chance(s, 70) ? 0 : sim_between(s, 1, 20000),
	    .probation_ms = 200,
	    .short_ms = 10000,
	    .flap_count = (uint32_t)sim_between(s, 0, 4),
	    .flap_window_ms = sim_between(s, 10000, 1200000),
	    .recoveries = {(uint32_t)sim_between(s, 0, 8), (uint32_t)sim_between(s, 0, 12), 0},
	    .act_confirm_failures = (uint32_t)sim_between(s, 0, 3),
	    .act_confirm_ms = sim_chance(s, 30) ? 0 : sim_between(s, 0, 120000),
	    .acts = {(uint32_t)sim_between(s, 0, 2), (uint32_t)sim_between(s, 0, 4),
		     sim_chance(s, 50) ? 0 : sim_between(s, 1, 900000)},
	};
	l->backoff_max_ms = l->backoff_min_ms * sim_between(s, 1, 60);
	s->connect_ms = (uint32_t)sim_between(s, 1000, 20000);
}

static void begin(struct sim *s, uint64_t seed, enum mutation mutation, bool trace)
{
	s->seed = s->random = seed;
	s->mutation = mutation;
	s->trace = trace;
	s->failed = s->quiet = false;
	s->now = SIM_START_NS;
	s->steps = s->spins = 0;
	memset(&s->world, 0, sizeof(s->world));
	memset(&s->ledger, 0, sizeof(s->ledger));
	choose_limits(s);
	s->world.sshfs = sim_chance(s, 75);
	s->world.abortable = sim_chance(s, 50);
	s->world.sentinel = sim_chance(s, 80);
	s->world.stall_seen_ns = NEVER;
	s->world.state = HEALTH_CONNECTING;
	if (sim_chance(s, 30))
		world_set_mood(s, (enum mood)sim_between(s, 0, MOOD_COUNT - 1));
	s->events_left = (uint32_t)sim_between(s, 1, 40);
	s->next_event_ns = s->now;
	s->next_call_ns = NEVER;
	s->calls_left = 0;
	s->keeper.answer_ns = s->keeper.ack_ns = s->keeper.routes_ns = s->keeper.begun_ns = 0;
	ladder_stop(&s->keeper.ladder);
	keeper_start(s, true);
}

/* ---- what happens ---- */

static void operator_acts(struct sim *s)
{
	uint64_t what = sim_between(s, 0, 9);

	if (!s->keeper.alive)
		return;
	if (what < 2) {
		sim_say(s, "operator: hold for a while");
		keeper_hold(s, sim_in_ms(s, 0, 600000));
	} else if (what < 3) {
		sim_say(s, "operator: hold");
		keeper_hold(s, 0);
	} else if (what < 7) {
		sim_say(s, "operator: resume");
		keeper_resume(s);
	} else {
		sim_say(s, "operator: reconnect");
		keeper_reconnect(s);
	}
}

static void keeper_dies(struct sim *s)
{
	if (!s->keeper.alive)
		return;
	if (sim_chance(s, 50))
		keeper_crash(s);
	else
		s->keeper.lives_effects = (uint32_t)sim_between(s, 0, 6);
}

/* Once, or as one whose link flaps. */
static void network_calls(struct sim *s)
{
	s->calls_left = sim_chance(s, 50) ? 1 : (uint32_t)sim_between(s, 2, 40);
	s->next_call_ns = s->now;
}

static void network_step(struct sim *s)
{
	if (s->now < s->next_call_ns)
		return;
	keeper_called(s);
	s->next_call_ns = --s->calls_left ? sim_in_ms(s, 10, 3000) : NEVER;
}

static void worker_opens(struct sim *s)
{
	static const enum errclass classes[] = {ERRCLASS_NOT_CONNECTED, ERRCLASS_STALLED, ERRCLASS_ABORTED};

	if (breaker_is_closed(s->world.breaker))
		world_trip_breaker(s, breaker_epoch(s->world.breaker), classes[sim_between(s, 0, 2)]);
}

static void happen(struct sim *s)
{
	uint64_t what = sim_between(s, 0, 99);

	if (what < 40)
		world_set_mood(s,
			       sim_chance(s, 40) ? MOOD_GOOD : (enum mood)sim_between(s, 0, MOOD_COUNT - 1));
	else if (what < 55)
		world_cut(s, ERRCLASS_SERVER_GONE);
	else if (what < 70)
		worker_opens(s);
	else if (what < 85)
		operator_acts(s);
	else if (what < 93)
		keeper_dies(s);
	else if (what < 95)
		keeper_explain(s);
	else if (what < 97)
		network_calls(s);
	else if (breaker_is_closed(s->world.breaker))
		world_enter(s, breaker_epoch(s->world.breaker), false);
}

/* From a millisecond to a day. */
static uint64_t gap_ns(struct sim *s)
{
	static const struct {
		unsigned per_cent;
		uint64_t ms;
	} gaps[] = {{30, 300}, {60, 5000}, {85, 60000}, {94, 900000}, {99, 6 * 3600000}, {100, 24 * 3600000}};
	uint64_t chance = sim_between(s, 0, 99);

	for (size_t i = 0; i < ARRAY_SIZE(gaps); i++)
		if (chance < gaps[i].per_cent)
			return sim_between(s, 0, gaps[i].ms * 1000) * 1000;
	return 0;
}

/* ---- steps ---- */

static uint64_t next_moment(const struct sim *s)
{
	uint64_t next = MIN(MIN(world_next(s), keeper_next(s)), s->next_call_ns);

	return s->quiet ? next : MIN(next, s->next_event_ns);
}

/* To the next moment at which anything is due, until_ns at the latest. */
static void step(struct sim *s, uint64_t until_ns)
{
	uint64_t next = MIN(next_moment(s), until_ns);

	s->spins = next <= s->now ? s->spins + 1 : 0;
	if (s->spins > SPIN_MAX)
		sim_fail(s, "it spins in state %s", health_state_name(s->world.state));
	s->now = MAX(s->now, next);
	s->steps++;
	world_step(s);
	if (!s->quiet && s->now >= s->next_event_ns) {
		happen(s);
		s->next_event_ns = s->now + gap_ns(s);
		s->events_left--;
	}
	network_step(s);
	keeper_step(s);
	check_always(s);
}

/* ---- the quiet end ---- */

static bool settled(const struct sim *s)
{
	return s->keeper.alive && (s->world.state == HEALTH_HEALTHY || s->world.state == HEALTH_DEGRADED);
}

static bool waits_for_operator(const struct sim *s)
{
	return s->keeper.alive && (s->world.state == HEALTH_EXHAUSTED ||
				   (s->world.state == HEALTH_HELD && s->keeper.course.held_until_ns == 0));
}

static void run_until(struct sim *s, uint64_t until_ns, bool (*enough)(const struct sim *))
{
	uint32_t steps = 0;

	while (!s->failed && s->now < until_ns && !(enough && enough(s))) {
		step(s, until_ns);
		if (++steps > QUIET_STEPS_MAX)
			sim_fail(s, "no end: state %s", health_state_name(s->world.state));
	}
}

/* One try that failed for what was before, the longest pause, one that succeeds. */
static uint64_t patience_ns(const struct sim *s)
{
	uint64_t ladder_ms = s->connect_ms + LADDER_REST_MS;

	return (2 * ladder_ms + s->limits.backoff_max_ms / 4 * 5 + s->limits.confirm_ms +
		s->limits.probation_ms + 12000) *
	       NSEC_PER_MSEC;
}

static bool alive(const struct sim *s)
{
	return s->keeper.alive;
}

static bool released(const struct sim *s)
{
	return s->keeper.alive && s->world.state != HEALTH_HELD;
}

static void operator_lets_go(struct sim *s)
{
	uint32_t tries = s->ledger.tries;

	run_until(s, s->now + 3600 * NSEC_PER_SEC, NULL);
	if (s->ledger.tries != tries)
		sim_fail(s, "a try in state %s", health_state_name(s->world.state));
	if (!waits_for_operator(s))
		sim_fail(s, "what only an operator may end ended by itself");
	if (s->failed)
		return;
	sim_say(s, "operator: resume, at last");
	keeper_resume(s);
}

static bool settled_or_waits(const struct sim *s)
{
	return settled(s) || waits_for_operator(s);
}

static bool is_healthy(const struct sim *s)
{
	return s->world.state == HEALTH_HEALTHY;
}

/* All faults are over: it must be healthy within its own limits, and everything closed. */
static void end_quietly(struct sim *s)
{
	s->quiet = true;
	s->keeper.lives_effects = UINT32_MAX;
	sim_say(s, "all is well from here on");
	world_set_mood(s, MOOD_GOOD);
	for (unsigned i = 0; i < SIM_TRANSPORTS; i++)
		if (s->world.transports[i].alive &&
		    s->world.transports[i].dies_ns > s->now + 50 * NSEC_PER_MSEC)
			s->world.transports[i].dies_ns = NEVER; /* it was to flap later */
	run_until(s, s->now + NOTICE_NS, NULL);
	/* Each outage may exhaust a budget. */
	for (int i = 0; i < 3 && !s->failed; i++) {
		run_until(s, s->now + RESTART_NS, alive);
		if (!s->failed && s->world.state == HEALTH_HELD && s->keeper.course.held_until_ns)
			run_until(s, s->keeper.course.held_until_ns + 1, released);
		run_until(s, s->now + patience_ns(s), settled_or_waits);
		if (!s->failed && waits_for_operator(s))
			operator_lets_go(s);
	}
	if (!s->failed && !settled(s))
		sim_fail(s, "not healthy %llu s after the last fault: %s",
			 (unsigned long long)(patience_ns(s) / NSEC_PER_SEC),
			 health_state_name(s->world.state));
	/* Neither slow nor flapping for ever. */
	run_until(s, s->now + 2 * s->limits.flap_window_ms * NSEC_PER_MSEC + 4 * 3600 * NSEC_PER_SEC,
		  is_healthy);
	if (!s->failed && s->world.state != HEALTH_HEALTHY)
		sim_fail(s, "%s for ever: %s", health_state_name(s->world.state),
			 errclass_info(s->world.class)->name);
	if (!s->failed)
		check_end(s);
}

bool history_run(struct sim *s, uint64_t seed, enum mutation mutation, bool trace)
{
	begin(s, seed, mutation, trace);
	while (!s->failed && s->events_left > 0 && s->steps < STEPS_MAX)
		step(s, NEVER);
	if (!s->failed)
		end_quietly(s);
	return !s->failed;
}
