/* Summary, reason, time. */
#include "report/snapshot.h"
#include <stdio.h>

/* The worst, among equals the longest so; NULL: all are healthy. */
static const struct report_backend *worst_backend(const struct report_snapshot *s)
{
	const struct report_backend *worst = NULL;

	for (uint32_t i = 0; i < s->n_backends; i++) {
		const struct report_backend *b = &s->backends[i];
		unsigned bad = report_badness(b->now.state);
		unsigned so_far = worst ? report_badness(worst->now.state) : 0;

		if (bad > so_far || (worst && bad == so_far && b->now.since_ns < worst->now.since_ns))
			worst = b;
	}
	return worst;
}

static int worst_route(const struct report_snapshot *s)
{
	int worst = -1;
	unsigned so_far = 0;

	for (uint32_t i = 0; i < s->n_routes; i++) {
		if (report_badness(s->routes[i].now.state) <= so_far)
			continue;
		so_far = report_badness(s->routes[i].now.state);
		worst = (int)i;
	}
	return worst;
}

static int missing_process(const struct report_snapshot *s)
{
	for (int p = 0; p < PROCESS_COUNT; p++)
		if (s->processes[p].state != REPORT_PROCESS_RUNNING)
			return p;
	return -1;
}

static void blame(struct report_snapshot *s, const char *cause, uint64_t since_ns)
{
	s->cause = cause;
	s->since_ns = since_ns;
	if (s->summary == HEALTH_SUMMARY_OK)
		s->summary = HEALTH_SUMMARY_DEGRADED;
}

static void blame_backend(struct report_snapshot *s, const struct report_backend *b)
{
	blame(s, errclass_info(b->now.class)->name, b->now.since_ns);
	snprintf(s->reason, sizeof(s->reason), "%.*s %s%s%s", CONFIG_NAME_MAX - 1, b->config->name,
		 health_state_name(b->now.state), b->detail[0] ? ": " : "", b->detail);
}

static void blame_route(struct report_snapshot *s, int index)
{
	const struct report_route *r = &s->routes[index];

	blame(s, errclass_info(r->now.class)->name, r->now.since_ns);
	snprintf(s->reason, sizeof(s->reason), "route %.*s %s", 400, s->map.routes[index].path,
		 health_state_name(r->now.state));
}

static void praise(struct report_snapshot *s)
{
	s->cause = errclass_info(ERRCLASS_NONE)->name;
	s->since_ns = atomic_load(&s->board->started_real_ns);
	for (uint32_t i = 0; i < s->n_backends; i++)
		s->since_ns = MAX(s->since_ns, s->backends[i].now.since_ns);
	for (uint32_t i = 0; i < s->n_routes; i++)
		s->since_ns = MAX(s->since_ns, s->routes[i].now.since_ns);
}

/* Guardian replaces worker and keeper; systemd, guardian/standby.c, or the reader replaces guardian. */
static void blame_process(struct report_snapshot *s, enum process process)
{
	blame(s, "process", 0);
	snprintf(s->reason, sizeof(s->reason), "%s is %s%s", report_process_name(process),
		 report_process_state_name(s->processes[process].state),
		 process == PROCESS_GUARDIAN ? ": start guardfs again, it goes on with the session" : "");
}

/* The path leads to the bare directory below the mount: the worst case. */
static void blame_absence(struct report_snapshot *s)
{
	blame(s, "unmounted", s->unmounted_ns);
	s->summary = HEALTH_SUMMARY_DOWN;
	snprintf(s->reason, sizeof(s->reason),
		 "%.*s was unmounted; what still uses it is served until it "
		 "lets go",
		 300, s->board->config.mountpoint);
}

void report_snapshot_judge(struct report_snapshot *s)
{
	enum health_state states[CONFIG_BACKENDS_MAX];
	const struct report_backend *backend = worst_backend(s);
	int route = worst_route(s), process = missing_process(s);

	for (uint32_t i = 0; i < s->n_backends; i++)
		states[i] = s->backends[i].now.state;
	s->summary = health_summarize(states, s->n_backends);
	s->reason[0] = '\0';
	praise(s);
	if (s->unmounted_ns) {
		blame_absence(s);
	} else if (s->processes[PROCESS_GUARDIAN].state != REPORT_PROCESS_RUNNING) {
		blame_process(s, PROCESS_GUARDIAN); /* worst: keeper and sshfs end soon */
	} else if (backend) {
		blame_backend(s, backend);
	} else if (route >= 0) {
		blame_route(s, route);
	} else if (process >= 0) {
		blame_process(s, (enum process)process);
	} else if (!s->serving) {
		blame(s, "process", 0);
		snprintf(s->reason, sizeof(s->reason), "worker is not serving yet");
	} else if (s->manifest == REPORT_MANIFEST_BAD) {
		blame(s, "manifest", 0);
		snprintf(s->reason, sizeof(s->reason), "%.*s", 500, s->manifest_error);
	}
}
