#include "keeper/settle.h"
#include "base/clock.h"
#include "base/log.h"
#include "keeper/internal.h"
#include "keeper/settle-child.h"
#include "keeper/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Programs may still be closing the file. */
#define CALM_NS	      (1 * NSEC_PER_SEC)
#define RETRY_MIN_NS  (60 * NSEC_PER_SEC)
#define RETRY_DOUBLED 6 /* at most 64 minutes */
#define IDLE_NS	      (3600 * NSEC_PER_SEC)
#define NOTE_NS	      (2 * NSEC_PER_SEC)

/* Too large for a stack. */
static struct suspect found;

static const struct suspect *suspect_at(const struct keeper *k, uint32_t place)
{
	return &k->arena->suspects.places[place].suspect;
}

static bool is_pending(const struct suspect *s)
{
	/* Somebody may put a missing one back. */
	return s->filed_ns && s->object[0] &&
	       (s->verdict == SUSPECT_PENDING || s->verdict == SUSPECT_UNKNOWN ||
		s->verdict == SUSPECT_MISSING);
}

/* Not in recovery, nor in a drill: storage may lie. */
static bool may_look(const struct keeper *k, uint32_t backend)
{
	const struct supervised *s = &k->backends[backend];

	return k->config->settle && backend < k->n_backends && s->serving && s->root_known &&
	       (s->course.state == HEALTH_HEALTHY || s->course.state == HEALTH_DEGRADED) && !drill_active(s);
}

/* ---- beginning ---- */

/* CLOCK_MONOTONIC; UINT64_MAX: never, as for a suspect about which nobody can tell more. */
static uint64_t due_ns(const struct keeper *k, uint32_t place, uint64_t now_ns)
{
	const struct suspect *s = suspect_at(k, place);
	uint64_t calm_ns = s->told_ns + CALM_NS, real_ns = clock_real_ns();

	if (!is_pending(s) || (s->verdict == SUSPECT_UNKNOWN && !s->found_error) || !may_look(k, s->backend))
		return UINT64_MAX;
	/* Farther away: the clock was set back since. */
	calm_ns = now_ns + (calm_ns > real_ns && calm_ns - real_ns <= CALM_NS ? calm_ns - real_ns : 0);
	if (k->settle.retry_epoch[place] != k->backends[s->backend].epoch)
		return calm_ns;
	return MAX(calm_ns, k->settle.retry_ns[place]);
}

static void begin_look(struct keeper *k, uint32_t place)
{
	const struct suspect *s = suspect_at(k, place);
	const struct supervised *b = &k->backends[s->backend];
	struct settle_job job = {.arena = k->arena,
				 .has_expected = b->root_known,
				 .expected = b->root,
				 .ring_socket = b->transport.ring_socket,
				 .epoch = b->epoch,
				 .suspect = &found};
	pid_t keeper = getpid();

	if (copy_string(job.root, sizeof(job.root),
			backend_is_mounted(b->config->type) ? b->transport.mountpoint : b->config->path) < 0)
		return;
	found = *s;
	memset(k->settle.shared, 0, sizeof(*k->settle.shared));
	k->settle.place = place;
	k->settle.backend = s->backend;
	k->settle.epoch = b->epoch;
	k->settle.filed_ns = s->filed_ns;
	k->settle.told_ns = s->told_ns;
	k->settle.noted_ns = clock_mono_ns();
	k->settle.pid = spawn_fork(&job.ring_socket, job.ring_socket >= 0 ? 1 : 0);
	if (k->settle.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != keeper)
			_exit(1);
		_exit(settle_child(&job, k->settle.shared));
	}
	k->settle.pid = MAX(k->settle.pid, 0); /* none: at the next round */
}

static uint64_t begin_due(struct keeper *k, uint64_t now_ns)
{
	uint32_t used = MIN(atomic_load(&k->arena->suspects.used), SUSPECTS_MAX), best = 0;
	uint64_t when_ns = UINT64_MAX;

	for (uint32_t i = 0; i < used; i++) {
		uint64_t due = due_ns(k, i, now_ns);

		if (due < when_ns) {
			when_ns = due;
			best = i;
		}
	}
	if (when_ns > now_ns)
		return MIN(when_ns, now_ns + IDLE_NS);
	begin_look(k, best);
	return now_ns + NSEC_PER_SEC;
}

/* ---- what was found ---- */

static void take_holes(const struct verify_result *r)
{
	found.n_holes = MIN(r->n_ranges, SUSPECT_HOLES_MAX);
	for (uint32_t i = 0; i < found.n_holes; i++)
		found.holes[i] = (struct suspect_range){r->ranges[i].from, r->ranges[i].to};
}

static void say(const char *why)
{
	(void)copy_string(found.why, sizeof(found.why), why);
}

/* Well-formed and long enough: is it what was acknowledged? */
static enum suspect_verdict judge_whole(const struct keeper *k, const struct verify_result *r)
{
	/* What was owed went with guardfs, and how much is known from before. */
	if (found.cause == SUSPECT_CRASHED &&
	    k->config->backends[found.backend].durability == DURABILITY_BEHIND) {
		say("it has all that is known to have been acknowledged; what was owed to storage is lost");
		return SUSPECT_UNKNOWN;
	}
	/* Its writer is gone too, and storage had confirmed it. */
	if (r->kind == VERIFY_DATA && found.cause == SUSPECT_CRASHED && !found.again) {
		say("it has all that is known to have been acknowledged");
		return SUSPECT_WHOLE;
	}
	/* A write that failed beyond the end has left nothing. */
	if (found.cause == SUSPECT_FAILED && !found.again && !found.overwrote && found.size &&
	    r->size == found.size) {
		say("it ends where what was acknowledged ends");
		return SUSPECT_WHOLE;
	}
	if (r->kind == VERIFY_DATA && found.ranges.n) {
		say("it has its size, and no zeros where bytes were lost; nothing tells whether they are the "
		    "right ones");
		return SUSPECT_UNKNOWN;
	}
	if (found.again) {
		say("well formed, but written to since: something newer may be in the place of what was "
		    "lost");
		return SUSPECT_UNKNOWN;
	}
	if (found.overwrote) {
		say("well formed, but what was written over may be what was there before");
		return SUSPECT_UNKNOWN;
	}
	return SUSPECT_WHOLE;
}

/* Others are the file's own zeros. */
static bool is_lost_range(const struct verify_range *hole)
{
	for (uint32_t i = 0; i < found.ranges.n; i++)
		if (hole->from < found.ranges.ranges[i].to && found.ranges.ranges[i].from < hole->to)
			return true;
	return false;
}

static enum suspect_verdict judge_hole(const struct keeper *k, struct verify_result *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_ranges; i++)
		if (r->kind != VERIFY_DATA || is_lost_range(&r->ranges[i]))
			r->ranges[n++] = r->ranges[i];
	r->n_ranges = n;
	if (n == 0)
		return judge_whole(k, r);
	take_holes(r);
	return SUSPECT_HOLE;
}

static enum suspect_verdict judge_changed(const struct verify_result *r)
{
	if (r->reason != VERIFY_REASON_SHRUNK && r->reason != VERIFY_REASON_WRITTEN)
		return SUSPECT_CHANGED;
	found.found_error = EBUSY;
	return SUSPECT_UNKNOWN;
}

static enum suspect_verdict judge(const struct keeper *k, struct verify_result *r)
{
	say(verify_reason_text(r->reason));
	switch (r->verdict) {
	case VERIFY_WHOLE:
		return judge_whole(k, r);
	case VERIFY_TRUNCATED:
		return SUSPECT_TRUNCATED;
	case VERIFY_EMPTY:
		return found.size ? SUSPECT_TRUNCATED : judge_whole(k, r);
	case VERIFY_HOLE:
		return judge_hole(k, r);
	case VERIFY_DAMAGED:
	case VERIFY_GARBAGE:
		return SUSPECT_DAMAGED;
	case VERIFY_MISSING:
		say("nothing has its name");
		return SUSPECT_MISSING;
	case VERIFY_NOT_A_FILE:
		say("something that is no file has its name");
		return SUSPECT_CHANGED;
	case VERIFY_CHANGED:
		return judge_changed(r);
	default:
		found.found_error = r->error ? (uint32_t)r->error : EIO;
		say(strerror((int)found.found_error));
		return SUSPECT_UNKNOWN;
	}
}

/* A killed child may leave places beyond the size. */
static void take_place(const struct verify_result *r)
{
	found.found_size = r->size;
	found.found_mtime_s = r->mtime_s;
	found.at = r->at;
	found.whole_to = MIN(r->whole_to, r->size);
	/* Without structure nothing tells whether a lost range holds the right bytes. */
	if (r->kind == VERIFY_DATA && found.ranges.n)
		found.whole_to = MIN(found.whole_to, found.ranges.ranges[0].from);
	found.n_holes = 0;
	found.found_error = 0;
}

static void plan_retry(struct keeper *k, uint64_t now_ns)
{
	k->settle.retry_ns[k->settle.place] =
	    now_ns + (RETRY_MIN_NS << MIN(found.tries, (uint32_t)RETRY_DOUBLED));
	k->settle.retry_epoch[k->settle.place] = k->settle.epoch;
	found.tries++;
}

/* Told again, settled or moved meanwhile: the finding is outdated. */
static bool is_still_asked(const struct keeper *k)
{
	const struct suspect *s = suspect_at(k, k->settle.place);

	return s->filed_ns == k->settle.filed_ns && s->told_ns == k->settle.told_ns && is_pending(s) &&
	       s->again == found.again && strcmp(s->object, found.object) == 0;
}

static bool has_progressed(const struct verify_result *r)
{
	return verify_kind_of(found.object) != VERIFY_DATA && r->whole_to > found.whole_to;
}

/* The next child goes on from there. */
static void keep_progress(struct keeper *k, const struct verify_result *r, uint64_t now_ns)
{
	if (has_progressed(r))
		take_place(r);
	plan_retry(k, may_look(k, k->settle.backend) ? now_ns : 0);
	suspects_progressed(k, k->settle.place, &found);
}

/* For the next keeper, should this one be killed. */
static void note_progress(struct keeper *k, uint64_t now_ns)
{
	struct verify_result r = k->settle.shared->result;

	if (now_ns < k->settle.noted_ns + NOTE_NS || !is_still_asked(k))
		return;
	k->settle.noted_ns = now_ns;
	found = *suspect_at(k, k->settle.place);
	if (!has_progressed(&r))
		return;
	take_place(&r);
	suspects_progressed(k, k->settle.place, &found);
}

static void take_result(struct keeper *k, uint64_t now_ns)
{
	struct verify_result r = k->settle.shared->result;

	if (!is_still_asked(k))
		return;
	found = *suspect_at(k, k->settle.place);
	if (!atomic_load(&k->settle.shared->done)) {
		keep_progress(k, &r, now_ns);
		return;
	}
	take_place(&r);
	found.verdict = judge(k, &r);
	found.checked_ns = clock_real_ns();
	if (found.found_error || found.verdict == SUSPECT_MISSING)
		plan_retry(k, now_ns);
	if (found.verdict == SUSPECT_MISSING && suspect_at(k, k->settle.place)->verdict == SUSPECT_MISSING)
		suspects_progressed(k, k->settle.place, &found);
	else
		suspects_found(k, k->settle.place, &found);
}

uint64_t settle_step(struct keeper *k, uint64_t now_ns)
{
	if (!k->settle.shared)
		return now_ns + IDLE_NS;
	if (k->settle.ended) {
		k->settle.ended = false;
		take_result(k, now_ns);
	}
	if (k->settle.pid) {
		/* A hanging child is killed, and left until gone. */
		if (!may_look(k, k->settle.backend) ||
		    k->backends[k->settle.backend].epoch != k->settle.epoch)
			kill(k->settle.pid, SIGKILL);
		else
			note_progress(k, now_ns);
		return now_ns + NSEC_PER_SEC;
	}
	return begin_due(k, now_ns);
}

void settle_reaped(struct keeper *k, pid_t pid)
{
	if (pid != k->settle.pid)
		return;
	k->settle.pid = 0;
	k->settle.ended = true;
}

void settle_start(struct keeper *k)
{
	void *p = mmap(NULL, sizeof(struct settle_shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		log_error("no memory: suspect files are not looked at");
	else
		k->settle.shared = p;
}

void settle_stop(struct keeper *k)
{
	if (k->settle.pid)
		kill(k->settle.pid, SIGKILL);
}
