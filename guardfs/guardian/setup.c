/* Preparations before there is a mount. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "guardian/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* Closes a careless parent's files while their server lives: later, a file of our own mount would wait for us.
 * systemd's fd store (from 3 on) stays. */
static void close_inherited(int ready_fd)
{
	unsigned first = SD_LISTEN_FDS_START + (unsigned)MAX(sd_listen_fds(0), 0);

	if (ready_fd >= (int)first) {
		if (ready_fd > (int)first)
			syscall(SYS_close_range, first, (unsigned)ready_fd - 1, 0);
		first = (unsigned)ready_fd + 1;
	}
	syscall(SYS_close_range, first, ~0u, 0);
}

#define OPEN_FILES_WANTED (256u << 10)

uint64_t setup_open_files(void)
{
	struct rlimit before, limit;

	if (getrlimit(RLIMIT_NOFILE, &before) < 0)
		return 0;
	limit = before;
	if (limit.rlim_max < OPEN_FILES_WANTED) {
		/* Root may, up to fs.nr_open (CAP_SYS_RESOURCE). The unit has LimitNOFILE. */
		limit.rlim_cur = limit.rlim_max = OPEN_FILES_WANTED;
		if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
			return before.rlim_cur;
	}
	limit = before;
	limit.rlim_cur = MAX(before.rlim_cur, MIN(before.rlim_max, (rlim_t)OPEN_FILES_WANTED));
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise the number of open files to %llu: %s",
			    (unsigned long long)limit.rlim_cur, strerror(errno));
	return before.rlim_cur;
}

void setup_open_files_again(uint64_t before)
{
	struct rlimit limit;

	if (before == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = MIN((rlim_t)before, limit.rlim_max);
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Holds numbers below FD_RESERVED for base/child.h. */
errint_t setup_descriptors(int ready_fd)
{
	int null;

	close_inherited(ready_fd);
	null = open("/dev/null", O_RDWR);
	if (null < 0)
		return -errno;
	while (null <= 2) /* standard descriptors were closed */
		null = dup(null);
	for (int fd = 3; fd < FD_RESERVED; fd++) {
		if (fd == ready_fd || fd == null)
			continue;
		if (fcntl(fd, F_GETFD) < 0 && dup2(null, fd) < 0)
			return -errno;
	}
	if (ready_fd < 0 || ready_fd == GUARDIAN_READY)
		return 0;
	if (dup2(ready_fd, GUARDIAN_READY) < 0 || dup2(null, ready_fd) < 0)
		return -errno;
	return 0;
}

void setup_vacate(enum guardian_fd place)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || setup_place(null, place) < 0)
		log_warning("cannot give up descriptor %d: %s", (int)place, strerror(errno));
}

errint_t setup_place(int fd, enum guardian_fd place)
{
	if (fd == (int)place)
		return 0;
	if (dup2(fd, (int)place) < 0)
		return -errno;
	if (fd >= FD_RESERVED)
		close(fd);
	return 0;
}

void setup_log_file(const struct config *config)
{
	char path[CONFIG_PATH_MAX + 16];
	int fd, null = open("/dev/null", O_RDWR);

	snprintf(path, sizeof(path), "%s/log", config->run_dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0640);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		close(null);
	}
	if (fd >= 0) {
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
}

static errint_t make_directory(const char *path, const char *what)
{
	errint_t rc = fd_mkdir_parents(path, 0755);

	if (rc < 0)
		log_error("cannot make the %s directory %s: %s", what, path, strerror(-rc));
	return rc;
}

errint_t setup_directories(const struct config *config)
{
	struct stat st;
	errint_t rc;

	if (stat(config->local, &st) < 0) {
		rc = -errno;
		log_error("the local tier %s: %s; make the directory (it holds what is not on a backend)",
			  config->local, strerror(-rc));
		return rc;
	}
	if (!S_ISDIR(st.st_mode)) {
		log_error("the local tier %s is not a directory", config->local);
		return -ENOTDIR;
	}
	rc = make_directory(config->run_dir, "runtime");
	return rc < 0 ? rc : make_directory(config->state_dir, "state");
}

errint_t setup_local(const struct config *config)
{
	int fd = open(config->local, O_RDONLY | O_DIRECTORY);

	if (fd < 0) {
		errint_t rc = -errno;

		log_error("cannot open the local tier %s: %s", config->local, strerror(-rc));
		return rc;
	}
	return setup_place(fd, GUARDIAN_LOCAL);
}

/* Another user's file in a writable runtime directory: its owner could lock it for ever. */
static bool is_foreign(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid();
}

/* O_CREAT only for a new file: in sticky directories the kernel refuses it on another's file even to root
 * (fs.protected_regular). */
static int open_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);

	if (fd >= 0 && is_foreign(fd)) {
		log_warning("%s was put there by somebody else: replaced", path);
		close(fd);
		fd = -1;
		if (unlink(path) < 0)
			return -errno;
	} else if (fd < 0 && errno != ENOENT) {
		return -errno;
	}
	if (fd < 0)
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

/* -EAGAIN: held, or just removed. */
static errint_t try_lock(const char *path)
{
	struct stat held, named;
	int fd = open_lock(path);

	if (fd < 0)
		return fd == -EEXIST ? -EAGAIN : fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &held) == 0 && stat(path, &named) == 0 &&
	    held.st_ino == named.st_ino)
		return setup_place(fd, GUARDIAN_LOCK);
	close(fd);
	return -EAGAIN;
}

errint_t setup_lock(const struct config *config, unsigned wait_ms)
{
	uint64_t until_ns = clock_mono_ns() + wait_ms * NSEC_PER_MSEC;
	char path[CONFIG_PATH_MAX + 16];
	errint_t rc;

	snprintf(path, sizeof(path), "%s/lock", config->run_dir);
	while ((rc = try_lock(path)) == -EAGAIN && clock_mono_ns() < until_ns) {
		const struct timespec pause = {.tv_nsec = 5000000};

		nanosleep(&pause, NULL);
	}
	if (rc < 0 && rc != -EAGAIN)
		log_error("cannot lock %s: %s", path, strerror(-rc));
	return rc == -EAGAIN ? -EBUSY : rc;
}

errint_t setup_channels(void)
{
	int pair[2], nudge;
	errint_t rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return -errno;
	rc = setup_place(pair[0], GUARDIAN_WORKER_SOCKET);
	if (rc == 0)
		rc = setup_place(pair[1], GUARDIAN_KEEPER_SOCKET);
	if (rc < 0)
		return rc;
	nudge = eventfd(0, EFD_NONBLOCK);
	return nudge < 0 ? -errno : setup_place(nudge, GUARDIAN_NUDGE);
}

static void interrupt_read(int sig)
{
	(void)sig; /* read(2) in stand_in.c shall give EINTR */
}

errint_t setup_signals(void)
{
	static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD};
	const struct sigaction alarm = {.sa_handler = interrupt_read}; /* no SA_RESTART */
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(handled); i++)
		sigaddset(&set, handled[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	if (sigaction(SIGALRM, &alarm, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	return fd < 0 ? -errno : setup_place(fd, GUARDIAN_SIGNALS);
}

/* For keeper's sshfs: it sees the host's mounts, nobody else sees its own. Its maker, a child, stops until it is
 * open. Without CAP_SYS_ADMIN keeper stays in ours. */
void setup_namespace(void)
{
	char path[64];
	int status, fd;
	pid_t pid = child_clone(NULL, 0, NULL);

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status)) {
		log_warning(
		    "cannot make a private mount namespace: the sshfs mounts will be visible to everybody");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setup_place(fd, GUARDIAN_NAMESPACE) < 0)
		log_warning("cannot keep the private mount namespace: %s", strerror(errno));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

void setup_name_session(const struct board *board)
{
	char text[BOARD_SESSION_MAX];
	size_t n = board_session_text(board, text);

	if (pwrite(GUARDIAN_LOCK, text, n, 0) != (ssize_t)n || ftruncate(GUARDIAN_LOCK, (off_t)n) < 0)
		log_warning(
		    "cannot write into %s/lock: %s; a keeper that a killed guardfs has left ends later",
		    board->config.run_dir, strerror(errno));
}

void setup_board(struct guardian *g)
{
	struct board *board = g->board;

	board->fds = (struct board_fds){.dev = GUARDIAN_DEV,
					.keeper_socket = GUARDIAN_WORKER_SOCKET,
					.nudge = GUARDIAN_NUDGE,
					.local = GUARDIAN_LOCAL};
	atomic_store(&board->pid[PROCESS_GUARDIAN], (int32_t)getpid());
	atomic_store(&board->open_files_before, g->open_files_before);
	atomic_store(&board->started_real_ns, clock_real_ns());
	for (uint32_t i = 0; i < board->config.n_backends; i++) {
		atomic_store(&board->backends[i].root_fd, -1);
		atomic_store(&board->backends[i].state, HEALTH_CONNECTING);
		atomic_store(&board->backends[i].since_real_ns, clock_real_ns());
		board_be_patient(board, i);
	}
}
