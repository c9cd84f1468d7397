/* Kinds of drills, the promises for each, and a caller who is hurt. */
#ifndef GUARDFS_CTL_DRILL_H
#define GUARDFS_CTL_DRILL_H

#include "base/base.h"
#include "config/config.h"
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>

enum drill_kind {
	DRILL_HANG,
	DRILL_DROP,
	DRILL_SLOW,
	DRILL_FULL,
	DRILL_AUTH,
	DRILL_WORKER_KILL,
	DRILL_KEEPER_KILL,
	DRILL_KIND_COUNT
};

const char *drill_kind_name(enum drill_kind kind);
enum drill_kind drill_kind_find(const char *name); /* DRILL_KIND_COUNT: unknown */

/* What configuration and sentinel promise if it lasted so long. */
void drill_simulate(FILE *out, const struct config *config, const struct config_backend *backend,
		    enum drill_kind kind, uint64_t seconds);

/* ---- a caller: a child that looks for a file in a directory, or writes one there, every 50 ms
 * (drill_caller.c) ---- */

/* Written by the child. CLOCK_MONOTONIC; 0: not yet. */
struct caller_seen {
	_Atomic uint64_t calls, errors;
	_Atomic uint64_t longest_ns;
	_Atomic uint64_t first_error_ns, last_error_ns;
	/* of the call under way */
	_Atomic uint64_t inside_since_ns;
	_Atomic int first_errno;
};

struct caller {
	pid_t pid;
	struct caller_seen *seen;
	/* the file that it writes, removed at the end; "": it only looks */
	char file[PATH_MAX];
};

/* In directory path. Dies with its parent. 0 or -errno. */
errint_t caller_start(struct caller *caller, const char *path, bool writes) WARN_UNUSED;

/* Kills it, counts the present call; results stay until caller_release. One that survives SIGKILL is left
 * after a second. */
void caller_stop(struct caller *caller);
void caller_release(struct caller *caller);

#endif
