/* diagnose-util.h: what the test of the diagnosis plays: servers, real and false, and what it asks of each
 * answer. Builds on the sshd of keeper-util.h. */
#ifndef TESTS_UNIT_DIAGNOSE_UTIL_H
#define TESTS_UNIT_DIAGNOSE_UTIL_H

#include "keeper-util.h"
#include "diagnose/diagnose.h"

#include <dirent.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define LIMIT_MS     10000 /* where an answer is expected */
#define SHORT_MS     700   /* where none is */
#define MACHINE_MS   400   /* by so much a busy machine may be late */
#define STANDARD_KEY "user_key"

static struct config_backend backend;
static struct diagnosis diagnosis;
static pid_t false_server;

/* ---- the backend asked about ---- */

static inline void set_path(char *field, const char *name)
{
	assert_true(snprintf(field, CONFIG_PATH_MAX, "%s/%s", stage.dir, name) < CONFIG_PATH_MAX);
}

static inline void reset_backend(void)
{
	memset(&backend, 0, sizeof(backend));
	memset(&diagnosis, 0, sizeof(diagnosis));
	strcpy(backend.name, "box");
	backend.type = BACKEND_SSHFS;
	strcpy(backend.host, "127.0.0.1");
	strcpy(backend.user, "root");
	backend.port = (uint16_t)stage.port;
	set_path(backend.identity, STANDARD_KEY);
	set_path(backend.known_hosts, "known_hosts");
}

/* ---- asking ---- */

static inline void show_diagnosis(void)
{
	print_error("class %s, step %s, server '%s', detail: %s\n", errclass_info(diagnosis.class)->name,
		    diagnose_step_name(diagnosis.failed_step), diagnosis.server, diagnosis.detail);
}

static inline unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Within the limit, valid, and nothing left behind. */
static inline void ask(uint32_t limit_ms, bool write)
{
	unsigned before = open_descriptors();
	uint64_t began_ns = clock_mono_ns();
	uint64_t took_ms;

	diagnose_run(&backend, limit_ms, write, &diagnosis);
	took_ms = (clock_mono_ns() - began_ns) / NSEC_PER_MSEC;
	if (took_ms > limit_ms + MACHINE_MS)
		show_diagnosis();
	assert_in_range(took_ms, 0, limit_ms + MACHINE_MS);
	assert_true(diagnosis_valid(&diagnosis));
	assert_int_equal(open_descriptors(), before);
}

static inline void assert_failed(enum errclass class, enum diagnose_step step, const char *detail)
{
	if (diagnosis.class != class || diagnosis.failed_step != step || !strstr(diagnosis.detail, detail))
		show_diagnosis();
	assert_string_equal(errclass_info(diagnosis.class)->name, errclass_info(class)->name);
	assert_string_equal(diagnose_step_name(diagnosis.failed_step), diagnose_step_name(step));
	assert_non_null(strstr(diagnosis.detail, detail));
	for (unsigned i = 0; i < DIAGNOSE_STEP_COUNT; i++)
		if (i > (unsigned)step)
			assert_int_equal(diagnosis.outcome[i], DIAGNOSE_NOT_REACHED);
}

static inline void assert_healthy(void)
{
	if (diagnosis.class != ERRCLASS_NONE)
		show_diagnosis();
	assert_string_equal(errclass_info(diagnosis.class)->name, "none");
	assert_int_equal(diagnosis.failed_step, DIAGNOSE_STEP_COUNT);
	assert_string_equal(diagnosis.detail, "");
}

/* No canary is left in the directory. */
static inline void assert_no_canary(const char *directory)
{
	char path[128];
	struct dirent *e;
	DIR *d;

	stage_path(path, sizeof(path), directory);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)))
		assert_null(strstr(e->d_name, "canary"));
	closedir(d);
}

/* ---- servers ---- */

/* sshd with these lines before the usual ones (the first of a kind counts), and that subsystem line. */
static inline void serve(const char *lines, const char *subsystem)
{
	char text[2048];

	assert_true(snprintf(text, sizeof(text),
			     "%s\nListenAddress 127.0.0.1:%d\nHostKey %s/host_key\nPidFile none\n"
			     "AuthorizedKeysFile %s/authorized_keys\nUsePAM no\nStrictModes no\n"
			     "PermitRootLogin prohibit-password\nPasswordAuthentication no\n"
			     "KbdInteractiveAuthentication no\n%s\n",
			     lines, stage.port, stage.dir, stage.dir, subsystem) < (int)sizeof(text));
	write_text("sshd_config", text);
	start_sshd();
}

static inline void serve_sftp(const char *lines)
{
	char subsystem[128];

	snprintf(subsystem, sizeof(subsystem), "Subsystem sftp internal-sftp -d %s/data", stage.dir);
	serve(lines, subsystem);
}

/* A listening socket; its port is the backend's. */
static inline int listen_on_loopback(int backlog)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s, backlog), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &n), 0);
	backend.port = ntohs(a.sin_port);
	return s;
}

/* How a false server behaves towards a client. */
struct falsehood {
	const char *first;  /* said at once */
	const char *repeat; /* said for ever after; NULL: nothing */
	bool stay;	    /* keeps the connection open */
};

/* In the false server's process. */
static inline void speak(int client, const struct falsehood *f)
{
	char block[4096];
	size_t n = f->repeat ? strlen(f->repeat) : 0;

	(void)!write(client, f->first, strlen(f->first));
	for (size_t i = 0; n && i < sizeof(block); i++)
		block[i] = f->repeat[i % n];
	while (n && write(client, block, sizeof(block)) > 0)
		;
	/* An end that is orderly: what is unread would make it a reset. */
	if (!f->stay) {
		shutdown(client, SHUT_WR);
		while (read(client, block, sizeof(block)) > 0)
			;
		close(client);
	}
}

static inline void serve_falsehood(const struct falsehood *f)
{
	int s = listen_on_loopback(16);

	false_server = fork();
	if (false_server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		for (;;)
			speak(accept(s, NULL, NULL), f);
	}
	close(s);
}

static inline void stop_false_server(void)
{
	if (false_server <= 0)
		return;
	kill(false_server, SIGKILL);
	waitpid(false_server, NULL, 0);
	false_server = 0;
}

/* ---- worlds of their own ---- */

static inline void raise_loopback(void)
{
	struct ifreq r = {.ifr_flags = IFF_UP | IFF_RUNNING};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(r.ifr_name, "lo");
	ioctl(s, SIOCSIFFLAGS, &r);
	close(s);
}

/* Runs the diagnosis in a network without any link but, if asked for, the loopback, and with this
 * resolv.conf (NULL: the host's). */
static inline void ask_elsewhere(uint32_t limit_ms, bool loopback, const char *resolv_conf, bool silent_dns)
{
	struct diagnosis *shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t began_ns = clock_mono_ns();
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct sockaddr_in dns = {
		    .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		char path[128];

		if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
			_exit(77);
		if (loopback)
			raise_loopback();
		stage_path(path, sizeof(path), "resolv.conf");
		if (resolv_conf) {
			write_text("resolv.conf", resolv_conf);
			if (mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0)
				_exit(77);
		}
		if (silent_dns &&
		    bind(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&dns, sizeof(dns)) < 0)
			_exit(77);
		diagnose_run(&backend, limit_ms, false, shared);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	diagnosis = *shared;
	munmap(shared, sizeof(*shared));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
	assert_true(diagnosis_valid(&diagnosis));
	assert_in_range((clock_mono_ns() - began_ns) / NSEC_PER_MSEC, 0, limit_ms + MACHINE_MS);
}

/* ---- the cage ---- */

/* The first process of its namespace: buries whoever it inherits until the tests are done. */
static inline int be_init(int (*tests)(void))
{
	pid_t pid, ended;
	int status = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		return 99;
	/* An empty home for root, with a size: what a login shell of this machine's root does (its .bashrc
	 * may wait for locks, and leave them behind when it is killed) is none of ours. */
	if (mount("none", "/root", "tmpfs", 0, "mode=0700,size=1m") < 0)
		return 99;
	pid = fork();
	if (pid == 0) {
		status = tests();
		fflush(NULL);
		_exit(status);
	}
	do
		ended = waitpid(-1, &status, 0);
	while (ended != pid && ended > 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static inline int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* In a child: who has unshared its process namespace can start no thread any more, which LeakSanitizer
 * does at the end. */
static inline int run_in_namespaces(int (*tests)(void))
{
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
		return 99;
	pid = fork();
	if (pid == 0)
		_exit(be_init(tests));
	return wait_for(pid);
}

/* ---- stage ---- */

static inline int set_up_all(void **state)
{
	(void)state;
	strcpy(stage.dir, "/tmp/guardfs-diagnose-XXXXXX");
	assert_non_null(mkdtemp(stage.dir));
	make_server();
	return 0;
}

static inline int tear_down_all(void **state)
{
	(void)state;
	/* Nothing of what the tests mounted is in the way, and the namespace goes with us. */
	run("cut -d' ' -f5 /proc/self/mountinfo | grep '^%s/' | sort -r | xargs -r umount -l", stage.dir);
	remove_tree(stage.dir);
	return 0;
}

static inline int set_up(void **state)
{
	(void)state;
	reset_backend();
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	stop_sshd();
	stop_false_server();
	/* No child of a diagnosis goes on. */
	for (int i = 0; i < 1000 && waitpid(-1, NULL, WNOHANG) >= 0; i++)
		pause_briefly();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return 0;
}

static inline void needs_root_and_an_sshd(void **state)
{
	(void)state;
	skip();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* Runs the tests in mount and process namespaces of their own: whatever they mount, kill, stop or orphan is
 * gone with them, however they end. Returns their exit status. */
static inline int run_caged(int (*tests)(void))
{
	const struct CMUnitTest none[] = {cmocka_unit_test(needs_root_and_an_sshd)};
	pid_t pid;

	if (geteuid() != 0 || access(SSHD, X_OK) < 0)
		return cmocka_run_group_tests(none, NULL, NULL);
	pid = fork();
	if (pid == 0)
		_exit(run_in_namespaces(tests));
	return wait_for(pid);
}

#endif
