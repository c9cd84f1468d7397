#include "keeper/rungs.h"
#include "keeper/events.h"
#include "keeper/fence.h"
#include "keeper/internal.h"
#include "keeper/notify.h"
#include "keeper/probing.h"
#include "keeper/try.h"
#include "base/mounts.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define ROUTES_SILENCE_MS 2000u /* least silence that counts against a new connection */
#define ABORT_GRACE_MS	  1000u /* for stuck tasks of somebody else's mount */

static bool worker_reading(const struct supervised *s)
{
	return atomic_load(&s->keeper->board->serving) != 0;
}

/* ---- fence ---- */

static enum rung_result fence_start(void *context, uint64_t now_ns)
{
	struct supervised *s = context;

	(void)now_ns;
	transport_kill(&s->transport);
	transport_detach(&s->transport);
	return RUNG_WAIT;
}

static enum rung_result fence_poll(void *context, uint64_t now_ns)
{
	struct supervised *s = context;

	(void)now_ns;
	if (!transport_gone(&s->transport)) {
		if (s->transport.mark) /* it may have forked meanwhile */
			transport_kill(&s->transport);
		return RUNG_WAIT;
	}
	if (backend_is_mounted(s->config->type)) /* mounted just before its end */
		transport_detach(&s->transport);
	transport_end(&s->transport);
	return RUNG_DONE;
}

/* ---- drain ---- */

/* As recorded at connect or on the board. NULL entry: no proof. */
static bool still_that_mount(const struct supervised *s)
{
	uint32_t known = atomic_load(&s->board->minor);
	struct mount_entry e;

	if (s->root_known)
		return s->root.fuse && mount_find_id(s->root.mount_id, &e) == 0 && mount_is_fuse(&e) &&
		       e.minor == s->root.minor;
	return known && mount_find_containing(s->config->path, &e) == 0 && mount_is_fuse(&e) &&
	       e.minor == known;
}

/* Somebody else's mount is aborted only while tasks are stuck in it, with proof that the minor (reused by the
 * kernel) is still that mount. */
static void free_stuck_tasks(struct supervised *s, unsigned stuck)
{
	uint32_t minor = s->root_known ? s->root.minor : atomic_load(&s->board->minor);
	errint_t rc;

	s->abort_done = true;
	if (!still_that_mount(s))
		return;
	rc = fence_abort_fuse(minor, s->keeper->run_dir);
	if (rc < 0)
		log_warning("backend %s: cannot abort its FUSE connection %u: %s", s->config->name, minor,
			    strerror(-rc));
	else
		log_warning("backend %s: aborted its FUSE connection %u, %u operations were stuck in it",
			    s->config->name, minor, stuck);
}

static void tell_waiting(struct supervised *s, unsigned stuck, bool clear)
{
	char detail[128];

	s->drain_told = true;
	if (clear)
		snprintf(detail, sizeof(detail), "waiting for %u operations%s still stuck in it", stuck,
			 probe_free(&s->probe) ? "" : " and a probe");
	else
		snprintf(detail, sizeof(detail),
			 "waiting for the end of killed processes that a former guardfs left");
	board_set_detail(s->board, detail);
	log_warning("backend %s: %s", s->config->name, detail);
	s->keeper->changed = true;
}

/* It carries the new epoch. */
static void keep_transport(struct supervised *s)
{
	uint32_t present = atomic_load(&s->board->pid_epoch);

	atomic_store(&s->board->pid_epoch, transport_set_epoch(&s->transport, s->epoch, present));
}

static enum rung_result drain_poll(void *context, uint64_t now_ns)
{
	struct supervised *s = context;
	unsigned stuck = fence_tasks_inside(s->keeper->arena, s->index, s->epoch - 1);
	bool old_probe = !probe_free(&s->probe), clear = transport_is_clear(&s->transport);

	if (stuck == 0 && !old_probe && clear) {
		if (s->reopens)
			keep_transport(s);
		event_try_started(s, now_ns);
		return RUNG_DONE;
	}
	/* The next try fences. */
	if (s->reopens && now_ns - s->fenced_ns >= ABORT_GRACE_MS * NSEC_PER_MSEC)
		return try_fail(s, ERRCLASS_STALLED, "operations of the dead worker are stuck in it");
	if (!s->drain_told && now_ns - s->fenced_ns >= ABORT_GRACE_MS * NSEC_PER_MSEC)
		tell_waiting(s, stuck, clear);
	if (s->config->type == BACKEND_DIR && stuck > 0 && !s->abort_done &&
	    now_ns - s->fenced_ns >= ABORT_GRACE_MS * NSEC_PER_MSEC)
		free_stuck_tasks(s, stuck);
	return RUNG_WAIT;
}

/* ---- start ---- */

static enum rung_result start_start(void *context, uint64_t now_ns)
{
	struct supervised *s = context;
	char message[CONFIG_ERROR_MAX];
	enum errclass class;

	(void)now_ns;
	inquiry_yield(s->keeper, s->index);
	if (transport_start(&s->transport, s->epoch, message, &class) < 0)
		return try_fail(s, class, message);
	/* The pid last: a keeper that finds it relies on the others. */
	atomic_store(&s->board->pid, 0);
	atomic_store(&s->board->pid_start, s->transport.start);
	atomic_store(&s->board->pid_epoch, s->epoch);
	atomic_store(&s->board->pid, s->transport.pid);
	return RUNG_WAIT;
}

/* Its own words say why. */
static enum rung_result transport_failed(struct supervised *s)
{
	char detail[256];
	enum errclass class = transport_diagnose(&s->transport, detail, sizeof(detail));

	return try_fail(s, class, detail);
}

/* Findings by trying are not known anew. */
static void note_server(struct supervised *s)
{
	uint32_t tried = atomic_load(&s->board->server_lacks) & SERVER_TRIED;

	atomic_store(&s->board->server_lacks, transport_server_lacks(&s->transport) | tried);
}

static enum rung_result start_poll(void *context, uint64_t now_ns)
{
	struct supervised *s = context;

	(void)now_ns;
	if (transport_dead(&s->transport))
		return transport_failed(s);
	if (!transport_ready(&s->transport))
		return RUNG_WAIT;
	transport_bound_memory(&s->transport);
	if (s->transport.ring.ring)
		note_server(s);
	transport_read(&s->transport);
	transport_serves(&s->transport);
	return RUNG_DONE;
}

/* ---- prove ---- */

static enum rung_result probe_result(struct supervised *s)
{
	if (has_carrier(s) && transport_dead(&s->transport))
		return transport_failed(s);
	if (!s->heard.done)
		return RUNG_WAIT;
	if (s->heard.class == ERRCLASS_NONE)
		return RUNG_DONE;
	/* It died under the probe: the transport's words, now or soon, tell more. */
	if (has_carrier(s) && errclass_info(s->heard.class)->infrastructure &&
	    s->heard.class != ERRCLASS_IDENTITY_MISMATCH) {
		char detail[256];
		enum errclass class = transport_explain(&s->transport, detail, sizeof(detail));

		if (class != ERRCLASS_NONE)
			return try_fail(s, class, detail);
	}
	return try_fail(s, s->heard.class, s->heard.text);
}

static enum rung_result prove_start(void *context, uint64_t now_ns)
{
	struct supervised *s = context;
	errint_t rc = probing_begin(s, PROBE_HANDOVER | PROBE_LIST | PROBE_STATFS, false, now_ns);

	return rc < 0 ? try_fail(s, errclass_of_own(-rc), strerror(-rc)) : RUNG_WAIT;
}

static enum rung_result prove_poll(void *context, uint64_t now_ns)
{
	struct supervised *s = context;
	enum rung_result result = probe_result(s);

	(void)now_ns;
	if (result == RUNG_DONE && s->root_fd < 0)
		return try_fail(s, ERRCLASS_IO_ERROR, "the probe ended without handing over the root");
	if (result == RUNG_DONE && !probe_free(&s->probe))
		return RUNG_WAIT; /* the child is about to exit */
	return result;
}

/* ---- anchor ---- */

static enum rung_result anchor_start(void *context, uint64_t now_ns)
{
	struct supervised *s = context;

	(void)now_ns;
	s->root_sent = false;
	return RUNG_WAIT;
}

/* To each new worker. */
static enum rung_result anchor_poll(void *context, uint64_t now_ns)
{
	struct supervised *s = context;
	uint32_t generation = atomic_load(&s->keeper->board->worker_generation);

	(void)now_ns;
	if (has_carrier(s) && transport_dead(&s->transport))
		return transport_failed(s);
	if (atomic_load(&s->board->root_epoch) == s->epoch) {
		close(s->root_fd);
		s->root_fd = -1;
		return RUNG_DONE;
	}
	if ((!s->root_sent || generation != s->sent_generation) && worker_reading(s) && notify_root(s) == 0) {
		s->root_sent = true;
		s->sent_generation = generation;
	}
	return RUNG_WAIT;
}

/* ---- routes ---- */

static enum rung_result routes_start(void *context, uint64_t now_ns)
{
	struct supervised *s = context;
	errint_t rc = probing_begin(s, PROBE_ROUTES | PROBE_PATTERNS, true, now_ns);

	return rc < 0 ? try_fail(s, errclass_of_own(-rc), strerror(-rc)) : RUNG_WAIT;
}

/* Not duration: the storage decides how many routes and directories there are. */
static enum rung_result routes_poll(void *context, uint64_t now_ns)
{
	struct supervised *s = context;
	enum rung_result result = probe_result(s);
	uint64_t silence_ms = MAX(s->keeper->config->probe_timeout_ms, ROUTES_SILENCE_MS);

	if (result == RUNG_WAIT && now_ns > s->probe.heard_ns + silence_ms * NSEC_PER_MSEC)
		return try_fail(s, ERRCLASS_STALLED, "it stopped answering while routes were probed");
	return result;
}

/* ---- close ---- */

static enum rung_result close_start(void *context, uint64_t now_ns)
{
	struct supervised *s = context;

	atomic_store(&s->board->opened_class, ERRCLASS_NONE);
	atomic_store(&s->board->minor, s->root.fuse ? s->root.minor : 0);
	atomic_store(&s->board->last_completion_ns, now_ns); /* the probes were answered */
	atomic_store(&s->board->suspect, 0);
	atomic_store(&s->board->breaker, breaker_word(s->epoch, true));
	notify_closed(s);
	return RUNG_DONE;
}

static const struct rung_functions functions[RUNG_ID_COUNT] = {
    [RUNG_FENCE] = {fence_start, fence_poll},	 [RUNG_DRAIN] = {drain_poll, drain_poll},
    [RUNG_START] = {start_start, start_poll},	 [RUNG_PROVE] = {prove_start, prove_poll},
    [RUNG_ANCHOR] = {anchor_start, anchor_poll}, [RUNG_ROUTES] = {routes_start, routes_poll},
    [RUNG_CLOSE] = {close_start, NULL},
};

unsigned rungs_of_plan(const struct plan *plan, struct rung *rungs)
{
	return ladder_rungs(plan, functions, rungs);
}
