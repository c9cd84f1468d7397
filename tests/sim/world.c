/* world.c: what goes on without keeper. */
#include "sim.h"

static const char *const mood_names[MOOD_COUNT] = {"good",   "slow",	 "flapping",
						   "frozen", "refusing", "another server"};

const char *mood_name(enum mood mood)
{
	return mood_names[mood];
}

bool mood_is_right(enum mood mood)
{
	return mood != MOOD_WRONG;
}

static void free_stuck(struct sim *s, uint32_t epoch)
{
	for (unsigned i = 0; i < SIM_TASKS; i++) {
		struct task *t = &s->world.tasks[i];

		if (t->epoch && t->epoch <= epoch && t->leaves_ns == NEVER)
			t->leaves_ns = sim_in_ms(s, 0, 30);
	}
}

static void stick(struct sim *s)
{
	for (unsigned i = 0; i < SIM_TASKS; i++)
		if (s->world.tasks[i].epoch)
			s->world.tasks[i].leaves_ns = NEVER;
}

void world_cut(struct sim *s, enum errclass class)
{
	for (unsigned i = 0; i < SIM_TRANSPORTS; i++) {
		struct transport *t = &s->world.transports[i];

		if (!t->alive)
			continue;
		t->dies_ns = MIN(t->dies_ns, sim_in_ms(s, 0, 50));
		t->dies_of = class;
	}
	if (!s->world.sshfs)
		free_stuck(s, UINT32_MAX);
}

void world_set_mood(struct sim *s, enum mood mood)
{
	struct world *w = &s->world;

	sim_say(s, "server: %s -> %s", mood_name(w->mood), mood_name(mood));
	w->mood = mood;
	w->stall_seen_ns = NEVER;
	switch (mood) {
	case MOOD_FROZEN:
		if (breaker_is_closed(w->breaker)) {
			for (uint64_t n = sim_between(s, 0, 3); n > 0; n--)
				world_enter(s, breaker_epoch(w->breaker), false);
			w->stall_seen_ns = sim_in_ms(s, 500, 20000);
		}
		stick(s);
		break;
	case MOOD_REFUSING:
	case MOOD_WRONG:
		world_cut(s, mood == MOOD_WRONG ? ERRCLASS_SERVER_GONE : ERRCLASS_REFUSED);
		break;
	default:
		free_stuck(s, UINT32_MAX);
	}
}

/* As board_trip_breaker: only the first to come opens it. */
bool world_trip_breaker(struct sim *s, uint32_t epoch, enum errclass class)
{
	if (s->world.breaker != breaker_word(epoch, true))
		return false;
	s->world.breaker = breaker_word(epoch, false);
	s->world.opened_class = class;
	sim_say(s, "breaker of epoch %u opened: %s", epoch, errclass_info(class)->name);
	return true;
}

void world_enter(struct sim *s, uint32_t epoch, bool probe)
{
	for (unsigned i = 0; i < SIM_TASKS; i++) {
		struct task *t = &s->world.tasks[i];

		if (t->epoch)
			continue;
		*t = (struct task){epoch, probe, s->world.mood == MOOD_FROZEN ? NEVER : sim_in_ms(s, 1, 400)};
		s->world.inside++;
		return;
	}
}

unsigned world_inside(const struct sim *s, uint32_t up_to_epoch, bool probes)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_TASKS; i++) {
		const struct task *t = &s->world.tasks[i];

		n += t->epoch && t->probe == probes && (probes || t->epoch <= up_to_epoch);
	}
	return n;
}

void world_abort(struct sim *s)
{
	free_stuck(s, UINT32_MAX);
}

struct transport *world_transport(struct sim *s, uint32_t epoch)
{
	for (unsigned i = 0; i < SIM_TRANSPORTS; i++)
		if (s->world.transports[i].epoch == epoch && epoch)
			return &s->world.transports[i];
	return NULL;
}

static struct transport *free_place(struct sim *s)
{
	for (unsigned i = 0; i < SIM_TRANSPORTS; i++)
		if (!s->world.transports[i].alive)
			return &s->world.transports[i];
	sim_fail(s, "%d transports live at once", SIM_TRANSPORTS);
	return &s->world.transports[0];
}

struct transport *world_start(struct sim *s, uint32_t epoch)
{
	static const enum errclass reasons[] = {ERRCLASS_REFUSED,	   ERRCLASS_REFUSED,
						ERRCLASS_UNREACHABLE,	   ERRCLASS_AUTH_FAILED,
						ERRCLASS_HOST_KEY_CHANGED, ERRCLASS_TOO_MANY_CONNECTIONS};
	struct transport *t = world_transport(s, epoch); /* of a try that failed: its epoch is used again */

	if (!t || t->alive)
		t = free_place(s);
	*t = (struct transport){.epoch = epoch,
				.alive = true,
				.mounted_ns = NEVER,
				.dies_ns = NEVER,
				.dies_of = ERRCLASS_SERVER_GONE};
	if (s->world.mood == MOOD_REFUSING) {
		t->dies_ns = sim_in_ms(s, 1, 200);
		t->dies_of = reasons[sim_between(s, 0, ARRAY_SIZE(reasons) - 1)];
	} else if (s->world.mood != MOOD_FROZEN) {
		t->mounted_ns = sim_in_ms(s, 20, s->world.mood == MOOD_SLOW ? 3000 : 500);
	}
	if (s->world.mood == MOOD_FLAPPING)
		t->dies_ns = sim_in_ms(s, 30, 15000);
	return t;
}

void world_kill(struct sim *s)
{
	for (unsigned i = 0; i < SIM_TRANSPORTS; i++)
		if (s->world.transports[i].alive)
			s->world.transports[i].dies_ns =
			    MIN(s->world.transports[i].dies_ns, sim_in_ms(s, 0, 40));
}

unsigned world_living(const struct sim *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_TRANSPORTS; i++)
		n += s->world.transports[i].alive;
	return n;
}

static void transports_step(struct sim *s)
{
	for (unsigned i = 0; i < SIM_TRANSPORTS; i++) {
		struct transport *t = &s->world.transports[i];

		if (!t->alive || t->dies_ns > s->now)
			continue;
		t->alive = false;
		sim_say(s, "transport of epoch %u died: %s", t->epoch, errclass_info(t->dies_of)->name);
		free_stuck(s, t->epoch);
	}
}

void world_step(struct sim *s)
{
	struct world *w = &s->world;

	transports_step(s);
	for (unsigned i = 0; i < SIM_TASKS && w->inside; i++) {
		if (w->tasks[i].epoch == 0 || w->tasks[i].leaves_ns > s->now)
			continue;
		w->tasks[i].epoch = 0;
		w->inside--;
	}
	if (w->stall_seen_ns <= s->now) {
		w->stall_seen_ns = NEVER;
		if (breaker_is_closed(w->breaker))
			world_trip_breaker(s, breaker_epoch(w->breaker), ERRCLASS_STALLED);
	}
}

uint64_t world_next(const struct sim *s)
{
	const struct world *w = &s->world;
	uint64_t next = w->stall_seen_ns;

	for (unsigned i = 0; i < SIM_TRANSPORTS; i++) {
		const struct transport *t = &w->transports[i];

		if (t->alive)
			next = MIN(next, t->dies_ns);
		if (t->alive && t->mounted_ns > s->now)
			next = MIN(next, t->mounted_ns);
	}
	for (unsigned i = 0; i < SIM_TASKS && w->inside; i++)
		if (w->tasks[i].epoch)
			next = MIN(next, w->tasks[i].leaves_ns);
	return next;
}
