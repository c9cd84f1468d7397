#include "worker/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/privileges.h"
#include "fs/context.h"
#include "fs/fs.h"
#include "sshfs-compat/sshfs-compat.h"
#include "worker/control.h"
#include "worker/follow.h"
#include "worker/pool.h"
#include "worker/recover.h"
#include "worker/session.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct arena *crash_arena;

/* Notes the thread's request for the crash record, and dies. Async-signal-safe. */
static void fatal(int sig)
{
	if (crash_arena && call.slot)
		atomic_store(&crash_arena->board.crash_slot, (uint32_t)(call.slot - crash_arena->slots) + 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void set_signals(struct arena *arena)
{
	static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	struct sigaction sa = {.sa_handler = fatal, .sa_flags = SA_RESETHAND | SA_NODEFER};
	sigset_t none;

	crash_arena = arena;
	atomic_store(&arena->board.crash_slot, 0);
	for (size_t i = 0; i < ARRAY_SIZE(fatal_signals); i++)
		sigaction(fatal_signals[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* A terminal's or service manager's signals are for guardian. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

struct start {
	struct arena *arena;
	uint32_t generation;
	uint32_t quiesce_seen;
};

/* Guardian starts keeper once the worker is ready, and again if it dies; requests wait in the kernel. */
static void await_map(struct board *board)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (!atomic_load(&board->map_loaded)) {
		atomic_store(&board->heartbeat_ns, clock_mono_ns());
		nanosleep(&pause, NULL); /* sleep-ok: keeper may die silently */
	}
}

static errint_t begin_serving(const struct start *s)
{
	struct board *board = &s->arena->board;
	errint_t rc = fs_init(s->arena, board->fds.dev);

	if (rc == 0) {
		for (uint32_t i = 0; i < board->config.n_backends; i++)
			fs.guarded[i].keeps_pages = sshfs_keeps_pages(&board->config.backends[i]);
		recover_descriptors(s->arena);
		rc = session_open(s->arena, board->fds.dev);
	}
	if (rc == 0)
		rc = pool_init(s->arena, board->fds.dev, s->generation);
	return rc;
}

/* Only pthread_create's threads work: the cloned leader's cached thread id is its parent's. */
static void *run_leader(void *arg)
{
	const struct start *s = arg;
	errint_t rc;

	atomic_store(&s->arena->board.heartbeat_ns, clock_mono_ns());
	rc = begin_serving(s);
	if (rc == 0) {
		atomic_store(&s->arena->board.serving, 1);
		await_map(&s->arena->board);
		rc = pool_start();
	}
	if (rc < 0) {
		log_error("cannot serve: %s", strerror(-rc));
		_exit(WORKER_EXIT_FAILED);
	}
	control_run(s->arena, s->quiesce_seen);
	atomic_store(&s->arena->board.serving, 0);
	_exit(WORKER_EXIT_QUIESCED);
}

int worker_main(struct arena *arena, uint32_t generation)
{
	struct start start = {arena, generation, atomic_load(&arena->board.requests.quiesce)};
	pthread_t thread;
	bool may_return;

	prctl(PR_SET_NAME, "guardfs-worker");
	log_init("worker", LOG_LEVEL_INFO);
	set_signals(arena);
	may_return = follow_init();
	privileges_admit_heirs();
	/* Threads inherit it. */
	if (arena->board.config.sandbox)
		privileges_drop(may_return ? PRIVILEGES_WORKER : PRIVILEGES_WORKER_NICE);
	if (pthread_create(&thread, NULL, run_leader, &start) != 0) {
		log_error("cannot start a thread: %s", strerror(errno));
		return WORKER_EXIT_FAILED;
	}
	pthread_join(thread, NULL);
	return WORKER_EXIT_FAILED;
}
