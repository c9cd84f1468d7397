/* A session outlives its guardian. docs/INTERNALS.md, "Handing over". */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "guardian/guardian.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STORE_DEV	"guardfs-dev"
#define STORE_ARENA	"guardfs-arena"
#define STORE_NAMESPACE "guardfs-ns"
#define STORE_LOCAL	"guardfs-local"
#define LAYOUT_CHECK_MS 5000
#define FREEZE_MS	2000u
/* For the threads of killed processes. */
#define OLD_DYING_MS 5000u

/* ---- re-execution ---- */

static void format_layout(char *text, size_t size)
{
	snprintf(text, size, "guardfs-arena %u %016llx\n", (unsigned)ARENA_LAYOUT,
		 (unsigned long long)arena_fingerprint());
}

void handover_print_layout(void)
{
	char text[64];

	format_layout(text, sizeof(text));
	fputs(text, stdout);
}

/* Runs g->exe, perhaps a newer program. */
static bool same_layout(struct guardian *g)
{
	char mine[64], theirs[64] = "";
	int pipe_fds[2], pidfd = -1, status;
	ssize_t n = 0;
	pid_t pid;

	format_layout(mine, sizeof(mine));
	if (pipe(pipe_fds) < 0)
		return false;
	/* Lower numbers are full. The child keeps only its end. */
	if (dup2(pipe_fds[1], GUARDIAN_READY) < 0)
		return false;
	close(pipe_fds[1]);
	const int keep[] = {GUARDIAN_READY};

	pid = child_clone(keep, 1, &pidfd);
	if (pid == 0) {
		char name[] = "guardfs", option[] = "--arena-layout";
		char *argv[] = {name, option, NULL};
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		dup2(3, STDOUT_FILENO);
		close(3);
		execv(g->exe, argv);
		_exit(127);
	}
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	bool ended = pid > 0 && watch_while(g, &p, LAYOUT_CHECK_MS);

	/* Until the child has left our table the number is also its own. */
	setup_vacate(GUARDIAN_READY);
	if (ended)
		n = read(pipe_fds[0], theirs, sizeof(theirs) - 1);
	if (pidfd >= 0)
		close(pidfd);
	close(pipe_fds[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	theirs[n > 0 ? n : 0] = '\0';
	if (strcmp(mine, theirs) == 0)
		return true;
	theirs[strcspn(theirs, "\n")] = '\0';
	mine[strcspn(mine, "\n")] = '\0';
	log_error(
	    "not re-executed: %s has another arena layout (%s) than this program (%s); nothing has changed. "
	    "To upgrade, end guardfs and start it again",
	    g->exe, theirs[0] ? theirs : "no answer", mine);
	return false;
}

/* As a list of pids. */
static void format_dead(const struct guardian *g, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s", "-");

	for (uint32_t i = 0; i < g->n_dead && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, " %d", (int)g->dead[i]);
}

void handover_recall_dead(struct guardian *g)
{
	const char *at = getenv("GUARDFS_REEXECUTED");
	int pid, n;

	for (at = at && *at ? at + 1 : ""; g->n_dead < DEAD_WORKERS_MAX && sscanf(at, " %d%n", &pid, &n) == 1;
	     at += n)
		g->dead[g->n_dead++] = pid;
	atomic_store(&g->board->dead_workers, g->n_dead);
	/* main knows its role by this; our children must not. */
	unsetenv("GUARDFS_REEXECUTED");
}

void handover_reexecute(struct guardian *g)
{
	char dead[DEAD_WORKERS_MAX * 12 + 8];

	if (!same_layout(g))
		return;
	log_notice("re-executing %s", g->exe);
	if (processes_quiesce(g) < 0)
		return;
	holder_end(g);
	format_dead(g, dead, sizeof(dead));
	setenv("GUARDFS_REEXECUTED", dead, 1);
	execv(g->exe, g->argv);
	log_error("cannot execute %s: %s; going on with this program", g->exe, strerror(errno));
	unsetenv("GUARDFS_REEXECUTED");
	g->worker_start_at_ns = clock_mono_ns();
}

/* ---- systemd's fd store ---- */

/* -1: missing. */
struct session_fds {
	int dev, arena, namespace, local;
};

static struct session_fds stored = {-1, -1, -1, -1};

/* The store has those known: one that cannot tell equal descriptors apart would fill up. */
static void store_one(int fd, const char *name, int known)
{
	char state[96];
	int rc;

	if (known >= 0)
		return;
	snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s", name);
	rc = sd_pid_notify_with_fds(0, 0, state, &fd, 1);
	if (rc < 0)
		log_warning("systemd does not keep %s: %s", name, strerror(-rc));
}

void handover_store(void)
{
	if (!getenv("NOTIFY_SOCKET"))
		return;
	store_one(GUARDIAN_DEV, STORE_DEV, stored.dev);
	store_one(GUARDIAN_ARENA, STORE_ARENA, stored.arena);
	store_one(GUARDIAN_NAMESPACE, STORE_NAMESPACE, stored.namespace);
	store_one(GUARDIAN_LOCAL, STORE_LOCAL, stored.local);
}

void handover_ready(const struct guardian *g)
{
	char state[CONFIG_PATH_MAX + 64];

	snprintf(state, sizeof(state), "READY=1\nMAINPID=%d\nSTATUS=serving %s", (int)getpid(),
		 g->board->config.mountpoint);
	sd_notify(0, state);
}

void handover_forget(void)
{
	sd_notify(0, "STOPPING=1\nFDSTOREREMOVE=1\nFDNAME=" STORE_DEV);
	sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" STORE_ARENA);
	sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" STORE_NAMESPACE);
	sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" STORE_LOCAL);
}

static int *stored_place(const char *name)
{
	if (strcmp(name, STORE_DEV) == 0)
		return &stored.dev;
	if (strcmp(name, STORE_ARENA) == 0)
		return &stored.arena;
	if (strcmp(name, STORE_NAMESPACE) == 0)
		return &stored.namespace;
	return strcmp(name, STORE_LOCAL) == 0 ? &stored.local : NULL;
}

void handover_collect(void)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i, *place = stored_place(names[i]);

		/* Above the fixed numbers. */
		if (place && *place < 0)
			*place = fcntl(fd, F_DUPFD, FD_RESERVED);
		if (fd < FD_RESERVED)
			setup_vacate((enum guardian_fd)fd);
		else
			close(fd);
		free(names[i]);
	}
	free(names);
}

/* ---- from a living worker ---- */

static int steal(int pidfd, int fd)
{
	int own = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	/* Not close-on-exec: the arena names it after a re-execution. */
	if (own >= 0 && fcntl(own, F_SETFD, 0) < 0)
		return -1;
	return own;
}

/* A dead process counts as stopped. */
static bool wait_stopped(pid_t pid)
{
	uint64_t until_ns = clock_mono_ns() + FREEZE_MS * NSEC_PER_MSEC;
	char state;

	do {
		const struct timespec pause = {.tv_nsec = 1000000};

		state = child_state(pid, NULL);
		if (state == 'T' || state == 'Z' || state == 0)
			return true;
		nanosleep(&pause, NULL);
	} while (clock_mono_ns() < until_ns);
	return false;
}

/* Open files keep descriptors, so unlinked ones survive; others are found by name (fd -1). */
static void take_descriptors(struct arena *arena, int pidfd)
{
	for (uint32_t i = 0; i < atomic_load(&arena->handles_used); i++) {
		struct handle *h = &arena->handles[i];

		if (atomic_load(&h->state) != HANDLE_LIVE)
			continue;
		if (handle_is_descriptor(atomic_load(&h->fd)))
			atomic_store(&h->fd, pidfd >= 0 ? steal(pidfd, atomic_load(&h->fd)) : -1);
		atomic_store(&h->other, 0);
		if (h->snapshot_fd >= 0)
			h->snapshot_fd = pidfd >= 0 ? steal(pidfd, h->snapshot_fd) : -1;
	}
	for (uint32_t i = 0; i < CONFIG_BACKENDS_MAX; i++) {
		struct board_backend *b = &arena->board.backends[i];
		int fd = atomic_load(&b->root_fd);

		fd = fd >= 0 && pidfd >= 0 ? steal(pidfd, fd) : -1;
		atomic_store(&b->root_fd, fd);
		/* Without its root the backend connects anew: keeper sees the open breaker. */
		if (fd < 0)
			board_trip_breaker(&arena->board, i, breaker_epoch(atomic_load(&b->breaker)),
					   ERRCLASS_NOT_CONNECTED, DETECTOR_GUARDIAN);
		/* It was about to connect. An outage is as old as its incident. */
		if (!breaker_is_closed(atomic_load(&b->breaker)) && atomic_load(&b->incident) == 0)
			board_be_patient(&arena->board, i);
	}
	for (uint32_t i = 0; i < atomic_load(&arena->nodes_used); i++)
		atomic_store(&arena->nodes[i].fd, 0);
}

/* By the arena and program name: a pid may be reused. */
static bool is_guardfs(pid_t pid)
{
	char path[32], comm[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return pid > 0 && fd_read_file(path, comm, sizeof(comm)) > 0 && strncmp(comm, "guardfs", 7) == 0;
}

static void end_old(pid_t pid)
{
	if (!is_guardfs(pid))
		return;
	kill(pid, SIGKILL);
	/* A killed thread that has not run since may yet take a request, into a slot that the next worker reads into. */
	if (!child_await_threads(pid, OLD_DYING_MS))
		log_warning("process %d of the old session does not die", (int)pid);
	for (int i = 0; i < 200 && child_state(pid, NULL) != 0 && child_state(pid, NULL) != 'Z'; i++) {
		const struct timespec pause = {.tv_nsec = 1000000};

		nanosleep(&pause, NULL);
	}
}

static errint_t resume_arena(struct guardian *g, const struct session_fds *fds)
{
	char message[CONFIG_ERROR_MAX] = "", which[ARENA_TOLD_MAX];
	int error = 0, pidfd = -1;
	uint32_t dropped;
	pid_t worker;

	g->arena = arena_open(fds->arena, &error, message);
	if (!g->arena) {
		log_error("there is a session to go on with, but: %s", message);
		return error;
	}
	g->board = &g->arena->board;
	g->mounted = true;
	/* First: what follows would be an outage to it. */
	end_old(atomic_load(&g->board->pid[PROCESS_KEEPER]));
	worker = atomic_load(&g->board->pid[PROCESS_WORKER]);
	if (is_guardfs(worker)) {
		pidfd = (int)syscall(SYS_pidfd_open, worker, 0);
		kill(worker, SIGSTOP);
		if (!wait_stopped(worker))
			log_warning("the old worker %d does not stop; taking its open files as they are",
				    (int)worker);
	}
	dropped = arena_check_telling(g->arena, which);
	if (dropped)
		log_warning("%u records of the old session made no sense and were dropped or mended (%s)",
			    dropped, which);
	watch_settle(g);
	take_descriptors(g->arena, pidfd);
	if (pidfd >= 0)
		close(pidfd);
	end_old(worker);
	/* No child of ours: its state tells reap_dead when its last task has left the backend. */
	if (is_guardfs(worker) && child_state(worker, NULL) != 0)
		g->dead[g->n_dead++] = worker;
	atomic_store(&g->board->dead_workers, g->n_dead);
	return 0;
}

static errint_t adopt(struct guardian *g, const struct session_fds *fds, const struct config *config)
{
	errint_t rc = resume_arena(g, fds);

	if (rc == 0)
		rc = setup_place(fds->dev, GUARDIAN_DEV);
	if (rc == 0)
		rc = setup_place(fds->arena, GUARDIAN_ARENA);
	if (rc == 0)
		rc = fds->local >= 0 ? setup_place(fds->local, GUARDIAN_LOCAL) : setup_local(config);
	if (rc == 0 && fds->namespace >= 0) {
		rc = setup_place(fds->namespace, GUARDIAN_NAMESPACE);
		g->has_namespace = rc == 0;
	}
	if (rc == 0)
		rc = setup_channels();
	if (rc == 0) {
		atomic_store(&g->board->pid[PROCESS_GUARDIAN], (int32_t)getpid());
		log_notice("going on with the session of %s", g->board->config.name);
	}
	return rc;
}

/* The process with our lock as its GUARDIAN_LOCK: another guardian's worker, dead or alive. 0: none. */
static pid_t find_owner_of_lock(const struct config *config)
{
	char lock[CONFIG_PATH_MAX + 16], link[64], target[CONFIG_PATH_MAX + 16];
	CLEANUP_DIR DIR *proc = opendir("/proc");
	struct dirent *d;

	snprintf(lock, sizeof(lock), "%s/lock", config->run_dir);
	while (proc && (d = readdir(proc))) {
		pid_t pid = (pid_t)atoi(d->d_name);
		ssize_t n;

		if (pid <= 0 || pid == getpid() || !is_guardfs(pid))
			continue;
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, GUARDIAN_LOCK);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strcmp(target, lock) == 0)
			return pid;
	}
	return 0;
}

static pid_t parent_of(pid_t pid)
{
	char path[32], stat[512];
	int parent = 0;
	const char *after_name;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_file(path, stat, sizeof(stat)) < 0)
		return 0;
	after_name = strrchr(stat, ')');
	return after_name && sscanf(after_name + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static errint_t from_worker(const struct config *config, struct session_fds *fds)
{
	char path[32], comm[64] = "";
	pid_t pid = find_owner_of_lock(config);
	int pidfd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (!pid) /* starting or ending, as the lock will show */
		return -ENOENT;
	if (fd_read_file(path, comm, sizeof(comm)) < 0 || strcmp(comm, "guardfs-worker\n") != 0 ||
	    is_guardfs(parent_of(pid))) {
		log_error("guardfs is already serving %s (process %d holds %s/lock); end that one first, or "
			  "give this one another "
			  "name",
			  config->name, (int)pid, config->run_dir);
		return -EBUSY;
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -ENOENT;
	fds->dev = steal(pidfd, GUARDIAN_DEV);
	fds->arena = steal(pidfd, GUARDIAN_ARENA);
	fds->namespace = steal(pidfd, GUARDIAN_NAMESPACE);
	fds->local = steal(pidfd, GUARDIAN_LOCAL);
	close(pidfd);
	return 0;
}

errint_t handover_find(struct guardian *g, const struct config *config, bool locked)
{
	struct session_fds fds = stored;
	errint_t rc = 0;

	if ((fds.dev < 0 || fds.arena < 0) && locked)
		rc = from_worker(config, &fds);
	if (rc < 0)
		return rc;
	if (fds.dev < 0 || fds.arena < 0)
		return -ENOENT;
	return adopt(g, &fds, config);
}
