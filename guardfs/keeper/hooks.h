/* The operator's programs, run at down, recovered, exhausted, stall, suspect. Never blocks.
 *
 * A hook is an argv, run without a shell as guardfs's user: in its own process group, the mount namespace of
 * keeper's parent, /, with /dev/null as input, PATH and the GUARDFS_* variables as environment, and
 * descriptors 0-2. Its output's beginning and end are kept (JOURNAL_TEXT_MAX bytes). The group gets SIGTERM,
 * and SIGKILL 2 s later, at the time limit, or when its output is open 2 s after the program's end. One hook
 * runs at a time. A dying keeper takes it along, so two keepers' hooks never act at once.
 *
 * Before every run the child checks that the program is an absolute path to a regular executable file that
 * only root and guardfs's user can replace. Sentinel and caps are the caller's affair. */
#ifndef GUARDFS_KEEPER_HOOKS_H
#define GUARDFS_KEEPER_HOOKS_H

#include "base/base.h"
#include "config/config.h"
#include <sys/types.h>

#define HOOKS_QUEUE_MAX 32

struct hooks;

struct hook_event {
	/* GUARDFS_EVENT */
	enum config_hook kind;
	/* GUARDFS_INCIDENT */
	uint64_t incident;
	/* GUARDFS_BACKEND */
	char backend[CONFIG_NAME_MAX];
	/* GUARDFS_CLASS */
	char class[32];
	/* GUARDFS_STATE */
	char state[32];
	/* GUARDFS_ROUTES: absolute paths, one a line, whole. */
	char routes[4096];
	/* GUARDFS_JOBS: one a line. */
	char jobs[4096];
};

struct hook_result {
	enum config_hook kind;
	uint64_t incident;
	char backend[CONFIG_NAME_MAX];
	/* Borrowed until the next call, as output. */
	const char *program;
	/* "exit 0", "killed by signal 9", "timed out after 60 s", "refused: REASON", "cannot be run: REASON",
	 * "ended with guardfs", "not run: guardfs ends". */
	char outcome[128];
	bool ok;
	uint64_t duration_ms;
	const char *output;
};

/* done is called once for every hook, also one refused, not started, or cut short by hooks_destroy. config and arg
 * are borrowed until then. NULL: out of memory. */
struct hooks *hooks_create(const struct config *config,
			   void (*done)(void *arg, const struct hook_result *result), void *arg);
void hooks_destroy(struct hooks *hooks); /* kills a running hook */

/* Queues an event's hooks. Returns how many, or -EAGAIN: the queue is full. */
int hooks_run(struct hooks *hooks, const struct hook_event *event, uint64_t now_ns) WARN_UNUSED;

/* For POLLIN; -1: none. */
int hooks_poll_fd(const struct hooks *hooks);
void hooks_reaped(struct hooks *hooks, pid_t pid, int status);
uint64_t hooks_step(struct hooks *hooks, uint64_t now_ns);

/* 0, or -errno with why (size bytes). Also for doctor and --check-config. */
errint_t hooks_check_program(const char *path, char *why, size_t size) WARN_UNUSED;

#endif
