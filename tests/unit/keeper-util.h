/* keeper-util.h: what the test of keeper plays: guardian (parent and board), worker (takes roots), and an
 * sshd of its own. */
#ifndef TESTS_UNIT_KEEPER_UTIL_H
#define TESTS_UNIT_KEEPER_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fd.h"
#include "keeper/keeper.h"
#include "shm/message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SSHD "/usr/sbin/sshd"

struct stage {
	char dir[64];
	int port;
	pid_t sshd, keeper;
	struct arena *arena;
	struct board *board;
	struct board_backend *b; /* backend 0 */
	int worker_end, keeper_end, nudge;
	bool deaf;			  /* worker does not take roots */
	unsigned roots, closed, verdicts; /* messages received */
};

static struct stage stage;

static inline void stage_path(char *path, size_t size, const char *name)
{
	assert_true(snprintf(path, size, "%s/%s", stage.dir, name) < (int)size);
}

static inline void write_text(const char *name, const char *text)
{
	char path[128];

	stage_path(path, sizeof(path), name);
	assert_int_equal(fd_write_atomic(path, text, strlen(text), 0600, false), 0);
}

static inline void read_text(const char *name, char *text, size_t size)
{
	char path[128];

	stage_path(path, sizeof(path), name);
	if (fd_read_file(path, text, size) < 0)
		text[0] = '\0';
}

static inline bool exists(const char *name)
{
	char path[128];

	stage_path(path, sizeof(path), name);
	return access(path, F_OK) == 0;
}

/* ---- sshd ---- */

static inline void run(const char *fmt, ...) PRINTF_LIKE(1, 2);
static inline void run(const char *fmt, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

static inline int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &n), 0);
	close(s);
	return ntohs(a.sin_port);
}

static inline bool port_answers(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	a.sin_port = htons((uint16_t)stage.port);
	rc = connect(s, (struct sockaddr *)&a, sizeof(a));
	close(s);
	return rc == 0;
}

static inline void make_server(void)
{
	char text[1024];

	mkdir("/run/sshd", 0755);
	run("ssh-keygen -q -t ed25519 -N '' -f %s/host_key && ssh-keygen -q -t ed25519 -N '' -f %s/user_key "
	    "&& "
	    "ssh-keygen -q -t ed25519 -N '' -f %s/other_key && cp %s/user_key.pub %s/authorized_keys && "
	    "mkdir %s/data",
	    stage.dir, stage.dir, stage.dir, stage.dir, stage.dir, stage.dir);
	stage.port = free_port();
	run("echo \"[127.0.0.1]:%d $(cut -d' ' -f1,2 %s/host_key.pub)\" > %s/known_hosts", stage.port,
	    stage.dir, stage.dir);
	run("echo \"[127.0.0.1]:%d $(cut -d' ' -f1,2 %s/other_key.pub)\" > %s/other_hosts", stage.port,
	    stage.dir, stage.dir);
	snprintf(
	    text, sizeof(text),
	    "ListenAddress 127.0.0.1:%d\nHostKey %s/host_key\nPidFile none\nAuthorizedKeysFile "
	    "%s/authorized_keys\n"
	    "UsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nMaxStartups 200\n"
	    "Subsystem sftp internal-sftp -d %s/data\n",
	    stage.port, stage.dir, stage.dir, stage.dir);
	write_text("sshd_config", text);
}

static inline int redirect_log(const char *name)
{
	char path[128];
	int fd;

	stage_path(path, sizeof(path), name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	return dup2(fd, STDERR_FILENO);
}

/* ---- waiting ---- */

/* Worker: takes what keeper sends. */
static inline void play_worker(void)
{
	struct keeper_message m;
	int fd = -1;

	while (recv(stage.worker_end, &m, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
		assert_int_equal(fd_receive_message(stage.worker_end, &m, sizeof(m), &fd), sizeof(m));
		stage.roots += m.kind == KEEPER_ROOT;
		stage.closed += m.kind == KEEPER_CLOSED;
		stage.verdicts += m.kind == KEEPER_VERDICT;
		if (m.kind == KEEPER_ROOT && !stage.deaf) {
			int old = atomic_exchange(&stage.b->root_fd, fd);

			if (old >= 0)
				close(old);
			atomic_store(&stage.b->root_epoch, m.epoch);
		} else if (fd >= 0) {
			close(fd);
		}
	}
}

/* sleep-ok: polling with a deadline; nothing wakes a test. */
static inline void pause_briefly(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* sleep-ok: polling */
}

static inline void show_log(const char *what)
{
	char text[16384];

	read_text("keeper.log", text, sizeof(text));
	print_error("waited in vain for: %s\n%s", what, text);
}

/* Plays worker until condition holds; fails the test after ms. */
#define WAIT(condition, ms)                                                    \
	do {                                                                   \
		uint64_t wait_until_ns = clock_mono_ns() + (ms)*NSEC_PER_MSEC; \
		while (play_worker(), !(condition)) {                          \
			if (clock_mono_ns() > wait_until_ns) {                 \
				show_log(#condition);                          \
				fail();                                        \
			}                                                      \
			pause_briefly();                                       \
		}                                                              \
	} while (0)

static inline bool is_gone(pid_t pid)
{
	char state = child_state(pid, NULL);

	return state == 0 || state == 'Z' || state == 'X';
}

static inline void start_sshd(void)
{
	char config[128];

	stage_path(config, sizeof(config), "sshd_config");
	stage.sshd = fork();
	if (stage.sshd == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		redirect_log("sshd.log");
		execl(SSHD, SSHD, "-D", "-e", "-f", config, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 2500 && !port_answers(); i++)
		pause_briefly();
	assert_true(port_answers());
}

/* Signals sshd's listener or every process of it: sessions have process groups of their own, but are its
 * children. */
static inline void signal_below(pid_t pid, int sig)
{
	char path[64], text[1024];
	pid_t child;
	int used;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if (fd_read_file(path, text, sizeof(text)) > 0)
		for (char *p = text; sscanf(p, "%d%n", &child, &used) == 1; p += used)
			signal_below(child, sig);
	kill(pid, sig);
}

static inline void stop_sshd(void)
{
	if (stage.sshd <= 0)
		return;
	signal_below(stage.sshd, SIGSTOP); /* so that none starts another meanwhile */
	signal_below(stage.sshd, SIGKILL);
	waitpid(stage.sshd, NULL, 0);
	stage.sshd = 0;
}

/* ---- keeper ---- */

static inline void start_keeper(void)
{
	const struct keeper_fds fds = {
	    .worker_socket = stage.keeper_end, .nudge_fd = stage.nudge, .namespace_fd = -1};

	stage.keeper = fork();
	if (stage.keeper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		redirect_log("keeper.log");
		_exit(keeper_main(stage.arena, &fds));
	}
	atomic_store(&stage.board->pid[PROCESS_KEEPER], stage.keeper);
}

static inline void nudge(void)
{
	uint64_t one = 1;

	assert_int_equal(write(stage.nudge, &one, sizeof(one)), sizeof(one));
}

static inline uint32_t epoch(void)
{
	return breaker_epoch(atomic_load(&stage.b->breaker));
}

static inline bool serving(uint32_t wanted)
{
	return atomic_load(&stage.b->breaker) == breaker_word(wanted, true) &&
	       atomic_load(&stage.b->root_epoch) == wanted;
}

static inline bool healthy(uint32_t wanted)
{
	return serving(wanted) && board_state(stage.b) == HEALTH_HEALTHY;
}

static inline bool down_with(enum errclass class)
{
	return !breaker_is_closed(atomic_load(&stage.b->breaker)) && board_state(stage.b) == HEALTH_DOWN &&
	       board_class(stage.b) == class;
}

static inline int ignore_missing(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	remove(path);
	return 0;
}

static inline void remove_tree(const char *dir)
{
	nftw(dir, ignore_missing, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

#endif
