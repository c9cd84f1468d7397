#include "fs/dirs.h"
#include "base/clock.h"
#include "fs/context.h"

#include <pthread.h>

#define DIRS 64u

/* Of one directory, which another may replace at any time. */
struct dir {
	pthread_mutex_t lock; /* of the fields below */
	uint32_t dir, generation, epoch;
	uint8_t backend;
	/* Counts what ends the attributes: answers to earlier questions are not kept. */
	uint32_t changes;
	/* Of whichever directory: when attributes were ended last, or something changed that is not in `made`
	 * (CLOCK_MONOTONIC). */
	uint64_t changed_ns;
	/* Ended by a change that set its time to the server's present one. */
	bool tells_time;
	/* The latest change: the directory's time then, or a little before, and when it was made here. */
	struct timespec made;
	uint64_t made_ns;
	/* Storage's answer to the question of asked_ns, good until until_ns. 0: none. */
	struct stat st;
	uint64_t asked_ns, until_ns;
};

static struct dir dirs[DIRS] = {[0 ... DIRS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER, .dir = UINT32_MAX}};

/* A server's clock: what it had reached by at_ns (CLOCK_MONOTONIC). */
struct reached_time {
	pthread_mutex_t lock;
	uint32_t epoch;
	int64_t s;
	uint64_t at_ns;
};

static struct reached_time clocks[CONFIG_BACKENDS_MAX] = {
    [0 ... CONFIG_BACKENDS_MAX - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

/* Somebody may have set it since. */
#define CLOCK_KEPT_NS (60 * NSEC_PER_SEC)

/* Backends of type `dir` are not worth it: nothing is far away there. */
static bool is_far(const struct backend *b)
{
	return b->board && !backend_is_plain(b->config->type);
}

static uint32_t epoch_of(const struct backend *b)
{
	return atomic_load(&b->board->root_epoch);
}

static struct dir *lock_place(uint32_t dir)
{
	struct dir *d = &dirs[dir % DIRS];

	pthread_mutex_lock(&d->lock);
	return d;
}

static bool has(const struct dir *d, const struct backend *b, uint32_t dir)
{
	return d->dir == dir && d->generation == fs.arena->nodes[dir].generation && d->backend == b->index &&
	       d->epoch == epoch_of(b);
}

static void note_change(struct dir *d, uint64_t now_ns)
{
	d->changed_ns = MAX(d->changed_ns, now_ns);
}

static void end_attributes(struct dir *d, uint64_t now_ns)
{
	d->until_ns = 0;
	d->changes++;
	note_change(d, now_ns);
	d->tells_time = false;
}

static void note_clock(const struct backend *b, int64_t s, uint64_t at_ns)
{
	struct reached_time *c = &clocks[b->index];
	int64_t known_s;

	pthread_mutex_lock(&c->lock);
	known_s = at_ns > c->at_ns ? c->s + (int64_t)((at_ns - c->at_ns) / NSEC_PER_SEC) : c->s;
	if (c->epoch != epoch_of(b) || at_ns > c->at_ns + CLOCK_KEPT_NS || s >= known_s) {
		c->epoch = epoch_of(b);
		c->s = s;
		c->at_ns = at_ns;
	}
	pthread_mutex_unlock(&c->lock);
}

/* Not later than the server's clock at begun_ns, and a second or two before it at most. */
static bool server_time(const struct backend *b, uint64_t begun_ns, struct timespec *t)
{
	struct reached_time *c = &clocks[b->index];
	bool known;

	pthread_mutex_lock(&c->lock);
	known = c->at_ns && c->epoch == epoch_of(b) && begun_ns < c->at_ns + CLOCK_KEPT_NS;
	t->tv_sec = c->s + (begun_ns > c->at_ns ? (int64_t)((begun_ns - c->at_ns) / NSEC_PER_SEC) : 0);
	t->tv_nsec = 0;
	pthread_mutex_unlock(&c->lock);
	return known && begun_ns >= c->at_ns;
}

uint64_t dirs_now(const struct backend *b)
{
	return is_far(b) ? clock_mono_ns() : 0;
}

static void take_place(struct dir *d, const struct backend *b, uint32_t dir)
{
	end_attributes(d, d->made_ns);
	d->dir = dir;
	d->generation = fs.arena->nodes[dir].generation;
	d->backend = b->index;
	d->epoch = epoch_of(b);
	d->made = (struct timespec){0};
	d->made_ns = 0;
	d->asked_ns = 0;
}

struct dirs_question dirs_ask(const struct backend *b, uint32_t dir, uint64_t now_ns)
{
	struct dirs_question q = {.dir = dir, .asked_ns = now_ns};
	struct dir *d;

	if (!is_far(b))
		return q;
	d = lock_place(dir);
	if (!has(d, b, dir))
		take_place(d, b, dir);
	q.changes = d->changes;
	pthread_mutex_unlock(&d->lock);
	return q;
}

static bool is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

static void advance_times(struct dir *d)
{
	if (is_before(d->st.st_mtim, d->made))
		d->st.st_mtim = d->made;
	if (is_before(d->st.st_ctim, d->made))
		d->st.st_ctim = d->made;
}

static void keep_attributes(struct dir *d, const struct backend *b, const struct stat *st, uint64_t asked_ns)
{
	d->st = *st;
	d->asked_ns = asked_ns;
	d->until_ns = asked_ns + (uint64_t)(fs_cache_seconds(b) * NSEC_PER_SEC);
	advance_times(d);
}

void dirs_answered(const struct backend *b, const struct dirs_question *q, const struct stat *st,
		   uint64_t now_ns)
{
	struct dir *d;

	if (!is_far(b) || !S_ISDIR(st->st_mode))
		return;
	d = lock_place(q->dir);
	if (has(d, b, q->dir) && d->changes == q->changes) {
		if (d->tells_time)
			note_clock(b, st->st_mtim.tv_sec, now_ns);
		keep_attributes(d, b, st, q->asked_ns);
	}
	pthread_mutex_unlock(&d->lock);
}

void dirs_seen(const struct backend *b, uint32_t dir, const struct stat *st, uint64_t asked_ns)
{
	struct dir *d;

	if (!is_far(b) || !S_ISDIR(st->st_mode))
		return;
	d = lock_place(dir);
	if (!has(d, b, dir))
		take_place(d, b, dir);
	if (asked_ns > d->changed_ns && asked_ns > d->asked_ns)
		keep_attributes(d, b, st, asked_ns);
	pthread_mutex_unlock(&d->lock);
}

static void advance_to(struct dir *d, struct timespec t, uint64_t now_ns)
{
	d->made_ns = now_ns;
	if (is_before(d->made, t))
		d->made = t;
	advance_times(d);
}

void dirs_made(const struct backend *b, uint32_t dir, const struct stat *made, uint64_t now_ns)
{
	bool was_there = S_ISREG(made->st_mode) && made->st_size != 0;
	struct dir *d;

	if (!is_far(b))
		return;
	if (!was_there)
		note_clock(b, made->st_mtim.tv_sec, now_ns);
	d = lock_place(dir);
	if (has(d, b, dir) && was_there)
		end_attributes(d, now_ns); /* by another client */
	else if (has(d, b, dir))
		advance_to(d, made->st_mtim, now_ns);
	else
		note_change(d, now_ns);
	pthread_mutex_unlock(&d->lock);
}

void dirs_removed(const struct backend *b, uint32_t dir, uint64_t begun_ns, uint64_t now_ns)
{
	struct timespec t;
	struct dir *d;

	if (!is_far(b))
		return;
	d = lock_place(dir);
	if (has(d, b, dir) && server_time(b, begun_ns, &t)) {
		advance_to(d, t, now_ns);
	} else if (has(d, b, dir)) {
		end_attributes(d, now_ns);
		d->tells_time = true;
	} else {
		note_change(d, now_ns);
	}
	pthread_mutex_unlock(&d->lock);
}

void dirs_changed(const struct backend *b, uint32_t dir, uint64_t now_ns)
{
	struct dir *d;

	if (!is_far(b))
		return;
	d = lock_place(dir);
	if (d->dir == dir) {
		end_attributes(d, now_ns);
		/* Its time may have been set back. Answers to older questions are not kept. */
		d->made = (struct timespec){0};
		d->made_ns = 0;
	} else {
		note_change(d, now_ns);
	}
	pthread_mutex_unlock(&d->lock);
}

/* Nothing beneath keeps attributes: the server's word is as new as the answer. The kernel asks for a
 * route's root with every path. */
static bool is_asked_itself(const struct backend *b)
{
	return b->config->type == BACKEND_SFTP;
}

double dirs_recall(const struct backend *b, uint32_t dir, struct stat *st, uint64_t now_ns)
{
	double seconds = 0;
	struct dir *d;

	if (!is_far(b))
		return 0;
	d = lock_place(dir);
	if (has(d, b, dir) && now_ns < d->until_ns && (d->made_ns >= d->asked_ns || is_asked_itself(b))) {
		*st = d->st;
		seconds = (double)(d->until_ns - now_ns) / NSEC_PER_SEC;
	}
	pthread_mutex_unlock(&d->lock);
	return seconds;
}
