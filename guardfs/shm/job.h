/* job.h: jobs: directories in which a program works for hours or days (a crawl), found by [jobs] pattern.
 * Counting the bytes read and written below each shows progress without asking storage. Jobs lie in the
 * arena and survive the worker; the index by name is the worker's private memory.
 *
 * A job gets a slot when a file below it is first opened: a free one, else that of the job idle longest.
 * Open files hold their slot: it is not given away before `handles` is zero. */
#ifndef GUARDFS_SHM_JOB_H
#define GUARDFS_SHM_JOB_H

#include "base/base.h"
#include "policy/errclass.h"
#include <stdatomic.h>

#define JOB_MAX	     1024u
#define JOB_NAME_MAX 512u /* terminated, relative to the mount; longer paths are no jobs */
#define JOB_NONE     0u	  /* handle.job, slot.job: index + 1 */

enum job_state { JOB_FREE, JOB_LIVE };

enum job_flags {
	/* The kernel reads and writes some of its files by itself (passthrough): bytes written and
	 * progress come from stat, bytes read are unknown. */
	JOB_BY_STAT = 1 << 0
};

/* Times are CLOCK_REALTIME in ns, to a few milliseconds; 0: never. */
struct job {
	/* Worker, when the slot is given; state is stored last. */
	/* enum job_state. */
	_Alignas(CACHE_LINE) _Atomic uint32_t state;
	/* Raised when the slot is given to another job. */
	uint32_t generation;
	/* Path relative to the mount. */
	char name[JOB_NAME_MAX];
	/* When it was first seen. */
	uint64_t first_ns;
	/* As node.backend, of the file opened last: a job can change its tier. */
	_Atomic uint8_t backend;
	/* enum job_flags. */
	_Atomic uint32_t flags;
	/* Open files. Worker; its successor recounts. */
	_Atomic uint32_t handles;
	/* Those open for writing. As handles. */
	_Atomic uint32_t writers;
	/* When the first of the present writers opened. Worker. */
	_Atomic uint64_t writing_since_ns;
	/* When the last writer closed. Worker. */
	_Atomic uint64_t writer_closed_ns;

	/* Relaxed adds and stores by worker; errors also by guardian. */
	_Alignas(CACHE_LINE) _Atomic uint64_t read_bytes;
	_Atomic uint64_t written_bytes;
	/* Reads, writes and syncs of open files. */
	_Atomic uint64_t ops;
	/* Files opened or created. */
	_Atomic uint64_t opens;
	/* When a write last completed. */
	_Atomic uint64_t progress_ns;
	/* When anything was last done, errors included. */
	_Atomic uint64_t active_ns;
	/* When a caller last got an error counted below. */
	_Atomic uint64_t error_ns;
	/* enum errclass of that error. */
	_Atomic uint32_t last_error;
	/* Infrastructure errors, full disk, read-only disk. */
	_Atomic uint32_t errors[ERRCLASS_COUNT];
};

struct job_table {
	/* High-water mark. Worker. */
	_Atomic uint32_t used;
	/* Slots taken from one job for another. Worker. */
	_Atomic uint64_t evicted;
	/* Jobs that found no slot. Worker. */
	_Atomic uint64_t missed;
	struct job jobs[JOB_MAX];
};

/* Counts an error of class for the job (index + 1; JOB_NONE and numbers out of range: no job). real_ns:
 * now. Worker and guardian. */
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

/* A job at one moment, for reports. */
struct job_view {
	uint32_t index, generation;
	char name[JOB_NAME_MAX];
	uint8_t backend;
	bool by_stat;
	uint32_t handles, writers;
	uint64_t first_ns, writing_since_ns, writer_closed_ns, progress_ns, active_ns, error_ns;
	uint64_t read_bytes, written_bytes, ops, opens;
	/* ERRCLASS_NONE: never any */
	enum errclass last_error;
	uint64_t errors[ERRCLASS_COUNT], n_errors;
};

/* Copies the job in slot index; the copy makes sense whatever the table holds. False: no job there. Any
 * process. */
bool job_view(const struct job_table *table, uint32_t index, struct job_view *view);

/* The slot for a new job: a free one, else that of the job idle longest without open files; JOB_MAX: none.
 * Worker, under its lock. */
uint32_t job_choose_slot(const struct job_table *table);

/* Forces what a crash left into its range. Returns the number of slots dropped or changed. Guardian, on
 * resume. */
uint32_t job_check(struct job_table *table);

/* Matches as many leading components of path (relative to the mount) as the pattern has. Returns the
 * length of the job's name; 0: no match, or nothing of path left below the job. Pure. */
size_t job_match(const char *pattern, const char *path);

#endif
