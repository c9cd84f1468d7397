/* Names and order of states. */
#include "report/snapshot.h"

unsigned report_badness(enum health_state state)
{
	static const unsigned badness[HEALTH_STATE_COUNT] = {
	    [HEALTH_HEALTHY] = 0,    [HEALTH_PROBATION] = 1, [HEALTH_DEGRADED] = 2, [HEALTH_CONNECTING] = 3,
	    [HEALTH_RECOVERING] = 4, [HEALTH_DOWN] = 5,	     [HEALTH_HELD] = 6,	    [HEALTH_EXHAUSTED] = 7,
	};

	return (unsigned)state < HEALTH_STATE_COUNT ? badness[state] : badness[HEALTH_DOWN];
}

const char *report_process_name(enum process process)
{
	static const char *const names[PROCESS_COUNT] = {"guardian", "worker", "keeper"};

	return (unsigned)process < PROCESS_COUNT ? names[process] : "invalid";
}

const char *report_process_state_name(enum report_process_state state)
{
	static const char *const names[] = {"running", "dead", "missing"};

	return (unsigned)state < ARRAY_SIZE(names) ? names[state] : "invalid";
}
