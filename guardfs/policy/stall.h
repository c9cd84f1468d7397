/* stall.h: is a job stalled, and through storage or by itself? Pure; ns of CLOCK_REALTIME. */
#ifndef GUARDFS_POLICY_STALL_H
#define GUARDFS_POLICY_STALL_H

#include "base/base.h"

enum stall { STALL_NONE, STALL_STORAGE, STALL_CRAWL };

/* A job is looked at for so long after its last writer closed: one that has just given up is stalled too. */
#define STALL_LINGER_NS (600 * NSEC_PER_SEC)

struct stall_job {
	/* Files open for writing. */
	uint32_t writers;
	/* When the first of them was opened. */
	uint64_t writing_since_ns;
	/* When the last one was closed; 0: never. */
	uint64_t writer_closed_ns;
	/* Last write; 0: never. */
	uint64_t progress_ns;
	/* Last infrastructure error of a caller; 0: never. */
	uint64_t error_ns;
	/* When time last went on (stall_clock_see); 0: it never stood. */
	uint64_t went_on_ns;
};

/* Time in which nobody could do anything: the machine was suspended or paused, or the clock set forward.
 * Seen as a jump between two looks; a look comes every few seconds. */
#define STALL_GAP_NS (60 * NSEC_PER_SEC)

struct stall_clock {
	/* The look before; 0: none. */
	uint64_t seen_ns;
	/* The first look after the last jump; 0: none. */
	uint64_t went_on_ns;
};

void stall_clock_see(struct stall_clock *clock, uint64_t now_ns);

struct stall_tier {
	bool healthy;
	/* Last change of its state; 0: never. */
	uint64_t since_ns;
};

/* Start of the time without progress: the last write, opening, or resumption of time. 0: not at work. */
uint64_t stall_since_ns(const struct stall_job *job, uint64_t now_ns);

/* Stalled after require_ns without progress. Storage is to blame if its tier is not healthy, was unhealthy
 * at any time since, or gave the job an error since. */
enum stall stall_judge(const struct stall_job *job, const struct stall_tier *tier, uint64_t require_ns,
		       uint64_t now_ns);

const char *stall_name(enum stall stall);

#endif
