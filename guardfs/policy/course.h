/* course.h: the course of one backend: every decision about it, as a machine to which events and time are
 * handed and which hands back effects. docs/RECOVERY.md.
 *
 * Pure: no clock, no randomness, no system call of its own, so that a million random histories run in the
 * simulator (tests/sim). Keeper has one per backend, in its one thread.
 *
 * Rules it keeps, which the simulator checks:
 *  - no try beyond the caps, none while held or exhausted, never two at once; without an open incident only
 * the first connection and what an operator asked for;
 *  - serving again only through course_proven, which only the end of a try may call;
 *  - an incident is opened once and closed once, in the state healthy or degraded;
 *  - nothing beyond guardfs before it is confirmed, nor beyond its caps; `recovered` only after `down`. */
#ifndef GUARDFS_POLICY_COURSE_H
#define GUARDFS_POLICY_COURSE_H

#include "policy/caps.h"
#include "policy/health.h"

#define COURSE_EFFECTS_MAX 16

struct course_limits {
	uint64_t backoff_min_ms, backoff_max_ms;
	uint64_t confirm_ms;   /* down for so long before the first try */
	uint64_t probation_ms; /* trouble within this after serving again counts as the same outage */
	uint64_t short_ms;     /* served shorter than this: not retried at once for ever */
	uint32_t flap_count;   /* 0: flapping is not looked for */
	uint64_t flap_window_ms;
	struct caps_limits recoveries; /* cooldown 0 */
	uint32_t act_confirm_failures;
	uint64_t act_confirm_ms;
	struct caps_limits acts;
};

enum course_effect_kind {
	COURSE_TRANSITION,    /* from, to, event, class */
	COURSE_INCIDENT_OPEN, /* class; comes before the transition that belongs to it */
	COURSE_INCIDENT_CLOSE,
	COURSE_TRY,	 /* begin a try */
	COURSE_STOP_TRY, /* leave it, take down what it started */
	COURSE_ACT,	 /* act: which; allowed or why not */
};

enum course_act { COURSE_ACT_DOWN, COURSE_ACT_RECOVERED, COURSE_ACT_EXHAUSTED };

struct course_effect {
	enum course_effect_kind kind;
	enum health_state from, to;
	enum health_event event;
	enum errclass class;
	enum course_act act;
	/* of an act: anything but ALLOWED: not to be done now, but to be told once */
	enum caps_verdict verdict;
};

struct course {
	const struct course_limits *limits; /* borrowed */
	enum health_state state;
	enum errclass class;
	bool trying;
	bool incident;
	bool incident_counted; /* against the cap of recoveries */
	bool told_down;	       /* the act `down` came up in this incident: done, or put off by a cap */
	bool acted_down;       /* it was done, in this incident or (none open) in the last one */
	bool act_refused;      /* it will not be done in this incident (course_act_refused) */
	uint32_t failures;     /* failed tries in this incident */
	uint32_t act_failures; /* those of them since an operator last let it go on: they confirm the act */
	uint32_t doublings, short_services;
	uint64_t down_since_ns, served_since_ns, settle_ns, next_try_ns;
	uint64_t held_until_ns; /* of a hold, also of the last one; 0: until resumed */
	struct caps recoveries, acts, breaks;
	uint32_t n_effects;
	struct course_effect effects[COURSE_EFFECTS_MAX];
};

/* Begins in state: CONNECTING at first; after keeper's restart what the board says. A serving state whose
 * breaker is found open is to be handed in as it is and broken right afterwards. incident: one is open, left
 * by a predecessor. With DOWN or RECOVERING (the try died with keeper) the first try comes after backoff_min.
 *
 * What a predecessor remembered may then be put back into the fields from incident_counted to breaks; it must
 * have been written down before the effects of the call that changed it were carried out. */
void course_init(struct course *c, const struct course_limits *limits, enum health_state state,
		 enum errclass class, bool incident, uint64_t now_ns);

/* Takes the next effect. False: none left. Must be drained after every call below. */
bool course_take(struct course *c, struct course_effect *effect);

/* The breaker of a serving backend was opened, by whomever. random: any 32 bits. */
void course_broken(struct course *c, enum errclass class, uint32_t random, uint64_t now_ns);

/* The try has reached its first rung that does something new: state recovering. */
void course_try_started(struct course *c, uint64_t now_ns);

/* The try's end. proven: the last rung closed the breaker. */
void course_try_failed(struct course *c, enum errclass class, uint32_t random, uint64_t now_ns);
void course_proven(struct course *c, uint64_t now_ns);

/* A probe of a serving backend ended: NONE, or a class that does not break it (slow, io_error, ...). */
void course_probed(struct course *c, enum errclass class, uint64_t now_ns);

/* The act `down` that was just handed out is not done after all (no sentinel, only a drill): it costs no
 * budget, does not come up again in this incident, and `recovered` does not follow. */
void course_act_refused(struct course *c);

/* What it was refused for is over (a drill) while the incident goes on: it may come up again, confirmed by
 * failures from now on. */
void course_act_again(struct course *c);

/* Somebody found out more about why a backend that doesn't serve does not. */
void course_explained(struct course *c, enum errclass class);

/* An operator. hold: until_ns 0 = until resumed. reconnect: take it down and try at once, whatever its state
 * (held: no). resume also ends `exhausted` and begins new budgets. 0, or -EALREADY, -EBUSY (held). */
errint_t course_hold(struct course *c, uint64_t until_ns, uint64_t now_ns) WARN_UNUSED;
errint_t course_resume(struct course *c, uint64_t now_ns) WARN_UNUSED;
errint_t course_reconnect(struct course *c, uint64_t now_ns) WARN_UNUSED;

/* Does what is due by time alone: the next try, settling, the end of a hold, the confirmation of an act.
 * Returns when to call again at the latest (UINT64_MAX: nothing planned). */
uint64_t course_step(struct course *c, uint64_t now_ns);

/* Was it lost flap_count times within the window? */
bool course_flaps(const struct course *c, uint64_t now_ns);

/* Why no try would be begun now, or NULL: for plans and for people. */
const char *course_obstacle(const struct course *c, uint64_t now_ns);

#endif
