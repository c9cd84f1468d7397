/* Keeper's loop: one poll(2); all that may hang runs in children. */
#include "keeper/finding.h"
#include "keeper/internal.h"
#include "keeper/spawn.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS		  1000	/* manifest, tier map, guardian; breakers opened without a nudge */
#define FILES_MS	  5000	/* between writings of outside files */
#define GUARDIAN_GRACE_MS 10000 /* for a restarted guardian's pid on the board */
#define GUARDIAN_LOOK_MS  100	/* without a guardian, between looks for one */
#define STOP_MS		  5000	/* for killed children */
#define POLL_FIXED	  8
#define POLL_MAX	  (POLL_FIXED + 4 * CONFIG_BACKENDS_MAX + SERVER_POLL_MAX)

/* ---- start ---- */

static errint_t block_signals(struct keeper *k)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	k->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return k->signal_fd < 0 ? -errno : 0;
}

static errint_t prepare_process(struct keeper *k)
{
	char real[PATH_MAX];
	errint_t rc;

	if (k->fds.namespace_fd >= 0 && privileges_of_root() && setns(k->fds.namespace_fd, CLONE_NEWNS) < 0)
		log_warning("cannot enter the private mount namespace (%s): sshfs mounts will be visible",
			    strerror(errno));
	/* sshfs leaves its ssh: keeper reaps it. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -errno;
	rc = block_signals(k);
	if (rc < 0)
		return rc;
	/* A stopped worker must not stop keeper. */
	if (fcntl(k->fds.worker_socket, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	if (!realpath(k->config->run_dir, real))
		return -errno;
	return copy_string(k->run_dir, sizeof(k->run_dir), real);
}

static struct course_limits make_limits(const struct config *c)
{
	return (struct course_limits){
	    .backoff_min_ms = c->backoff_min_ms,
	    .backoff_max_ms = c->backoff_max_ms,
	    .confirm_ms = c->confirm_ms,
	    .probation_ms = PROBATION_MS,
	    .short_ms = SHORT_MS,
	    .flap_count = c->flap_count,
	    .flap_window_ms = c->flap_window_ms,
	    .recoveries = {.per_hour = c->recoveries_per_hour, .per_day = c->recoveries_per_day},
	    .act_confirm_failures = c->act_confirm_failures,
	    .act_confirm_ms = c->act_confirm_ms,
	    .acts = {.per_hour = c->act_per_hour,
		     .per_day = c->act_per_day,
		     .cooldown_ms = c->act_cooldown_ms},
	};
}

static void take_over(struct keeper *k)
{
	uint64_t now_ns;

	leftovers_clear(k);
	atomic_store(&k->board->ended, BOARD_ENDED_NOT);
	k->limits = make_limits(k->config);
	k->hooks = hooks_create(k->config, act_done, k);
	inquiry_init(k);
	knock_init(k);
	routes_load(k);
	history_start(k);
	now_ns = clock_mono_ns();
	k->n_backends = MIN(k->config->n_backends, (uint32_t)CONFIG_BACKENDS_MAX);
	k->reloads_seen = atomic_load(&k->board->requests.reload);
	for (unsigned i = 0; i < k->n_backends; i++)
		supervised_init(&k->backends[i], k, i, now_ns);
	suspects_start(k);
	settle_start(k);
	k->writers = writers_start(k);
	k->stalls = stalls_start(k);
	json_decref(k->recalled.memory);
	json_decref(k->recalled.open);
	json_decref(k->recalled.suspects);
	k->recalled = (struct journal_recalled){.memory = NULL};
	routes_refresh(k);
	mountpoint_start(k);
	commands_start(k);
}

/* ---- events ---- */

static void reap_children(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (k->hooks)
			hooks_reaped(k->hooks, pid, status);
		misplaced_reaped(k, pid, status);
		settle_reaped(k, pid);
		mountpoint_reaped(k, pid);
		textfile_reaped(k, pid, status);
		knock_reaped(k, pid);
		for (unsigned i = 0; i < k->n_backends; i++)
			supervised_reaped(&k->backends[i], pid, status);
	}
}

static void take_signals(struct keeper *k)
{
	struct signalfd_siginfo info;

	while (read(k->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			k->stop = true;
	reap_children(k);
}

static void take_nudge(const struct keeper *k)
{
	uint64_t count;

	/* The board has the reason. The descriptor may block unless readable. */
	if (read(k->fds.nudge_fd, &count, sizeof(count)) < 0)
		return;
}

/* Lowers *wake_ns for the control socket's clients. */
static size_t fill_poll(const struct keeper *k, struct pollfd *p, uint64_t *wake_ns)
{
	size_t n = 0;

	p[n++] = (struct pollfd){.fd = k->signal_fd, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = k->fds.nudge_fd, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = mountpoint_poll_fd(k), .events = POLLPRI};
	p[n++] = (struct pollfd){.fd = k->guardian_lost_ns ? -1 : k->guardian_pidfd, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = k->journal ? journal_event_fd(k->journal) : -1, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = k->hooks ? hooks_poll_fd(k->hooks) : -1, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = k->inquiry.sock, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = network_poll_fd(&k->network), .events = POLLIN};
	for (unsigned i = 0; i < k->n_backends; i++) {
		const struct supervised *s = &k->backends[i];

		/* A dead sshfs's pidfd stays readable. */
		p[n++] = (struct pollfd){.fd = transport_dead(&s->transport) ? -1 : s->transport.pidfd,
					 .events = POLLIN};
		p[n++] = (struct pollfd){.fd = s->transport.stderr_fd, .events = POLLIN};
		p[n++] = (struct pollfd){.fd = s->probe.sock, .events = POLLIN};
		p[n++] = (struct pollfd){.fd = knock_poll_fd(k, i), .events = POLLIN};
	}
	if (k->server)
		n += server_fill_poll(k->server, p + n, wake_ns);
	return n;
}

static void wait_events(struct keeper *k, uint64_t wake_ns)
{
	struct pollfd p[POLL_MAX];
	size_t n = fill_poll(k, p, &wake_ns);
	uint64_t now_ns = clock_mono_ns();
	uint64_t left_ns = wake_ns > now_ns ? wake_ns - now_ns : 0;

	/* Rounded up: an early wake would only poll again. */
	if (poll(p, n, (int)MIN((left_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC, (uint64_t)INT_MAX)) <= 0)
		return;
	if (p[0].revents)
		take_signals(k);
	if (p[1].revents & POLLIN)
		take_nudge(k);
	if (p[2].revents)
		mountpoint_changed(k);
}

/* ---- guardian ---- */

/* Another guardfs of this name has begun a session of its own. That the lock is held says nothing: by the holder, which
 * leaves a moment later, or by a guardian that is about to go on with ours, and needs what runs. */
static bool is_superseded(const struct keeper *k)
{
	char path[CONFIG_PATH_MAX + 8], text[BOARD_SESSION_MAX];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/lock", k->run_dir);
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return false;
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return board_is_other_session(k->board, text);
}

/* A guardian that re-executes keeps its pid. docs/RECOVERY.md, "keeper starts: adoption". */
static void watch_guardian(struct keeper *k, uint64_t now_ns)
{
	pid_t on_board = atomic_load(&k->board->pid[PROCESS_GUARDIAN]);

	if (getppid() == k->guardian)
		return;
	if (k->guardian_lost_ns == 0) {
		log_warning("guardian %d is gone", (int)k->guardian);
		k->guardian_lost_ns = now_ns;
		k->changed = true;
	}
	k->superseded = is_superseded(k);
	if (on_board != k->guardian)
		k->stop = k->stop_quietly = true;
	else if (k->superseded || now_ns >= k->guardian_lost_ns + GUARDIAN_GRACE_MS * NSEC_PER_MSEC)
		k->stop = true;
}

/* ---- loop ---- */

static void tick_all(struct keeper *k, uint64_t now_ns)
{
	watch_guardian(k, now_ns);
	if (k->stop)
		return;
	/* Two cheap loads: a reload, or worker's route. */
	if (now_ns >= k->next_tick_ns || atomic_load(&k->board->requests.reload) != k->reloads_seen ||
	    atomic_load(&k->board->map_generation) != k->map_generation_seen) {
		routes_tick(k);
		history_tick(k);
		for (unsigned i = 0; i < k->n_backends; i++)
			incident_of_routes(&k->backends[i]);
		misplaced_tick(k, now_ns);
		stalls_tick(k);
		writers_tick(k, now_ns);
		k->next_tick_ns = now_ns + TICK_MS * NSEC_PER_MSEC;
	}
}

static uint64_t step_all(struct keeper *k)
{
	uint64_t now_ns = clock_mono_ns();
	uint64_t wake_ns;

	atomic_store(&k->board->keeper_heartbeat_ns, now_ns);
	tick_all(k, now_ns);
	wake_ns = k->next_tick_ns;
	if (k->guardian_lost_ns)
		wake_ns = MIN(wake_ns, now_ns + GUARDIAN_LOOK_MS * NSEC_PER_MSEC);
	commands_step(k);
	if (k->server)
		server_step(k->server, now_ns);
	if (k->hooks)
		wake_ns = MIN(wake_ns, hooks_step(k->hooks, now_ns));
	wake_ns = MIN(wake_ns, finding_step(k, now_ns));
	wake_ns = MIN(wake_ns, mountpoint_step(k, now_ns));
	suspects_step(k);
	network_step(k, now_ns);
	knock_step(k, now_ns);
	for (unsigned i = 0; i < k->n_backends; i++)
		wake_ns = MIN(wake_ns, supervised_step(&k->backends[i], now_ns));
	wake_ns = MIN(wake_ns, settle_step(k, now_ns));
	if (k->changed || now_ns >= k->next_files_ns) {
		k->changed = false;
		k->next_files_ns = now_ns + FILES_MS * NSEC_PER_MSEC;
		outside_write(k);
		atomic_store(&k->board->shown, 1);
	}
	return wake_ns;
}

/* ---- end ---- */

static bool has_ended(struct transport *t)
{
	if (!transport_dead(t))
		return false;
	if (!t->mark || transport_gone(t))
		return true;
	transport_kill(t); /* what was forked meanwhile */
	return false;
}

static bool all_ended(struct keeper *k)
{
	for (unsigned i = 0; i < k->n_backends; i++)
		if (!has_ended(&k->backends[i].transport))
			return false;
	return true;
}

static void stop_all(struct keeper *k)
{
	uint64_t give_up_ns = clock_mono_ns() + STOP_MS * NSEC_PER_MSEC;
	char path[CONFIG_PATH_MAX + 8];

	for (unsigned i = 0; i < k->n_backends; i++)
		supervised_stop(&k->backends[i]);
	while (!all_ended(k) && clock_mono_ns() < give_up_ns)
		wait_events(k, clock_mono_ns() + 20 * NSEC_PER_MSEC);
	reap_children(k);
	if (k->superseded)
		return;
	commands_stop(k);
	atomic_store(&k->board->ended, k->guardian_lost_ns ? BOARD_ENDED_KEEPER : BOARD_ENDED_ALL);
	outside_end(k);
	snprintf(path, sizeof(path), "%s/mnt", k->run_dir);
	rmdir(path);
}

int keeper_main(struct arena *arena, const struct keeper_fds *fds)
{
	struct keeper *k = calloc(1, sizeof(*k));
	errint_t rc;

	if (!k)
		return 1;
	k->arena = arena;
	k->board = &arena->board;
	k->config = &arena->board.config;
	k->fds = *fds;
	k->guardian = getppid();
	k->guardian_pidfd = spawn_pidfd(k->guardian);
	rc = prepare_process(k);
	network_start(&k->network);
	if (rc < 0) {
		log_error("cannot start: %s", strerror(-rc));
		free(k);
		return 1;
	}
	/* The journal's thread and children inherit the rest. */
	if (k->config->sandbox)
		privileges_drop(PRIVILEGES_KEEPER);
	take_over(k);
	while (!k->stop)
		wait_events(k, step_all(k));
	if (!k->stop_quietly)
		stop_all(k);
	inquiry_stop(k);
	knock_stop(k);
	settle_stop(k);
	writers_stop(k, !k->stop_quietly && !k->guardian_lost_ns);
	commands_stop(k);
	if (k->hooks)
		hooks_destroy(k->hooks);
	stalls_stop(k->stalls);
	mountpoint_stop(k);
	history_stop(k);
	free(k);
	return 0;
}
