/* States of a backend or route, which keeper decides and publishes. docs/STATES.md has the meanings. */
#ifndef GUARDFS_POLICY_HEALTH_H
#define GUARDFS_POLICY_HEALTH_H

#include "base/base.h"
#include "policy/errclass.h"

enum health_state {
	HEALTH_CONNECTING,
	HEALTH_HEALTHY,
	HEALTH_DEGRADED,
	HEALTH_DOWN,
	HEALTH_RECOVERING,
	HEALTH_PROBATION,
	HEALTH_HELD,
	HEALTH_EXHAUSTED,
	HEALTH_STATE_COUNT
};

enum health_event {
	HEALTH_EVENT_START_TRY,
	HEALTH_EVENT_PROVEN,
	HEALTH_EVENT_TRY_FAILED,
	HEALTH_EVENT_BREAKER_OPEN,
	HEALTH_EVENT_PROBE_OK,
	HEALTH_EVENT_PROBE_SLOW,
	HEALTH_EVENT_SETTLED,
	HEALTH_EVENT_HOLD,
	HEALTH_EVENT_RESUME,
	HEALTH_EVENT_CAP_REACHED,
	HEALTH_EVENT_COUNT
};

/* "invalid" if out of range. */
const char *health_state_name(enum health_state state);
const char *health_event_name(enum health_event event);

/* HEALTH_STATE_COUNT: unknown. */
enum health_state health_state_from_name(const char *name);

/* Unchanged if the event means nothing in the state. */
enum health_state health_next(enum health_state state, enum health_event event);

/* Is the breaker closed? */
bool health_serves(enum health_state state);

/* OK: all healthy, or none; DOWN: all down. */
enum health_summary { HEALTH_SUMMARY_OK, HEALTH_SUMMARY_DEGRADED, HEALTH_SUMMARY_DOWN };
enum health_summary health_summarize(const enum health_state *states, size_t n);
const char *health_summary_name(enum health_summary summary);

#endif
