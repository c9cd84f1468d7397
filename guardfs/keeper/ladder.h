/* ladder.h: a recovery as a table of rungs climbed one after the other. Knows nothing of what the rungs do.
 *
 * Pure: time is an argument, the work is done by the rungs' functions. Keeper only;
 * tests/unit/test-recovery.c. */
#ifndef GUARDFS_KEEPER_LADDER_H
#define GUARDFS_KEEPER_LADDER_H

#include "policy/plan.h"

enum rung_result { RUNG_WAIT, RUNG_DONE, RUNG_FAILED };

struct rung {
	const char *name;
	uint32_t deadline_ms; /* from entering the rung; 0: none of its own */
	bool connecting;      /* counts against the ladder's budget, which runs from the first such rung on */
	uint32_t poll_ms;     /* ask again after this, if nothing else wakes keeper before */
	enum rung_result (*start)(void *context, uint64_t now_ns);
	enum rung_result (*poll)(void *context, uint64_t now_ns); /* NULL: start decides */
};

/* The functions of a rung. Everything else about the rung stands in policy/plan.c. */
struct rung_functions {
	enum rung_result (*start)(void *context, uint64_t now_ns);
	enum rung_result (*poll)(void *context, uint64_t now_ns);
};

/* The rungs of a plan, without those that it skips. functions: one for each enum rung_id. rungs: room for
 * RUNG_ID_COUNT. Returns how many there are. */
unsigned ladder_rungs(const struct plan *plan, const struct rung_functions *functions, struct rung *rungs);

enum ladder_outcome {
	LADDER_IDLE,	/* not climbing */
	LADDER_WAITING, /* on a rung */
	LADDER_TOP,	/* the last rung is done; of a rung that was left: it is done */
	LADDER_FAILED,	/* the rung reached said so */
	LADDER_EXPIRED, /* the rung reached took longer than allowed */
};

struct ladder {
	const struct rung *rungs;
	unsigned n;
	unsigned at; /* the rung reached; keeps its value after the end, for messages */
	bool climbing;
	bool entered;
	uint64_t entered_ns;
	uint64_t budget_ns;	  /* for all connecting rungs together */
	uint64_t budget_until_ns; /* 0: not begun */
	/* Told of every rung that is left, with how long it took; NULL: nobody. Set after ladder_begin. */
	void (*left)(void *context, const struct rung *rung, enum ladder_outcome outcome, uint64_t ms);
};

/* Begins at the first rung. budget_ms: see struct rung. */
void ladder_begin(struct ladder *ladder, const struct rung *rungs, unsigned n, uint32_t budget_ms);

/* Climbs as far as it goes now. TOP, FAILED and EXPIRED are returned once; then it is idle. */
enum ladder_outcome ladder_step(struct ladder *ladder, void *context, uint64_t now_ns);

/* When to step again at the latest: UINT64_MAX when idle. */
uint64_t ladder_wake_ns(const struct ladder *ladder, uint64_t now_ns);

/* Name of the rung reached. */
const char *ladder_rung_name(const struct ladder *ladder);

/* Leaves the ladder wherever it is. */
void ladder_stop(struct ladder *ladder);

#endif
