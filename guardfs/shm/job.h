/* job.h: jobs: directories in which a program works for hours or days (a crawl), found by [jobs] pattern.
 * Bytes read and written below each are counted here, so that progress is known without asking storage. Jobs
 * lie in the arena and survive the worker; the index by name is the worker's private memory.
 *
 * A job gets a slot when a file below it is first opened; when no slot is left, that of the job idle
 * longest. An open file holds its slot's number: the slot is not given away before `handles` is zero. */
#ifndef GUARDFS_SHM_JOB_H
#define GUARDFS_SHM_JOB_H

#include "base/base.h"
#include "policy/errclass.h"
#include <stdatomic.h>

#define JOB_MAX	     1024u
#define JOB_NAME_MAX 512u /* of the path relative to the mount, terminated; what is longer is no job */
#define JOB_NONE     0u	  /* handle.job, slot.job: index + 1 */

enum job_state { JOB_FREE, JOB_LIVE };

enum job_flags {
	/* The kernel reads and writes some of its files by itself (passthrough): bytes written and progress
	 * then come from stat, bytes read are unknown. */
	JOB_BY_STAT = 1 << 0
};

/* Times are CLOCK_REALTIME in nanoseconds (coarse: to a few milliseconds), 0: never. */
struct job {
	/* Worker, when the slot is given to it; state is stored last. */
	_Alignas(CACHE_LINE) _Atomic uint32_t state; /* enum job_state */
	uint32_t generation;			     /* raised when the slot is given to another */
	char name[JOB_NAME_MAX];		     /* path relative to the mount */
	uint64_t first_ns;			     /* when it was first seen */
	_Atomic uint8_t backend;  /* as node.backend, of the file opened last: a job can change its tier */
	_Atomic uint32_t flags;	  /* enum job_flags */
	_Atomic uint32_t handles; /* open files; worker, recounted by a new one */
	_Atomic uint32_t writers; /* of these, open for writing. As handles */
	_Atomic uint64_t writing_since_ns; /* when the first of the present writers opened its file. Worker */
	_Atomic uint64_t writer_closed_ns; /* when the last writer so far closed it. Worker */

	/* Relaxed adds and stores by worker; errors also by guardian. */
	_Alignas(CACHE_LINE) _Atomic uint64_t read_bytes;
	_Atomic uint64_t written_bytes;
	_Atomic uint64_t ops;			 /* reads, writes and syncs of open files */
	_Atomic uint64_t opens;			 /* files opened or created */
	_Atomic uint64_t progress_ns;		 /* when something was last written: a write that completed */
	_Atomic uint64_t active_ns;		 /* when anything was last done, errors included */
	_Atomic uint64_t error_ns;		 /* when a caller last got an error that counts below */
	_Atomic uint32_t last_error;		 /* enum errclass of that */
	_Atomic uint32_t errors[ERRCLASS_COUNT]; /* that callers got: infrastructure, a full disk, a read-only
						    one */
};

/* In the arena. */
struct job_table {
	_Atomic uint32_t used;	  /* high-water mark. Worker */
	_Atomic uint64_t evicted; /* slots taken from a job for another. Worker */
	_Atomic uint64_t missed;  /* jobs for which there was none. Worker */
	struct job jobs[JOB_MAX];
};

/* A caller of the job (index + 1; JOB_NONE and numbers out of range are nobody) gets an error of class.
 * real_ns: now. Worker and guardian. */
static inline void job_error(struct job_table *table, uint32_t job, enum errclass class, uint64_t real_ns)
{
	struct job *j;

	if (job - 1 >= JOB_MAX || (unsigned)class >= ERRCLASS_COUNT)
		return;
	j = &table->jobs[job - 1];
	atomic_fetch_add_explicit(&j->errors[class], 1, memory_order_relaxed);
	atomic_store_explicit(&j->last_error, class, memory_order_relaxed);
	atomic_store_explicit(&j->error_ns, real_ns, memory_order_relaxed);
	atomic_store_explicit(&j->active_ns, real_ns, memory_order_relaxed);
}

/* A job as it is at this moment, for reports. */
struct job_view {
	uint32_t index, generation;
	char name[JOB_NAME_MAX];
	uint8_t backend;
	bool by_stat;
	uint32_t handles, writers;
	uint64_t first_ns, writing_since_ns, writer_closed_ns, progress_ns, active_ns, error_ns;
	uint64_t read_bytes, written_bytes, ops, opens;
	enum errclass last_error; /* ERRCLASS_NONE: never any */
	uint64_t errors[ERRCLASS_COUNT], n_errors;
};

/* Copies the job in slot index. False: there is none. Any process; whatever the table holds, the copy makes
 * sense. */
bool job_view(const struct job_table *table, uint32_t index, struct job_view *view);

/* The slot for a new job: a free one, else that of the job idle longest without open files; JOB_MAX: none.
 * Worker, under its lock. */
uint32_t job_choose_slot(const struct job_table *table);

/* Forces what a crash has left into its range. Returns how many slots were dropped or changed. Guardian, on
 * resume. */
uint32_t job_check(struct job_table *table);

/* How many leading components of a path a pattern concerns: those it has itself. 0 if path (relative to the
 * mount) is not longer than that, or does not match; else the length of the job's name. Pure. */
size_t job_match(const char *pattern, const char *path);

#endif
