#include "guardian/guardian.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/privileges.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define IDLE_TICK_MS   250u
#define BUSY_TICK_MS   20u
#define START_LIMIT_MS 15000u
#define LOCK_WAIT_MS   2000u

void guardian_find_exe(char *exe, size_t size)
{
	static const char gone[] = " (deleted)";
	ssize_t n = readlink("/proc/self/exe", exe, size - 1);
	size_t tail = sizeof(gone) - 1;

	exe[n > 0 ? n : 0] = '\0';
	/* An upgrade renames the new program to the old path. */
	if (n > (ssize_t)tail && strcmp(exe + n - (ssize_t)tail, gone) == 0)
		exe[(size_t)n - tail] = '\0';
}

/* A log stays if it is not empty. */
static void remove_runtime_files(const struct config *config)
{
	static const char *const files[] = {"health", "status.json", "lock"};
	char path[CONFIG_PATH_MAX + 32];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", config->run_dir, files[i]);
		if (unlink(path) < 0 && errno != ENOENT)
			log_warning("cannot remove %s: %s", path, strerror(errno));
	}
	snprintf(path, sizeof(path), "%s/mnt", config->run_dir);
	if (rmdir(path) < 0 || rmdir(config->run_dir) < 0)
		errno = 0; /* others' files are in it */
}

/* The unit's TimeoutStopSec covers it and all else that an end waits for. */
#define END_MS 20000u

/* Owed bytes, and closed state files, reach storage before worker and transports end; closed files with a
 * checkpoint are synced. A program may go on writing, hence a limit. Worker names files that it gives up. */
static void await_owed(struct guardian *g)
{
	uint64_t now_ns = clock_mono_ns();
	uint64_t until_ns = now_ns + MIN(2 * board_owed_ms(g->board), END_MS) * NSEC_PER_MSEC;
	uint64_t last_until_ns = now_ns + END_MS * NSEC_PER_MSEC;
	uint32_t unpublished, unsynced;

	while (
	    (board_owed_ms(g->board) && clock_mono_ns() < until_ns) ||
	    ((arena_unpublished(g->arena) || arena_unsynced(g->arena)) && clock_mono_ns() < last_until_ns)) {
		watch_deadlines(g, clock_mono_ns());
		processes_tick(g, clock_mono_ns());
		poll(NULL, 0, BUSY_TICK_MS);
	}
	for (uint32_t i = 0; i < g->board->config.n_backends; i++) {
		uint64_t bytes = atomic_load(&g->board->backends[i].owed_bytes);

		if (bytes)
			log_error(
			    "backend %s: %llu bytes of %u files were acknowledged and are not on storage",
			    g->board->config.backends[i].name, (unsigned long long)bytes,
			    atomic_load(&g->board->backends[i].owed_files));
	}
	unpublished = arena_unpublished(g->arena);
	if (unpublished)
		log_error("%u state files were closed and are not published: the former versions stay",
			  unpublished);
	unsynced = arena_unsynced(g->arena);
	if (unsynced)
		log_error("%u closed files that checkpoint was to sync are not synced", unsynced);
}

static void end(struct guardian *g)
{
	const struct config config = g->board->config;

	log_notice("ending");
	atomic_store(&g->board->planned_end[PROCESS_GUARDIAN], (int32_t)getpid());
	handover_forget();
	mount_end(g);
	await_owed(g);
	processes_stop(g, true);
	remove_runtime_files(&config);
}

/* True: it is time to end. */
static bool handle_signals(struct guardian *g)
{
	struct signalfd_siginfo info;
	bool stop = false;

	while (read(GUARDIAN_SIGNALS, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		uint64_t one = 1;

		switch (info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			stop = true;
			break;
		case SIGHUP:
			atomic_fetch_add(&g->board->requests.reload, 1);
			if (write(GUARDIAN_NUDGE, &one, sizeof(one)) < 0)
				log_warning("cannot wake keeper: %s", strerror(errno));
			break;
		case SIGUSR2:
			announce_now(g); /* the next program does not know the starting process */
			handover_reexecute(g);
			break;
		default:
			break; /* SIGCHLD: for processes_tick */
		}
	}
	return stop;
}

static unsigned shortest_deadline_ms(const struct config *config)
{
	unsigned ms = IDLE_TICK_MS;

	for (int c = 0; c < OP_CLASS_COUNT; c++)
		ms = MIN(ms, config->deadline.ms[c] / 2);
	return MAX(ms, 1u);
}

/* A request read after the look at deadlines is due at the shortest deadline from now, half of which may be slept. */
static int sleep_ms(const struct guardian *g, uint64_t next_ns, uint64_t now_ns)
{
	uint64_t ms = shortest_deadline_ms(&g->board->config);

	if (next_ns != UINT64_MAX)
		ms = MIN(ms, next_ns > now_ns ? (next_ns - now_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC : 1);
	if (g->n_dead || g->worker_start_at_ns || g->keeper_start_at_ns || !g->announced || g->tell_starter)
		ms = MIN(ms, (uint64_t)BUSY_TICK_MS);
	return (int)ms;
}

static void loop(struct guardian *g)
{
	g->last_tick_ns = g->served_ns = clock_mono_ns();
	for (;;) {
		uint64_t now_ns = clock_mono_ns();
		uint64_t next_ns = watch_deadlines(g, now_ns);
		struct pollfd p[] = {{.fd = GUARDIAN_SIGNALS, .events = POLLIN},
				     {.fd = g->worker ? GUARDIAN_WORKER_PID : -1, .events = POLLIN},
				     {.fd = g->keeper ? GUARDIAN_KEEPER_PID : -1, .events = POLLIN}};

		if (poll(p, ARRAY_SIZE(p), sleep_ms(g, next_ns, now_ns)) > 0 && p[0].revents &&
		    handle_signals(g))
			return;
		processes_tick(g, clock_mono_ns());
		mount_follow(g);
		announce_step(g, clock_mono_ns());
		if (g->unmounted) {
			log_notice("%s was unmounted", g->board->config.mountpoint);
			return;
		}
		if (g->unconnected)
			return;
	}
}

static errint_t start_anew(struct guardian *g, const struct config *config)
{
	int fd = -1, error = 0;
	errint_t rc = mount_check(config);

	if (rc < 0)
		return rc;
	g->arena = arena_create(&fd, &error);
	if (!g->arena) {
		log_error("cannot create the shared memory: %s", strerror(-error));
		return error;
	}
	g->board = &g->arena->board;
	g->board->config = *config;
	rc = setup_place(fd, GUARDIAN_ARENA);
	if (rc == 0)
		rc = setup_local(config);
	if (rc == 0)
		rc = setup_channels();
	if (rc == 0) {
		setup_board(g);
		setup_name_session(g->board);
	}
	g->must_connect = config->must_connect;
	return rc < 0 ? rc : mount_begin(g);
}

/* The lock's holder has no session: just killed, or starting. */
static errint_t wait_for_lock(struct guardian *g, const struct config *config)
{
	errint_t rc = setup_lock(config, LOCK_WAIT_MS);

	g->locked = rc == 0;
	if (rc == -EBUSY)
		log_error(
		    "%s/lock is held by a guardfs that is just starting or ending: try again in a moment",
		    config->run_dir);
	return rc;
}

static errint_t start_session(struct guardian *g, const struct config *config)
{
	errint_t rc = setup_lock(config, 0);
	bool locked = rc == -EBUSY;

	if (rc < 0 && !locked)
		return rc;
	g->locked = !locked;
	rc = handover_find(g, config, locked);
	if (rc == 0 && locked && setup_lock(config, LOCK_WAIT_MS) < 0)
		log_warning("the lock of %s is still held by a task of the old worker", config->run_dir);
	if (rc != -ENOENT)
		return rc;
	rc = locked ? wait_for_lock(g, config) : 0;
	return rc < 0 ? rc : start_anew(g, config);
}

/* Complaints go to the starting process until the worker serves; then, in the background, to the log file (worker
 * shares these descriptors, keeper inherits them). */
static errint_t start_processes(struct guardian *g, bool background)
{
	errint_t rc;

	holder_tick(g, clock_mono_ns());
	rc = processes_start_worker(g);
	if (rc == 0)
		rc = processes_wait_serving(g, START_LIMIT_MS);
	if (rc == 0 && background)
		setup_log_file(&g->board->config);
	if (rc == 0 && !g->keeper)
		rc = processes_start_keeper(g);
	if (rc < 0)
		log_error("cannot start serving: %s", strerror(-rc));
	return rc;
}

static int serve(struct guardian *g, int ready_fd)
{
	if (start_processes(g, ready_fd >= 0) < 0) {
		end(g);
		return GUARDIAN_EXIT_FAILED;
	}
	mount_finish(g);
	handover_store();
	log_notice("serving %s at %s", g->board->config.name, g->board->config.mountpoint);
	announce_begin(g, ready_fd >= 0);
	loop(g);
	end(g);
	return g->unconnected ? GUARDIAN_EXIT_FAILED : 0;
}

int guardian_main(const struct config *config, char **argv, int ready_fd)
{
	static struct guardian g;
	errint_t rc;

	prctl(PR_SET_NAME, "guardfs");
	log_init("guardian", LOG_LEVEL_INFO);
	privileges_admit_heirs();
	g.argv = argv;
	g.open_files_before = setup_open_files();
	guardian_find_exe(g.exe, sizeof(g.exe));
	rc = mount_check_device();
	if (rc == 0)
		rc = setup_directories(config);
	if (rc < 0)
		return GUARDIAN_EXIT_FAILED;
	rc = setup_descriptors(ready_fd);
	if (rc == 0) {
		handover_collect();
		rc = setup_signals();
	}
	if (rc < 0)
		log_error("cannot set up descriptors and signals: %s", strerror(-rc));
	if (rc == 0)
		rc = start_session(&g, config);
	if (rc < 0) {
		if (g.board)
			end(&g);
		else if (g.locked)
			remove_runtime_files(config);
		return GUARDIAN_EXIT_FAILED;
	}
	if (!g.has_namespace && privileges_of_root())
		setup_namespace();
	return serve(&g, ready_fd);
}

int guardian_resume_main(char **argv)
{
	static struct guardian g;
	char message[CONFIG_ERROR_MAX];
	int error;

	prctl(PR_SET_NAME, "guardfs");
	log_init("guardian", LOG_LEVEL_INFO);
	privileges_admit_heirs();
	g.argv = argv;
	guardian_find_exe(g.exe, sizeof(g.exe));
	g.arena = arena_open(GUARDIAN_ARENA, &error, message);
	if (!g.arena) {
		log_error("cannot go on after re-execution: %s", message);
		return GUARDIAN_EXIT_FAILED;
	}
	g.board = &g.arena->board;
	g.mounted = true;
	handover_recall_dead(&g);
	/* SIGKILL: the next keeper adopts the old one's sshfs. */
	g.keeper = atomic_load(&g.board->pid[PROCESS_KEEPER]);
	if (g.keeper > 0) {
		atomic_store(&g.board->planned_end[PROCESS_KEEPER], (int32_t)g.keeper);
		kill(g.keeper, SIGKILL);
	}
	if (setup_signals() < 0 || start_processes(&g, false) < 0) {
		log_error("cannot serve after re-execution");
		return GUARDIAN_EXIT_FAILED;
	}
	log_notice("re-executed: serving %s at %s", g.board->config.name, g.board->config.mountpoint);
	g.announced = true;
	loop(&g);
	end(&g);
	return 0;
}
