/* rungs.c: what a recovery does to the world; the counterpart of keeper/rungs.c. */
#include "sim.h"

#define SILENCE_MS     2000u /* routes_poll's patience */
#define ABORT_GRACE_MS 1000u

static enum rung_result fail_with(struct sim *s, enum errclass class)
{
	s->keeper.failure = class;
	return RUNG_FAILED;
}

static bool transport_gone(struct sim *s, enum errclass *class)
{
	const struct transport *t = world_transport(s, s->keeper.epoch);

	if (!s->world.sshfs || !t || t->alive)
		return false;
	*class = t->dies_of;
	return true;
}

static enum rung_result fence_start(void *context, uint64_t now_ns)
{
	struct sim *s = context;

	(void)now_ns;
	if (s->mutation != MUTATE_NO_FENCE)
		world_kill(s);
	return RUNG_WAIT;
}

static enum rung_result fence_poll(void *context, uint64_t now_ns)
{
	struct sim *s = context;

	(void)now_ns;
	if (s->mutation == MUTATE_NO_FENCE)
		return RUNG_DONE;
	return world_living(s) == 0 ? RUNG_DONE : RUNG_WAIT;
}

static enum rung_result drain_poll(void *context, uint64_t now_ns)
{
	struct sim *s = context;
	bool empty = world_inside(s, s->keeper.epoch - 1, false) == 0 && world_inside(s, 0, true) == 0;

	if (empty || s->mutation == MUTATE_NO_FENCE) {
		course_try_started(&s->keeper.course, now_ns);
		keeper_drain(s);
		return RUNG_DONE;
	}
	if (!s->world.sshfs && s->world.abortable &&
	    now_ns >= s->keeper.begun_ns + ABORT_GRACE_MS * NSEC_PER_MSEC)
		world_abort(s);
	return RUNG_WAIT;
}

static enum rung_result start_start(void *context, uint64_t now_ns)
{
	struct sim *s = context;

	(void)now_ns;
	world_start(s, s->keeper.epoch);
	return RUNG_WAIT;
}

static enum rung_result start_poll(void *context, uint64_t now_ns)
{
	struct sim *s = context;
	const struct transport *t = world_transport(s, s->keeper.epoch);
	enum errclass class;

	if (transport_gone(s, &class))
		return fail_with(s, class);
	return t && t->mounted_ns <= now_ns ? RUNG_DONE : RUNG_WAIT;
}

static enum rung_result prove_start(void *context, uint64_t now_ns)
{
	struct sim *s = context;

	(void)now_ns;
	world_enter(s, s->keeper.epoch, true);
	s->keeper.answer_ns = sim_in_ms(s, 1, s->world.mood == MOOD_SLOW ? 2000 : 100);
	return RUNG_WAIT;
}

/* What the server is at the moment of its answer decides. */
static enum rung_result prove_poll(void *context, uint64_t now_ns)
{
	struct sim *s = context;
	enum errclass class;

	if (s->mutation == MUTATE_CLOSE_UNPROVEN)
		return RUNG_DONE;
	if (transport_gone(s, &class))
		return fail_with(s, class);
	if (now_ns < s->keeper.answer_ns || s->world.mood == MOOD_FROZEN)
		return RUNG_WAIT;
	if (s->world.mood == MOOD_REFUSING)
		return fail_with(s, ERRCLASS_NOT_CONNECTED);
	if (!mood_is_right(s->world.mood))
		return fail_with(s, ERRCLASS_IDENTITY_MISMATCH);
	s->world.proof_epoch = s->keeper.epoch;
	return RUNG_DONE;
}

static enum rung_result anchor_start(void *context, uint64_t now_ns)
{
	struct sim *s = context;

	(void)now_ns;
	s->keeper.ack_ns =
	    sim_in_ms(s, 0, sim_chance(s, 5) ? 5000 : 20); /* a worker that is just restarted */
	return RUNG_WAIT;
}

static enum rung_result anchor_poll(void *context, uint64_t now_ns)
{
	struct sim *s = context;
	enum errclass class;

	if (transport_gone(s, &class))
		return fail_with(s, class);
	if (now_ns < s->keeper.ack_ns)
		return RUNG_WAIT;
	s->world.root_epoch = s->keeper.epoch;
	return RUNG_DONE;
}

static enum rung_result routes_start(void *context, uint64_t now_ns)
{
	struct sim *s = context;

	(void)now_ns;
	world_enter(s, s->keeper.epoch, true);
	s->keeper.routes_ns = sim_in_ms(s, 1, 200);
	return RUNG_WAIT;
}

static enum rung_result routes_poll(void *context, uint64_t now_ns)
{
	struct sim *s = context;
	enum errclass class;

	if (transport_gone(s, &class))
		return fail_with(s, class);
	if (now_ns >= s->keeper.routes_ns + SILENCE_MS * NSEC_PER_MSEC)
		return fail_with(s, ERRCLASS_STALLED);
	if (now_ns < s->keeper.routes_ns || s->world.mood == MOOD_FROZEN)
		return RUNG_WAIT;
	return RUNG_DONE;
}

static enum rung_result close_start(void *context, uint64_t now_ns)
{
	struct sim *s = context;

	(void)now_ns;
	check_gate_closing(s, s->keeper.epoch);
	s->world.opened_class = ERRCLASS_NONE;
	s->world.breaker = breaker_word(s->keeper.epoch, true);
	sim_say(s, "breaker closed with epoch %u", s->keeper.epoch);
	return RUNG_DONE;
}

static const struct rung_functions functions[RUNG_ID_COUNT] = {
    [RUNG_FENCE] = {fence_start, fence_poll},	 [RUNG_DRAIN] = {drain_poll, drain_poll},
    [RUNG_START] = {start_start, start_poll},	 [RUNG_PROVE] = {prove_start, prove_poll},
    [RUNG_ANCHOR] = {anchor_start, anchor_poll}, [RUNG_ROUTES] = {routes_start, routes_poll},
    [RUNG_CLOSE] = {close_start, NULL},
};

/* The rungs of a plan depend on these two only; making it anew for every try would be a third of the time. */
static const struct rung *planned(bool sshfs, bool running, unsigned *n)
{
	static struct {
		unsigned n;
		struct rung rungs[RUNG_ID_COUNT];
	} known[2][2];

	if (known[sshfs][running].n == 0) {
		struct plan plan;

		plan_make(&(struct plan_input){.sshfs = sshfs, .transport_running = running}, &plan);
		known[sshfs][running].n = ladder_rungs(&plan, functions, known[sshfs][running].rungs);
	}
	*n = known[sshfs][running].n;
	return known[sshfs][running].rungs;
}

void rungs_begin(struct sim *s)
{
	struct keeper_sim *k = &s->keeper;
	const struct rung *rungs;
	unsigned n;

	k->epoch = MAX(breaker_epoch(s->world.breaker), s->world.root_epoch) + 1;
	k->begun_ns = s->now;
	rungs = planned(s->world.sshfs, world_living(s) > 0, &n);
	ladder_begin(&k->ladder, rungs, n, s->connect_ms);
}

void rungs_take_down(struct sim *s)
{
	ladder_stop(&s->keeper.ladder);
	world_kill(s);
}
