/* stall.h: is a job stalled, and is storage or the job itself to blame? Pure; times in ns of CLOCK_REALTIME.
 */
#ifndef GUARDFS_POLICY_STALL_H
#define GUARDFS_POLICY_STALL_H

#include "base/base.h"

enum stall { STALL_NONE, STALL_STORAGE, STALL_CRAWL };

/* A job without writers is still looked at for so long after the last one closed its file: one that has just
 * given up is as stalled as one that waits. */
#define STALL_LINGER_NS (600 * NSEC_PER_SEC)

struct stall_job {
	uint32_t writers;	   /* files open for writing */
	uint64_t writing_since_ns; /* when the first of them was opened */
	uint64_t writer_closed_ns; /* when the last one was closed; 0: never */
	uint64_t progress_ns;	   /* when something was last written; 0: never */
	uint64_t error_ns;	   /* when a caller last got an error of the infrastructure; 0: never */
	uint64_t went_on_ns;	   /* when time last went on, as stall_clock_see has it; 0: it never stood */
};

/* Time that passed without anybody being able to do anything: the machine was suspended, a host had paused
 * it, or the clock was set forward. A jump of the clock from one look to the next shows it; whoever looks
 * does so every few seconds. */
#define STALL_GAP_NS (60 * NSEC_PER_SEC)

struct stall_clock {
	uint64_t seen_ns;    /* the look before; 0: none */
	uint64_t went_on_ns; /* the first look after the last jump; 0: none */
};

void stall_clock_see(struct stall_clock *clock, uint64_t now_ns);

struct stall_tier {
	bool healthy;
	uint64_t since_ns; /* when its state last changed; 0: never */
};

/* Since when the job has made no progress: the last write, or the opening of its files or the last time that
 * time went on, whatever was last. 0: it is not at work. */
uint64_t stall_since_ns(const struct stall_job *job, uint64_t now_ns);

/* Stalled if that is at least require_ns ago. Storage is to blame if its tier is not healthy, was not at any
 * time since, or gave the job an error since. */
enum stall stall_judge(const struct stall_job *job, const struct stall_tier *tier, uint64_t require_ns,
		       uint64_t now_ns);

/* "none", "storage", "crawl". */
const char *stall_name(enum stall stall);

#endif
