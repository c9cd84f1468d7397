#include "keeper/transport.h"
#include "keeper/fence.h"
#include "keeper/spawn.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TOKEN_NAME "GUARDFS_TRANSPORT"
#define READ_MAX   65536u  /* of its output, at a time */
#define OUTPUT_MAX 1048576 /* that a command writes while there is no keeper */

void transport_init(struct transport *t, const struct config *config, unsigned backend, const char *run_dir)
{
	*t = (struct transport){.config = config, .backend = &config->backends[backend], .run_dir = run_dir};
	t->pidfd = t->stderr_fd = t->status = t->ring_socket = t->mark_fd = -1;
	if (t->backend->type == BACKEND_SSHFS)
		t->kind = &transport_sshfs;
	else if (t->backend->type == BACKEND_SFTP)
		t->kind = &transport_sftp;
	else if (t->backend->type == BACKEND_COMMAND)
		t->kind = &transport_command;
}

/* In the environment of a transport's processes: proof that keeper may kill them. */
static void format_token(const struct transport *t, char *token, size_t size)
{
	snprintf(token, size, TOKEN_NAME "=%s/%s", t->run_dir, t->backend->name);
}

static struct fence_group group_of(const struct transport *t, char *token, size_t size)
{
	format_token(t, token, size);
	return (struct fence_group){.session = t->pid, .token = token, .mark = t->mark};
}

/* In the child. It outlives a killed keeper, its stderr's reader: hence SIGPIPE is ignored and there is no
 * PDEATHSIG. */
static void exec_transport(const struct transport *t)
{
	char token[CONFIG_PATH_MAX + 64];
	int null = open("/dev/null", O_RDONLY);

	setsid();
	signal(SIGPIPE, SIG_IGN);
	dup2(null, STDIN_FILENO);
	dup2(TRANSPORT_STDERR, STDOUT_FILENO);
	dup2(TRANSPORT_STDERR, STDERR_FILENO);
	format_token(t, token, sizeof(token));
	if (chdir("/") == 0 && putenv(token) == 0 && setenv("LC_ALL", "C", 1) == 0)
		t->kind->exec(t);
	_exit(127);
}

/* Opens its end of its output for reading, too: the pipe never lacks a reader, so nobody is killed by SIGPIPE
 * without a keeper, and the next keeper reopens it through /proc. When the pipe is full its words are lost; it
 * does not wait. */
static errint_t keep_readable(int *fd)
{
	char path[32];
	int both;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
	both = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (both < 0)
		return -errno;
	close(*fd);
	*fd = both;
	fcntl(both, F_SETPIPE_SZ, OUTPUT_MAX); /* a smaller one will do */
	return 0;
}

/* -1: it has redirected it. Only keep_readable's pipes are open for reading and writing. */
static int reopen_output(const struct transport *t)
{
	char path[48], text[128];
	unsigned flags;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)t->pid, STDERR_FILENO);
	if (fd_read_file(path, text, sizeof(text)) < 0 || !strstr(text, "flags:") ||
	    sscanf(strstr(text, "flags:"), "flags: %o", &flags) != 1 || (flags & O_ACCMODE) != O_RDWR)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)t->pid, STDERR_FILENO);
	n = readlink(path, text, sizeof(text));
	if (n < 5 || strncmp(text, "pipe:", 5) != 0)
		return -1;
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static errint_t fork_transport(struct transport *t, const int *keep, size_t n)
{
	t->pid = spawn_fork(keep, n);
	if (t->pid == 0)
		exec_transport(t);
	if (t->pid < 0)
		return t->pid;
	t->pidfd = spawn_pidfd(t->pid);
	if (t->pidfd < 0)
		return t->pidfd;
	child_state(t->pid, &t->start);
	return 0;
}

/* Unknown processes below it are marked, and their output always has a reader. */
static bool starts_any_program(const struct transport *t)
{
	return t->kind->any_program || backend_is_reached_by_ssh(t->backend);
}

/* The mark takes CAP_SYS_ADMIN: a user's are known by session (docs/SSHFS.md). */
static bool is_marked(const struct transport *t)
{
	return starts_any_program(t) && privileges_of_root();
}

/* held: the namespace, or -1. */
static void set_mark(struct transport *t, uint32_t mark, int held)
{
	if (t->mark_fd >= 0)
		close(t->mark_fd);
	t->mark_fd = held;
	t->mark = mark;
	if (t->mark_kept)
		atomic_store(t->mark_kept, mark);
}

/* Whatever it forks is marked. A keeper that could not go back would kill itself by the mark. */
static errint_t fork_marked(struct transport *t, const int *keep, size_t n)
{
	uint32_t mark;
	int own, held;
	errint_t rc = fence_mark(&mark, &own, &held);

	if (rc < 0) {
		log_error("backend %s: no UTS namespace can be made, by which its processes are known: %s; "
			  "look at RestrictNamespaces= of the unit, and at user.max_uts_namespaces",
			  t->backend->name, strerror(-rc));
		return rc;
	}
	set_mark(t, mark, held);
	rc = fork_transport(t, keep, n);
	if (fence_unmark(own) < 0)
		abort();
	return rc;
}

static errint_t run_transport(struct transport *t, uint32_t epoch)
{
	int fds[2], keep[1 + TRANSPORT_KEEP_MAX];
	size_t n = 1;
	errint_t rc;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	keep[0] = fds[1];
	t->stderr_fd = fds[0];
	rc = fcntl(t->stderr_fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	if (rc == 0 && starts_any_program(t))
		rc = keep_readable(&keep[0]);
	if (rc == 0)
		rc = t->kind->prepare(t, epoch, keep, &n);
	if (rc == 0)
		rc = is_marked(t) ? fork_marked(t, keep, n) : fork_transport(t, keep, n);
	while (n > 0)
		close(keep[--n]);
	return rc;
}

errint_t transport_start(struct transport *t, uint32_t epoch, char *message, enum errclass *class)
{
	errint_t rc;

	transport_forget(t);
	*class = ERRCLASS_CONFIG;
	rc = t->kind->check(t, message);
	if (rc < 0)
		return rc;
	rc = run_transport(t, epoch);
	if (rc < 0) {
		*class = errclass_of_own(-rc);
		snprintf(message, CONFIG_ERROR_MAX, "starting %s: %s", t->kind->name, strerror(-rc));
	}
	return rc;
}

errint_t transport_adopt(struct transport *t, const struct transport_heir *heir)
{
	uint64_t found = 0;
	char state;

	t->pid = heir->pid;
	t->start = heir->start;
	t->mark = heir->mark;
	t->mark_fd = heir->pid > 0 && heir->mark ? fence_hold(heir->pid, heir->mark) : -1;
	if (heir->pid <= 0)
		return -ESRCH;
	t->pidfd = spawn_pidfd(heir->pid);
	state = child_state(heir->pid, &found);
	if (t->pidfd >= 0 && state != 0 && state != 'Z' && state != 'X' && found == heir->start &&
	    t->kind->adopt(t, heir) == 0) {
		if (starts_any_program(t))
			t->stderr_fd = reopen_output(t);
		t->used_by_callers = true; /* else it is started anew */
		return 0;
	}
	if (t->pidfd >= 0)
		close(t->pidfd);
	t->pidfd = -1;
	return -ESRCH;
}

uint32_t transport_set_epoch(struct transport *t, uint32_t epoch, uint32_t present)
{
	if (!t->kind || !t->kind->set_epoch)
		return present;
	t->kind->set_epoch(t, epoch);
	return epoch;
}

const char *transport_name(const struct transport *t)
{
	return t->kind ? t->kind->name : "none";
}

/* A writer as quick as this reader does not hold keeper: the next step reads the rest. */
void transport_read(struct transport *t)
{
	char chunk[512];
	ssize_t n;

	for (unsigned i = 0; i < READ_MAX / sizeof(chunk) && t->stderr_fd >= 0; i++) {
		size_t keep;

		n = read(t->stderr_fd, chunk, sizeof(chunk));
		if (n < 0)
			break;
		keep = sizeof(t->text) - (size_t)n;

		if (n == 0) {
			close(t->stderr_fd);
			t->stderr_fd = -1;
			break;
		}
		if (t->used > keep) { /* the oldest goes */
			memmove(t->text, t->text + t->used - keep, keep);
			t->used = keep;
		}
		memcpy(t->text + t->used, chunk, (size_t)n);
		t->used += (size_t)n;
		if (t->kind->hear)
			t->kind->hear(t, chunk, (size_t)n);
	}
}

bool transport_dead(const struct transport *t)
{
	struct pollfd p = {.fd = t->pidfd, .events = POLLIN};
	char state;

	if (t->pid <= 0 || t->pidfd < 0 || t->status != -1)
		return true;
	if (poll(&p, 1, 0) > 0)
		return true;
	state = child_state(t->pid, NULL);
	return state == 0 || state == 'Z' || state == 'X';
}

bool transport_gone(const struct transport *t)
{
	char token[CONFIG_PATH_MAX + 64];
	const struct fence_group group = group_of(t, token, sizeof(token));

	return transport_dead(t) && !fence_is_left(&group);
}

void transport_reaped(struct transport *t, pid_t pid, int status)
{
	if (t->pid == pid && t->pidfd >= 0)
		t->status = status;
}

enum errclass transport_explain(struct transport *t, char *detail, size_t size)
{
	transport_read(t);
	detail[0] = '\0';
	return t->kind ? t->kind->explain(t, detail, size) : ERRCLASS_NONE;
}

/* Its pidfd tells of its end a moment before SIGCHLD does. It is left to be reaped: others are told then. */
static void look_at_status(struct transport *t)
{
	siginfo_t end = {0};

	if (t->status != -1 || t->pid <= 0 || t->pidfd < 0 ||
	    waitid(P_PIDFD, (id_t)t->pidfd, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid != t->pid)
		return;
	t->status = end.si_code == CLD_EXITED ? W_EXITCODE(end.si_status, 0) : W_EXITCODE(0, end.si_status);
}

/* Its end would be the end of its mount. */
static bool went_to_background(const struct transport *t)
{
	return t->kind && t->kind->any_program && t->mark && !t->used_by_callers && t->status != -1 &&
	       WIFEXITED(t->status) && WEXITSTATUS(t->status) == 0 && !transport_gone(t);
}

static void describe_end(const struct transport *t, char *text, size_t size)
{
	snprintf(text, size, "%s ended",
		 transport_name(t)); /* an adopted one: its status is not ours to know */
	if (t->status != -1 && WIFSIGNALED(t->status))
		snprintf(text, size, "%s was killed by signal %d", transport_name(t), WTERMSIG(t->status));
	else if (t->status != -1)
		snprintf(text, size, "%s exited with status %d", transport_name(t), WEXITSTATUS(t->status));
}

enum errclass transport_diagnose(struct transport *t, char *detail, size_t size)
{
	enum errclass class = transport_explain(t, detail, size);
	const char *name = transport_name(t);
	char end[96], words[TRANSPORT_LINE_MAX];

	if (class != ERRCLASS_NONE)
		return class;
	look_at_status(t);
	if (went_to_background(t)) {
		snprintf(detail, size,
			 "%s went to the background: it must stay (such as by -f or --no-daemon)", name);
		return ERRCLASS_CONFIG;
	}
	describe_end(t, end, sizeof(end));
	if (detail[0] == '\0') {
		snprintf(detail, size, "%s", end);
	} else if (t->kind->any_program && t->used_by_callers) {
		/* Words that need not be about its end. */
		snprintf(words, sizeof(words), "%s", detail);
		snprintf(detail, size, "%s; it said last: %s", end, words);
	}
	return ERRCLASS_SERVER_GONE;
}

bool transport_ready(const struct transport *t)
{
	return t->kind->ready(t);
}

unsigned transport_connections(const struct transport *t)
{
	return transport_dead(t) ? 0 : transport_connections_wanted(t);
}

void transport_kill(struct transport *t)
{
	char token[CONFIG_PATH_MAX + 64];
	const struct fence_group group = group_of(t, token, sizeof(token));

	fence_kill(&group);
	if (t->pidfd >= 0) /* also before exec */
		syscall(SYS_pidfd_send_signal, t->pidfd, SIGKILL, NULL, 0);
}

void transport_clear(struct transport *t)
{
	char token[CONFIG_PATH_MAX + 64];

	unsigned n;

	format_token(t, token, sizeof(token));
	n = t->kind->clear(t, token);
	if (n > 0)
		log_info("backend %s: ended %u processes that a former guardfs had left", t->backend->name,
			 n);
}

unsigned transport_signal(const struct transport *t, int signal)
{
	char token[CONFIG_PATH_MAX + 64];
	const struct fence_group group = group_of(t, token, sizeof(token));
	unsigned n = fence_signal(&group, signal);

	/* Before exec it does not belong to the group, but a program that it has started may. */
	if (t->pidfd >= 0 && syscall(SYS_pidfd_send_signal, t->pidfd, signal, NULL, 0) == 0)
		n++;
	return n;
}

uint64_t transport_received(const struct transport *t)
{
	char token[CONFIG_PATH_MAX + 64];
	const struct fence_group group = group_of(t, token, sizeof(token));

	return transport_dead(t) ? 0 : fence_received(&group);
}

/* The ring, of an SFTP transport, is not its own. */
static void add_memory(pid_t pid, void *arg)
{
	unsigned long long resident, shared;
	uint64_t *bytes = arg;
	char path[32], text[128];

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if (fd_read_file(path, text, sizeof(text)) >= 0 &&
	    sscanf(text, "%*u %llu %llu", &resident, &shared) == 2 && shared <= resident)
		*bytes += (uint64_t)(resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void transport_each(const struct transport *t, void (*visit)(pid_t pid, void *arg), void *arg)
{
	char token[CONFIG_PATH_MAX + 64];
	const struct fence_group group = group_of(t, token, sizeof(token));

	(void)fence_each(&group, visit, arg);
}

uint64_t transport_memory(const struct transport *t)
{
	uint64_t bytes = 0;

	if (transport_dead(t))
		return 0;
	if (t->mark)
		transport_each(t, add_memory, &bytes);
	else
		add_memory(t->pid, &bytes);
	return bytes;
}

static void bound_process(pid_t pid, void *arg)
{
	const struct transport *t = arg;
	uint64_t bytes = transport_memory_max(t) + TRANSPORT_MEMORY_MORE;
	struct rlimit limit;

	if (prlimit(pid, RLIMIT_DATA, NULL, &limit) < 0 || limit.rlim_cur <= bytes)
		return;
	limit.rlim_cur = bytes;
	if (prlimit(pid, RLIMIT_DATA, &limit, NULL) < 0)
		log_warning("backend %s: the memory of its program is not bounded: %s", t->backend->name,
			    strerror(errno));
}

void transport_bound_memory(const struct transport *t)
{
	if (!backend_is_mounted(t->backend->type))
		return;
	if (t->mark) /* the server may be another process than the one started */
		transport_each(t, bound_process, (void *)(uintptr_t)t);
	else
		bound_process(t->pid, (void *)(uintptr_t)t);
}

void transport_end(struct transport *t)
{
	set_mark(t, 0, -1);
	if (t->kind)
		t->kind->end(t);
}

void transport_forget(struct transport *t)
{
	if (t->pidfd >= 0)
		close(t->pidfd);
	if (t->stderr_fd >= 0)
		close(t->stderr_fd);
	t->pid = 0;
	t->start = 0;
	t->pidfd = t->stderr_fd = t->status = -1;
	t->used = t->line_used = 0;
	t->served = t->used_by_callers = false;
	if (t->kind)
		t->kind->forget(t);
}
