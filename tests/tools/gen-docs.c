/* gen-docs.c: prints docs/STATES.md or docs/ERRORS.md from the tables: gen-docs states | errors. */
#include "policy/errclass.h"
#include "policy/health.h"

#include <errno.h>
#include <stdio.h>

static const char *const state_meaning[HEALTH_STATE_COUNT] = {
    [HEALTH_CONNECTING] = "The first connection is not yet made.",
    [HEALTH_HEALTHY] = "Serves.",
    [HEALTH_DEGRADED] = "Serves, but a probe was slow or met an error that does not mean a lost connection.",
    [HEALTH_DOWN] =
	"The breaker is open: operations fail at once, open files' writes wait. What ran is being "
	"fenced, or the next try is awaited.",
    [HEALTH_RECOVERING] = "Fenced; a new transport is being started and proven.",
    [HEALTH_PROBATION] = "Serves again since a moment ago (200 ms); trouble now counts as the same outage.",
    [HEALTH_HELD] = "Kept away from by an operator.",
    [HEALTH_EXHAUSTED] = "Recovered too often; an operator must say go.",
};

static const char *const event_meaning[HEALTH_EVENT_COUNT] = {
    [HEALTH_EVENT_START_TRY] = "backoff is over and nothing of the old epoch is left: a try begins",
    [HEALTH_EVENT_PROVEN] = "identity and routes are proven, the breaker closes",
    [HEALTH_EVENT_TRY_FAILED] = "the try failed; backoff",
    [HEALTH_EVENT_BREAKER_OPEN] = "worker, guardian or a probe opened the breaker, or sshfs ended",
    [HEALTH_EVENT_PROBE_OK] = "a probe came back in time and found the right storage",
    [HEALTH_EVENT_PROBE_SLOW] = "a probe waits or met an error, while operations return",
    [HEALTH_EVENT_SETTLED] = "probation passed without trouble",
    [HEALTH_EVENT_HOLD] = "an operator holds the backend",
    [HEALTH_EVENT_RESUME] = "an operator lets it go on",
    [HEALTH_EVENT_CAP_REACHED] = "no more tries are allowed for now",
};

static void print_transitions(void)
{
	printf("\n| state \\ event |");
	for (unsigned e = 0; e < HEALTH_EVENT_COUNT; e++)
		printf(" %s |", health_event_name((enum health_event)e));
	printf("\n|---|");
	for (unsigned e = 0; e < HEALTH_EVENT_COUNT; e++)
		printf("---|");
	for (unsigned s = 0; s < HEALTH_STATE_COUNT; s++) {
		printf("\n| **%s** |", health_state_name((enum health_state)s));
		for (unsigned e = 0; e < HEALTH_EVENT_COUNT; e++) {
			enum health_state next = health_next((enum health_state)s, (enum health_event)e);

			printf(" %s |", (unsigned)next == s ? "" : health_state_name(next));
		}
	}
	printf("\n");
}

static void print_states(void)
{
	printf("# States of a backend\n\n"
	       "Printed by `make docs-tables` from guardfs/policy/health.c. Keeper alone changes states; an "
	       "event that "
	       "means nothing in a state (an empty field below) leaves it unchanged.\n\n"
	       "| state | serves | meaning |\n|---|---|---|\n");
	for (unsigned s = 0; s < HEALTH_STATE_COUNT; s++)
		printf("| %s | %s | %s |\n", health_state_name((enum health_state)s),
		       health_serves((enum health_state)s) ? "yes" : "no", state_meaning[s]);
	printf("\n| event | when |\n|---|---|\n");
	for (unsigned e = 0; e < HEALTH_EVENT_COUNT; e++)
		printf("| %s | %s |\n", health_event_name((enum health_event)e), event_meaning[e]);
	print_transitions();
	printf("\nA route has the state of its backend, or is down by itself (class path_missing) while its "
	       "backend "
	       "serves. The whole mount is ok when every backend is healthy, down when none serves, degraded "
	       "otherwise.\n");
}

static void print_errnos(enum errclass class)
{
	const char *separator = "";

	for (int err = 1; err < 134; err++)
		if (class != ERRCLASS_REAL && errclass_from_errno(err) == class) {
			printf("%s%s", separator, strerrorname_np(err));
			separator = ", ";
		}
	if (class == ERRCLASS_REAL)
		printf("any other");
}

static const char *yes(bool b)
{
	return b ? "yes" : "";
}

static void print_errors(void)
{
	printf("# Error classes\n\n"
	       "Printed by `make docs-tables` from guardfs/policy/errclass.c.\n\n"
	       "- *infra*: infrastructure; callers get EIO (or what `error` says) instead\n"
	       "- *trips*: a single one opens the breaker\n"
	       "- *asks*: a probe is asked at once\n"
	       "- *patient*: retried only every `backoff_max`, since a person is needed\n"
	       "- *passes*: may be over in a moment, so callers wait while the outage is young ([recovery] "
	       "patience)\n\n"
	       "| class | errno | infra | trips | asks | patient | passes | what it is | what to do |\n"
	       "|---|---|---|---|---|---|---|---|---|\n");
	for (unsigned c = 0; c < ERRCLASS_COUNT; c++) {
		const struct errclass_info *i = errclass_info((enum errclass)c);

		printf("| %s | ", i->name);
		print_errnos((enum errclass)c);
		printf(" | %s | %s | %s | %s | %s | %s | %s |\n", yes(i->infrastructure), yes(i->trips),
		       yes(i->triggers_probe), yes(!i->retried), yes(i->infrastructure && i->passes),
		       i->summary, i->advice);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "states") == 0)
		print_states();
	else if (argc == 2 && strcmp(argv[1], "errors") == 0)
		print_errors();
	else
		return 100;
	return 0;
}
