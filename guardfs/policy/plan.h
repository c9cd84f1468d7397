/* plan.h: the rungs of a recovery as data: one object that is printed before, climbed, and written to the
 * journal. Pure. keeper/rungs.c has the functions, one per rung; tests hold both lists equal. */
#ifndef GUARDFS_POLICY_PLAN_H
#define GUARDFS_POLICY_PLAN_H

#include "base/base.h"

enum rung_id {
	RUNG_FENCE,  /* free stuck threads, kill */
	RUNG_DRAIN,  /* nothing of the old epoch is inside any more */
	RUNG_START,  /* a new transport */
	RUNG_PROVE,  /* identity */
	RUNG_ANCHOR, /* worker has the new root */
	RUNG_ROUTES, /* every route is looked at */
	RUNG_CLOSE,  /* the breaker */
	RUNG_ID_COUNT
};

struct rung_info {
	const char *name;
	uint32_t deadline_ms; /* from entering the rung; 0: none of its own */
	bool connecting;  /* counts against the connection's budget, which runs from the first such rung on */
	uint32_t poll_ms; /* ask again after this, if nothing else wakes keeper before */
	const char *sshfs_does, *dir_does; /* what it does, for people */
	const char *requires;		   /* what must hold before */
	const char *proof;		   /* what shows that it is done */
};

const struct rung_info *rung_info(enum rung_id id); /* never NULL */

struct plan_input {
	bool sshfs;		/* else dir */
	uint32_t connect_ms;	/* budget of the connecting rungs */
	uint32_t epoch;		/* the new one */
	bool transport_running; /* an sshfs of ours is there to be killed */
	bool transport_kept;	/* it lives, and is gone on with: only its root is to be opened again */
};

struct plan_step {
	enum rung_id rung;
	uint32_t deadline_ms; /* 0: none */
	bool skipped;
	const char *does;	 /* constant text */
	const char *why_skipped; /* constant text, "" if not */
};

struct plan {
	uint32_t epoch;
	uint32_t n_steps;
	struct plan_step steps[RUNG_ID_COUNT];
	uint64_t hash; /* of all else */
};

void plan_make(const struct plan_input *input, struct plan *plan);

#endif
