/* plan.h: the rungs of a recovery as data, to print, to climb, and to write to the journal. Pure.
 * keeper/rungs.c has a function for each; tests hold the lists equal. */
#ifndef GUARDFS_POLICY_PLAN_H
#define GUARDFS_POLICY_PLAN_H

#include "base/base.h"

enum rung_id {
	RUNG_FENCE,  /* free stuck threads, kill */
	RUNG_DRAIN,  /* no task of the old epoch is inside */
	RUNG_START,  /* a new transport */
	RUNG_PROVE,  /* identity */
	RUNG_ANCHOR, /* worker has the new root */
	RUNG_ROUTES, /* every route is looked at */
	RUNG_CLOSE,  /* the breaker */
	RUNG_ID_COUNT
};

struct rung_info {
	const char *name;
	/* From entering the rung; 0: none of its own. */
	uint32_t deadline_ms;
	/* Counts against the connection's budget, which runs from the first such rung on. */
	bool connecting;
	/* Ask again after this, unless keeper wakes before. */
	uint32_t poll_ms;
	/* For people. */
	const char *sshfs_does, *dir_does;
	/* Condition before it, for people. */
	const char *requires;
	/* Proof that it is done, for people. */
	const char *proof;
};

const struct rung_info *rung_info(enum rung_id id); /* Never NULL. */

struct plan_input {
	/* Else dir. */
	bool sshfs;
	/* Budget of the connecting rungs. */
	uint32_t connect_ms;
	/* The new one. */
	uint32_t epoch;
	/* An sshfs of ours is to be killed. */
	bool transport_running;
	/* It lives and stays: only its root is reopened. */
	bool transport_kept;
};

struct plan_step {
	enum rung_id rung;
	/* 0: none. */
	uint32_t deadline_ms;
	bool skipped;
	/* Constant text. */
	const char *does;
	/* Constant text; "": not skipped. */
	const char *why_skipped;
};

struct plan {
	uint32_t epoch;
	uint32_t n_steps;
	struct plan_step steps[RUNG_ID_COUNT];
	/* Of all else. */
	uint64_t hash;
};

void plan_make(const struct plan_input *input, struct plan *plan);

#endif
