/* Callers' waits: buckets for the journal, windows for slowness (docs/RECOVERY.md, "Samples"). */
#ifndef GUARDFS_KEEPER_LATENCY_H
#define GUARDFS_KEEPER_LATENCY_H

#include "journal/journal.h"
#include "policy/deadline.h"
#include "policy/grain.h"
#include "policy/health.h"
#include "policy/histogram.h"
#include "policy/slowness.h"

struct supervised;

#define LATENCY_QUIET_MAX 60 /* buckets of a quiet minute */

struct latency_watch {
	/* ---- the present bucket ---- */
	struct histogram_copy last[OP_CLASS_COUNT];
	struct grain grain;
	enum health_state state;
	uint64_t began_ns, length_ns;
	uint64_t ops_before, bucket_errors_before;

	/* ---- the present quiet minute ---- */
	struct journal_sample quiet[LATENCY_QUIET_MAX];
	uint32_t n_quiet;
	struct histogram_copy minute;

	/* ---- what is published as recent ---- */
	struct histogram_copy recent;
	struct journal_sample recent_sum;
	uint64_t read_before, written_before;

	/* ---- the present window ---- */
	struct histogram_copy window[OP_CLASS_COUNT];
	struct slowness slowness;
	uint64_t window_end_ns;
	uint64_t errors_before;
	bool slow;
};

void latency_init(struct supervised *s, uint64_t now_ns);

/* Errors beyond this sum (board_failed) are new: those of a time without a keeper. */
void latency_errors_since(struct supervised *s, uint64_t errors);

uint64_t latency_step(struct supervised *s, uint64_t now_ns);

#endif
