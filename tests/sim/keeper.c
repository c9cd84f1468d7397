/* keeper.c: keeper as far as it concerns one backend; the counterpart of keeper/events.c, effects.c, climb.c
 * and memory.c. */
#include "sim.h"

static const char *effect_name(const struct course_effect *e)
{
	static const char *const names[] = {"transition", "incident opened", "incident closed",
					    "try",	  "try stopped",     "act"};
	static const char *const acts[] = {"act: down", "act: recovered", "act: exhausted"};

	return e->kind == COURSE_ACT ? acts[e->act] : names[e->kind];
}

static void say_effect(const struct sim *s, const struct course_effect *e)
{
	if (e->kind == COURSE_TRANSITION)
		sim_say(s, "  %s -> %s (%s, %s)", health_state_name(e->from), health_state_name(e->to),
			health_event_name(e->event), errclass_info(e->class)->name);
	else
		sim_say(s, "  %s%s", effect_name(e),
			e->verdict != CAPS_ALLOWED ? ", kept from by a cap" : "");
}

static void transition(struct sim *s, const struct course_effect *e)
{
	struct keeper_sim *k = &s->keeper;

	check_transition(s, e);
	if (!health_serves(e->to)) {
		if (k->serving)
			world_trip_breaker(s, k->epoch, e->class);
		k->serving = false;
		k->notice_ns = NEVER;
	}
	s->world.state = e->to;
	s->world.class = e->class;
	if (e->to == HEALTH_HELD || e->to == HEALTH_EXHAUSTED)
		rungs_take_down(s);
}

static void begin_try(struct sim *s)
{
	check_try(s);
	rungs_begin(s);
	if (s->mutation == MUTATE_TWO_TRIES)
		check_try(s);
}

static void close_incident(struct sim *s)
{
	if (s->mutation == MUTATE_LOST_CLOSE)
		return;
	check_incident_close(s);
	if (s->mutation == MUTATE_DOUBLE_CLOSE)
		check_incident_close(s);
}

static void act(struct sim *s, const struct course_effect *e)
{
	bool refused = e->act == COURSE_ACT_DOWN && e->verdict == CAPS_ALLOWED && !s->world.sentinel;

	check_act(s, e, refused);
	if (refused)
		course_act_refused(&s->keeper.course);
}

static void carry_out(struct sim *s, const struct course_effect *e)
{
	say_effect(s, e);
	switch (e->kind) {
	case COURSE_TRANSITION:
		transition(s, e);
		break;
	case COURSE_INCIDENT_OPEN:
		check_incident_open(s);
		break;
	case COURSE_INCIDENT_CLOSE:
		close_incident(s);
		break;
	case COURSE_TRY:
		begin_try(s);
		break;
	case COURSE_STOP_TRY:
		rungs_take_down(s);
		break;
	case COURSE_ACT:
		act(s, e);
		break;
	}
}

/* Dies with this effect and all after it undone. That it decided to try or to act is remembered
 * all the same: at most once. */
static void die_before(struct sim *s, const struct course_effect *e)
{
	struct course_effect lost = *e;

	do {
		sim_say(s, "  lost:");
		say_effect(s, &lost);
		if (lost.kind == COURSE_ACT && lost.act == COURSE_ACT_DOWN && lost.verdict == CAPS_ALLOWED)
			check_act_lost(s);
		if (lost.kind == COURSE_TRANSITION && lost.event == HEALTH_EVENT_RESUME)
			check_asked(s, false);
		if (lost.kind == COURSE_TRY)
			check_try_lost(s);
	} while (course_take(&s->keeper.course, &lost));
	keeper_crash(s);
}

/* A keeper that is to die does so between two effects. */
void keeper_drain(struct sim *s)
{
	struct keeper_sim *k = &s->keeper;
	struct course_effect e;

	if (k->course.n_effects >= COURSE_EFFECTS_MAX)
		sim_fail(s, "the queue of effects overflowed");
	while (k->alive && course_take(&k->course, &e)) {
		if (k->lives_effects == 0) {
			die_before(s, &e);
			return;
		}
		if (k->lives_effects != UINT32_MAX)
			k->lives_effects--;
		carry_out(s, &e);
	}
}

/* ---- death and restart ---- */

/* What was written down before the effects of the last call were carried out: docs/HISTORY.md, memory. */
void keeper_crash(struct sim *s)
{
	struct keeper_sim *k = &s->keeper;

	sim_say(s, "keeper dies");
	k->remembered = k->course;
	k->alive = k->serving = false;
	ladder_stop(&k->ladder);
	k->restart_ns = sim_in_ms(s, 1, sim_chance(s, 20) ? 10000 : 200);
}

static void recall(struct sim *s)
{
	struct course *c = &s->keeper.course;
	const struct course *r = &s->keeper.remembered;

	if (s->mutation == MUTATE_FORGET)
		return;
	c->incident_counted = r->incident_counted;
	c->told_down = r->told_down;
	c->acted_down = r->acted_down;
	c->act_refused = r->act_refused;
	c->failures = r->failures;
	c->act_failures = r->act_failures;
	c->doublings = r->doublings;
	c->short_services = r->short_services;
	c->down_since_ns = r->down_since_ns;
	c->served_since_ns = r->served_since_ns;
	c->next_try_ns = MAX(c->next_try_ns, r->next_try_ns);
	c->held_until_ns = r->held_until_ns;
	c->recoveries = r->recoveries;
	c->acts = r->acts;
	c->breaks = r->breaks;
}

/* Serving as the board says, and everything needed for it is there. */
static bool adoptable(struct sim *s)
{
	uint32_t epoch = breaker_epoch(s->world.breaker);
	const struct transport *t = world_transport(s, epoch);

	if (!breaker_is_closed(s->world.breaker) || s->world.root_epoch != epoch)
		return false;
	s->keeper.epoch = epoch;
	return !s->world.sshfs || (t && t->alive);
}

static void broken(struct sim *s, enum errclass class)
{
	struct keeper_sim *k = &s->keeper;

	if (breaker_is_closed(s->world.breaker))
		world_trip_breaker(s, breaker_epoch(s->world.breaker), class);
	k->serving = false;
	k->notice_ns = NEVER;
	course_broken(&k->course, class, (uint32_t)sim_random(s), s->now);
	keeper_drain(s);
}

void keeper_start(struct sim *s, bool first)
{
	struct keeper_sim *k = &s->keeper;
	enum health_state state = s->world.state;
	bool adopted = adoptable(s);

	k->alive = true;
	k->lives_effects = UINT32_MAX;
	k->restart_ns = k->notice_ns = NEVER;
	k->wake_ns = s->now;
	k->slowness = (struct slowness){0};
	k->window_ns = s->now;
	k->serving = adopted;
	k->probe_ns = sim_in_ms(s, 0, 5000);
	if (adopted && !health_serves(state))
		state = HEALTH_PROBATION;
	if (adopted)
		check_serves(s);
	check_keeper_is_new(s);
	course_init(&k->course, &s->limits, state, s->world.class, s->ledger.incident, s->now);
	s->world.state = k->course.state;
	if (first)
		return;
	sim_say(s, "keeper starts: %s%s", health_state_name(k->course.state),
		adopted ? ", goes on serving" : "");
	recall(s);
	if (!adopted && health_serves(state))
		broken(s, ERRCLASS_SERVER_GONE);
	else if (!adopted && breaker_is_closed(s->world.breaker))
		world_trip_breaker(s, breaker_epoch(s->world.breaker), ERRCLASS_SERVER_GONE);
}

/* ---- while it serves ---- */

static void note_breaks(struct sim *s)
{
	struct keeper_sim *k = &s->keeper;
	const struct transport *t = world_transport(s, k->epoch);

	if (s->world.sshfs && (!t || !t->alive)) {
		broken(s, t ? t->dies_of : ERRCLASS_SERVER_GONE);
	} else if (!breaker_is_closed(s->world.breaker)) {
		/* A nudge that was lost is made up for within a second. */
		if (k->notice_ns == NEVER)
			k->notice_ns = sim_chance(s, 90) ? s->now : sim_in_ms(s, 0, 1000);
		if (s->now >= k->notice_ns)
			broken(s, s->world.opened_class);
	}
}

/* The windows since the last look, of a long time only the last ones. */
static bool is_slow(struct sim *s)
{
	static const enum slowness_verdict quick[] = {SLOWNESS_QUICK, SLOWNESS_SILENT, SLOWNESS_BETWEEN};
	const uint64_t window_ns = SLOWNESS_WINDOW_MS * NSEC_PER_MSEC;
	struct keeper_sim *k = &s->keeper;

	for (k->window_ns = MAX(k->window_ns, s->now - 8 * window_ns); k->window_ns + window_ns <= s->now;) {
		enum slowness_verdict verdict = quick[sim_between(s, 0, s->quiet ? 1 : 2)];

		k->window_ns += window_ns;
		slowness_take(&k->slowness, s->world.mood == MOOD_SLOW ? SLOWNESS_SLOW : verdict,
			      60 * NSEC_PER_SEC, k->window_ns);
	}
	return k->slowness.slow;
}

static void end_of_probe(struct sim *s)
{
	struct keeper_sim *k = &s->keeper;
	enum mood mood = s->world.mood;
	bool slow;

	/* From milliseconds to a quarter of an hour: traffic that comes back makes probes rare. */
	k->probe_ns = s->now + (sim_between(s, 1, 900) * NSEC_PER_SEC >> sim_between(s, 0, 8));
	if (mood == MOOD_FROZEN || (!s->world.sshfs && (mood == MOOD_REFUSING || mood == MOOD_WRONG))) {
		broken(s, mood == MOOD_FROZEN	  ? ERRCLASS_STALLED
			  : mood == MOOD_REFUSING ? ERRCLASS_NOT_CONNECTED
						  : ERRCLASS_IDENTITY_MISMATCH);
		return;
	}
	slow = is_slow(s);
	course_probed(&k->course,
		      slow		 ? ERRCLASS_SLOW
		      : sim_chance(s, 5) ? ERRCLASS_IO_ERROR
					 : ERRCLASS_NONE,
		      s->now);
	keeper_drain(s);
}

void keeper_explain(struct sim *s)
{
	static const enum errclass classes[] = {ERRCLASS_UNREACHABLE, ERRCLASS_AUTH_FAILED, ERRCLASS_FULL};

	if (!s->keeper.alive)
		return;
	course_explained(&s->keeper.course, classes[sim_between(s, 0, ARRAY_SIZE(classes) - 1)]);
	keeper_drain(s);
}

/* ---- the ladder's end ---- */

static void try_failed(struct sim *s, enum errclass class)
{
	struct keeper_sim *k = &s->keeper;

	sim_say(s, "try failed at %s: %s", ladder_rung_name(&k->ladder), errclass_info(class)->name);
	check_failed(s);
	rungs_take_down(s);
	course_try_failed(&k->course, class, (uint32_t)sim_random(s), s->now);
	if (s->mutation == MUTATE_NO_BACKOFF)
		k->course.next_try_ns = s->now;
	keeper_drain(s);
	s->ledger.failing = false;
}

static void try_succeeded(struct sim *s)
{
	s->keeper.serving = true;
	course_proven(&s->keeper.course, s->now);
	keeper_drain(s);
}

/* Returns whether it ended. */
static bool step_ladder(struct sim *s)
{
	struct keeper_sim *k = &s->keeper;

	switch (ladder_step(&k->ladder, s, s->now)) {
	case LADDER_TOP:
		try_succeeded(s);
		return true;
	case LADDER_FAILED:
		try_failed(s, k->failure);
		return true;
	case LADDER_EXPIRED:
		try_failed(s, ERRCLASS_TIMEOUT);
		return true;
	case LADDER_IDLE:
	case LADDER_WAITING:
		break;
	}
	return false;
}

static void mutate(struct sim *s)
{
	struct course *c = &s->keeper.course;

	if (s->mutation == MUTATE_IGNORE_CAPS)
		c->recoveries.n = c->acts.n = 0;
	if (s->mutation == MUTATE_ACT_AT_ONCE && c->incident) {
		c->act_failures = 1000;
		c->down_since_ns = 0;
	}
	if (s->mutation == MUTATE_TRY_WHILE_HELD && c->state == HEALTH_HELD)
		c->state = HEALTH_DOWN;
	if (s->mutation == MUTATE_CALL_STORM)
		c->called.n = 0;
}

static void step_course(struct sim *s)
{
	struct keeper_sim *k = &s->keeper;

	mutate(s);
	if (s->mutation == MUTATE_DEAF && k->course.failures > 0) {
		k->wake_ns = NEVER;
		return;
	}
	k->wake_ns = course_step(&k->course, s->now);
	keeper_drain(s);
}

void keeper_step(struct sim *s)
{
	struct keeper_sim *k = &s->keeper;

	if (!k->alive && s->now >= k->restart_ns)
		keeper_start(s, false);
	if (k->alive && k->serving)
		note_breaks(s);
	if (k->alive && k->serving && s->now >= k->probe_ns)
		end_of_probe(s);
	if (k->alive)
		step_course(s);
	if (k->alive && step_ladder(s) && k->alive)
		step_course(s);
}

uint64_t keeper_next(const struct sim *s)
{
	const struct keeper_sim *k = &s->keeper;
	const uint64_t rungs[] = {k->answer_ns, k->ack_ns, k->routes_ns, k->routes_ns + 2000 * NSEC_PER_MSEC,
				  k->begun_ns + 1000 * NSEC_PER_MSEC};
	uint64_t next = k->wake_ns;

	if (!k->alive)
		return k->restart_ns;
	if (k->serving)
		next = MIN(next, MIN(k->probe_ns, k->notice_ns));
	if (!k->ladder.climbing)
		return next;
	/* Asked in a far future, the ladder names its next deadline: what it waits for wakes us anyway. */
	next = MIN(next, ladder_wake_ns(&k->ladder, NEVER / 2));
	for (size_t i = 0; i < ARRAY_SIZE(rungs); i++)
		if (rungs[i] > s->now)
			next = MIN(next, rungs[i]);
	return next;
}

/* ---- an operator ---- */

void keeper_hold(struct sim *s, uint64_t until_ns)
{
	if (course_hold(&s->keeper.course, until_ns, s->now) != 0)
		sim_fail(s, "a hold was refused");
	keeper_drain(s);
	s->ledger.held_until_ns = until_ns;
	s->keeper.wake_ns = s->now;
}

void keeper_resume(struct sim *s)
{
	bool held = s->world.state == HEALTH_HELD, exhausted = s->world.state == HEALTH_EXHAUSTED;
	errint_t rc = course_resume(&s->keeper.course, s->now);

	if ((rc == 0) != (held || exhausted))
		sim_fail(s, "resume in state %s: %d", health_state_name(s->world.state), rc);
	if (rc == 0)
		check_asked(s, exhausted);
	keeper_drain(s);
	s->keeper.wake_ns = s->now;
}

void keeper_called(struct sim *s)
{
	bool idle = s->world.state == HEALTH_HELD || s->world.state == HEALTH_EXHAUSTED ||
		    health_serves(s->world.state);

	if (!s->keeper.alive)
		return;
	check_called(s);
	if (course_called(&s->keeper.course, (uint32_t)sim_random(s), s->now) && idle)
		sim_fail(s, "a call in state %s brought a try", health_state_name(s->world.state));
	keeper_drain(s);
	s->keeper.wake_ns = s->now;
}

void keeper_reconnect(struct sim *s)
{
	bool held = s->world.state == HEALTH_HELD, exhausted = s->world.state == HEALTH_EXHAUSTED;
	errint_t rc = course_reconnect(&s->keeper.course, s->now);

	if ((rc == 0) == held)
		sim_fail(s, "reconnect in state %s: %d", health_state_name(s->world.state), rc);
	if (rc == 0)
		check_asked(s, exhausted);
	s->ledger.excused |= rc == 0 && !exhausted;
	keeper_drain(s);
	s->keeper.wake_ns = s->now;
}
