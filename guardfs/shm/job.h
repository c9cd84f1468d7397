/* Directories found by [jobs] pattern (docs/INTERNALS.md, "Jobs"). Worker writes the slots. Times are
 * CLOCK_REALTIME in ns, to a few milliseconds; 0: never. */
#ifndef GUARDFS_SHM_JOB_H
#define GUARDFS_SHM_JOB_H

#include "base/base.h"
#include "policy/errclass.h"
#include <stdatomic.h>

#define JOB_MAX	     1024u
#define JOB_NAME_MAX 512u /* relative to the mount; longer paths are no jobs */
#define JOB_NONE     0u	  /* handle.job, slot.job: index + 1 */

enum job_state { JOB_FREE, JOB_LIVE };

enum job_flags {
	/* Passthrough files: bytes written and progress come from stat, bytes read are unknown. */
	JOB_BY_STAT = 1 << 0
};

struct job {
	/* Set when the slot is given; state last. */
	_Alignas(CACHE_LINE) _Atomic uint32_t state;
	/* Raised at each giving. */
	uint32_t generation;
	char name[JOB_NAME_MAX];
	uint64_t first_ns;
	/* As node.backend, of the file opened last. */
	_Atomic uint8_t backend;
	/* enum job_flags. */
	_Atomic uint32_t flags;
	/* Open files; a new worker recounts. */
	_Atomic uint32_t handles;
	_Atomic uint32_t writers;
	/* Since the first of the present writers opened. */
	_Atomic uint64_t writing_since_ns;
	_Atomic uint64_t writer_closed_ns;

	/* Relaxed; errors also by guardian. */
	_Alignas(CACHE_LINE) _Atomic uint64_t read_bytes;
	_Atomic uint64_t written_bytes;
	/* Reads, writes and syncs. */
	_Atomic uint64_t ops;
	_Atomic uint64_t opens;
	/* Last completed write. */
	_Atomic uint64_t progress_ns;
	/* Last operation, errors included. */
	_Atomic uint64_t active_ns;
	_Atomic uint64_t error_ns;
	/* enum errclass. */
	_Atomic uint32_t last_error;
	/* Infrastructure errors, full or read-only disk. */
	_Atomic uint32_t errors[ERRCLASS_COUNT];
};

struct job_table {
	/* Slots from here on were never used. */
	_Atomic uint32_t used;
	_Atomic uint64_t evicted;
	/* Jobs that found no slot. */
	_Atomic uint64_t missed;
	struct job jobs[JOB_MAX];
};

/* job: index + 1; anything else: none. Worker, guardian. */
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

struct job_view {
	uint32_t index, generation;
	char name[JOB_NAME_MAX];
	uint8_t backend;
	bool by_stat;
	uint32_t handles, writers;
	uint64_t first_ns, writing_since_ns, writer_closed_ns, progress_ns, active_ns, error_ns;
	uint64_t read_bytes, written_bytes, ops, opens;
	/* ERRCLASS_NONE: never */
	enum errclass last_error;
	uint64_t errors[ERRCLASS_COUNT], n_errors;
};

/* Copies the job in slot index, forced into sense. False: no job there. Any process. */
bool job_view(const struct job_table *table, uint32_t index, struct job_view *view);

/* The slot for a new job; JOB_MAX: none. Worker, under its lock. */
uint32_t job_choose_slot(const struct job_table *table);

/* Repairs what a crash left. Returns how many slots. Guardian, on resume. */
uint32_t job_check(struct job_table *table);

/* Matches as many leading components of path (relative to the mount) as the pattern has. Returns the job's name's
 * length; 0: no match, or nothing below. Pure. */
size_t job_match(const char *pattern, const char *path);

#endif
