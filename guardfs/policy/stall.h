/* Is a job stalled, by storage or by itself? Times: ns of CLOCK_REALTIME; 0: never or none. */
#ifndef GUARDFS_POLICY_STALL_H
#define GUARDFS_POLICY_STALL_H

#include "base/base.h"

enum stall { STALL_NONE, STALL_STORAGE, STALL_CRAWL };

/* Watched so long after its last writer closed: a job that gave up is stalled too. */
#define STALL_LINGER_NS (600 * NSEC_PER_SEC)

struct stall_job {
	/* Files open for writing. */
	uint32_t writers;
	/* When the first of them was opened. */
	uint64_t writing_since_ns;
	uint64_t writer_closed_ns;
	/* Last write. */
	uint64_t progress_ns;
	/* A caller's last infrastructure error. */
	uint64_t error_ns;
	/* When time last went on (stall_clock_see). */
	uint64_t went_on_ns;
};

/* A jump between two looks, seconds apart: the machine slept, or the clock was set forward. */
#define STALL_GAP_NS (60 * NSEC_PER_SEC)

struct stall_clock {
	/* Previous look. */
	uint64_t seen_ns;
	/* First look after the last jump. */
	uint64_t went_on_ns;
};

void stall_clock_see(struct stall_clock *clock, uint64_t now_ns);

struct stall_tier {
	bool healthy;
	/* Last change of its state. */
	uint64_t since_ns;
};

/* Start of the time without progress: last write, opening, or jump. 0: not at work. */
uint64_t stall_since_ns(const struct stall_job *job, uint64_t now_ns);

/* Stalled after require_ns without progress: by storage if its tier was unhealthy since, or gave the job an
 * error. */
enum stall stall_judge(const struct stall_job *job, const struct stall_tier *tier, uint64_t require_ns,
		       uint64_t now_ns);

const char *stall_name(enum stall stall);

#endif
