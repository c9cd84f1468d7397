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
	/* The latest file: its time, and when it was made here. */
	struct timespec made;
	uint64_t made_ns;
	/* Storage's answer to the question of asked_ns, good until until_ns. 0: none. */
	struct stat st;
	uint64_t asked_ns, until_ns;
};

static struct dir dirs[DIRS] = {[0 ... DIRS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER, .dir = UINT32_MAX}};

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

static void end_attributes(struct dir *d)
{
	d->until_ns = 0;
	d->changes++;
}

uint64_t dirs_now(const struct backend *b)
{
	return is_far(b) ? clock_mono_ns() : 0;
}

struct dirs_question dirs_ask(const struct backend *b, uint32_t dir, uint64_t now_ns)
{
	struct dirs_question q = {.dir = dir, .asked_ns = now_ns};
	struct dir *d;

	if (!is_far(b))
		return q;
	d = lock_place(dir);
	if (!has(d, b, dir)) {
		end_attributes(d);
		d->dir = dir;
		d->generation = fs.arena->nodes[dir].generation;
		d->backend = b->index;
		d->epoch = epoch_of(b);
		d->made = (struct timespec){0};
		d->made_ns = 0;
	}
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

void dirs_answered(const struct backend *b, const struct dirs_question *q, const struct stat *st)
{
	struct dir *d;

	if (!is_far(b) || !S_ISDIR(st->st_mode))
		return;
	d = lock_place(q->dir);
	if (has(d, b, q->dir) && d->changes == q->changes) {
		d->st = *st;
		d->asked_ns = q->asked_ns;
		d->until_ns = q->asked_ns + (uint64_t)(fs_cache_seconds(b) * NSEC_PER_SEC);
		advance_times(d);
	}
	pthread_mutex_unlock(&d->lock);
}

void dirs_made(const struct backend *b, uint32_t dir, const struct stat *made, uint64_t now_ns)
{
	struct dir *d;

	if (!is_far(b))
		return;
	d = lock_place(dir);
	if (has(d, b, dir) && S_ISREG(made->st_mode) && made->st_size != 0) {
		end_attributes(d); /* it was there, made by another client */
	} else if (has(d, b, dir)) {
		d->made_ns = now_ns;
		if (is_before(d->made, made->st_mtim))
			d->made = made->st_mtim;
		advance_times(d);
	}
	pthread_mutex_unlock(&d->lock);
}

void dirs_changed(const struct backend *b, uint32_t dir)
{
	struct dir *d;

	if (!is_far(b))
		return;
	d = lock_place(dir);
	if (d->dir == dir) {
		end_attributes(d);
		/* Its time may have been set back. Answers to older questions are not kept. */
		d->made = (struct timespec){0};
		d->made_ns = 0;
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
