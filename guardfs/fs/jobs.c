#include "fs/jobs.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/handle.h"

#include <fcntl.h>

#define BUCKETS	    1024u
#define PATH_ROOM   4096u
#define CHAIN_END   UINT32_MAX
#define LOOK_NS	    (5 * NSEC_PER_SEC)
#define LOOK_MIN_NS (200 * NSEC_PER_MSEC)

/* Of the index and of giving slots away; a leaf. */
static struct {
	pthread_mutex_t lock;
	uint32_t buckets[BUCKETS];
	uint32_t next[JOB_MAX];
	/* Open files looked at by fstat. */
	_Atomic uint32_t by_stat;
	_Atomic uint64_t looked_ns;
} jobs = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct job_table *arena_jobs(void)
{
	return &fs.arena->jobs;
}

static uint32_t *bucket_of(const char *name)
{
	return &jobs.buckets[hash_bytes(0x6a6f62, name, strlen(name)) % BUCKETS];
}

/* ---- the index; under the lock ---- */

static void insert_job(uint32_t i)
{
	uint32_t *b = bucket_of(arena_jobs()->jobs[i].name);

	jobs.next[i] = *b;
	*b = i;
}

static void take_out(uint32_t i)
{
	uint32_t *p = bucket_of(arena_jobs()->jobs[i].name);

	while (*p != CHAIN_END && *p != i)
		p = &jobs.next[*p];
	if (*p == i)
		*p = jobs.next[i];
}

static struct job *find_job(const char *name, uint32_t *index)
{
	for (uint32_t i = *bucket_of(name); i != CHAIN_END; i = jobs.next[i]) {
		if (strcmp(arena_jobs()->jobs[i].name, name) == 0) {
			*index = i;
			return &arena_jobs()->jobs[i];
		}
	}
	return NULL;
}

/* NULL: all have open files. */
static struct job *make_job(const char *name, uint32_t *index)
{
	uint32_t i = job_choose_slot(arena_jobs());
	struct job *j = &arena_jobs()->jobs[i];
	uint32_t generation;

	if (i == JOB_MAX) {
		atomic_fetch_add(&arena_jobs()->missed, 1);
		return NULL;
	}
	if (i < atomic_load(&arena_jobs()->used) && atomic_load(&j->state) == JOB_LIVE) {
		take_out(i);
		atomic_fetch_add(&arena_jobs()->evicted, 1);
	}
	/* Copiers see by state and generation that it was given away. */
	generation = j->generation + 1;
	atomic_store(&j->state, JOB_FREE);
	j->generation = generation;
	memset((char *)j + offsetof(struct job, name), 0, sizeof(*j) - offsetof(struct job, name));
	(void)copy_string(j->name, sizeof(j->name), name);
	j->first_ns = jobs_now_ns();
	if (i >= atomic_load(&arena_jobs()->used))
		atomic_store(&arena_jobs()->used, i + 1);
	atomic_store(&j->state, JOB_LIVE);
	insert_job(i);
	*index = i;
	return j;
}

/* False: dir is in no job. */
static bool job_name(uint32_t dir, char *name)
{
	char path[PATH_ROOM + 2];
	size_t length = 0;

	if (dir == NODE_NONE || node_path(dir, path, PATH_ROOM) < 0)
		return false;
	memcpy(path + strlen(path), "/f", sizeof("/f"));
	for (uint32_t i = 0; i < fs.config->n_job_patterns && !length; i++)
		length = job_match(fs.config->job_patterns[i], path);
	if (!length)
		return false;
	memcpy(name, path, length);
	name[length] = '\0';
	return true;
}

static uint32_t enter_job(uint32_t dir, uint8_t backend)
{
	char name[JOB_NAME_MAX];
	uint32_t index = 0;
	struct job *j;

	if (!job_name(dir, name))
		return JOB_NONE;
	ACQUIRE_LOCK(&jobs.lock);
	j = find_job(name, &index);
	if (!j)
		j = make_job(name, &index);
	if (!j)
		return JOB_NONE;
	atomic_fetch_add(&j->handles, 1);
	atomic_store(&j->backend, backend);
	if (call.slot)
		atomic_store_explicit(&call.slot->job, index + 1, memory_order_relaxed);
	return index + 1;
}

uint32_t jobs_enter(const struct node *file)
{
	return fs.config->n_job_patterns ? enter_job(node_directory(file), file->backend) : JOB_NONE;
}

uint32_t jobs_enter_below(const struct node *dir)
{
	return fs.config->n_job_patterns ? enter_job(node_index(dir), dir->backend) : JOB_NONE;
}

void jobs_leave(uint32_t job)
{
	if (job)
		atomic_fetch_sub(&arena_jobs()->jobs[job - 1].handles, 1);
}

static bool is_writer(const struct handle *h)
{
	return (h->flags & O_ACCMODE) != O_RDONLY;
}

void jobs_opened(struct handle *h, uint32_t job)
{
	struct job *j;

	atomic_store(&h->job, job);
	if (!job)
		return;
	j = &arena_jobs()->jobs[job - 1];
	atomic_fetch_add_explicit(&j->opens, 1, memory_order_relaxed);
	atomic_store_explicit(&j->active_ns, jobs_now_ns(), memory_order_relaxed);
	if (is_writer(h) && atomic_fetch_add(&j->writers, 1) == 0)
		atomic_store(&j->writing_since_ns, jobs_now_ns());
}

void jobs_local_error(const struct handle *h, uint32_t job, int error, uint64_t now_ns)
{
	enum errclass class = errclass_from_errno(error);

	if (h->backend == NODE_LOCAL && class != ERRCLASS_REAL)
		job_error(arena_jobs(), job, class, now_ns);
}

static int64_t mtime_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * (int64_t)NSEC_PER_SEC + st->st_mtim.tv_nsec;
}

void jobs_seen(struct node *node, const struct stat *st)
{
	node->size = (uint64_t)st->st_size;
	node->mtime_ns = mtime_of(st);
}

static bool is_by_stat(const struct handle *h)
{
	return h->passthrough && atomic_load(&h->job) && is_writer(h);
}

void jobs_watch_by_stat(struct handle *h, struct node *node)
{
	uint32_t job = atomic_load(&h->job);

	if (job && node->backing_id)
		atomic_fetch_or(&arena_jobs()->jobs[job - 1].flags, JOB_BY_STAT);
	if (is_by_stat(h))
		atomic_fetch_add(&jobs.by_stat, 1);
}

/* By the file's times, unless they were set. */
static uint64_t written_at(const struct job *j, int64_t mtime_ns, uint64_t now_ns)
{
	uint64_t before_ns = atomic_load(&j->progress_ns);

	return mtime_ns > 0 && (uint64_t)mtime_ns > before_ns && (uint64_t)mtime_ns <= now_ns
		   ? (uint64_t)mtime_ns
		   : now_ns;
}

static void look_at(const struct handle *h)
{
	struct node *node = &fs.arena->nodes[h->node];
	uint32_t job = atomic_load(&h->job);
	uint64_t now_ns = clock_real_ns(), grown = 0;
	struct job *j;
	struct stat st;
	bool changed;

	if (!job || fstat(atomic_load(&h->fd), &st) < 0)
		return;
	j = &arena_jobs()->jobs[job - 1];
	{
		ACQUIRE_LOCK(node_lock(node));
		if (!node->backing_id)
			return; /* its writes come to us */
		changed = node->size != (uint64_t)st.st_size || node->mtime_ns != mtime_of(&st);
		if ((uint64_t)st.st_size > node->size)
			grown = (uint64_t)st.st_size - node->size;
		jobs_seen(node, &st);
	}
	if (!changed)
		return;
	atomic_fetch_add_explicit(&j->written_bytes, grown, memory_order_relaxed);
	now_ns = written_at(j, mtime_of(&st), now_ns);
	atomic_store_explicit(&j->progress_ns, now_ns, memory_order_relaxed);
	atomic_store_explicit(&j->active_ns, now_ns, memory_order_relaxed);
}

static bool is_looked_at(const struct handle *h)
{
	return atomic_load(&h->state) == HANDLE_LIVE && is_by_stat(h) && atomic_load(&h->fd) >= 0;
}

void jobs_look(void)
{
	uint64_t now_ns = clock_mono_ns(), last_ns = atomic_load(&jobs.looked_ns);
	uint32_t used;

	if (!fs.arena || !atomic_load(&jobs.by_stat) || now_ns - last_ns < LOOK_MIN_NS ||
	    !atomic_compare_exchange_strong(&jobs.looked_ns, &last_ns, now_ns))
		return;
	used = atomic_load(&fs.arena->handles_used);
	for (uint32_t i = 0; i < used; i++) {
		const struct handle *seen = &fs.arena->handles[i];
		struct handle *h;

		if (!is_looked_at(seen))
			continue;
		h = handle_get(handle_id(seen, i));
		if (!h)
			continue;
		if (is_looked_at(h))
			look_at(h);
		handle_put(h);
	}
}

void jobs_tick(void)
{
	if (atomic_load(&jobs.by_stat) && clock_mono_ns() - atomic_load(&jobs.looked_ns) > LOOK_NS)
		jobs_look();
}

void jobs_closed(struct handle *h)
{
	uint32_t job = atomic_load(&h->job);
	struct job *j;

	if (!job)
		return;
	j = &arena_jobs()->jobs[job - 1];
	if (is_looked_at(h))
		look_at(h);
	if (is_by_stat(h))
		atomic_fetch_sub(&jobs.by_stat, 1);
	atomic_store(&h->job, JOB_NONE);
	if (is_writer(h) && atomic_fetch_sub(&j->writers, 1) == 1)
		atomic_store(&j->writer_closed_ns, jobs_now_ns());
	atomic_fetch_sub(&j->handles, 1);
}

static void recount_handle(struct handle *h)
{
	uint32_t job = atomic_load(&h->job);
	struct job *j;

	if (!job)
		return;
	if (atomic_load(&h->state) != HANDLE_LIVE || atomic_load(&h->closing) || job > JOB_MAX ||
	    atomic_load(&arena_jobs()->jobs[job - 1].state) != JOB_LIVE) {
		atomic_store(&h->job, JOB_NONE);
		return;
	}
	j = &arena_jobs()->jobs[job - 1];
	atomic_fetch_add(&j->handles, 1);
	if (is_writer(h))
		atomic_fetch_add(&j->writers, 1);
	if (is_by_stat(h))
		atomic_fetch_add(&jobs.by_stat, 1);
}

void jobs_init(void)
{
	uint32_t used = MIN(atomic_load(&arena_jobs()->used), JOB_MAX);

	pthread_mutex_init(&jobs.lock, NULL);
	memset(jobs.buckets, 0xff, sizeof(jobs.buckets));
	atomic_store(&jobs.by_stat, 0);
	for (uint32_t i = 0; i < used; i++) {
		struct job *j = &arena_jobs()->jobs[i];

		if (atomic_load(&j->state) != JOB_LIVE)
			continue;
		atomic_store(&j->handles, 0);
		atomic_store(&j->writers, 0);
		insert_job(i);
	}
	for (uint32_t i = 0; i < atomic_load(&fs.arena->handles_used); i++)
		recount_handle(&fs.arena->handles[i]);
}
