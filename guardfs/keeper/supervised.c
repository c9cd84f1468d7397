#include "keeper/climb.h"
#include "keeper/effects.h"
#include "keeper/events.h"
#include "keeper/internal.h"
#include "keeper/monitor.h"
#include "keeper/notify.h"
#include "keeper/probing.h"
#include "keeper/try.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"

/* Another process opened the breaker, and stores the class just after. */
static void take_opened_breaker(struct supervised *s, uint64_t now_ns)
{
	uint32_t class = atomic_load(&s->board->opened_class);

	if (class == ERRCLASS_NONE || class >= ERRCLASS_COUNT)
		class = ERRCLASS_STALLED;
	event_broken(s, (enum errclass) class, (enum detector)atomic_load(&s->board->opened_by),
		     "operations failed or did not return", now_ns);
}

static void take_dead_transport(struct supervised *s, uint64_t now_ns)
{
	char detail[256];
	enum errclass class;

	/* The breaker first: reading its words may take time. */
	board_trip_breaker(s->keeper->board, s->index, s->epoch, ERRCLASS_SERVER_GONE, DETECTOR_TRANSPORT);
	class = transport_diagnose(&s->transport, detail, sizeof(detail));
	event_broken(s, class, DETECTOR_TRANSPORT, detail, now_ns);
}

static void note_breaks(struct supervised *s, uint64_t now_ns)
{
	uint64_t breaker = atomic_load(&s->board->breaker);

	if (has_carrier(s) && transport_dead(&s->transport))
		take_dead_transport(s, now_ns);
	else if (!breaker_is_closed(breaker))
		take_opened_breaker(s, now_ns);
	else if (atomic_load(&s->board->root_epoch) != s->epoch)
		event_broken(s, ERRCLASS_NOT_CONNECTED, DETECTOR_WORKER, "worker has lost the root", now_ns);
}

uint64_t supervised_step(struct supervised *s, uint64_t now_ns)
{
	uint64_t wake;

	transport_read(&s->transport);
	probing_hear(s, now_ns);
	notify_pending(s);
	if (s->serving)
		note_breaks(s, now_ns);
	wake = signs_step(s, now_ns);
	if (s->serving)
		wake = MIN(wake, monitor_step(s, now_ns));
	wake = MIN(wake, course_step(&s->course, now_ns));
	effects_drain(s, "", now_ns);
	climb_step(s, now_ns);
	wake = MIN(wake, latency_step(s, now_ns));
	act_on_suspects(s);
	wake = MIN(wake, drill_step(s, now_ns));
	if (s->try_begun || s->ladder.climbing)
		wake = MIN(wake, climb_wake_ns(s, now_ns));
	else if (s->course.n_effects == 0)
		wake = MIN(wake, course_step(&s->course, now_ns));
	effects_drain(s, "", now_ns);
	return MAX(wake, now_ns);
}

static bool is_transport_there(const struct supervised *s)
{
	return !has_carrier(s) || (s->transport.pidfd >= 0 && transport_ready(&s->transport));
}

/* With everything that it takes. */
static bool adopt_serving(struct supervised *s)
{
	uint64_t breaker = atomic_load(&s->board->breaker);

	if (!breaker_is_closed(breaker) || atomic_load(&s->board->root_epoch) != breaker_epoch(breaker))
		return false;
	s->epoch = breaker_epoch(breaker);
	return is_transport_there(s);
}

/* Guardian and worker died at once, and the root's descriptor with them: only for that the next guardian opened
 * the breaker (guardian/handover.c). */
static bool lacks_only_root(const struct supervised *s)
{
	return health_serves(s->course.state) && atomic_load(&s->board->root_fd) < 0 &&
	       atomic_load(&s->board->opened_by) == DETECTOR_GUARDIAN &&
	       atomic_load(&s->board->opened_class) == ERRCLASS_NOT_CONNECTED && is_transport_there(s);
}

static void adopt_transport(struct supervised *s)
{
	pid_t pid = atomic_load(&s->board->pid);
	struct transport_heir heir = {.pid = pid,
				      .start = atomic_load(&s->board->pid_start),
				      .epoch = atomic_load(&s->board->pid_epoch),
				      .mark = atomic_load(&s->board->pid_mark),
				      .guardian_pidfd = s->keeper->guardian_pidfd,
				      .root_fd = -1};

	if (!has_carrier(s) || (pid <= 0 && heir.mark == 0))
		return;
	if (atomic_load(&s->board->root_epoch) == heir.epoch)
		heir.root_fd = atomic_load(&s->board->root_fd);
	if (transport_adopt(&s->transport, &heir) == 0)
		log_info("backend %s: found %s %d of a former keeper", s->config->name,
			 transport_name(&s->transport), (int)pid);
}

/* Of the board. A serving state stays even if nothing serves: after all recalls the backend is broken. */
static void take_state(struct supervised *s, uint64_t now_ns)
{
	uint64_t breaker = atomic_load(&s->board->breaker);
	enum health_state state = board_state(s->board);

	s->serving = adopt_serving(s);
	if (s->serving && !health_serves(state))
		state = HEALTH_PROBATION; /* closed just before the former keeper died */
	if (s->serving)
		s->next_probe_ns = now_ns;
	else if (breaker_is_closed(breaker))
		board_trip_breaker(s->keeper->board, s->index, breaker_epoch(breaker), ERRCLASS_SERVER_GONE,
				   DETECTOR_TRANSPORT);
	s->epoch = breaker_epoch(breaker);
	course_init(&s->course, &s->keeper->limits, state, board_class(s->board),
		    atomic_load(&s->board->incident) != 0, now_ns);
}

/* It served under the former keeper. */
static void note_outage(struct supervised *s, uint64_t now_ns)
{
	uint32_t class = atomic_load(&s->board->opened_class);

	if (s->serving || !health_serves(s->course.state))
		return;
	/* Callers got errors without a keeper. */
	latency_errors_since(s, atomic_load(&s->board->failed_before));
	s->reopens = lacks_only_root(s);
	if (s->reopens && course_reconnect(&s->course, now_ns) == 0) {
		effects_drain(s, "its root was lost with guardian and worker: opened again", now_ns);
		return;
	}
	if (class == ERRCLASS_NONE || class >= ERRCLASS_COUNT)
		class = ERRCLASS_SERVER_GONE;
	event_found_broken(s, (enum errclass) class, now_ns);
}

void supervised_init(struct supervised *s, struct keeper *k, unsigned index, uint64_t now_ns)
{
	/* on_suspect ran for none yet, not even 0 (none). */
	*s = (struct supervised){.keeper = k, .index = index, .root_fd = -1, .suspect_incident = UINT64_MAX};
	s->config = &k->config->backends[index];
	s->board = &k->board->backends[index];
	probe_init(&s->probe);
	transport_init(&s->transport, k->config, index, k->run_dir);
	s->transport.mark_kept = &s->board->pid_mark;
	adopt_transport(s);
	take_state(s, now_ns);
	incident_recall(s);
	memory_recall(s, now_ns);
	drill_clean_up(s);
	latency_init(s, now_ns);
	s->poisoned_seen = atomic_load(&s->board->counters[COUNT_POISONED]);
	s->made_before_seen = atomic_load(&s->board->counters[COUNT_MADE_BEFORE]);
	note_outage(s, now_ns);
	board_set_state(s->board, s->course.state, s->course.class,
			MAX(atomic_load(&s->board->since_real_ns), atomic_load(&k->board->started_real_ns)));
}

void supervised_reaped(struct supervised *s, pid_t pid, int status)
{
	transport_reaped(&s->transport, pid, status);
	if (s->probe.pid == pid)
		s->probe.pid = 0;
	/* It may soon be another process's. */
	if (atomic_load(&s->board->pid) == pid)
		atomic_store(&s->board->pid, 0);
}

void supervised_stop(struct supervised *s)
{
	uint64_t breaker = atomic_load(&s->board->breaker);

	if (breaker_is_closed(breaker))
		board_trip_breaker(s->keeper->board, s->index, breaker_epoch(breaker), ERRCLASS_SERVER_GONE,
				   DETECTOR_OPERATOR);
	atomic_store(&s->board->young_until_ns, 0); /* nobody waits for this backend */
	drill_stop(s);
	try_take_down(s);
	atomic_store(&s->board->pid, 0);
}
