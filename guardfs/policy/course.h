/* Every decision about one backend: events and time in, effects out. docs/RECOVERY.md. Keeper's one
 * thread has one per backend. random: any 32 bits.
 *
 * The simulator (tests/sim) checks:
 * - tries stay within the caps, never two at once, none while held or exhausted; without an incident only the
 *   first connection and an operator's order;
 * - only course_proven leads back to service;
 * - an incident opens and closes once;
 * - acts are confirmed and within their caps; `recovered` follows only `down`. */
#ifndef GUARDFS_POLICY_COURSE_H
#define GUARDFS_POLICY_COURSE_H

#include "policy/caps.h"
#include "policy/health.h"

#define COURSE_EFFECTS_MAX 16

struct course_limits {
	uint64_t backoff_min_ms, backoff_max_ms;
	/* From outage to first try. */
	uint64_t confirm_ms;
	/* Trouble within it is the same outage. */
	uint64_t probation_ms;
	/* Shorter service does not earn immediate retries for ever. */
	uint64_t short_ms;
	/* 0: never flapping. */
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
	COURSE_INCIDENT_OPEN, /* class; precedes its transition */
	COURSE_INCIDENT_CLOSE,
	COURSE_TRY,
	COURSE_STOP_TRY, /* leave the try, take down what it started */
	COURSE_ACT,	 /* with verdict */
};

enum course_act { COURSE_ACT_DOWN, COURSE_ACT_RECOVERED, COURSE_ACT_EXHAUSTED };

struct course_effect {
	enum course_effect_kind kind;
	enum health_state from, to;
	enum health_event event;
	enum errclass class;
	enum course_act act;
	/* Not ALLOWED: not now; told once. */
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
	/* `down` came up in this incident, perhaps delayed by a cap. */
	bool told_down;
	/* In this incident or (none open) the last. */
	bool acted_down;
	/* In this incident. */
	bool act_refused;
	/* Failed tries in this incident. */
	uint32_t failures;
	/* Since an operator's last resume; these confirm the act. */
	uint32_t act_failures;
	uint32_t doublings, short_services;
	/* Of the last try. */
	uint64_t try_began_ns;
	/* Tries that the network's return brought forward; whether the next or the present one is such; whether the
	 * network came back during one. */
	struct caps called;
	bool next_is_called, try_is_called, called_meanwhile;
	uint64_t down_since_ns, served_since_ns, settle_ns, next_try_ns;
	/* Present or last hold; 0: until resumed. */
	uint64_t held_until_ns;
	struct caps recoveries, acts, breaks;
	uint32_t n_effects;
	struct course_effect effects[COURSE_EFFECTS_MAX];
};

/* state: CONNECTING, or after keeper's restart the board's. If that is DOWN or RECOVERING the first try waits for
 * backoff_min. A serving state with an open breaker is passed as it is, and broken right after. incident: a
 * predecessor left one open.
 *
 * Then incident_counted to breaks may be set from the predecessor's memory. They must be stored before a change's
 * effects are carried out. */
void course_init(struct course *c, const struct course_limits *limits, enum health_state state,
		 enum errclass class, bool incident, uint64_t now_ns);

/* Next effect; false: none. Drain after every call below. */
bool course_take(struct course *c, struct course_effect *effect);

/* A serving backend's breaker was opened. */
void course_broken(struct course *c, enum errclass class, uint32_t random, uint64_t now_ns);

/* The first rung that does something new: state recovering. */
void course_try_started(struct course *c, uint64_t now_ns);

/* The try has ended. proven: its last rung closed the breaker. */
void course_try_failed(struct course *c, enum errclass class, uint32_t random, uint64_t now_ns);
void course_proven(struct course *c, uint64_t now_ns);

/* A serving backend was probed: NONE, or a class that does not break it (slow, io_error). */
void course_probed(struct course *c, enum errclass class, uint64_t now_ns);

/* The `down` just taken is not done (no sentinel, or a drill): it uses no budget, does not recur in this incident,
 * and gets no `recovered`. */
void course_act_refused(struct course *c);

/* The drill is over: the act may recur, confirmed by failures from now on. */
void course_act_again(struct course *c);

/* The class of a backend that does not serve is known better. */
void course_explained(struct course *c, enum errclass class);

/* An operator's orders. until_ns 0: until resumed. reconnect: take down and try at once, unless held. resume:
 * also ends `exhausted` and renews budgets. 0, -EALREADY, or -EBUSY (held). */
errint_t course_hold(struct course *c, uint64_t until_ns, uint64_t now_ns) WARN_UNUSED;
errint_t course_resume(struct course *c, uint64_t now_ns) WARN_UNUSED;
errint_t course_reconnect(struct course *c, uint64_t now_ns) WARN_UNUSED;

/* The network is back, or the machine has slept: the next try comes at once, spread a little by random, and the backoff
 * begins anew, once a minute; a try that began well before that is given up, unless it was brought forward itself.
 * Nothing happens while the backend serves, is held or exhausted, or if its class needs a person, or if it has happened
 * too often within a minute or an hour (docs/RECOVERY.md).
 * True: a try was brought forward. */
bool course_called(struct course *c, uint32_t random, uint64_t now_ns);

/* Does what is due. Returns when to call again at the latest; UINT64_MAX: nothing planned. */
uint64_t course_step(struct course *c, uint64_t now_ns);

/* Lost flap_count times within the window. */
bool course_flaps(const struct course *c, uint64_t now_ns);

/* For people: why no try would begin now; NULL: one would. */
const char *course_obstacle(const struct course *c, uint64_t now_ns);

#endif
