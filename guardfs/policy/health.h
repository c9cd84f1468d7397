/* health.h: states of a backend or route, as a table of state x event. Pure.
 *
 * Keeper alone decides, and publishes on the board. docs/STATES.md is generated from the table. */
#ifndef GUARDFS_POLICY_HEALTH_H
#define GUARDFS_POLICY_HEALTH_H

#include "base/base.h"
#include "policy/errclass.h"

enum health_state {
	HEALTH_CONNECTING, /* first connection not yet made */
	HEALTH_HEALTHY,
	HEALTH_DEGRADED,   /* serves, slowly or with some errors */
	HEALTH_DOWN,	   /* breaker open; not yet fenced, or waiting for the next try */
	HEALTH_RECOVERING, /* fenced; a new transport is being started and proven */
	HEALTH_PROBATION,  /* serves again since a moment; at the next failure backoff goes on */
	HEALTH_HELD,	   /* by an operator */
	HEALTH_EXHAUSTED,  /* caps reached; an operator must resume */
	HEALTH_STATE_COUNT
};

enum health_event {
	HEALTH_EVENT_START_TRY, /* backoff is over */
	HEALTH_EVENT_PROVEN,	/* transport serves, identity and routes proven: the breaker closes */
	HEALTH_EVENT_TRY_FAILED,
	HEALTH_EVENT_BREAKER_OPEN, /* worker, guardian or a probe did it */
	HEALTH_EVENT_PROBE_OK,
	HEALTH_EVENT_PROBE_SLOW,
	HEALTH_EVENT_SETTLED, /* probation passed without trouble */
	HEALTH_EVENT_HOLD,
	HEALTH_EVENT_RESUME,
	HEALTH_EVENT_CAP_REACHED,
	HEALTH_EVENT_COUNT
};

/* "invalid" for numbers out of range. */
const char *health_state_name(enum health_state state);
const char *health_event_name(enum health_event event);

/* HEALTH_STATE_COUNT: no such name. */
enum health_state health_state_from_name(const char *name);

/* Unchanged if the event means nothing in the state. */
enum health_state health_next(enum health_state state, enum health_event event);

/* Is the breaker closed (operations pass) in this state? */
bool health_serves(enum health_state state);

/* Of all states: ok: all are healthy, or there is no backend; down: every one is down; else degraded. */
enum health_summary { HEALTH_SUMMARY_OK, HEALTH_SUMMARY_DEGRADED, HEALTH_SUMMARY_DOWN };
enum health_summary health_summarize(const enum health_state *states, size_t n);
const char *health_summary_name(enum health_summary summary);

#endif
