/* hooks.h: the operator's programs, run at down, recovered, exhausted, stall, suspect.
 *
 * A hook is an argv, run without a shell, as guardfs's own user, in a process group of its own, in the host's
 * mount namespace (that of keeper's parent), with / as working directory, /dev/null as input, a minimal
 * environment (PATH and the GUARDFS_* variables), no descriptor but 0-2. Its output is kept (JOURNAL_TEXT_MAX
 * bytes, the beginning and the end). At its time limit the group gets SIGTERM and 2 s later SIGKILL; so it
 * does when something still holds the output 2 s after the program itself has ended. A process that left the
 * group (setsid) escapes that: it is then nobody's but keeper's to reap, and its output is no longer heard.
 * Hooks run one after the other; events queue, at most HOOKS_QUEUE_MAX. A keeper that dies takes the program
 * with it (SIGTERM), so that two keepers' hooks never act at once.
 *
 * Checked before every run: the program is an absolute path, a regular executable file; it and every
 * directory and symbolic link above it belong to root and cannot be written to by others (guardfs running as
 * another user: by that user), a sticky directory like /tmp not excepted. The check is made in the child, so
 * that a path that hangs costs the hook its time limit and keeper nothing. Whether a hook may act at all
 * (sentinel, caps) is the caller's to decide. Keeper only; never blocks. */
#ifndef GUARDFS_KEEPER_HOOKS_H
#define GUARDFS_KEEPER_HOOKS_H

#include "base/base.h"
#include "config/config.h"
#include <sys/types.h>

#define HOOKS_QUEUE_MAX 32

struct hooks;

struct hook_event {
	enum config_hook kind;	       /* GUARDFS_EVENT: "down", "recovered", ... */
	uint64_t incident;	       /* GUARDFS_INCIDENT */
	char backend[CONFIG_NAME_MAX]; /* GUARDFS_BACKEND */
	char class[32];		       /* GUARDFS_CLASS */
	char state[32];		       /* GUARDFS_STATE */
	char routes[4096]; /* GUARDFS_ROUTES: absolute paths, separated by newlines; cut at a whole path */
	char jobs[4096];   /* GUARDFS_JOBS: names, separated by newlines */
};

struct hook_result {
	enum config_hook kind;
	uint64_t incident;
	char backend[CONFIG_NAME_MAX];
	const char *program; /* borrowed until the next call */
	char outcome[128]; /* "exit 0", "killed by signal 9", "timed out after 60 s", "refused: ..." with why,
			      "cannot be run: ...", "ended with guardfs", "not run: guardfs ends" */
	bool ok;
	uint64_t duration_ms;
	const char *output; /* terminated; borrowed until the next call */
};

/* done is called once for every hook, also for one that was refused or could not be started, and in
 * hooks_destroy for those that are cut short by it. config and arg are borrowed until then. NULL: no memory.
 */
struct hooks *hooks_create(const struct config *config,
			   void (*done)(void *arg, const struct hook_result *result), void *arg);
void hooks_destroy(struct hooks *hooks); /* kills what runs */

/* Queues the hooks of an event. Returns how many there are (0: none configured), or -EAGAIN: the queue is
 * full. */
int hooks_run(struct hooks *hooks, const struct hook_event *event, uint64_t now_ns) WARN_UNUSED;

/* To poll for (POLLIN): its output; -1: nothing. Further: keeper tells which children it reaped, and calls
 * step when woken; returns when to call again at the latest. */
int hooks_poll_fd(const struct hooks *hooks);
void hooks_reaped(struct hooks *hooks, pid_t pid, int status);
uint64_t hooks_step(struct hooks *hooks, uint64_t now_ns);

/* May this program be run as a hook? 0, or -errno with why (size bytes) for people. Also used by doctor and
 * --check-config. */
errint_t hooks_check_program(const char *path, char *why, size_t size) WARN_UNUSED;

#endif
