/* A recovery's rungs as data, printed, climbed and journalled. Tests hold keeper/rungs.c to it. */
#ifndef GUARDFS_POLICY_PLAN_H
#define GUARDFS_POLICY_PLAN_H

#include "base/base.h"

enum rung_id {
	RUNG_FENCE,
	RUNG_DRAIN,
	RUNG_START,
	RUNG_PROVE,
	RUNG_ANCHOR,
	RUNG_ROUTES,
	RUNG_CLOSE,
	RUNG_ID_COUNT
};

struct rung_info {
	const char *name;
	/* From entering it; 0: none. */
	uint32_t deadline_ms;
	/* Counts against the connection's budget, from the first such rung on. */
	bool connecting;
	/* Keeper asks again after this, unless it wakes before. */
	uint32_t poll_ms;
	/* For people, as the next two. */
	const char *sshfs_does, *sftp_does, *dir_does;
	/* NULL: as sshfs. */
	const char *command_does;
	/* Precondition. */
	const char *requires;
	const char *proof;
};

const struct rung_info *rung_info(enum rung_id id); /* Never NULL. */

struct plan_input {
	/* Neither: dir. */
	bool sshfs, sftp, command;
	/* Of all connecting rungs. */
	uint32_t connect_ms;
	/* The new one. */
	uint32_t epoch;
	/* A process of ours is to be killed. */
	bool transport_running;
	/* The transport stays: only its root is reopened. */
	bool transport_kept;
};

struct plan_step {
	enum rung_id rung;
	/* 0: none. */
	uint32_t deadline_ms;
	bool skipped;
	const char *does;
	/* "": not skipped. */
	const char *why_skipped;
};

struct plan {
	uint32_t epoch;
	uint32_t n_steps;
	struct plan_step steps[RUNG_ID_COUNT];
	/* Of all fields above. */
	uint64_t hash;
};

void plan_make(const struct plan_input *input, struct plan *plan);

#endif
