/* sim.h: random histories of one backend, run through the machines that decide in keeper: course, ladder,
 * plan, slowness. Everything around them is simulated: server, transports, operations inside, worker,
 * keeper's death, operator, time.
 *
 *   world.c    what goes on without keeper: the server's moods, transports, operations, the breaker
 *   rungs.c    what a recovery does to that world
 *   keeper.c   the part of keeper's events, effects and climb; restart from the journal's memory included
 *   check.c    the rules, counted and judged apart from the machines
 *   history.c  one random history, and the quiet end at which the backend must be healthy again
 *   main.c     command line, kept seeds, broken rules that must be caught (mutations)
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "keeper/ladder.h"
#include "policy/course.h"
#include "policy/plan.h"
#include "policy/slowness.h"
#include "shm/board.h"

#define NEVER	       UINT64_MAX
#define SIM_START_NS   (100ull * 24 * 3600 * NSEC_PER_SEC)
#define SIM_TRANSPORTS 4
#define SIM_TASKS      12
#define SIM_TIMES      64

enum mood { MOOD_GOOD, MOOD_SLOW, MOOD_FLAPPING, MOOD_FROZEN, MOOD_REFUSING, MOOD_WRONG, MOOD_COUNT };

/* Rules broken on purpose: each must be caught. */
enum mutation {
	MUTATE_NOTHING,
	MUTATE_NO_FENCE,
	MUTATE_IGNORE_CAPS,
	MUTATE_CLOSE_UNPROVEN,
	MUTATE_DOUBLE_CLOSE,
	MUTATE_LOST_CLOSE,
	MUTATE_NO_BACKOFF,
	MUTATE_ACT_AT_ONCE,
	MUTATE_TRY_WHILE_HELD,
	MUTATE_FORGET,
	MUTATE_DEAF,
	MUTATE_TWO_TRIES,
	MUTATE_CALL_STORM,
	MUTATION_COUNT
};

struct transport {
	uint32_t epoch; /* 0: none */
	bool alive;
	uint64_t mounted_ns, dies_ns;
	enum errclass dies_of;
};

/* Somebody inside the backend: an operation, or a probe. */
struct task {
	uint32_t epoch; /* 0: free */
	bool probe;
	uint64_t leaves_ns; /* NEVER: stuck */
};

struct world {
	enum mood mood;
	bool sshfs, abortable; /* dir: may its connection be aborted? */
	bool sentinel;	       /* may anything beyond guardfs be acted upon? */
	struct transport transports[SIM_TRANSPORTS];
	struct task tasks[SIM_TASKS];
	unsigned inside; /* of them */
	uint64_t breaker;
	uint32_t root_epoch;
	enum errclass opened_class;
	enum health_state state; /* what the board shows */
	enum errclass class;
	uint64_t stall_seen_ns; /* when worker or guardian opens the breaker of a frozen backend */
	uint32_t proof_epoch;	/* last epoch in which the right server proved its identity */
};

/* Keeper: all of it is lost at a crash but remembered. */
struct keeper_sim {
	bool alive, serving;
	uint64_t restart_ns;
	uint32_t
	    lives_effects; /* effects that it still carries out before it dies; UINT32_MAX: does not die */
	struct course course, remembered;
	struct ladder ladder;
	struct slowness slowness;
	uint32_t epoch;
	enum errclass failure;
	uint64_t begun_ns, answer_ns, ack_ns, routes_ns, notice_ns, probe_ns, window_ns, wake_ns;
};

struct times {
	uint32_t n;
	uint64_t at[SIM_TIMES];
};

/* What really happened, as the rules see it. */
struct ledger {
	bool incident, counted, excused, acted, refused, kept, told_recovered, failing;
	bool wanted; /* by an operator, and has not served since */
	uint32_t opened, closed, fails;
	uint64_t opened_ns, tried_ns, failed_ns; /* 0: none since it last served */
	uint64_t asked_ns;			 /* by an operator, and not tried since; 0: no */
	uint64_t served_ns, held_until_ns;	 /* since when; 0: no end */
	uint64_t called_ns;			 /* by the network, and not tried since; 0: no */
	struct times recoveries, acts, called;	 /* called: tries that came early for a call */
	uint32_t tries;
	bool last_acted; /* of the incident closed last */
};

struct sim {
	uint64_t seed, random, now;
	enum mutation mutation;
	bool trace, failed, quiet;
	char what[160]; /* the rule that was broken */
	struct course_limits limits;
	uint32_t connect_ms;
	struct world world;
	struct keeper_sim keeper;
	struct ledger ledger;
	uint32_t steps, spins, events_left;
	uint64_t next_event_ns;
	/* A network that flaps. */
	uint64_t next_call_ns;
	uint32_t calls_left;
};

/* ---- randomness and time ---- */

static inline uint64_t sim_random(struct sim *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* low..high, both included. */
static inline uint64_t sim_between(struct sim *s, uint64_t low, uint64_t high)
{
	return low + (uint64_t)(((unsigned __int128)sim_random(s) * (high - low + 1)) >> 64);
}

static inline bool sim_chance(struct sim *s, unsigned per_cent)
{
	return sim_between(s, 0, 99) < per_cent;
}

static inline uint64_t sim_in_ms(struct sim *s, uint64_t low, uint64_t high)
{
	return s->now + sim_between(s, low * 1000, high * 1000) * 1000;
}

void sim_say(const struct sim *s, const char *format, ...) PRINTF_LIKE(2, 3); /* only with trace */
void sim_fail(struct sim *s, const char *format, ...) PRINTF_LIKE(2, 3);      /* the first counts */

/* ---- world.c ---- */

const char *mood_name(enum mood mood);
bool mood_is_right(enum mood mood); /* would a proof given now be true? */
void world_set_mood(struct sim *s, enum mood mood);
void world_cut(struct sim *s, enum errclass class); /* the living transports die */
bool world_trip_breaker(struct sim *s, uint32_t epoch, enum errclass class);
void world_enter(struct sim *s, uint32_t epoch, bool probe); /* an operation, or a probe */
unsigned world_inside(const struct sim *s, uint32_t up_to_epoch, bool probes);
void world_abort(struct sim *s);				  /* what is stuck inside leaves */
struct transport *world_transport(struct sim *s, uint32_t epoch); /* NULL: none of that epoch */
struct transport *world_start(struct sim *s, uint32_t epoch);
void world_kill(struct sim *s); /* every transport: dead in a moment */
unsigned world_living(const struct sim *s);
void world_step(struct sim *s);		  /* what is due by now */
uint64_t world_next(const struct sim *s); /* when something is due */

/* ---- rungs.c ---- */

void rungs_begin(struct sim *s); /* a plan, and the ladder at its foot */
void rungs_take_down(struct sim *s);

/* ---- keeper.c ---- */

void keeper_start(struct sim *s, bool first);
void keeper_crash(struct sim *s);
void keeper_step(struct sim *s);
uint64_t keeper_next(const struct sim *s);
void keeper_hold(struct sim *s, uint64_t until_ns);
void keeper_resume(struct sim *s);
void keeper_reconnect(struct sim *s);
void keeper_called(struct sim *s);  /* the network is back, or seems to be */
void keeper_explain(struct sim *s); /* a diagnosis ends */
void keeper_drain(struct sim *s);

/* ---- check.c ---- */

void check_serves(struct sim *s); /* from now on */
void check_transition(struct sim *s, const struct course_effect *e);
void check_incident_open(struct sim *s);
void check_incident_close(struct sim *s);
void check_try(struct sim *s);
void check_act(struct sim *s, const struct course_effect *e, bool kept); /* kept: there is no sentinel */
void check_try_lost(struct sim *s);
void check_act_lost(struct sim *s); /* decided, but keeper died before */
void check_failed(struct sim *s);
void check_gate_closing(struct sim *s, uint32_t epoch);
void check_asked(struct sim *s, bool new_budget); /* an operator let it try */
void check_called(struct sim *s);		  /* the network called */
void check_keeper_is_new(struct sim *s);	  /* it has forgotten the calls of before */
void check_always(struct sim *s);
void check_end(struct sim *s);

/* ---- history.c ---- */

/* Runs one. False: a rule was broken, s->what says which. */
bool history_run(struct sim *s, uint64_t seed, enum mutation mutation, bool trace);

#endif
