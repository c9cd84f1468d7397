/* Worker and keeper: start, death, silence, crash record, backoff. */
#include "base/clock.h"
#include "base/log.h"
#include "fs/wire.h"
#include "guardian/guardian.h"
#include "keeper/keeper.h"
#include "policy/backoff.h"
#include "policy/restart.h"
#include "policy/silence.h"
#include "worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SILENT_MS  1000u  /* no heartbeat: stopped or stuck */
#define HELD_UP_MS 4000u  /* the same without processor, or awaiting memory or disk */
#define DYING_MS   8000u  /* since then: threads of a killed one are awaited no more */
#define SUSPECT_MS 250u	  /* no heartbeat: does it live? */
#define START_MS   10000u /* until first heartbeats (a worker rebuilds indexes) */
/* A worker that lived no longer died at once: a start takes some 10 ms. */
#define QUICK_DEATH_MS	100u
#define BACKOFF_MIN_MS	25u
#define BACKOFF_MAX_MS	2000u
#define KEEPER_AGAIN_MS 5000u /* where none could be started */
#define KEEPER_DYING_MS 1000u /* after SIGKILL; then left behind */
#define STOP_KEEPER_MS	8000
#define QUIESCE_MS	4000

/* ---- starting ---- */

static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

errint_t processes_start_worker(struct guardian *g)
{
	uint32_t generation = atomic_load(&g->board->worker_generation) + 1;
	int pidfd = -1;
	pid_t pid;

	atomic_store(&g->board->serving, 0);
	atomic_store(&g->board->worker_generation, generation);
	atomic_store(&g->board->heartbeat_ns, clock_mono_ns());
	atomic_store(&g->board->heartbeat_tid, 0);
	pid = child_clone_sharing(&pidfd);
	if (pid == 0)
		_exit(worker_main(g->arena, generation));
	if (pid < 0) {
		log_error("cannot start a worker: %s", strerror(-pid));
		return pid;
	}
	g->worker = pid;
	g->worker_started_ns = clock_mono_ns();
	g->worker_start_at_ns = 0;
	atomic_store(&g->board->pid[PROCESS_WORKER], pid);
	return setup_place(pidfd, GUARDIAN_WORKER_PID);
}

errint_t processes_start_keeper(struct guardian *g)
{
	static const int keep[] = {GUARDIAN_KEEPER_SOCKET, GUARDIAN_NUDGE, GUARDIAN_NAMESPACE};
	int pidfd = -1;
	pid_t pid;

	atomic_store(&g->board->shown, 0);
	atomic_store(&g->board->keeper_heartbeat_ns, clock_mono_ns());
	pid = child_clone(keep, ARRAY_SIZE(keep), &pidfd);
	if (pid == 0) {
		const struct keeper_fds fds = {.worker_socket = 3, .nudge_fd = 4, .namespace_fd = 5};

		unblock_signals();
		log_init("keeper", LOG_LEVEL_INFO);
		setup_open_files_again(atomic_load(&g->board->open_files_before));
		_exit(keeper_main(g->arena, &fds));
	}
	if (pid < 0) {
		log_error("cannot start keeper: %s", strerror(-pid));
		return pid;
	}
	g->keeper = pid;
	g->keeper_started_ns = clock_mono_ns();
	g->keeper_start_at_ns = g->keeper_killed_ns = 0;
	atomic_store(&g->board->pid[PROCESS_KEEPER], pid);
	return setup_place(pidfd, GUARDIAN_KEEPER_PID);
}

/* ---- crash records ---- */

/* That of the crashing thread, if known; else the oldest. */
static const struct slot *request_in_flight(struct guardian *g)
{
	uint32_t noted = atomic_load(&g->board->crash_slot);
	const struct slot *oldest = NULL;

	if (noted && noted <= SLOT_MAX)
		return &g->arena->slots[noted - 1];
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		const struct slot *s = &g->arena->slots[i];

		if (atomic_load(&s->state) != SLOT_RUNNING || !wire_unique(g->arena->buffers[i]))
			continue;
		if (!oldest || atomic_load(&s->read_ns) < atomic_load(&oldest->read_ns))
			oldest = s;
	}
	return oldest;
}

static const char *name_of(struct guardian *g, uint32_t index)
{
	return index < NODE_MAX ? name_get(&g->arena->names, g->arena->nodes[index].name) : "";
}

/* Prepends names up to the tier's root. Returns the root's index; NODE_NONE: too far. */
static uint32_t climb(struct guardian *g, uint32_t n, char *tail, size_t size)
{
	char longer[256];

	for (unsigned depth = 0; n < NODE_MAX && depth < 64; depth++) {
		const struct node *node = &g->arena->nodes[n];

		if (n == 0 || (node->flags & (NODE_ROUTE_ROOT | NODE_VIEW)) == NODE_ROUTE_ROOT)
			return n;
		snprintf(longer, sizeof(longer), "%.120s%s%.120s", name_of(g, n), tail[0] ? "/" : "", tail);
		(void)copy_string(tail, size, longer);
		n = node->parent;
	}
	return NODE_NONE;
}

/* As far as the arena knows, unchanged since the death. LOOKUP and the like carry a name. */
static void describe_path(struct guardian *g, const struct wire_request *r, const uint8_t *buffer, char *path,
			  size_t size)
{
	char tail[256] = "";
	const struct node *node = arena_node(g->arena, r->nodeid);
	uint32_t n = node ? (uint32_t)(node - g->arena->nodes) : NODE_NONE;
	const char *top = "", *rest = tail;

	if (r->opcode == WIRE_OP_LOOKUP && wire_is_complete(buffer, r))
		snprintf(tail, sizeof(tail), "%s", wire_lookup_name(buffer));
	if (node && node->flags & NODE_VIEW)
		n = node_object_index(node);
	n = climb(g, n, tail, sizeof(tail));
	if (n != 0 && n != NODE_NONE) {
		const struct route *route =
		    tiermap_nearest(&g->board->map, g->arena->nodes[n].backend, tail, &rest);

		if (route)
			top = route->path;
		else if (config_root_backend(&g->board->config) != g->arena->nodes[n].backend)
			top = name_of(g, n);
	}
	snprintf(path, size, "%.120s%s%.120s", top, top[0] && rest[0] ? "/" : "", rest);
	for (char *p = path; *p; p++) /* names must not forge a line */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

static void record_crash(struct guardian *g, const char *cause)
{
	uint32_t n = atomic_load(&g->board->crashes_total);
	struct board_crash *c = &g->board->crashes[n % CRASHES_MAX];
	const struct slot *slot = request_in_flight(g);
	struct wire_request r;

	*c = (struct board_crash){.real_ns = clock_real_ns(),
				  .worker_generation = atomic_load(&g->board->worker_generation),
				  .pid = g->worker};
	snprintf(c->cause, sizeof(c->cause), "%s", cause);
	if (slot) {
		const uint8_t *buffer = arena_slot_buffer(g->arena, slot);

		if (wire_parse(buffer, slot->length, &r) == 0) {
			c->opcode = r.opcode;
			c->unique = r.unique;
			describe_path(g, &r, buffer, c->path, sizeof(c->path));
		}
	}
	atomic_store(&g->board->crashes_total, n + 1);
	log_warning("worker %d %s%s%s%s%s; starting another", (int)g->worker, cause,
		    c->opcode ? " during " : "", c->opcode ? wire_opcode_name(c->opcode) : "",
		    c->path[0] ? " of " : "", c->path);
}

/* ---- death ---- */

static bool is_planned(const struct guardian *g, enum process process, pid_t pid)
{
	return atomic_load(&g->board->planned_end[process]) == pid;
}

static void plan_restart(struct guardian *g, uint64_t now_ns)
{
	bool quick = now_ns - g->worker_started_ns < QUICK_DEATH_MS * NSEC_PER_MSEC;

	g->worker_quick_deaths = quick ? g->worker_quick_deaths + 1 : 0;
	g->worker_start_at_ns = now_ns;
	if (g->worker_quick_deaths > 1)
		g->worker_start_at_ns += backoff_delay_ms(g->worker_quick_deaths - 2, BACKOFF_MIN_MS,
							  BACKOFF_MAX_MS, (uint32_t)now_ns) *
					 NSEC_PER_MSEC;
}

static void note_service(struct guardian *g, uint64_t now_ns)
{
	if (!g->worker || !atomic_load(&g->board->serving))
		return;
	g->served_ns = now_ns;
	if (g->standing_in)
		log_notice("worker %d serves again", (int)g->worker);
	g->standing_in = false;
}

static void worker_gone(struct guardian *g, const char *cause, bool reaped, uint64_t now_ns)
{
	note_service(g, now_ns); /* it may have served between two looks */
	atomic_store(&g->board->serving, 0);
	if (is_planned(g, PROCESS_WORKER, g->worker)) {
		log_info("worker %d has ended as planned; starting another", (int)g->worker);
	} else {
		record_crash(g, cause);
		atomic_fetch_add(&g->board->worker_restarts, 1);
	}
	if (!reaped) {
		kill(g->worker, SIGKILL);
		if (g->n_dead < DEAD_WORKERS_MAX)
			g->dead[g->n_dead++] = g->worker;
		atomic_store(&g->board->dead_workers, g->n_dead);
	}
	g->worker = 0;
	plan_restart(g, now_ns);
}

/* Waits a moment: only a thread stuck in a backend takes longer. */
static bool reap_soon(pid_t pid)
{
	for (int i = 0; i < 50; i++) {
		const struct timespec pause = {.tv_nsec = 1000000};

		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void check_worker_exit(struct guardian *g, uint64_t now_ns)
{
	char cause[32];
	int status;

	if (waitpid(g->worker, &status, WNOHANG) != g->worker)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_EXIT_UNMOUNTED) {
		g->worker = 0;
		g->unmounted = true;
		return;
	}
	if (WIFSIGNALED(status))
		snprintf(cause, sizeof(cause), "killed by signal %d", WTERMSIG(status));
	else
		snprintf(cause, sizeof(cause), "exited with %d", WEXITSTATUS(status));
	worker_gone(g, cause, true, now_ns);
}

/* The heartbeat's thread never enters a backend. If it is ready to run, or waits uninterruptibly (proc(5)), the
 * machine is overloaded: another worker would not help. */
static uint64_t silence_limit_ms(const struct guardian *g)
{
	char state;

	if (!atomic_load(&g->board->serving))
		return START_MS;
	state = child_state(atomic_load(&g->board->heartbeat_tid), NULL);
	return state == 'R' || state == 'D' ? HELD_UP_MS : SILENT_MS;
}

/* A killed thread that has not run since may yet take a request from the kernel, unknown to the next worker. */
static bool is_still_dying(const struct guardian *g, uint64_t silent_ns)
{
	return silent_ns < DYING_MS * NSEC_PER_MSEC && child_has_live_threads(g->worker);
}

/* A dead leader with a thread in a backend cannot be reaped: its state shows. A silent living one is stopped
 * (SIGSTOP, debugger) or stuck. */
static void check_worker_silence(struct guardian *g, uint64_t now_ns)
{
	uint64_t heartbeat_ns = atomic_load(&g->board->heartbeat_ns);
	uint64_t silent_ns = now_ns > heartbeat_ns ? now_ns - heartbeat_ns : 0;
	bool reaped;
	char state;

	if (silent_ns < SUSPECT_MS * NSEC_PER_MSEC)
		return;
	state = child_state(g->worker, NULL);
	if (state == 'Z' || state == 'X' || state == 0) {
		if (is_still_dying(g, silent_ns))
			return;
		worker_gone(g, "died with a task in a backend", false, now_ns);
		return;
	}
	if (silent_ns < SILENT_MS * NSEC_PER_MSEC || silent_ns < silence_limit_ms(g) * NSEC_PER_MSEC)
		return;
	kill(g->worker, SIGKILL);
	reaped = reap_soon(g->worker);
	if (reaped || !is_still_dying(g, silent_ns))
		worker_gone(g, "stopped answering", reaped, now_ns);
}

static void reap_dead(struct guardian *g)
{
	uint32_t n = 0;

	if (!g->n_dead)
		return;
	for (uint32_t i = 0; i < g->n_dead; i++) {
		errno = 0;
		/* Another guardian's worker is reaped by init. */
		bool gone = waitpid(g->dead[i], NULL, WNOHANG) == g->dead[i] ||
			    (errno == ECHILD && child_state(g->dead[i], NULL) == 0);

		if (gone)
			atomic_fetch_add(&g->board->reaped_workers, 1);
		else
			g->dead[n++] = g->dead[i];
	}
	g->n_dead = n;
	atomic_store(&g->board->dead_workers, n);
	if (n == 0)
		watch_release_orphans(g);
}

static void reap_dead_keeper(struct guardian *g)
{
	if (g->dead_keeper && waitpid(g->dead_keeper, NULL, WNOHANG) != 0)
		g->dead_keeper = 0;
}

static void keeper_gone(struct guardian *g, uint64_t now_ns)
{
	const struct restart_end end = {.started_ns = g->keeper_started_ns,
					.ended_ns = now_ns,
					.heartbeat_ns = atomic_load(&g->board->keeper_heartbeat_ns),
					.planned = is_planned(g, PROCESS_KEEPER, g->keeper),
					.silent = g->keeper_killed_ns != 0};
	uint64_t delay_ms = restart_keeper_delay_ms(&g->keeper_early_ends, &end, (uint32_t)now_ns);

	g->keeper = 0;
	atomic_store(&g->board->pid[PROCESS_KEEPER], 0);
	if (!end.planned)
		atomic_fetch_add(&g->board->keeper_restarts, 1);
	g->keeper_start_at_ns = now_ns + delay_ms * NSEC_PER_MSEC;
	if (delay_ms)
		log_warning("%u keepers in a row have ended early: the next one is started in %u ms",
			    g->keeper_early_ends, (unsigned)delay_ms);
}

static void check_keeper_exit(struct guardian *g, uint64_t now_ns)
{
	int status;

	if (waitpid(g->keeper, &status, WNOHANG) != g->keeper)
		return;
	if (is_planned(g, PROCESS_KEEPER, g->keeper))
		log_info("keeper %d has ended as planned; starting another", (int)g->keeper);
	else
		log_warning("keeper %d %s %d; starting another", (int)g->keeper,
			    WIFSIGNALED(status) ? "was killed by signal" : "exited with",
			    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	keeper_gone(g, now_ns);
}

/* A stopped or stuck keeper recovers nothing. One that cannot die is left, but only one: a third would hang
 * too. */
static void check_keeper_silence(struct guardian *g, uint64_t now_ns)
{
	uint64_t heartbeat_ns = atomic_load(&g->board->keeper_heartbeat_ns);
	uint64_t silent_ns = now_ns > heartbeat_ns ? now_ns - heartbeat_ns : 0;
	char state;

	if (g->keeper_killed_ns) {
		if (now_ns - g->keeper_killed_ns < KEEPER_DYING_MS * NSEC_PER_MSEC || g->dead_keeper)
			return;
		g->dead_keeper = g->keeper;
		keeper_gone(g, now_ns);
		return;
	}
	if (silent_ns < SILENCE_KEEPER_STOPPED_MS * NSEC_PER_MSEC)
		return;
	state = child_state(g->keeper, NULL);
	if (silent_ns < silence_keeper_limit_ms(state) * NSEC_PER_MSEC)
		return;
	log_warning("keeper %d has done nothing for %u s (state %c): killed", (int)g->keeper,
		    (unsigned)(silent_ns / NSEC_PER_SEC), state ? state : '?');
	kill(g->keeper, SIGKILL);
	g->keeper_killed_ns = now_ns;
}

void processes_tick(struct guardian *g, uint64_t now_ns)
{
	/* If we were held up, the silence is ours. */
	bool held_up = now_ns - g->last_tick_ns >= SILENT_MS * NSEC_PER_MSEC / 2;

	if (g->worker)
		check_worker_exit(g, now_ns);
	if (g->worker && !held_up)
		check_worker_silence(g, now_ns);
	if (g->keeper)
		check_keeper_exit(g, now_ns);
	if (g->keeper && !held_up)
		check_keeper_silence(g, now_ns);
	holder_tick(g, now_ns);
	note_service(g, now_ns);
	stand_in(g, now_ns);
	g->last_tick_ns = now_ns;
	reap_dead(g);
	reap_dead_keeper(g);
	if (g->worker_start_at_ns && now_ns >= g->worker_start_at_ns && !g->unmounted &&
	    processes_start_worker(g) < 0)
		g->worker_start_at_ns = now_ns + BACKOFF_MAX_MS * NSEC_PER_MSEC;
	if (g->keeper_start_at_ns && now_ns >= g->keeper_start_at_ns && processes_start_keeper(g) < 0)
		g->keeper_start_at_ns = now_ns + KEEPER_AGAIN_MS * NSEC_PER_MSEC;
}

errint_t processes_wait_serving(struct guardian *g, unsigned timeout_ms)
{
	uint64_t until_ns = clock_mono_ns() + timeout_ms * NSEC_PER_MSEC;

	while (!atomic_load(&g->board->serving)) {
		const struct timespec pause = {.tv_nsec = 1000000};
		int status;

		if (waitpid(g->worker, &status, WNOHANG) == g->worker) {
			g->worker = 0;
			return -ECHILD;
		}
		if (clock_mono_ns() > until_ns)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return 0;
}

errint_t processes_quiesce(struct guardian *g)
{
	struct pollfd p = {.fd = GUARDIAN_WORKER_PID, .events = POLLIN};

	if (!g->worker)
		return 0;
	atomic_fetch_add(&g->board->requests.quiesce, 1);
	if (!watch_while(g, &p, QUIESCE_MS))
		kill(g->worker, SIGKILL);
	if (!reap_soon(g->worker) && g->n_dead < DEAD_WORKERS_MAX)
		g->dead[g->n_dead++] = g->worker;
	atomic_store(&g->board->dead_workers, g->n_dead);
	g->worker = 0;
	return 0;
}

void processes_stop(struct guardian *g, bool stop_keeper)
{
	struct pollfd p = {.fd = GUARDIAN_KEEPER_PID, .events = POLLIN};

	if (stop_keeper && g->keeper) {
		kill(g->keeper, SIGTERM);
		if (poll(&p, 1, STOP_KEEPER_MS) <= 0) {
			log_warning("keeper does not end; killed");
			kill(g->keeper, SIGKILL);
		}
		reap_soon(g->keeper);
		g->keeper = 0;
	}
	if (g->worker) {
		kill(g->worker, SIGKILL);
		reap_soon(g->worker);
		g->worker = 0;
	}
	holder_leave(g);
}
