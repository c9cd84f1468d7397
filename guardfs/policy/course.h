/* course.h: every decision about one backend, as a machine: events and time in, effects out.
 * docs/RECOVERY.md.
 *
 * Pure: no clock, randomness or system call, so that the simulator runs a million random histories
 * (tests/sim). Keeper has one per backend, in its one thread.
 *
 * Rules, checked by the simulator:
 * - tries: within the caps, none while held or exhausted, never two at once; without an open incident only
 *   the first connection and an operator's order;
 * - serving again only through course_proven, at the end of a try;
 * - an incident is opened once, and closed once, when healthy or degraded;
 * - acts beyond guardfs only when confirmed and within their caps; `recovered` only after `down`. */
#ifndef GUARDFS_POLICY_COURSE_H
#define GUARDFS_POLICY_COURSE_H

#include "policy/caps.h"
#include "policy/health.h"

#define COURSE_EFFECTS_MAX 16

struct course_limits {
	uint64_t backoff_min_ms, backoff_max_ms;
	/* From an outage to its first try. */
	uint64_t confirm_ms;
	/* Trouble so soon after serving again counts as the same outage. */
	uint64_t probation_ms;
	/* After shorter service retries are not at once for ever. */
	uint64_t short_ms;
	/* 0: flapping is not looked for. */
	uint32_t flap_count;
	uint64_t flap_window_ms;
	/* cooldown 0. */
	struct caps_limits recoveries;
	uint32_t act_confirm_failures;
	uint64_t act_confirm_ms;
	struct caps_limits acts;
};

enum course_effect_kind {
	COURSE_TRANSITION,    /* from, to, event, class */
	COURSE_INCIDENT_OPEN, /* class; before the transition that belongs to it */
	COURSE_INCIDENT_CLOSE,
	COURSE_TRY,	 /* begin a try */
	COURSE_STOP_TRY, /* leave the try, take down what it started */
	COURSE_ACT,	 /* act; allowed, or why not */
};

enum course_act { COURSE_ACT_DOWN, COURSE_ACT_RECOVERED, COURSE_ACT_EXHAUSTED };

struct course_effect {
	enum course_effect_kind kind;
	enum health_state from, to;
	enum health_event event;
	enum errclass class;
	enum course_act act;
	/* Of an act: anything but ALLOWED: not now, and told once. */
	enum caps_verdict verdict;
};

struct course {
	/* Borrowed. */
	const struct course_limits *limits;
	enum health_state state;
	enum errclass class;
	bool trying;
	bool incident;
	/* Against the cap of recoveries. */
	bool incident_counted;
	/* The act `down` came up in this incident: done, or delayed by a cap. */
	bool told_down;
	/* It was done, in this incident or (none open) in the last one. */
	bool acted_down;
	/* Not in this incident any more (course_act_refused). */
	bool act_refused;
	/* Failed tries in this incident. */
	uint32_t failures;
	/* Failed tries since an operator last let it go on: they confirm the act. */
	uint32_t act_failures;
	uint32_t doublings, short_services;
	uint64_t down_since_ns, served_since_ns, settle_ns, next_try_ns;
	/* Of the present or last hold; 0: until resumed. */
	uint64_t held_until_ns;
	struct caps recoveries, acts, breaks;
	uint32_t n_effects;
	struct course_effect effects[COURSE_EFFECTS_MAX];
};

/* Begins in state: CONNECTING at first; after keeper's restart as on the board. A serving state with an
 * open breaker is passed as it is, and broken right after. incident: a predecessor left one open. With
 * DOWN or RECOVERING (the try died with keeper) the first try comes after backoff_min.
 *
 * Then the predecessor's memory may be put into the fields from incident_counted to breaks; it must be
 * written down before the effects of the call that changed it are carried out. */
void course_init(struct course *c, const struct course_limits *limits, enum health_state state,
		 enum errclass class, bool incident, uint64_t now_ns);

/* Takes the next effect; false: none. To be drained after every call below. */
bool course_take(struct course *c, struct course_effect *effect);

/* The breaker of a serving backend was opened. random: any 32 bits. */
void course_broken(struct course *c, enum errclass class, uint32_t random, uint64_t now_ns);

/* The try has reached its first rung that does something new: state recovering. */
void course_try_started(struct course *c, uint64_t now_ns);

/* The try has ended. proven: its last rung closed the breaker. */
void course_try_failed(struct course *c, enum errclass class, uint32_t random, uint64_t now_ns);
void course_proven(struct course *c, uint64_t now_ns);

/* A probe of a serving backend ended: NONE, or a class that does not break it (slow, io_error). */
void course_probed(struct course *c, enum errclass class, uint64_t now_ns);

/* The act `down` just taken is not done (no sentinel, only a drill): it uses no budget, does not come up
 * again in this incident, and no `recovered` follows. */
void course_act_refused(struct course *c);

/* The reason of the refusal (a drill) is over, the incident goes on: the act may come up again, confirmed
 * by failures from now on. */
void course_act_again(struct course *c);

/* The class of a backend that does not serve is known better. */
void course_explained(struct course *c, enum errclass class);

/* An operator. hold: until_ns 0: until resumed. reconnect: take down and try at once, in any state but
 * held. resume also ends `exhausted` and begins new budgets. 0, -EALREADY, or -EBUSY (held). */
errint_t course_hold(struct course *c, uint64_t until_ns, uint64_t now_ns) WARN_UNUSED;
errint_t course_resume(struct course *c, uint64_t now_ns) WARN_UNUSED;
errint_t course_reconnect(struct course *c, uint64_t now_ns) WARN_UNUSED;

/* Does what is due by time: the next try, settling, the end of a hold, an act's confirmation. Returns when
 * to call again at the latest (UINT64_MAX: nothing planned). */
uint64_t course_step(struct course *c, uint64_t now_ns);

/* Lost flap_count times within the window? */
bool course_flaps(const struct course *c, uint64_t now_ns);

/* Why no try would begin now, for people; NULL: it would. */
const char *course_obstacle(const struct course *c, uint64_t now_ns);

#endif
