/* Shares the descriptor table, so that guardian is never the last to leave it. docs/INTERNALS.md, "The
 * holder". */
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/privileges.h"
#include "guardian/guardian.h"

#include <errno.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Guardian has ended, or tells it to leave. */
#define LEAVE_SIGNAL SIGUSR1

#define LEAVE_MS       1000u
#define QUICK_NS       (1 * NSEC_PER_SEC)
#define AGAIN_NS       (1 * NSEC_PER_SEC)
#define NOT_STARTED_NS (10 * NSEC_PER_SEC)

/* Others may still share the table: these numbers are closed in a copy. */
static void close_own(unsigned first, unsigned last)
{
	if (syscall(SYS_close_range, first, last, CLOSE_RANGE_UNSHARE) < 0)
		log_warning("cannot leave the descriptor table: %s", strerror(errno));
}

/* Worker also serves with this table. */
static void await_worker(void)
{
	struct pollfd p = {.fd = GUARDIAN_WORKER_PID, .events = POLLIN};

	while (poll(&p, 1, -1) <= 0)
		continue;
}

/* Device and lock go first: an exiting process keeps every file until the last FLUSH is answered. */
static void hold(pid_t guardian)
{
	sigset_t leave;

	sigemptyset(&leave);
	sigaddset(&leave, LEAVE_SIGNAL);
	/* Guardian may have died before. */
	if (prctl(PR_SET_PDEATHSIG, LEAVE_SIGNAL) == 0 && getppid() == guardian)
		while (sigwaitinfo(&leave, NULL) != LEAVE_SIGNAL)
			continue;
	await_worker();
	close_own(0, FD_RESERVED - 1);
}

static void start(struct guardian *g, uint64_t now_ns)
{
	pid_t guardian = getpid();
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = child_clone_sharing(NULL);
	if (pid == 0) {
		prctl(PR_SET_NAME, HOLDER_NAME);
		log_init("holder", LOG_LEVEL_INFO);
		if (g->board->config.sandbox)
			privileges_drop(PRIVILEGES_HOLDER);
		hold(guardian);
		_exit(0);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		log_error("cannot start a holder of descriptors: %s", strerror(-pid));
		g->holder_start_at_ns = now_ns + NOT_STARTED_NS;
		return;
	}
	g->holder = pid;
	g->holder_started_ns = now_ns;
}

void holder_tick(struct guardian *g, uint64_t now_ns)
{
	if (g->holder && waitpid(g->holder, NULL, WNOHANG) == g->holder) {
		bool quick = now_ns - g->holder_started_ns < QUICK_NS;

		log_warning("holder %d has ended; starting another", (int)g->holder);
		g->holder = 0;
		g->holder_start_at_ns = quick ? now_ns + AGAIN_NS : now_ns;
	}
	if (!g->holder && now_ns >= g->holder_start_at_ns)
		start(g, now_ns);
}

static bool reap(struct guardian *g)
{
	for (unsigned i = 0; i < LEAVE_MS; i++) {
		const struct timespec pause = {.tv_nsec = NSEC_PER_MSEC};

		if (waitpid(g->holder, NULL, WNOHANG) != 0) {
			g->holder = 0;
			return true;
		}
		nanosleep(&pause, NULL);
	}
	return false;
}

void holder_end(struct guardian *g)
{
	if (!g->holder)
		return;
	/* Not the last of the table, it waits for nobody. */
	kill(g->holder, SIGKILL);
	if (!reap(g))
		log_warning("holder %d does not end", (int)g->holder);
	g->holder = 0;
}

void holder_leave(struct guardian *g)
{
	if (!g->holder)
		return;
	close_own(FD_RESERVED, ~0u);
	kill(g->holder, LEAVE_SIGNAL);
	if (!reap(g))
		log_warning("holder %d ends when the storage answers whose files it has open",
			    (int)g->holder);
	g->holder = 0;
}
