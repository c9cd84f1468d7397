#include "keeper/monitor.h"
#include "keeper/events.h"
#include "keeper/internal.h"
#include "keeper/notify.h"
#include "keeper/probing.h"
#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

static uint64_t interval_ns(const struct supervised *s)
{
	return s->keeper->config->probe_interval_ms * NSEC_PER_MSEC;
}

/* Spread over backends of one server. */
static void plan_probe(struct supervised *s, uint64_t now_ns)
{
	uint64_t spread_ns = interval_ns(s) / 100 * s->keeper->config->probe_jitter;

	/* Random enough. */
	s->next_probe_ns =
	    now_ns + interval_ns(s) - spread_ns / 2 + (now_ns / 1000 % 1024) * (spread_ns / 1024);
}

static uint32_t routes_of(const struct supervised *s)
{
	const struct board *board = s->keeper->board;
	uint32_t used = MIN(board->map.n_routes, (uint32_t)TIERMAP_ROUTES_MAX), n = 0;

	for (uint32_t i = 0; i < used; i++)
		n += board->map.routes[i].backend == s->index;
	return n;
}

/* Returning traffic is evidence, except of identity and of idle routes (docs/RECOVERY.md). */
static bool traffic_suffices(const struct supervised *s, uint64_t now_ns)
{
	uint64_t completed = atomic_load(&s->board->last_completion_ns);

	if (s->probe_spared && routes_of(s) > 1)
		return false;
	return completed + interval_ns(s) / 2 > now_ns &&
	       s->identity_ns + IDENTITY_MS * NSEC_PER_MSEC > now_ns && s->root_known &&
	       s->course.state == HEALTH_HEALTHY;
}

static void begin_probe(struct supervised *s, uint64_t now_ns)
{
	unsigned tasks =
	    PROBE_STATFS | PROBE_ROUTES | PROBE_LIST_ROUTES | (s->config->canary ? PROBE_CANARY : 0);

	s->probe_spared = false;
	atomic_store(&s->board->suspect, 0);
	/* On failure the next interval tries again. */
	if (probing_begin(s, tasks, true, now_ns) == 0)
		plan_probe(s, now_ns);
	else
		s->next_probe_ns = now_ns + interval_ns(s);
}

/* A probe's EIO or slowness says that something is wrong, not that the connection is. A root that is gone or stale
 * cannot serve. */
static bool opens_breaker(enum errclass class)
{
	return errclass_info(class)->trips || class == ERRCLASS_PATH_MISSING || class == ERRCLASS_STALE;
}

/* Better known before a crawler finds out. A directory managed by others need not be writable (a read-only image
 * is always full). */
static bool is_full(const struct supervised *s)
{
	const struct board_statfs *b = &s->board->statfs;

	return !backend_is_plain(s->config->type) && atomic_load(&b->valid) && atomic_load(&b->blocks) > 0 &&
	       atomic_load(&b->bavail) == 0;
}

static const char full_text[] = "the server has no space left for this account";

/* Through sshfs a read-only disk is EPERM, a full one EIO. The figures tell more, or the server, asked beside the
 * mount. */
static enum errclass name_trouble(struct supervised *s, const char **text)
{
	if (is_full(s)) {
		*text = full_text;
		return ERRCLASS_FULL;
	}
	if (s->explained != ERRCLASS_NONE) {
		*text = s->explained_detail;
		return s->explained;
	}
	inquiry_wanted(s);
	return ERRCLASS_IO_ERROR;
}

static void probe_passed(struct supervised *s, uint64_t now_ns)
{
	s->identity_ns = now_ns;
	s->explained = ERRCLASS_NONE;
	if (is_full(s))
		event_probed(s, ERRCLASS_FULL, full_text, now_ns);
	else if (!s->latency.slow) /* by callers' waits: a probe does not end it */
		event_probed(s, ERRCLASS_NONE, "", now_ns);
}

static void judge_probe(struct supervised *s, uint64_t now_ns)
{
	enum errclass class = s->heard.class;
	const char *text = s->heard.text;

	s->probe.finished = true;
	plan_probe(s, now_ns);
	if (class == ERRCLASS_IO_ERROR)
		class = name_trouble(s, &text);
	if (class == ERRCLASS_NONE) {
		probe_passed(s, now_ns);
		notify_verdict(s);
	} else if (opens_breaker(class)) {
		event_broken(s, class, DETECTOR_PROBE, text, now_ns);
	} else {
		event_probed(s, class, text, now_ns);
		notify_verdict(s);
	}
	s->heard.done = false;
}

/* Nothing came back for a whole probe_timeout, of operations or probe. A probe behind bulk data is only slow. */
static uint64_t watch_probe(struct supervised *s, uint64_t now_ns)
{
	uint64_t timeout_ns = s->keeper->config->probe_timeout_ms * NSEC_PER_MSEC;
	uint64_t sign_ns = MAX(MAX(s->probe.heard_ns, atomic_load(&s->board->last_completion_ns)),
			       atomic_load(&s->board->received_ns));
	char detail[128];

	if (now_ns >= sign_ns + timeout_ns) {
		snprintf(detail, sizeof(detail), "nothing came back for %u ms",
			 s->keeper->config->probe_timeout_ms);
		event_broken(s, ERRCLASS_STALLED, DETECTOR_PROBE, detail, now_ns);
		return now_ns;
	}
	if (now_ns >= s->probe.heard_ns + timeout_ns && !s->heard.slow) {
		s->heard.slow = true;
		snprintf(detail, sizeof(detail), "operations return, but a probe waits for more than %u ms",
			 s->keeper->config->probe_timeout_ms);
		event_probed(s, ERRCLASS_TIMEOUT, detail, now_ns);
	}
	return s->heard.slow ? sign_ns + timeout_ns : MIN(s->probe.heard_ns, sign_ns) + timeout_ns;
}

/* The child died without DONE: that says nothing of the backend. */
static void lost_probe(struct supervised *s, uint64_t now_ns)
{
	s->heard.slow = false;
	s->next_probe_ns = MIN(s->next_probe_ns, now_ns + SUSPECT_PAUSE_MS * NSEC_PER_MSEC);
}

static bool suspect_due(const struct supervised *s, uint64_t now_ns)
{
	return atomic_load(&s->board->suspect) &&
	       now_ns >= s->probe.begun_ns + SUSPECT_PAUSE_MS * NSEC_PER_MSEC;
}

uint64_t monitor_step(struct supervised *s, uint64_t now_ns)
{
	uint64_t wake;

	if (s->heard.done)
		judge_probe(s, now_ns);
	if (!s->serving)
		return now_ns;
	if (probe_running(&s->probe)) {
		wake = watch_probe(s, now_ns);
	} else if (probe_free(&s->probe)) {
		if (s->heard.slow)
			lost_probe(s, now_ns);
		if (suspect_due(s, now_ns) || (now_ns >= s->next_probe_ns && !traffic_suffices(s, now_ns)))
			begin_probe(s, now_ns);
		else if (now_ns >= s->next_probe_ns) {
			s->probe_spared = true;
			plan_probe(s, now_ns);
		}
		wake = s->next_probe_ns;
		if (atomic_load(&s->board->suspect))
			wake = MIN(wake, s->probe.begun_ns + SUSPECT_PAUSE_MS * NSEC_PER_MSEC);
	} else {
		wake = now_ns + 50 * NSEC_PER_MSEC; /* the child is about to exit */
	}
	return wake;
}
