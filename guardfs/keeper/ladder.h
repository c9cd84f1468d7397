/* ladder.h: a recovery as rungs climbed one after the other. Pure: time is an argument, the rungs'
 * functions do the work. Keeper only; tests/unit/test-recovery.c. */
#ifndef GUARDFS_KEEPER_LADDER_H
#define GUARDFS_KEEPER_LADDER_H

#include "policy/plan.h"

enum rung_result { RUNG_WAIT, RUNG_DONE, RUNG_FAILED };

struct rung {
	const char *name;
	/* From entering the rung; 0: none of its own. */
	uint32_t deadline_ms;
	/* Counts against the ladder's budget, which runs from the first such rung on. */
	bool connecting;
	/* Ask again after this, unless keeper wakes before. */
	uint32_t poll_ms;
	enum rung_result (*start)(void *context, uint64_t now_ns);
	/* NULL: start decides. */
	enum rung_result (*poll)(void *context, uint64_t now_ns);
};

/* A rung's functions; policy/plan.c has the rest. */
struct rung_functions {
	enum rung_result (*start)(void *context, uint64_t now_ns);
	enum rung_result (*poll)(void *context, uint64_t now_ns);
};

/* The rungs of a plan, without those skipped. functions: one for each enum rung_id. rungs: room for
 * RUNG_ID_COUNT. Returns their number. */
unsigned ladder_rungs(const struct plan *plan, const struct rung_functions *functions, struct rung *rungs);

enum ladder_outcome {
	LADDER_IDLE,	/* not climbing */
	LADDER_WAITING, /* on a rung */
	LADDER_TOP,	/* the last rung is done; of a rung left: it is done */
	LADDER_FAILED,	/* the rung reached failed */
	LADDER_EXPIRED, /* the rung reached took too long */
};

struct ladder {
	const struct rung *rungs;
	unsigned n;
	/* The rung reached; kept after the end, for messages. */
	unsigned at;
	bool climbing;
	bool entered;
	uint64_t entered_ns;
	/* For all connecting rungs together. */
	uint64_t budget_ns;
	/* 0: not begun. */
	uint64_t budget_until_ns;
	/* Called for every rung left, with its duration; NULL: nobody. Set after ladder_begin. */
	void (*left)(void *context, const struct rung *rung, enum ladder_outcome outcome, uint64_t ms);
};

/* Begins at the first rung. budget_ms: see struct rung. */
void ladder_begin(struct ladder *ladder, const struct rung *rungs, unsigned n, uint32_t budget_ms);

/* Climbs as far as possible now. TOP, FAILED and EXPIRED are returned once; then the ladder is idle. */
enum ladder_outcome ladder_step(struct ladder *ladder, void *context, uint64_t now_ns);

/* When to step again at the latest; UINT64_MAX: idle. */
uint64_t ladder_wake_ns(const struct ladder *ladder, uint64_t now_ns);

const char *ladder_rung_name(const struct ladder *ladder);

void ladder_stop(struct ladder *ladder);

#endif
