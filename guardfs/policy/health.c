/* The transition table. */
#include "policy/health.h"

static const char *const state_names[HEALTH_STATE_COUNT] = {
    [HEALTH_CONNECTING] = "connecting",
    [HEALTH_HEALTHY] = "healthy",
    [HEALTH_DEGRADED] = "degraded",
    [HEALTH_DOWN] = "down",
    [HEALTH_RECOVERING] = "recovering",
    [HEALTH_PROBATION] = "probation",
    [HEALTH_HELD] = "held",
    [HEALTH_EXHAUSTED] = "exhausted",
};

static const char *const event_names[HEALTH_EVENT_COUNT] = {
    [HEALTH_EVENT_START_TRY] = "start_try",   [HEALTH_EVENT_PROVEN] = "proven",
    [HEALTH_EVENT_TRY_FAILED] = "try_failed", [HEALTH_EVENT_BREAKER_OPEN] = "breaker_open",
    [HEALTH_EVENT_PROBE_OK] = "probe_ok",     [HEALTH_EVENT_PROBE_SLOW] = "probe_slow",
    [HEALTH_EVENT_SETTLED] = "settled",	      [HEALTH_EVENT_HOLD] = "hold",
    [HEALTH_EVENT_RESUME] = "resume",	      [HEALTH_EVENT_CAP_REACHED] = "cap_reached",
};

static const char *const summary_names[] = {
    [HEALTH_SUMMARY_OK] = "ok", [HEALTH_SUMMARY_DEGRADED] = "degraded", [HEALTH_SUMMARY_DOWN] = "down"};

#define CONN HEALTH_CONNECTING
#define GOOD HEALTH_HEALTHY
#define DEGR HEALTH_DEGRADED
#define DOWN HEALTH_DOWN
#define RECO HEALTH_RECOVERING
#define PROB HEALTH_PROBATION
#define HELD HEALTH_HELD
#define EXHA HEALTH_EXHAUSTED

/* While connecting or recovering the breaker is already open: a transport's death is a failed try. */
/* clang-format off */
static const unsigned char next[HEALTH_STATE_COUNT][HEALTH_EVENT_COUNT] = {
	/*                      start  proven try_f  open   ok     slow   settl  hold   resume cap */
	[HEALTH_CONNECTING] = { CONN,  PROB,  DOWN,  CONN,  CONN,  CONN,  CONN,  HELD,  CONN,  EXHA },
	[HEALTH_HEALTHY]    = { GOOD,  GOOD,  GOOD,  DOWN,  GOOD,  DEGR,  GOOD,  HELD,  GOOD,  GOOD },
	[HEALTH_DEGRADED]   = { DEGR,  DEGR,  DEGR,  DOWN,  GOOD,  DEGR,  DEGR,  HELD,  DEGR,  DEGR },
	[HEALTH_DOWN]       = { RECO,  DOWN,  DOWN,  DOWN,  DOWN,  DOWN,  DOWN,  HELD,  DOWN,  EXHA },
	[HEALTH_RECOVERING] = { RECO,  PROB,  DOWN,  RECO,  RECO,  RECO,  RECO,  HELD,  RECO,  EXHA },
	[HEALTH_PROBATION]  = { PROB,  PROB,  PROB,  DOWN,  PROB,  PROB,  GOOD,  HELD,  PROB,  PROB },
	[HEALTH_HELD]       = { HELD,  HELD,  HELD,  HELD,  HELD,  HELD,  HELD,  HELD,  DOWN,  HELD },
	[HEALTH_EXHAUSTED]  = { EXHA,  EXHA,  EXHA,  EXHA,  EXHA,  EXHA,  EXHA,  HELD,  DOWN,  EXHA },
};
/* clang-format on */

const char *health_state_name(enum health_state state)
{
	return (unsigned)state < HEALTH_STATE_COUNT ? state_names[state] : "invalid";
}

const char *health_event_name(enum health_event event)
{
	return (unsigned)event < HEALTH_EVENT_COUNT ? event_names[event] : "invalid";
}

enum health_state health_state_from_name(const char *name)
{
	for (unsigned i = 0; i < HEALTH_STATE_COUNT; i++)
		if (strcmp(state_names[i], name) == 0)
			return (enum health_state)i;
	return HEALTH_STATE_COUNT;
}

enum health_state health_next(enum health_state state, enum health_event event)
{
	if ((unsigned)state >= HEALTH_STATE_COUNT)
		return HEALTH_DOWN;
	if ((unsigned)event >= HEALTH_EVENT_COUNT)
		return state;
	return (enum health_state)next[state][event];
}

bool health_serves(enum health_state state)
{
	return state == HEALTH_HEALTHY || state == HEALTH_DEGRADED || state == HEALTH_PROBATION;
}

enum health_summary health_summarize(const enum health_state *states, size_t n)
{
	size_t healthy = 0, serving = 0;

	for (size_t i = 0; i < n; i++) {
		healthy += states[i] == HEALTH_HEALTHY;
		serving += health_serves(states[i]);
	}
	if (healthy == n)
		return HEALTH_SUMMARY_OK;
	return serving > 0 ? HEALTH_SUMMARY_DEGRADED : HEALTH_SUMMARY_DOWN;
}

const char *health_summary_name(enum health_summary summary)
{
	return (unsigned)summary < ARRAY_SIZE(summary_names) ? summary_names[summary] : "invalid";
}
