#include "worker/control.h"
#include "backend/backend.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "fs/ahead.h"
#include "fs/behind.h"
#include "fs/checkpoint.h"
#include "fs/checkpoint_wait.h"
#include "fs/fs.h"
#include "fs/jobs.h"
#include "shm/message.h"
#include "worker/pool.h"
#include "worker/recover.h"
#include "worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#define QUIESCE_MS 2000u
#define MOUNTED_MS 400u /* so an unused descriptor is closed within a second */

static struct arena *arena;

/* Root before epoch: a reader of the epoch finds its root. Closing O_PATH descriptors reaches no backend. */
static void install_root(uint32_t backend, uint32_t epoch, int fd)
{
	struct board_backend *b = &arena->board.backends[backend];
	int old = atomic_exchange(&b->root_fd, fd);

	atomic_store(&b->root_epoch, epoch);
	if (old >= 0 && old != fd)
		close(old);
}

static void *epoch_changed(void *arg)
{
	fs_epoch_changed((unsigned)(uintptr_t)arg);
	return NULL;
}

static bool run_aside(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool started;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	started = pthread_create(&thread, &attr, run, arg) == 0;
	pthread_attr_destroy(&attr);
	return started;
}

static void sweep_aside(uint32_t backend)
{
	if (!run_aside(epoch_changed, (void *)(uintptr_t)backend))
		log_warning("cannot start a thread to close what backend %u left open", backend);
}

static void *close_mounted(void *arg)
{
	(void)arg;
	recover_closing(true);
	nodefd_close_mounted(arena);
	recover_closing(false);
	return NULL;
}

static void mounted_tick(void)
{
	static uint64_t next_ns;
	uint64_t now_ns = clock_mono_ns();

	if (now_ns < next_ns || !nodefd_has_mounted())
		return;
	next_ns = now_ns + MOUNTED_MS * NSEC_PER_MSEC;
	if (!run_aside(close_mounted, NULL))
		log_warning("cannot start a thread to close what is unused");
}

/* A dead worker had answered, but not carried out, their release. */
static void sweep_inherited(void)
{
	sweep_aside(NODE_LOCAL);
	sweep_aside(NODE_VIRTUAL);
	for (uint32_t i = 0; i < arena->board.config.n_backends; i++)
		sweep_aside(i);
}

static void *make_checkpoints(void *arg)
{
	checkpoint_run((unsigned)(uintptr_t)arg);
	return NULL;
}

static void start_checkpoints(void)
{
	for (uint32_t i = 0; i < arena->board.config.n_backends; i++)
		if (checkpoint_is_set(i) && !run_aside(make_checkpoints, (void *)(uintptr_t)i))
			log_error("cannot start a thread: files of backend %s do not sync by themselves",
				  arena->board.config.backends[i].name);
}

static void handle_message(const struct keeper_message *m, int fd)
{
	if (m->backend >= arena->board.config.n_backends) {
		log_error("keeper sent a message for backend %u, which does not exist", m->backend);
		if (fd >= 0)
			close(fd);
		return;
	}
	switch (m->kind) {
	case KEEPER_ROOT:
		if (fd >= 0)
			install_root(m->backend, m->epoch, fd);
		return;
	case KEEPER_CLOSED:
		sweep_aside(m->backend);
		behind_wake(m->backend);
		pool_run_parked(m->backend);
		break;
	case KEEPER_VERDICT:
		behind_wake(m->backend);
		pool_run_parked(m->backend);
		break;
	default:
		log_error("keeper sent a message of unknown kind %u", m->kind);
	}
	if (fd >= 0)
		close(fd);
}

static void receive_messages(int sock)
{
	struct keeper_message m;
	int fd;

	for (int i = 0; i < 64; i++) {
		struct pollfd p = {.fd = sock, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, 0) <= 0)
			return;
		n = fd_receive_message(sock, &m, sizeof(m), &fd);
		if (n == (ssize_t)sizeof(m)) {
			handle_message(&m, fd);
		} else {
			if (fd >= 0)
				close(fd);
			if (n <= 0)
				return;
		}
	}
}

/* Parked requests need more looks than an idle worker's heartbeat. */
static int pause_ms(void)
{
	for (uint32_t b = 0; b < arena->board.config.n_backends; b++)
		if (atomic_load(&arena->board.backends[b].parked) ||
		    atomic_load(&arena->board.backends[b].owed_bytes))
			return WORKER_HEARTBEAT_MS;
	return WORKER_IDLE_MS;
}

void control_run(struct arena *a, uint32_t quiesce_seen)
{
	int sock = a->board.fds.keeper_socket;

	arena = a;
	atomic_store(&a->board.heartbeat_tid, gettid());
	sweep_inherited();
	start_checkpoints();
	while (atomic_load(&a->board.requests.quiesce) == quiesce_seen) {
		struct pollfd p = {.fd = sock, .events = POLLIN};

		atomic_store(&a->board.heartbeat_ns, clock_mono_ns());
		if (poll(&p, 1, pause_ms()) > 0)
			receive_messages(sock);
		pool_tick();
		ahead_tick();
		fs_interrupted_tick();
		fs_refresh_tiers();
		jobs_tick();
		mounted_tick();
		recover_late_descriptors(a, clock_mono_ns());
	}
	pool_quiesce(QUIESCE_MS);
}
