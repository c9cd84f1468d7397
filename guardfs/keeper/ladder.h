/* A recovery as rungs climbed one after the other. Pure. */
#ifndef GUARDFS_KEEPER_LADDER_H
#define GUARDFS_KEEPER_LADDER_H

#include "policy/plan.h"

enum rung_result { RUNG_WAIT, RUNG_DONE, RUNG_FAILED };

struct rung {
	const char *name;
	/* From entering the rung; 0: none. */
	uint32_t deadline_ms;
	/* Counts against the budget, which runs from the first such rung. */
	bool connecting;
	/* Unless keeper wakes before. */
	uint32_t poll_ms;
	enum rung_result (*start)(void *context, uint64_t now_ns);
	/* NULL: start decides. */
	enum rung_result (*poll)(void *context, uint64_t now_ns);
};

struct rung_functions {
	enum rung_result (*start)(void *context, uint64_t now_ns);
	enum rung_result (*poll)(void *context, uint64_t now_ns);
};

/* Fills rungs (room for RUNG_ID_COUNT) with the plan's, without those skipped. functions: by enum rung_id. Returns
 * how many. */
unsigned ladder_rungs(const struct plan *plan, const struct rung_functions *functions, struct rung *rungs);

enum ladder_outcome {
	LADDER_IDLE,
	LADDER_WAITING,
	LADDER_TOP, /* the last rung is done; told to left(): this rung is */
	LADDER_FAILED,
	LADDER_EXPIRED, /* out of time */
};

struct ladder {
	const struct rung *rungs;
	unsigned n;
	/* Kept after the end. */
	unsigned at;
	bool climbing;
	bool entered;
	uint64_t entered_ns;
	/* Of all connecting rungs. */
	uint64_t budget_ns;
	/* 0: not begun. */
	uint64_t budget_until_ns;
	/* Called for every rung left; may be NULL. Set after ladder_begin. */
	void (*left)(void *context, const struct rung *rung, enum ladder_outcome outcome, uint64_t ms);
};

void ladder_begin(struct ladder *ladder, const struct rung *rungs, unsigned n, uint32_t budget_ms);

/* Climbs as far as possible. TOP, FAILED and EXPIRED are returned once; then the ladder is idle. */
enum ladder_outcome ladder_step(struct ladder *ladder, void *context, uint64_t now_ns);

uint64_t ladder_wake_ns(const struct ladder *ladder, uint64_t now_ns);

const char *ladder_rung_name(const struct ladder *ladder);

void ladder_stop(struct ladder *ladder);

#endif
