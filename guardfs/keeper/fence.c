/* fence.c: see fence.h. */
#include "keeper/fence.h"
#include "keeper/spawn.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define ENVIRON_MAX 65536

/* From /proc/PID/stat, always readable. environ waits for the process's memory lock, so only the own
 * session's is read. */
static pid_t session_of(pid_t pid, char *state)
{
	char path[32], stat[1024];
	const char *after_name;
	int session;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_file(path, stat, sizeof(stat)) < 0)
		return -1;
	after_name = strrchr(stat, ')');
	if (!after_name || sscanf(after_name + 1, " %c %*d %*d %d", state, &session) != 2)
		return -1;
	return session;
}

enum token { TOKEN_OURS, TOKEN_ANOTHER, TOKEN_UNKNOWN };

/* UNKNOWN: no environment, as of a dying process. */
static enum token token_of(pid_t pid, const char *token)
{
	CLEANUP_FREE char *text = malloc(ENVIRON_MAX);
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	n = text ? fd_read_file(path, text, ENVIRON_MAX) : -ENOMEM;
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(text + i) + 1)
		if (strcmp(text + i, token) == 0)
			return TOKEN_OURS;
	return n > 0 ? TOKEN_ANOTHER : TOKEN_UNKNOWN;
}

typedef void (*socket_fn)(int sock, void *arg);

/* Closing then sends RST and drops unsent data. */
static void reset_on_close(int sock, void *arg)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)arg;
	setsockopt(sock, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void add_received(int sock, void *arg)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);
	uint64_t *received = arg;

	if (getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
		*received += info.tcpi_bytes_received;
}

/* The last descriptor is closed with the process. */
static void visit_socket(int pidfd, int fd, socket_fn visit, void *arg)
{
	CLEANUP_FD int copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	socklen_t length = sizeof(int);
	int protocol = 0;

	if (copy < 0 || getsockopt(copy, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) < 0)
		return;
	if (protocol == IPPROTO_TCP)
		visit(copy, arg);
}

static void visit_sockets(pid_t pid, int pidfd, socket_fn visit, void *arg)
{
	char path[32], target[64];
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		if (n > 7 && strncmp(target, "socket:", 7) == 0)
			visit_socket(pidfd, atoi(e->d_name), visit, arg);
	}
}

/* pidfd first: the process looked at is the one hit. */
static bool signal_member(pid_t pid, pid_t session, const char *token, int signal, bool reset)
{
	CLEANUP_FD int pidfd = -1;
	char state;

	if (session_of(pid, &state) != session)
		return false;
	pidfd = spawn_pidfd(pid);
	if (pidfd < 0 || session_of(pid, &state) != session || token_of(pid, token) != TOKEN_OURS)
		return false;
	if (reset)
		visit_sockets(pid, pidfd, reset_on_close, NULL);
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0;
}

/* A process gives up its environment before its sockets. */
static bool is_left(pid_t pid, pid_t session, const char *token)
{
	char state;

	return session_of(pid, &state) == session && state != 'Z' && state != 'X' &&
	       token_of(pid, token) != TOKEN_ANOTHER;
}

bool fence_session_left(pid_t session, const char *token)
{
	CLEANUP_DIR DIR *proc = opendir("/proc");
	struct dirent *e;

	while (proc && session > 0 && (e = readdir(proc)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) && is_left((pid_t)atoi(e->d_name), session, token))
			return true;
	return false;
}

static unsigned signal_session(pid_t session, const char *token, int signal, bool reset)
{
	CLEANUP_DIR DIR *proc = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;

	while (proc && session > 0 && (e = readdir(proc)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]))
			n += signal_member((pid_t)atoi(e->d_name), session, token, signal, reset);
	return n;
}

unsigned fence_kill_session(pid_t session, const char *token)
{
	return signal_session(session, token, SIGKILL, true);
}

unsigned fence_signal_session(pid_t session, const char *token, int signal)
{
	return signal_session(session, token, signal, false);
}

#define UID_NOBODY 65534u /* a transport of SFTP's */

static bool has_name(pid_t pid, const char *name)
{
	char path[32], comm[32];
	size_t n = strlen(name);

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return fd_read_file(path, comm, sizeof(comm)) > 0 && strncmp(comm, name, n) == 0 && comm[n] == '\n';
}

/* environ of another user's process must not be read: he can make that wait for ever. */
static bool is_ours(pid_t pid)
{
	char path[32], status[4096];
	const char *uid;
	unsigned real;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (fd_read_file(path, status, sizeof(status)) <= 0)
		return false;
	uid = strstr(status, "\nUid:");
	return uid && sscanf(uid, "\nUid: %u", &real) == 1 && (real == getuid() || real == UID_NOBODY);
}

unsigned fence_kill_strangers(const char *name, pid_t session, const char *token)
{
	CLEANUP_DIR DIR *proc = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;

	while (proc && (e = readdir(proc)) != NULL) {
		pid_t pid = isdigit((unsigned char)e->d_name[0]) ? (pid_t)atoi(e->d_name) : 0, its;
		char state;

		if (pid <= 0 || !has_name(pid, name) || !is_ours(pid))
			continue;
		its = session_of(pid, &state);
		if (its > 0 && its != session)
			n += signal_member(pid, its, token, SIGKILL, true);
	}
	return n;
}

uint64_t fence_session_received(pid_t session)
{
	CLEANUP_DIR DIR *proc = opendir("/proc");
	uint64_t received = 0;
	struct dirent *e;

	while (proc && session > 0 && (e = readdir(proc)) != NULL) {
		pid_t pid = isdigit((unsigned char)e->d_name[0]) ? (pid_t)atoi(e->d_name) : 0;
		CLEANUP_FD int pidfd = -1;
		char state;

		if (pid <= 0 || session_of(pid, &state) != session)
			continue;
		pidfd = spawn_pidfd(pid);
		if (pidfd >= 0)
			visit_sockets(pid, pidfd, add_received, &received);
	}
	return received;
}

unsigned fence_tasks_inside(const struct arena *arena, unsigned backend, uint32_t epoch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SLOT_MAX; i++) {
		const struct slot *s = &arena->slots[i];
		uint32_t state = atomic_load(&s->state);

		n += (state == SLOT_RUNNING || state == SLOT_ORPHAN) && atomic_load(&s->inside) &&
		     atomic_load(&s->backend) == backend && atomic_load(&s->epoch) <= epoch;
	}
	return n;
}

static errint_t write_abort(const char *connections, uint32_t minor)
{
	char path[512];
	CLEANUP_FD int fd = -1;

	snprintf(path, sizeof(path), "%s/%u/abort", connections, minor);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd_write_all(fd, "1", 1);
}

errint_t fence_abort_fuse(uint32_t minor, const char *scratch_dir)
{
	errint_t rc = write_abort("/sys/fs/fuse/connections", minor);
	char dir[400];

	if (rc != -ENOENT)
		return rc;
	/* Not mounted here (containers), or the connection is gone: the second try tells. */
	snprintf(dir, sizeof(dir), "%s/fusectl", scratch_dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	rc = mount("fusectl", dir, "fusectl", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? -errno : 0;
	if (rc == 0) {
		rc = write_abort(dir, minor);
		umount2(dir, MNT_DETACH);
	}
	rmdir(dir);
	return rc;
}
