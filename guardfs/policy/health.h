/* health.h: the states of a backend or route, as a table of state x event. Pure: time is an argument.
 *
 * Runs in keeper, which alone decides; the result is published on the board. docs/STATES.md is generated from
 * the table. */
#ifndef GUARDFS_POLICY_HEALTH_H
#define GUARDFS_POLICY_HEALTH_H

#include "base/base.h"
#include "policy/errclass.h"

enum health_state {
	HEALTH_CONNECTING, /* first connection not yet made */
	HEALTH_HEALTHY,
	HEALTH_DEGRADED,   /* serves, but slowly or with some errors */
	HEALTH_DOWN,	   /* breaker open, transport not yet fenced or waiting for the next try */
	HEALTH_RECOVERING, /* fenced; a new transport is being started and proven */
	HEALTH_PROBATION,  /* serves again since shortly; one failure more and backoff goes on where it was */
	HEALTH_HELD,	   /* by an operator */
	HEALTH_EXHAUSTED,  /* caps reached, an operator must say go */
	HEALTH_STATE_COUNT
};

enum health_event {
	HEALTH_EVENT_START_TRY,	   /* backoff is over, a recovery try begins */
	HEALTH_EVENT_PROVEN,	   /* new transport serves, identity and routes proven: the breaker closes */
	HEALTH_EVENT_TRY_FAILED,   /* recovery try failed */
	HEALTH_EVENT_BREAKER_OPEN, /* worker, guardian or a probe opened the breaker */
	HEALTH_EVENT_PROBE_OK,
	HEALTH_EVENT_PROBE_SLOW,
	HEALTH_EVENT_SETTLED, /* probation time passed without trouble */
	HEALTH_EVENT_HOLD,
	HEALTH_EVENT_RESUME,
	HEALTH_EVENT_CAP_REACHED,
	HEALTH_EVENT_COUNT
};

/* "connecting", "healthy", ...; "invalid" for numbers out of range. */
const char *health_state_name(enum health_state state);
const char *health_event_name(enum health_event event);

/* State with the given name, or HEALTH_STATE_COUNT. */
enum health_state health_state_from_name(const char *name);

/* Next state for an event. An event that means nothing in a state leaves it unchanged; every pair is in the
 * table. */
enum health_state health_next(enum health_state state, enum health_event event);

/* Is the breaker closed (are operations let through) in this state? */
bool health_serves(enum health_state state);

/* Overall word for a set of states: "ok" (all serve and healthy), "degraded" (some serve not well, or some
 * are down), "down" (every one is down). With no backend at all: ok. */
enum health_summary { HEALTH_SUMMARY_OK, HEALTH_SUMMARY_DEGRADED, HEALTH_SUMMARY_DOWN };
enum health_summary health_summarize(const enum health_state *states, size_t n);
const char *health_summary_name(enum health_summary summary);

#endif
