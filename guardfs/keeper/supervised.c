/* supervised.c: see supervised.h. The order of things is docs/PROTOCOL.keeper.md. */
#include "keeper/internal.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "keeper/fence.h"
#include "keeper/notify.h"
#include "base/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

static uint32_t random_bits(void)
{
	uint32_t r = 0;

	/* Without randomness the backoff merely has no jitter. */
	return getrandom(&r, sizeof(r), GRND_NONBLOCK) == sizeof(r) ? r : 0x80000000u;
}

static bool is_sshfs(const struct supervised *s)
{
	return s->config->type == BACKEND_SSHFS;
}

enum rung_result supervised_fail(struct supervised *s, enum errclass class, const char *detail)
{
	s->failure_class = class;
	(void)copy_string(s->failure_detail, sizeof(s->failure_detail), detail);
	return RUNG_FAILED;
}

void supervised_break(struct supervised *s, enum errclass class, enum detector by, const char *detail,
		      uint64_t now_ns)
{
	board_open_gate(s->keeper->board, s->index, s->epoch, class, by);
	s->serving = false;
	s->explained = ERRCLASS_NONE; /* what a probe met before explains no outage */
	course_broken(&s->course, class, random_bits(), now_ns);
	supervised_drain(s, detail, now_ns);
	/* Not to be tried at once: what is stuck in it need not wait for that. */
	if (is_sshfs(s) && !s->course.trying && s->course.next_try_ns > now_ns)
		supervised_take_down(s);
	notify_verdict(s);
}

void supervised_probed(struct supervised *s, enum errclass class, const char *detail, uint64_t now_ns)
{
	course_probed(&s->course, class, now_ns);
	supervised_drain(s, detail, now_ns);
}

void supervised_try_started(struct supervised *s, uint64_t now_ns)
{
	atomic_fetch_add(&s->board->attempts, 1);
	s->incident.tries++;
	s->keeper->changed = true;
	course_try_started(&s->course, now_ns);
	supervised_drain(s, s->failure_detail, now_ns);
}

/* Somebody else opened the breaker. The class is stored just after the gate. */
static void gate_was_opened(struct supervised *s, uint64_t now_ns)
{
	uint32_t class = atomic_load(&s->board->opened_class);

	if (class == ERRCLASS_NONE || class >= ERRCLASS_COUNT)
		class = ERRCLASS_STALLED;
	supervised_break(s, (enum errclass) class, (enum detector)atomic_load(&s->board->opened_by),
			 "operations failed or did not return", now_ns);
}

static void transport_died(struct supervised *s, uint64_t now_ns)
{
	char detail[256];
	enum errclass class;

	/* The gate first: reading what sshfs said may take its time. */
	board_open_gate(s->keeper->board, s->index, s->epoch, ERRCLASS_SERVER_GONE, DETECTOR_TRANSPORT);
	class = transport_diagnose(&s->transport, detail, sizeof(detail));
	supervised_break(s, class, DETECTOR_TRANSPORT, detail, now_ns);
}

void supervised_take_down(struct supervised *s)
{
	ladder_stop(&s->ladder);
	s->reopens = false;
	if (is_sshfs(s)) {
		transport_kill(&s->transport);
		transport_detach(&s->transport);
	}
	probe_abandon(&s->probe);
	if (s->root_fd >= 0)
		close(s->root_fd);
	s->root_fd = -1;
}

/* What sshfs said so far tells more than that the time is over. */
static void note_expiry(struct supervised *s)
{
	char detail[256];
	enum errclass class;

	transport_read(&s->transport);
	class = sshfs_diagnose(s->transport.text, s->transport.used, detail, sizeof(detail));
	if (class == ERRCLASS_NONE) {
		class = ERRCLASS_TIMEOUT;
		snprintf(detail, sizeof(detail), "no success in time at step %s",
			 ladder_rung_name(&s->ladder));
	}
	supervised_fail(s, class, detail);
}

/* All that these say is that there is no connection. */
static bool is_vague(enum errclass class)
{
	static const enum errclass vague[] = {ERRCLASS_SERVER_GONE, ERRCLASS_TIMEOUT,	    ERRCLASS_STALLED,
					      ERRCLASS_IO_ERROR,    ERRCLASS_NOT_CONNECTED, ERRCLASS_ABORTED};

	for (size_t i = 0; i < ARRAY_SIZE(vague); i++)
		if (class == vague[i])
			return true;
	return false;
}

/* Why there is none, the server itself was asked. What is wrong with our own files comes before what ssh and
 * the server make of it ("no host key is known", "permission denied"). Of the same class, what was asked for
 * tells more. */
static void prefer_explanation(struct supervised *s)
{
	if (s->explained != ERRCLASS_NONE && (s->explained == ERRCLASS_CONFIG ||
					      s->explained == s->failure_class || is_vague(s->failure_class)))
		supervised_fail(s, s->explained, s->explained_detail);
}

/* What began as a lost connection is about what keeps it from being made anew: a diagnosis may be switched
 * off, or see nothing of it (sshfs is not installed any more). */
static void tell_incident(struct supervised *s, const char *detail)
{
	if (!s->incident.open || is_vague(s->failure_class) || s->incident.class == s->failure_class)
		return;
	s->incident.class = s->failure_class;
	(void)copy_string(s->incident.detail, sizeof(s->incident.detail), detail);
	incident_update(s);
}

static void try_failed(struct supervised *s, bool expired, uint64_t now_ns)
{
	char detail[320];

	if (expired)
		note_expiry(s);
	prefer_explanation(s);
	supervised_take_down(s);
	(void)copy_string(detail, sizeof(detail), s->failure_detail);
	course_try_failed(&s->course, s->failure_class, random_bits(), now_ns);
	supervised_drain(s, detail, now_ns);
	tell_incident(s, detail);
	s->keeper->changed = true;
}

static void try_succeeded(struct supervised *s, uint64_t now_ns)
{
	s->serving = true;
	s->reopens = false;
	s->explained = ERRCLASS_NONE;
	s->identity_ns = now_ns;
	s->next_probe_ns = now_ns + s->keeper->config->probe_interval_ms * NSEC_PER_MSEC;
	s->transport.used = 0; /* what was said while connecting explains no later death */
	course_proven(&s->course, now_ns);
	supervised_drain(s, "", now_ns);
}

static void step_ladder(struct supervised *s, uint64_t now_ns)
{
	switch (ladder_step(&s->ladder, s, now_ns)) {
	case LADDER_TOP:
		try_succeeded(s, now_ns);
		break;
	case LADDER_FAILED:
		try_failed(s, false, now_ns);
		break;
	case LADDER_EXPIRED:
		try_failed(s, true, now_ns);
		break;
	case LADDER_IDLE:
	case LADDER_WAITING:
		break;
	}
}

/* Above everything that worker may have seen, so that its acknowledgement is that of this try. */
static uint32_t next_epoch(const struct supervised *s)
{
	return MAX(gate_epoch(atomic_load(&s->board->gate)), atomic_load(&s->board->root_epoch)) + 1;
}

static uint32_t connect_budget_ms(const struct supervised *s)
{
	const struct config *c = s->keeper->config;

	return is_sshfs(s) && !s->reopens ? c->connect_timeout_ms
					  : MIN(c->probe_timeout_ms, c->connect_timeout_ms);
}

void supervised_plan(const struct supervised *s, struct plan *plan)
{
	const struct plan_input input = {.sshfs = is_sshfs(s),
					 .connect_ms = connect_budget_ms(s),
					 .epoch = next_epoch(s),
					 .transport_running = s->transport.pid > 0,
					 .transport_kept = s->reopens};

	plan_make(&input, plan);
}

void supervised_begin_try(struct supervised *s, uint64_t now_ns)
{
	supervised_plan(s, &s->plan);
	s->epoch = s->plan.epoch;
	s->fenced_ns = now_ns;
	s->abort_done = s->drain_told = false;
	probe_abandon(&s->probe);
	if (is_sshfs(s) && !s->reopens)
		transport_detach(&s->transport); /* whatever a predecessor left */
	history_plan(s);
	ladder_begin(&s->ladder, s->rungs, rungs_of_plan(&s->plan, s->rungs), connect_budget_ms(s));
	s->ladder.left = history_rung;
}

static void note_breaks(struct supervised *s, uint64_t now_ns)
{
	uint64_t gate = atomic_load(&s->board->gate);

	if (is_sshfs(s) && transport_dead(&s->transport))
		transport_died(s, now_ns);
	else if (!gate_is_closed(gate))
		gate_was_opened(s, now_ns);
	else if (atomic_load(&s->board->root_epoch) != s->epoch)
		supervised_break(s, ERRCLASS_NOT_CONNECTED, DETECTOR_WORKER, "worker has lost the root",
				 now_ns);
}

uint64_t supervised_step(struct supervised *s, uint64_t now_ns)
{
	uint64_t wake;

	transport_read(&s->transport);
	supervised_hear(s, now_ns);
	notify_pending(s);
	if (s->serving)
		note_breaks(s, now_ns);
	wake = signs_step(s, now_ns);
	if (s->serving)
		wake = MIN(wake, monitor_step(s, now_ns));
	wake = MIN(wake, course_step(&s->course, now_ns));
	supervised_drain(s, "", now_ns);
	step_ladder(s, now_ns);
	wake = MIN(wake, latency_step(s, now_ns));
	wake = MIN(wake, drill_step(s, now_ns));
	if (s->ladder.climbing)
		wake = MIN(wake, ladder_wake_ns(&s->ladder, now_ns));
	else if (s->course.n_effects == 0)
		wake = MIN(wake, course_step(&s->course, now_ns));
	supervised_drain(s, "", now_ns);
	return MAX(wake, now_ns);
}

static bool is_transport_there(const struct supervised *s)
{
	return !is_sshfs(s) || (s->transport.pidfd >= 0 && transport_mounted(&s->transport));
}

/* Serving as the board says, and everything needed for it is there. */
static bool adopt_serving(struct supervised *s)
{
	uint64_t gate = atomic_load(&s->board->gate);

	if (!gate_is_closed(gate) || atomic_load(&s->board->root_epoch) != gate_epoch(gate))
		return false;
	s->epoch = gate_epoch(gate);
	return is_transport_there(s);
}

/* It served, guardian and worker died at once, and with them the descriptor of its root: the next guardian
 * has opened the gate for that, and for nothing else (guardian/handover.c). */
static bool lacks_only_root(const struct supervised *s)
{
	return health_serves(s->course.state) && atomic_load(&s->board->root_fd) < 0 &&
	       atomic_load(&s->board->opened_by) == DETECTOR_GUARDIAN &&
	       atomic_load(&s->board->opened_class) == ERRCLASS_NOT_CONNECTED && is_transport_there(s);
}

static void adopt_transport(struct supervised *s)
{
	pid_t pid = atomic_load(&s->board->pid);

	if (!is_sshfs(s) || pid <= 0)
		return;
	if (transport_adopt(&s->transport, pid, atomic_load(&s->board->pid_start),
			    atomic_load(&s->board->pid_epoch)) == 0)
		log_info("backend %s: found sshfs %d of a former keeper", s->config->name, (int)pid);
}

/* What the board says of the time before this keeper. A state that serves stays as it is even if nothing is
 * left of what served: it is broken afterwards, when all is recalled, as any other outage is. */
static void take_state(struct supervised *s, uint64_t now_ns)
{
	uint64_t gate = atomic_load(&s->board->gate);
	enum health_state state = board_state(s->board);

	s->serving = adopt_serving(s);
	if (s->serving && !health_serves(state))
		state = HEALTH_PROBATION; /* the breaker was closed just before the former keeper died */
	if (s->serving)
		s->next_probe_ns = now_ns;
	else if (gate_is_closed(gate))
		board_open_gate(s->keeper->board, s->index, gate_epoch(gate), ERRCLASS_SERVER_GONE,
				DETECTOR_TRANSPORT);
	s->epoch = gate_epoch(gate);
	course_init(&s->course, &s->keeper->limits, state, board_class(s->board),
		    atomic_load(&s->board->incident) != 0, now_ns);
}

/* It served when the former keeper was last seen, and does no more. */
static void note_outage(struct supervised *s, uint64_t now_ns)
{
	uint32_t class = atomic_load(&s->board->opened_class);

	if (s->serving || !health_serves(s->course.state))
		return;
	/* Callers have got their errors while there was no keeper. */
	s->latency.errors_before = MIN(s->latency.errors_before, atomic_load(&s->board->failed_before));
	s->reopens = lacks_only_root(s);
	if (s->reopens && course_reconnect(&s->course, now_ns) == 0) {
		supervised_drain(s, "its root was lost with guardian and worker: opened again", now_ns);
		return;
	}
	if (class == ERRCLASS_NONE || class >= ERRCLASS_COUNT)
		class = ERRCLASS_SERVER_GONE;
	course_broken(&s->course, (enum errclass) class, random_bits(), now_ns);
	supervised_drain(s, "found when keeper started", now_ns);
}

void supervised_init(struct supervised *s, struct keeper *k, unsigned index, uint64_t now_ns)
{
	*s = (struct supervised){.keeper = k, .index = index, .root_fd = -1};
	s->config = &k->config->backends[index];
	s->board = &k->board->backends[index];
	probe_init(&s->probe);
	transport_init(&s->transport, k->config, index, k->run_dir, &k->features[index]);
	adopt_transport(s);
	take_state(s, now_ns);
	incident_recall(s);
	memory_recall(s, now_ns);
	drill_clean_up(s);
	latency_init(s, now_ns);
	s->poisoned_seen = atomic_load(&s->board->counters[COUNT_POISONED]);
	s->suspects_seen = atomic_load(&k->board->suspects_total);
	note_outage(s, now_ns);
	board_set_state(s->board, s->course.state, s->course.class,
			MAX(atomic_load(&s->board->since_real_ns), atomic_load(&k->board->started_real_ns)));
}

void supervised_reaped(struct supervised *s, pid_t pid, int status)
{
	transport_reaped(&s->transport, pid, status);
	if (s->probe.pid == pid)
		s->probe.pid = 0;
	/* The number may soon be another process's. */
	if (atomic_load(&s->board->pid) == pid)
		atomic_store(&s->board->pid, 0);
}

void supervised_stop(struct supervised *s)
{
	uint64_t gate = atomic_load(&s->board->gate);

	if (gate_is_closed(gate))
		board_open_gate(s->keeper->board, s->index, gate_epoch(gate), ERRCLASS_SERVER_GONE,
				DETECTOR_OPERATOR);
	atomic_store(&s->board->young_until_ns, 0); /* nobody is to wait for what does not come back */
	drill_stop(s);
	supervised_take_down(s);
	atomic_store(&s->board->pid, 0);
}
