/* Keeper on its own against a real sshd and a real sshfs; guardian and worker are played. Needs root. */
#include "keeper-util.h"
#include "keeper/probe-child.h"

#include <sys/mount.h>

static struct config *config;
static struct config_backend *backend;

/* ---- stage ---- */

static void configure(void)
{
	config = &stage.board->config;
	backend = &config->backends[0];
	(void)copy_string(config->name, sizeof(config->name), "unit");
	stage_path(config->run_dir, sizeof(config->run_dir), "run");
	stage_path(config->state_dir, sizeof(config->state_dir), "state");
	stage_path(config->mountpoint, sizeof(config->mountpoint), "mnt");
	mkdir(config->run_dir, 0755);
	mkdir(config->state_dir, 0700);
	config->error = EIO;
	config->backoff_min_ms = 200;
	config->backoff_max_ms = 1000;
	config->probe_interval_ms = 500;
	config->probe_timeout_ms = 1500;
	config->connect_timeout_ms = 20000;
	config->n_backends = 1;
	*backend = (struct config_backend){
	    .name = "box", .type = BACKEND_SSHFS, .host = "127.0.0.1", .user = "root"};
	backend->port = (uint16_t)stage.port;
	stage_path(backend->identity, sizeof(backend->identity), "user_key");
	stage_path(backend->known_hosts, sizeof(backend->known_hosts), "known_hosts");
	(void)copy_string(backend->alias, sizeof(backend->alias), "/alias");
}

static int setup(void **state)
{
	int fd, error, pair[2];

	(void)state;
	if (geteuid() != 0 || access(SSHD, X_OK) < 0 || access("/usr/bin/sshfs", X_OK) < 0)
		return 0; /* each test skips */
	stage = (struct stage){.dir = "/tmp/guardfs-keeper-XXXXXX"};
	assert_non_null(mkdtemp(stage.dir));
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	make_server();
	stage.arena = arena_create(&fd, &error);
	assert_non_null(stage.arena);
	stage.board = &stage.arena->board;
	stage.b = &stage.board->backends[0];
	atomic_store(&stage.b->root_fd, -1);
	atomic_store(&stage.board->pid[PROCESS_GUARDIAN], getpid());
	atomic_store(&stage.board->serving, 1);
	atomic_store(&stage.board->worker_generation, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	stage.worker_end = pair[0];
	stage.keeper_end = pair[1];
	stage.nudge = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	configure();
	return 0;
}

static void end_keeper(void)
{
	int status = -1;

	if (stage.keeper <= 0)
		return;
	kill(stage.keeper, SIGTERM);
	WAIT(waitpid(stage.keeper, &status, WNOHANG) == stage.keeper, 10000);
	stage.keeper = 0;
	assert_int_equal(status, 0);
}

static int teardown(void **state)
{
	(void)state;
	if (!stage.dir[0])
		return 0;
	if (stage.sshd > 0)
		signal_below(stage.sshd, SIGCONT);
	end_keeper();
	stop_sshd();
	if (atomic_load(&stage.b->root_fd) >= 0)
		close(atomic_load(&stage.b->root_fd));
	close(stage.worker_end);
	close(stage.keeper_end);
	close(stage.nudge);
	arena_unmap(stage.arena);
	remove_tree(stage.dir);
	stage.dir[0] = '\0';
	return 0;
}

#define NEEDS_STAGE                                                    \
	do {                                                           \
		(void)state;                                           \
		if (!stage.dir[0]) {                                   \
			print_message("needs root, sshd and sshfs\n"); \
			skip();                                        \
		}                                                      \
	} while (0)

static void connect_first(void)
{
	start_sshd();
	start_keeper();
	WAIT(healthy(1), 15000);
}

static bool root_has(const char *name)
{
	return faccessat(atomic_load(&stage.b->root_fd), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- connecting ---- */

static void connects_and_says_so(void **state)
{
	char line[256];

	NEEDS_STAGE;
	write_text("data/there", "x");
	connect_first();
	assert_true(root_has("there"));
	assert_int_equal(atomic_load(&stage.b->statfs.valid), 1);
	assert_true(atomic_load(&stage.b->statfs.blocks) > 0);
	assert_true(atomic_load(&stage.b->pid) > 0);
	assert_int_equal(atomic_load(&stage.b->attempts), 0);
	assert_int_equal(stage.roots, 1);
	assert_int_equal(stage.closed, 1);
	WAIT(exists("run/health") && exists("run/status.json"), 5000);
	read_text("run/health", line, sizeof(line));
	assert_true(line[0]);
}

static void a_server_that_refuses_and_returns(void **state)
{
	uint64_t returned_ns;

	NEEDS_STAGE;
	start_keeper();
	WAIT(down_with(ERRCLASS_REFUSED), 10000);
	assert_true(atomic_load(&stage.b->attempts) >= 1);
	WAIT(atomic_load(&stage.b->next_attempt_real_ns) > 0,
	     10000); /* none is planned while a try is under way */
	config->backoff_max_ms = 1000;
	start_sshd();
	returned_ns = clock_mono_ns();
	WAIT(healthy(1), 15000);
	print_message("healthy %llu ms after the server's return\n",
		      (unsigned long long)((clock_mono_ns() - returned_ns) / NSEC_PER_MSEC));
}

static void a_wrong_key(void **state)
{
	char detail[256];

	NEEDS_STAGE;
	stage_path(backend->identity, sizeof(backend->identity), "other_key");
	start_sshd();
	start_keeper();
	WAIT(down_with(ERRCLASS_AUTH_FAILED), 15000);
	board_get_detail(stage.b, detail, sizeof(detail));
	assert_non_null(strstr(detail, "Permission denied"));
}

static void a_changed_host_key(void **state)
{
	NEEDS_STAGE;
	stage_path(backend->known_hosts, sizeof(backend->known_hosts), "other_hosts");
	start_sshd();
	start_keeper();
	WAIT(down_with(ERRCLASS_HOST_KEY_CHANGED), 15000);
}

static void no_sshfs(void **state)
{
	char detail[256];

	NEEDS_STAGE;
	(void)copy_string(backend->sshfs_command, sizeof(backend->sshfs_command), "/nonexistent/sshfs");
	start_keeper();
	WAIT(down_with(ERRCLASS_CONFIG), 15000);
	board_get_detail(stage.b, detail, sizeof(detail));
	assert_non_null(strstr(detail, "cannot execute"));
}

static void a_missing_remote_path(void **state)
{
	NEEDS_STAGE;
	(void)copy_string(backend->path, sizeof(backend->path), "no/such/path");
	start_sshd();
	start_keeper();
	WAIT(down_with(ERRCLASS_PATH_MISSING), 15000);
}

/* ---- losing and finding again ---- */

static void sshfs_killed(void **state)
{
	pid_t pid;

	NEEDS_STAGE;
	connect_first();
	pid = atomic_load(&stage.b->pid);
	kill(pid, SIGKILL);
	WAIT(healthy(2), 15000);
	assert_int_not_equal(atomic_load(&stage.b->pid), pid);
	assert_true(stage.verdicts > 0);
}

static void a_stopped_sshfs_is_fenced(void **state)
{
	pid_t pid;

	NEEDS_STAGE;
	connect_first();
	pid = atomic_load(&stage.b->pid);
	kill(pid, SIGSTOP);
	assert_true(board_trip_breaker(stage.board, 0, 1, ERRCLASS_TIMEOUT, DETECTOR_PROBE));
	nudge();
	WAIT(healthy(2), 15000);
	assert_true(is_gone(pid));
}

static void a_server_that_answers_nothing(void **state)
{
	NEEDS_STAGE;
	config->connect_timeout_ms = 4000;
	connect_first();
	signal_below(stage.sshd, SIGSTOP);
	WAIT(!breaker_is_closed(atomic_load(&stage.b->breaker)), 10000);
	assert_int_equal(atomic_load(&stage.b->opened_class), ERRCLASS_STALLED);
	signal_below(stage.sshd, SIGCONT);
	WAIT(healthy(2), 15000);
}

static void traffic_keeps_a_slow_backend_up(void **state)
{
	uint64_t until_ns;

	NEEDS_STAGE;
	connect_first();
	signal_below(stage.sshd, SIGSTOP); /* the probe hangs, but operations are said to return */
	until_ns = clock_mono_ns() + 4000 * NSEC_PER_MSEC;
	while (clock_mono_ns() < until_ns) {
		atomic_store(&stage.b->last_completion_ns, clock_mono_ns());
		atomic_store(&stage.b->suspect, 1);
		play_worker();
		pause_briefly();
	}
	assert_true(serving(1));
	assert_int_equal(board_state(stage.b), HEALTH_DEGRADED);
	signal_below(stage.sshd, SIGCONT);
	WAIT(healthy(1), 10000);
}

static void a_task_inside_holds_the_new_epoch_back(void **state)
{
	struct slot *slot;

	NEEDS_STAGE;
	connect_first();
	slot = &stage.arena->slots[7];
	atomic_store(&slot->backend, 0);
	atomic_store(&slot->epoch, 1);
	atomic_store(&slot->inside, 1);
	atomic_store(&slot->state, SLOT_ORPHAN);
	assert_true(board_trip_breaker(stage.board, 0, 1, ERRCLASS_TIMEOUT, DETECTOR_PROBE));
	nudge();
	WAIT(is_gone(atomic_load(&stage.b->pid)), 5000);
	for (int i = 0; i < 400; i++) { /* 0.8 s: longer than a reconnect takes */
		play_worker();
		pause_briefly();
		assert_int_equal(atomic_load(&stage.b->root_epoch), 1);
	}
	atomic_store(&slot->inside, 0);
	WAIT(healthy(2), 15000);
}

static void the_root_is_sent_again_to_a_new_worker(void **state)
{
	NEEDS_STAGE;
	stage.deaf = true;
	start_sshd();
	start_keeper();
	WAIT(stage.roots == 1, 15000);
	stage.deaf = false;
	atomic_fetch_add(&stage.board->worker_generation, 1);
	WAIT(healthy(1), 5000);
	assert_int_equal(stage.roots, 2);
}

/* ---- keeper itself ---- */

static void a_killed_keeper_is_succeeded(void **state)
{
	pid_t pid;

	NEEDS_STAGE;
	connect_first();
	pid = atomic_load(&stage.b->pid);
	kill(stage.keeper, SIGKILL);
	waitpid(stage.keeper, NULL, 0);
	assert_true(serving(1));
	assert_true(root_has("."));
	start_keeper();
	WAIT(atomic_load(&stage.b->verdicts) > 0 && stage.verdicts > 0, 5000);
	assert_true(healthy(1));
	assert_int_equal(atomic_load(&stage.b->pid), pid);
	assert_int_equal(stage.roots, 1);
	kill(pid, SIGKILL);
	WAIT(healthy(2), 15000);
}

static void sshfs_dies_while_no_keeper_looks(void **state)
{
	pid_t pid;

	NEEDS_STAGE;
	connect_first();
	pid = atomic_load(&stage.b->pid);
	kill(stage.keeper, SIGKILL);
	waitpid(stage.keeper, NULL, 0);
	kill(pid, SIGKILL);
	WAIT(is_gone(pid), 5000);
	start_keeper();
	WAIT(healthy(2), 15000);
}

static unsigned mounts_below(const char *dir)
{
	char text[1 << 16];
	unsigned n = 0;

	assert_true(fd_read_file("/proc/self/mountinfo", text, sizeof(text)) > 0);
	for (const char *p = text; (p = strstr(p, dir)) != NULL; p++)
		n++;
	return n;
}

static void sigterm_leaves_nothing(void **state)
{
	pid_t pid;

	NEEDS_STAGE;
	connect_first();
	pid = atomic_load(&stage.b->pid);
	assert_true(mounts_below(config->run_dir) > 0);
	end_keeper();
	assert_true(is_gone(pid));
	assert_int_equal(mounts_below(config->run_dir), 0);
	assert_false(breaker_is_closed(atomic_load(&stage.b->breaker)));
	assert_int_equal(atomic_load(&stage.b->pid), 0);
	assert_false(exists("run/mnt"));
	assert_false(exists("run/health"));
	assert_false(exists("run/status.json"));
}

/* ---- identity ---- */

static void a_marker_is_adopted_once(void **state)
{
	char marker[64], remembered[64];

	NEEDS_STAGE;
	backend->adopt = true;
	connect_first();
	read_text("data/.guardfs-id", marker, sizeof(marker));
	read_text("state/box.marker", remembered, sizeof(remembered));
	assert_int_equal(strlen(marker), 37);
	assert_string_equal(marker, remembered);
	run("rm %s/data/.guardfs-id", stage.dir);
	WAIT(down_with(ERRCLASS_IDENTITY_MISMATCH), 15000);
	assert_false(exists("data/.guardfs-id"));
	write_text("data/.guardfs-id", marker);
	WAIT(healthy(2), 15000);
}

static void another_marker_is_refused(void **state)
{
	NEEDS_STAGE;
	(void)copy_string(backend->marker, sizeof(backend->marker), "0b5d2c1e-0000-4000-8000-000000000001");
	write_text("data/.guardfs-id", "0b5d2c1e-0000-4000-8000-000000000002\n");
	start_sshd();
	start_keeper();
	WAIT(down_with(ERRCLASS_IDENTITY_MISMATCH), 15000);
	write_text("data/.guardfs-id", "0B5D2C1E-0000-4000-8000-000000000001\r\n");
	WAIT(healthy(1), 15000);
}

/* A probe, or a try to connect, has the directory open at this very moment: then it is busy. */
static bool is_unmounted(const char *name)
{
	char path[128];

	stage_path(path, sizeof(path), name);
	return umount2(path, UMOUNT_NOFOLLOW) == 0;
}

static void a_directory_replaced_by_another(void **state)
{
	NEEDS_STAGE;
	backend->type = BACKEND_DIR;
	stage_path(backend->path, sizeof(backend->path), "data");
	start_keeper();
	WAIT(healthy(1), 10000);
	run("mount -t tmpfs none %s/data", stage.dir);
	WAIT(down_with(ERRCLASS_IDENTITY_MISMATCH), 10000);
	WAIT(is_unmounted("data"), 10000);
	WAIT(healthy(2), 10000);
}

/* What a probe of the sshfs mounted at STAGE/own finds. */
static uint32_t own_mount_class(void)
{
	struct probe_job job = {.arena = stage.arena, .fsname = "guardfs:unit:box"};
	struct probe_run run = {
	    .job = &job, .config = config, .backend = backend, .storage = &probe_directory};

	stage_path(job.path, sizeof(job.path), "own");
	run.root = open(job.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(run.root >= 0);
	assert_false(probe_prove_identity(&run));
	close(run.root);
	return run.failure.errclass;
}

/* An sshfs whose mount was seen, and which has ended since, leaves its bare directory: a lost connection.
 * "Something else answers" makes people stop everything. */
static void a_mount_that_is_gone_is_no_other_storage(void **state)
{
	NEEDS_STAGE;
	run("mkdir %s/own", stage.dir);
	assert_int_equal(own_mount_class(), ERRCLASS_NOT_CONNECTED);
	run("mount -t tmpfs guardfs:unit:box %s/own", stage.dir);
	assert_int_equal(own_mount_class(), ERRCLASS_IDENTITY_MISMATCH);
	run("umount %s/own", stage.dir);
}

/* ---- tier map ---- */

static uint32_t route_class(const char *path)
{
	const struct route *r = tiermap_find_exact(&stage.board->map, path);

	return r ? atomic_load(&stage.board->routes[r - stage.board->map.routes].errclass) : UINT32_MAX;
}

static void write_manifest(const char *cold)
{
	char text[2048];

	snprintf(text, sizeof(text), "/alias/%s %s/hot\n", cold, config->mountpoint);
	write_text("manifest", text);
}

static void routes_follow_the_manifest(void **state)
{
	NEEDS_STAGE;
	stage_path(config->manifest, sizeof(config->manifest), "manifest");
	run("mkdir %s/data/cold", stage.dir);
	write_manifest("cold");
	connect_first();
	assert_int_equal(atomic_load(&stage.board->manifest_ok), 1);
	assert_int_equal(route_class("hot"), ERRCLASS_NONE);
	write_manifest("missing");
	WAIT(route_class("hot") == ERRCLASS_PATH_MISSING, 10000);
	assert_true(serving(1));
	write_text("manifest", "one-field\n");
	WAIT(atomic_load(&stage.board->manifest_ok) == 0, 5000);
	assert_int_equal(route_class("hot"), ERRCLASS_PATH_MISSING);
	assert_true(stage.board->manifest_error[0]);
	run("mkdir %s/data/missing", stage.dir);
	WAIT(route_class("hot") == ERRCLASS_NONE,
	     25000); /* the directory cache of sshfs holds no absent names, listings it does */
}

static void patterns_are_found_and_kept(void **state)
{
	char text[512];

	NEEDS_STAGE;
	config->n_patterns = 1;
	(void)copy_string(config->patterns[0].pattern, sizeof(config->patterns[0].pattern),
			  "*/[0-9]*__*-[0-9][0-9][0-9][0-9]0101");
	(void)copy_string(config->patterns[0].target, sizeof(config->patterns[0].target), "jobs");
	run("mkdir -p %s/data/jobs/hc/20260101T000000Z__hc-20260101 %s/data/jobs/hc/other "
	    "%s/data/jobs/.x/2__y-20260101",
	    stage.dir, stage.dir, stage.dir);
	connect_first();
	assert_int_equal(route_class("hc/20260101T000000Z__hc-20260101"), ERRCLASS_NONE);
	assert_int_equal(stage.board->map.n_routes, 1);
	WAIT(exists("state/routes"), 5000);
	read_text("state/routes", text, sizeof(text));
	assert_non_null(strstr(text, "hc/20260101T000000Z__hc-20260101"));
	/* A later keeper on a fresh board has them before it is connected. */
	end_keeper();
	stop_sshd();
	stage.board->map.n_routes = 0;
	start_keeper();
	WAIT(stage.board->map.n_routes == 1, 5000);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(connects_and_says_so),
	    CASE(a_server_that_refuses_and_returns),
	    CASE(a_wrong_key),
	    CASE(a_changed_host_key),
	    CASE(no_sshfs),
	    CASE(a_missing_remote_path),
	    CASE(sshfs_killed),
	    CASE(a_stopped_sshfs_is_fenced),
	    CASE(a_server_that_answers_nothing),
	    CASE(traffic_keeps_a_slow_backend_up),
	    CASE(a_task_inside_holds_the_new_epoch_back),
	    CASE(the_root_is_sent_again_to_a_new_worker),
	    CASE(a_killed_keeper_is_succeeded),
	    CASE(sshfs_dies_while_no_keeper_looks),
	    CASE(sigterm_leaves_nothing),
	    CASE(a_marker_is_adopted_once),
	    CASE(another_marker_is_refused),
	    CASE(a_directory_replaced_by_another),
	    CASE(a_mount_that_is_gone_is_no_other_storage),
	    CASE(routes_follow_the_manifest),
	    CASE(patterns_are_found_and_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
