/* Counting for jobs (shm/job.h; docs/INTERNALS.md, "Jobs"). Any thread unless stated otherwise. */
#ifndef GUARDFS_FS_JOBS_H
#define GUARDFS_FS_JOBS_H

#include "fs/context.h"
#include "fs/node.h"

#include <time.h>

/* Builds the index, recounts open files. Before threads, after handle_init. */
void jobs_init(void);

/* The job (index + 1) of a file about to be opened, or JOB_NONE. Counts it as open, and notes it in the
 * slot. */
uint32_t jobs_enter(const struct node *file);

/* The same for a file to be made in dir. */
uint32_t jobs_enter_below(const struct node *dir);

/* Takes jobs_enter back: the open failed. */
void jobs_leave(uint32_t job);

/* The open succeeded. */
void jobs_opened(struct handle *h, uint32_t job);

/* Ends jobs_opened: RELEASE has come, or nobody got the open's answer. */
void jobs_closed(struct handle *h);

/* Notes st of node's file. Under node_lock, as the next. */
void jobs_seen(struct node *node, const struct stat *st);

/* The kernel reads and writes this handle's file itself, if node has a backing id. node's size and
 * mtime_ns are then the last look's. */
void jobs_watch_by_stat(struct handle *h, struct node *node);

/* fstat of those files, at most every 200 ms. */
void jobs_look(void);

/* Every few seconds. Control thread. */
void jobs_tick(void);

/* CLOCK_REALTIME to a few ms, without a system call. */
static inline uint64_t jobs_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* This request's caller gets an error of class. */
static inline void jobs_error(enum errclass class)
{
	uint32_t job = call.slot ? atomic_load_explicit(&call.slot->job, memory_order_relaxed) : JOB_NONE;

	if (job)
		job_error(&fs.arena->jobs, job, class, jobs_now_ns());
}

/* From now on this request's errors are h's job's. */
static inline void jobs_begin(const struct handle *h)
{
	uint32_t job = atomic_load_explicit(&h->job, memory_order_relaxed);

	if (job && call.slot)
		atomic_store_explicit(&call.slot->job, job, memory_order_relaxed);
}

/* The local tier has no guard to count. */
void jobs_local_error(const struct handle *h, uint32_t job, int error, uint64_t now_ns);

/* rc: bytes or -errno. Reads h->job once: a late task's file may be released. */
static inline void jobs_done(const struct handle *h, bool wrote, ssize_t rc)
{
	uint32_t job = atomic_load_explicit(&h->job, memory_order_relaxed);
	struct job *j;
	uint64_t now_ns;

	if (!job)
		return;
	j = &fs.arena->jobs.jobs[job - 1];
	now_ns = jobs_now_ns();
	atomic_fetch_add_explicit(&j->ops, 1, memory_order_relaxed);
	atomic_store_explicit(&j->active_ns, now_ns, memory_order_relaxed);
	if (rc < 0)
		jobs_local_error(h, job, (int)-rc, now_ns);
	if (rc <= 0)
		return;
	atomic_fetch_add_explicit(wrote ? &j->written_bytes : &j->read_bytes, (uint64_t)rc,
				  memory_order_relaxed);
	if (wrote)
		atomic_store_explicit(&j->progress_ns, now_ns, memory_order_relaxed);
}

#endif
