#include "keeper/fence.h"
#include "keeper/spawn.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define ENVIRON_MAX 65536
/* A transport of SFTP's, once it serves. */
#define UID_NOBODY 65534u
/* Without CAP_SYS_PTRACE, as in some containers, other users' namespaces are not shown. */
#define NAMESPACE_HIDDEN UINT32_MAX

/* From /proc/PID/stat, always readable. */
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

/* By the link in /proc, without asking the process. 0: it has ended; or NAMESPACE_HIDDEN. */
static uint32_t namespace_of(const char *task, const char *kind)
{
	char path[64], link[48];
	uint32_t number = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", task, kind);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0 && (errno == EACCES || errno == EPERM))
		return NAMESPACE_HIDDEN;
	link[n > 0 ? n : 0] = '\0';
	return sscanf(link, "%*[a-z]:[%" SCNu32 "]", &number) == 1 ? number : 0;
}

static int open_own_namespace(void)
{
	return open("/proc/thread-self/ns/uts", O_RDONLY | O_CLOEXEC);
}

/* 0: not known. */
static uint32_t number_of(int namespace)
{
	struct stat st;

	return fstat(namespace, &st) == 0 && st.st_ino < NAMESPACE_HIDDEN ? (uint32_t)st.st_ino : 0;
}

errint_t fence_mark(uint32_t *mark, int *own, int *held)
{
	errint_t rc;

	*own = open_own_namespace();
	if (*own < 0)
		return -errno;
	rc = unshare(CLONE_NEWUTS) < 0 ? -errno : 0;
	if (rc < 0) {
		close(*own);
		return rc;
	}
	*held = open_own_namespace();
	*mark = *held < 0 ? 0 : number_of(*held);
	if (*mark != 0)
		return 0;
	/* A mark of 0 would fence by session. */
	if (*held >= 0)
		close(*held);
	if (fence_unmark(*own) < 0)
		abort();
	return -EIO;
}

int fence_hold(pid_t pid, uint32_t mark)
{
	char path[48];
	int held;

	snprintf(path, sizeof(path), "/proc/%d/ns/uts", (int)pid);
	held = open(path, O_RDONLY | O_CLOEXEC);
	if (held >= 0 && number_of(held) != mark) {
		close(held);
		held = -1;
	}
	return held;
}

errint_t fence_unmark(int own)
{
	errint_t rc = setns(own, CLONE_NEWUTS) < 0 ? -errno : 0;

	close(own);
	return rc;
}

/* A number that nobody holds may come round again, as for a container: the mount namespace, keeper's, tells. */
static bool task_is_marked(const char *task, uint32_t mark)
{
	return namespace_of(task, "uts") == mark && namespace_of(task, "mnt") == namespace_of("self", "mnt");
}

/* Where a process's first thread has ended the others count: they have its sockets. */
static bool is_marked(pid_t pid, uint32_t mark)
{
	CLEANUP_DIR DIR *tasks = NULL;
	struct dirent *e;
	char task[64];

	snprintf(task, sizeof(task), "%d", (int)pid);
	if (namespace_of(task, "uts") != 0)
		return pid != getpid() && task_is_marked(task, mark);
	snprintf(task, sizeof(task), "/proc/%d/task", (int)pid);
	tasks = opendir(task);
	while (tasks && (e = readdir(tasks)) != NULL) {
		snprintf(task, sizeof(task), "%d/task/%.16s", (int)pid, e->d_name);
		if (isdigit((unsigned char)e->d_name[0]) && task_is_marked(task, mark))
			return true;
	}
	return false;
}

enum token { TOKEN_OURS, TOKEN_ANOTHER, TOKEN_NONE, TOKEN_UNKNOWN };

/* ANOTHER: of another carrier. UNKNOWN: no environment, as of a dying process. environ waits for the process's
 * memory lock: only our own processes' is read. */
static enum token token_of(pid_t pid, const char *token)
{
	CLEANUP_FREE char *text = malloc(ENVIRON_MAX);
	size_t name = strcspn(token, "=") + 1;
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	n = text ? fd_read_file(path, text, ENVIRON_MAX) : -ENOMEM;
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(text + i) + 1) {
		if (strcmp(text + i, token) == 0)
			return TOKEN_OURS;
		if (strncmp(text + i, token, name) == 0)
			return TOKEN_ANOTHER;
	}
	return n > 0 ? TOKEN_NONE : TOKEN_UNKNOWN;
}

static bool is_hidden(pid_t pid)
{
	char task[16];

	snprintf(task, sizeof(task), "%d", (int)pid);
	return namespace_of(task, "uts") == NAMESPACE_HIDDEN;
}

/* Without asking the process. Where its mark is hidden its session must do. */
static bool may_belong(pid_t pid, const struct fence_group *g)
{
	char state = '?';
	bool in_session = g->session > 0 && session_of(pid, &state) == g->session;

	if (!g->mark)
		return in_session;
	return is_marked(pid, g->mark) || (in_session && state != 'Z' && state != 'X' && is_hidden(pid));
}

/* A marked one may have cleaned its environment. */
static bool belongs(pid_t pid, const struct fence_group *g)
{
	enum token token;

	if (!may_belong(pid, g))
		return false;
	token = token_of(pid, g->token);
	return g->mark ? token != TOKEN_ANOTHER : token == TOKEN_OURS;
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

static bool end_process(pid_t pid, int pidfd, int signal, bool reset)
{
	if (reset)
		visit_sockets(pid, pidfd, reset_on_close, NULL);
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0;
}

/* pidfd first: the process looked at is the one hit. */
static bool signal_member(pid_t pid, const struct fence_group *g, int signal, bool reset)
{
	CLEANUP_FD int pidfd = -1;

	if (!may_belong(pid, g))
		return false;
	pidfd = spawn_pidfd(pid);
	return pidfd >= 0 && belongs(pid, g) && end_process(pid, pidfd, signal, reset);
}

/* A process gives up its environment before its sockets, and those before its namespaces. */
static bool is_left(pid_t pid, const struct fence_group *g)
{
	enum token token;
	char state;

	if (!may_belong(pid, g))
		return false;
	if (!g->mark && (session_of(pid, &state) != g->session || state == 'Z' || state == 'X'))
		return false;
	token = token_of(pid, g->token);
	return token != TOKEN_ANOTHER && (g->mark || token != TOKEN_NONE);
}

static pid_t next_process(DIR *proc)
{
	struct dirent *e;

	while (proc && (e = readdir(proc)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]))
			return (pid_t)atoi(e->d_name);
	return 0;
}

static bool is_any_left(const struct fence_group *group)
{
	CLEANUP_DIR DIR *proc = opendir("/proc");
	pid_t pid;

	while ((pid = next_process(proc)) > 0)
		if (is_left(pid, group))
			return true;
	return !proc; /* nobody can tell */
}

/* A pass goes by rising numbers: a process forked meanwhile may have a number already passed, its parent ended
 * before its turn. */
bool fence_is_left(const struct fence_group *group)
{
	return is_any_left(group) || is_any_left(group);
}

static unsigned signal_group(const struct fence_group *group, int signal, bool reset)
{
	CLEANUP_DIR DIR *proc = opendir("/proc");
	unsigned n = 0;
	pid_t pid;

	while ((pid = next_process(proc)) > 0)
		n += signal_member(pid, group, signal, reset);
	return n;
}

unsigned fence_kill(const struct fence_group *group)
{
	return signal_group(group, SIGKILL, true);
}

unsigned fence_signal(const struct fence_group *group, int signal)
{
	return signal_group(group, signal, false);
}

/* ---- strangers ---- */

#define NAME_SHOWN 15 /* bytes of a process's name */

static bool has_a_name(pid_t pid, const struct fence_strangers *who)
{
	char path[32], comm[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (fd_read_file(path, comm, sizeof(comm)) <= 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(who->names) && who->names[i]; i++) {
		size_t n = strnlen(who->names[i], NAME_SHOWN);

		if (strncmp(comm, who->names[i], n) == 0 && comm[n] == '\n')
			return true;
	}
	return false;
}

static bool is_of_our_user(pid_t pid, bool or_nobody)
{
	char path[32], status[4096];
	const char *uid;
	unsigned real;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (fd_read_file(path, status, sizeof(status)) <= 0)
		return false;
	uid = strstr(status, "\nUid:");
	return uid && sscanf(uid, "\nUid: %u", &real) == 1 &&
	       (real == getuid() || (or_nobody && real == UID_NOBODY));
}

/* Asks nothing of the process. */
static bool has_memory(pid_t pid, const char *name, int fd)
{
	char path[48], found[128], expected[128];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	snprintf(expected, sizeof(expected), "/memfd:%s (deleted)", name);
	n = readlink(path, found, sizeof(found) - 1);
	found[n > 0 ? n : 0] = '\0';
	return strcmp(found, expected) == 0;
}

/* A guardfs in a container has the same names, and lives. */
static bool is_of_our_pids(pid_t pid)
{
	char task[16];

	snprintf(task, sizeof(task), "%d", (int)pid);
	return namespace_of(task, "pid") == namespace_of("self", "pid");
}

static bool is_stranger(pid_t pid, const struct fence_strangers *who)
{
	char state;
	pid_t session;

	if (!has_a_name(pid, who) || !is_of_our_pids(pid))
		return false;
	session = session_of(pid, &state);
	if (session <= 0 || session == who->known)
		return false;
	if (who->memory)
		return is_of_our_user(pid, true) && has_memory(pid, who->memory, who->memory_fd);
	return is_of_our_user(pid, false) && token_of(pid, who->token) == TOKEN_OURS;
}

/* group: its session's; NULL: it is a stranger by itself. */
static bool kill_stranger(pid_t pid, const struct fence_strangers *who, const struct fence_group *group,
			  struct fence_dying *dying)
{
	int pidfd = spawn_pidfd(pid);

	if (pidfd < 0)
		return false;
	if ((group ? belongs(pid, group) : is_stranger(pid, who)) && end_process(pid, pidfd, SIGKILL, true)) {
		if (dying->n < FENCE_DYING_MAX)
			dying->pidfds[dying->n++] = pidfd;
		else
			close(pidfd);
		return true;
	}
	close(pidfd);
	return false;
}

static unsigned kill_strangers_session(pid_t pid, const struct fence_strangers *who,
				       struct fence_dying *dying)
{
	CLEANUP_DIR DIR *proc = opendir("/proc");
	char state;
	const struct fence_group group = {.session = session_of(pid, &state), .token = who->token};
	unsigned n = 0;

	while ((pid = next_process(proc)) > 0)
		if (may_belong(pid, &group))
			n += kill_stranger(pid, who, &group, dying);
	return n;
}

unsigned fence_kill_strangers(const struct fence_strangers *strangers, struct fence_dying *dying)
{
	CLEANUP_DIR DIR *proc = opendir("/proc");
	unsigned n = 0;
	pid_t pid;

	while ((pid = next_process(proc)) > 0) {
		if (!is_stranger(pid, strangers))
			continue;
		n += strangers->memory ? kill_stranger(pid, strangers, NULL, dying)
				       : kill_strangers_session(pid, strangers, dying);
	}
	return n;
}

bool fence_is_dying(struct fence_dying *dying)
{
	unsigned left = 0;

	for (unsigned i = 0; i < dying->n; i++) {
		struct pollfd p = {.fd = dying->pidfds[i], .events = POLLIN};

		if (poll(&p, 1, 0) > 0)
			close(dying->pidfds[i]);
		else
			dying->pidfds[left++] = dying->pidfds[i];
	}
	dying->n = left;
	return left > 0;
}

uint64_t fence_received(const struct fence_group *group)
{
	CLEANUP_DIR DIR *proc = opendir("/proc");
	uint64_t received = 0;
	pid_t pid;

	while ((pid = next_process(proc)) > 0) {
		CLEANUP_FD int pidfd = -1;

		if (!may_belong(pid, group))
			continue;
		pidfd = spawn_pidfd(pid);
		if (pidfd >= 0)
			visit_sockets(pid, pidfd, add_received, &received);
	}
	return received;
}

unsigned fence_each(const struct fence_group *group, void (*visit)(pid_t pid, void *arg), void *arg)
{
	CLEANUP_DIR DIR *proc = opendir("/proc");
	unsigned n = 0;
	pid_t pid;

	while ((pid = next_process(proc)) > 0)
		if (may_belong(pid, group)) {
			visit(pid, arg);
			n++;
		}
	return n;
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
