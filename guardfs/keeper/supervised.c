/* supervised.c: see supervised.h. The order of things is docs/PROTOCOL.keeper.md. */
#include "keeper/internal.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "keeper/fence.h"
#include "keeper/mounts.h"
#include "policy/backoff.h"

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

/* An outage of hours is a handful of lines: a cause is told once, not at every try. */
static void log_change(struct supervised *s, enum health_state old, const char *detail)
{
	const struct errclass_info *info = errclass_info(s->class);
	bool told = s->class == s->told_class;

	if (s->state == HEALTH_HEALTHY)
		log_notice("backend %s: healthy (epoch %u)", s->config->name, s->epoch);
	else if (s->class == ERRCLASS_NONE || health_serves(s->state) || told)
		log_write(told ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "backend %s: %s -> %s%s%s",
			  s->config->name, health_state_name(old), health_state_name(s->state),
			  detail[0] ? ": " : "", detail);
	else
		log_warning("backend %s: %s -> %s: %s: %s%s%s; %s", s->config->name, health_state_name(old),
			    health_state_name(s->state), info->name, info->summary, detail[0] ? ": " : "",
			    detail, info->advice);
	s->told_class = s->class;
}

void supervised_event(struct supervised *s, enum health_event event, enum errclass class, const char *detail)
{
	enum health_state old = s->state;
	bool class_changed = class != s->class;

	s->state = health_next(old, event);
	if (s->state == old && !class_changed)
		return;
	s->class = class;
	board_set_detail(s->board, detail);
	board_set_state(s->board, s->state, class,
			s->state == old ? atomic_load(&s->board->since_real_ns) : clock_real_ns());
	log_change(s, old, detail);
	s->keeper->changed = true;
	routes_refresh(s->keeper);
}

enum rung_result supervised_fail(struct supervised *s, enum errclass class, const char *detail)
{
	s->failure_class = class;
	(void)copy_string(s->failure_detail, sizeof(s->failure_detail), detail);
	return RUNG_FAILED;
}

/* When the next try begins: at once after a good long service, else after the backoff. */
static void plan_try(struct supervised *s, bool at_once, uint64_t now_ns)
{
	const struct config *c = s->keeper->config;
	bool patient = !errclass_info(s->class)->retried;
	uint64_t wait_ms = 0;

	if (!at_once) {
		wait_ms = backoff_delay_ms(patient ? UINT32_MAX : s->doublings, c->backoff_min_ms,
					   c->backoff_max_ms, random_bits());
		s->doublings += s->doublings < 32;
	}
	s->next_try_ns = now_ns + wait_ms * NSEC_PER_MSEC;
	atomic_store(&s->board->next_attempt_real_ns, clock_real_ns() + wait_ms * NSEC_PER_MSEC);
}

/* Trouble during probation is the same outage: backoff goes on where it was. Who has served for a while is
 * retried at once. In between lies flapping: forgiven once, then waited for longer and longer, since a server
 * bans those who reconnect all the time. Returns whether to try at once. */
static bool forgive(struct supervised *s, uint64_t now_ns)
{
	uint64_t served_ns = now_ns - s->served_since_ns;

	if (served_ns < PROBATION_MS * NSEC_PER_MSEC)
		return false;
	s->short_services = served_ns < FLAP_MS * NSEC_PER_MSEC ? s->short_services + 1 : 0;
	s->doublings = s->short_services > 2 ? s->short_services - 2 : 0;
	return s->short_services < 2;
}

void supervised_break(struct supervised *s, enum errclass class, const char *detail, uint64_t now_ns)
{
	board_open_gate(s->keeper->board, s->index, s->epoch, class);
	s->serving = false;
	supervised_event(s, HEALTH_EVENT_BREAKER_OPEN, class, detail);
	plan_try(s, forgive(s, now_ns), now_ns);
	monitor_verdict(s);
}

/* Somebody else opened the breaker. The class is stored just after the gate. */
static void gate_was_opened(struct supervised *s, uint64_t now_ns)
{
	uint32_t class = atomic_load(&s->board->opened_class);

	if (class == ERRCLASS_NONE || class >= ERRCLASS_COUNT)
		class = ERRCLASS_STALLED;
	supervised_break(s, (enum errclass) class, "operations failed or did not return", now_ns);
}

static void transport_died(struct supervised *s, uint64_t now_ns)
{
	char detail[256];

	/* The gate first: diagnosis may take its time. */
	board_open_gate(s->keeper->board, s->index, s->epoch, ERRCLASS_SERVER_GONE);
	supervised_break(s, transport_diagnose(&s->transport, detail, sizeof(detail)), detail, now_ns);
}

/* What a failed try started is taken down again. */
static void take_down(struct supervised *s)
{
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

static void try_failed(struct supervised *s, bool expired, uint64_t now_ns)
{
	char detail[320];

	if (expired)
		note_expiry(s);
	take_down(s);
	(void)copy_string(detail, sizeof(detail), s->failure_detail);
	supervised_event(s, HEALTH_EVENT_TRY_FAILED, s->failure_class, detail);
	plan_try(s, false, now_ns);
	s->keeper->changed = true;
}

static void try_succeeded(struct supervised *s, uint64_t now_ns)
{
	s->serving = true;
	s->served_since_ns = s->identity_ns = now_ns;
	s->settle_ns = now_ns + PROBATION_MS * NSEC_PER_MSEC;
	s->next_probe_ns = now_ns + s->keeper->config->probe_interval_ms * NSEC_PER_MSEC;
	s->transport.used = 0; /* what was said while connecting explains no later death */
	atomic_store(&s->board->next_attempt_real_ns, 0);
	supervised_event(s, HEALTH_EVENT_PROVEN, ERRCLASS_NONE, "");
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

static void begin_try(struct supervised *s)
{
	const struct config *c = s->keeper->config;
	uint64_t gate = atomic_load(&s->board->gate);

	/* Above everything that worker may have seen, so that its acknowledgement is that of this try. */
	s->epoch = MAX(gate_epoch(gate), atomic_load(&s->board->root_epoch)) + 1;
	atomic_store(&s->board->next_attempt_real_ns, 0);
	ladder_begin(&s->ladder, supervised_rungs, supervised_n_rungs,
		     is_sshfs(s) ? c->connect_timeout_ms : MIN(c->probe_timeout_ms, c->connect_timeout_ms));
}

static void note_breaks(struct supervised *s, uint64_t now_ns)
{
	uint64_t gate = atomic_load(&s->board->gate);

	if (is_sshfs(s) && transport_dead(&s->transport))
		transport_died(s, now_ns);
	else if (!gate_is_closed(gate))
		gate_was_opened(s, now_ns);
	else if (atomic_load(&s->board->root_epoch) != s->epoch)
		supervised_break(s, ERRCLASS_NOT_CONNECTED, "worker has lost the root", now_ns);
}

uint64_t supervised_step(struct supervised *s, uint64_t now_ns)
{
	uint64_t wake = UINT64_MAX;

	transport_read(&s->transport);
	supervised_hear(s, now_ns);
	supervised_send_pending(s);
	if (s->serving)
		note_breaks(s, now_ns);
	if (s->serving)
		wake = monitor_step(s, now_ns);
	if (!s->serving && !s->ladder.climbing && now_ns >= s->next_try_ns)
		begin_try(s);
	step_ladder(s, now_ns);
	if (!s->serving)
		wake = s->ladder.climbing ? ladder_wake_ns(&s->ladder, now_ns) : s->next_try_ns;
	return MAX(wake, now_ns);
}

/* Serving as the board says, and everything needed for it is there. */
static bool adopt_serving(struct supervised *s)
{
	uint64_t gate = atomic_load(&s->board->gate);

	if (!gate_is_closed(gate) || atomic_load(&s->board->root_epoch) != gate_epoch(gate))
		return false;
	s->epoch = gate_epoch(gate);
	if (is_sshfs(s) && (s->transport.pidfd < 0 || !transport_mounted(&s->transport)))
		return false;
	return true;
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

void supervised_init(struct supervised *s, struct keeper *k, unsigned index, uint64_t now_ns)
{
	uint64_t gate;

	*s = (struct supervised){.keeper = k, .index = index, .root_fd = -1, .next_try_ns = now_ns};
	s->config = &k->config->backends[index];
	s->board = &k->board->backends[index];
	gate = atomic_load(&s->board->gate);
	s->state = board_state(s->board);
	s->class = board_class(s->board);
	probe_init(&s->probe);
	transport_init(&s->transport, k->config, index, k->run_dir, &k->features[index]);
	adopt_transport(s);
	if (adopt_serving(s)) {
		s->serving = true;
		s->served_since_ns = s->next_probe_ns = s->settle_ns = now_ns;
		if (!health_serves(s->state))
			s->state = HEALTH_PROBATION;
		return;
	}
	if (gate_is_closed(gate))
		board_open_gate(k->board, index, gate_epoch(gate), ERRCLASS_SERVER_GONE);
	if (s->state != HEALTH_CONNECTING || gate_epoch(gate) > 0)
		s->state = HEALTH_DOWN;
	if (gate_is_closed(gate))
		s->class = ERRCLASS_SERVER_GONE;
	board_set_state(s->board, s->state, s->class, clock_real_ns());
}

void supervised_stop(struct supervised *s)
{
	uint64_t gate = atomic_load(&s->board->gate);

	if (gate_is_closed(gate))
		board_open_gate(s->keeper->board, s->index, gate_epoch(gate), ERRCLASS_SERVER_GONE);
	ladder_stop(&s->ladder);
	take_down(s);
	atomic_store(&s->board->pid, 0);
}
