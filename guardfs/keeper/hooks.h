/* hooks.h: the operator's programs, run at down, recovered, exhausted, stall, suspect.
 *
 * A hook is an argv, run without a shell as guardfs's user: in a process group of its own, in the mount
 * namespace of keeper's parent, with / as working directory, /dev/null as input, PATH and the GUARDFS_*
 * variables as environment, no descriptor but 0-2. The beginning and the end of its output are kept
 * (JOURNAL_TEXT_MAX bytes). The group gets SIGTERM, and SIGKILL 2 s later, at the time limit, or when its
 * output is still held open 2 s after the program's end. A process that left the group (setsid) escapes:
 * keeper only reaps it, and reads its output no more. Hooks run one after the other; at most
 * HOOKS_QUEUE_MAX events wait. A keeper that dies takes the program with it (SIGTERM): two keepers' hooks
 * never act at once.
 *
 * Checked before every run: the program is an absolute path to a regular executable file; the file, each
 * directory and each symbolic link above belong to root (or to guardfs's user) and are not writable by
 * others, sticky directories like /tmp included. The child checks, so that a hanging path costs the hook
 * its time limit and keeper nothing. Whether a hook may act (sentinel, caps) is the caller's decision.
 * Keeper only; never blocks. */
#ifndef GUARDFS_KEEPER_HOOKS_H
#define GUARDFS_KEEPER_HOOKS_H

#include "base/base.h"
#include "config/config.h"
#include <sys/types.h>

#define HOOKS_QUEUE_MAX 32

struct hooks;

struct hook_event {
	/* GUARDFS_EVENT: "down", "recovered", and so on. */
	enum config_hook kind;
	/* GUARDFS_INCIDENT */
	uint64_t incident;
	/* GUARDFS_BACKEND */
	char backend[CONFIG_NAME_MAX];
	/* GUARDFS_CLASS */
	char class[32];
	/* GUARDFS_STATE */
	char state[32];
	/* GUARDFS_ROUTES: absolute paths, one a line; cut at a whole path. */
	char routes[4096];
	/* GUARDFS_JOBS: names, one a line. */
	char jobs[4096];
};

struct hook_result {
	enum config_hook kind;
	uint64_t incident;
	char backend[CONFIG_NAME_MAX];
	/* Borrowed until the next call. */
	const char *program;
	/* "exit 0", "killed by signal 9", "timed out after 60 s", "refused: REASON", "cannot be run:
	 * REASON", "ended with guardfs", "not run: guardfs ends". */
	char outcome[128];
	bool ok;
	uint64_t duration_ms;
	/* Terminated; borrowed until the next call. */
	const char *output;
};

/* done is called once for every hook, also for one refused or not started, and in hooks_destroy for those
 * cut short. config and arg are borrowed until then. NULL: out of memory. */
struct hooks *hooks_create(const struct config *config,
			   void (*done)(void *arg, const struct hook_result *result), void *arg);
void hooks_destroy(struct hooks *hooks); /* kills a running hook */

/* Queues the hooks of an event. Returns how many there are, or -EAGAIN: the queue is full. */
int hooks_run(struct hooks *hooks, const struct hook_event *event, uint64_t now_ns) WARN_UNUSED;

/* The hook's output, to poll for POLLIN (-1: none). keeper tells which children it reaped, and steps when
 * woken; step returns when to call again at the latest. */
int hooks_poll_fd(const struct hooks *hooks);
void hooks_reaped(struct hooks *hooks, pid_t pid, int status);
uint64_t hooks_step(struct hooks *hooks, uint64_t now_ns);

/* May this program be run as a hook? 0, or -errno with why (size bytes). Also for doctor and
 * --check-config. */
errint_t hooks_check_program(const char *path, char *why, size_t size) WARN_UNUSED;

#endif
