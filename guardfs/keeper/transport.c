/* transport.c: see transport.h. */
#include "keeper/transport.h"
#include "keeper/fence.h"
#include "base/mounts.h"
#include "keeper/spawn.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TOKEN_NAME  "GUARDFS_TRANSPORT"
#define DETACH_MAX  16
#define KEPT_STDERR 3 /* the pipe in the child */

/* Above max_memory, for the kernel's own limit. */
#define MEMORY_MORE (256ull << 20)

void transport_init(struct transport *t, const struct config *config, unsigned backend, const char *run_dir,
		    struct transport_features *features)
{
	*t = (struct transport){.config = config, .backend = &config->backends[backend], .run_dir = run_dir};
	t->features = features;
	t->pidfd = t->stderr_fd = t->status = -1;
}

/* In the environment of a transport's processes: the proof that keeper may kill them. */
static void format_token(const struct transport *t, char *token, size_t size)
{
	snprintf(token, size, TOKEN_NAME "=%s/%s", t->run_dir, t->backend->name);
}

static void name_epoch(struct transport *t, uint32_t epoch)
{
	snprintf(t->mountpoint, sizeof(t->mountpoint), "%s/mnt/%s/%u", t->run_dir, t->backend->name, epoch);
	snprintf(t->fsname, sizeof(t->fsname), "guardfs-backend:%s/%s/%u", t->config->name, t->backend->name,
		 epoch);
}

static const struct sshfs_features *known_features(const struct transport *t)
{
	const char *command = t->backend->sshfs_command[0] ? t->backend->sshfs_command : "sshfs";

	if (!atomic_load(&t->features->known)) {
		sshfs_features_detect(command, &t->features->features);
		atomic_store(&t->features->known, 1);
	}
	return &t->features->features;
}

static struct sshfs_target make_target(const struct transport *t)
{
	/* ssh should have said what is wrong before the try is given up. */
	uint32_t ms = t->config->connect_timeout_ms;

	return (struct sshfs_target){.mountpoint = t->mountpoint,
				     .fsname = t->fsname,
				     .connect_timeout_s = ms > 2000 ? (ms - 1000) / 1000 : 1,
				     .no_login = t->no_login};
}

uint64_t transport_memory_max(const struct transport *t)
{
	return (uint64_t)t->backend->max_memory_mib << 20;
}

/* In the child. sshfs outlives a killed keeper, its stderr's reader: hence SIGPIPE is ignored and there is no
 * PDEATHSIG. */
static void exec_sshfs(const struct transport *t)
{
	const struct sshfs_target target = make_target(t);
	char token[CONFIG_PATH_MAX + 64], message[CONFIG_ERROR_MAX];
	struct sshfs_command command;
	int null = open("/dev/null", O_RDONLY);

	setsid();
	signal(SIGPIPE, SIG_IGN);
	dup2(null, STDIN_FILENO);
	dup2(KEPT_STDERR, STDOUT_FILENO);
	dup2(KEPT_STDERR, STDERR_FILENO);
	format_token(t, token, sizeof(token));
	if (chdir("/") < 0 || putenv(token) != 0 || setenv("LC_ALL", "C", 1) != 0)
		_exit(127);
	if (sshfs_command_build(&command, t->backend, known_features(t), &target, message) == 0) {
		syscall(SYS_close_range, 3u, ~0u, 0);
		execvp(command.argv[0], command.argv);
		snprintf(message, sizeof(message), "cannot execute %.200s: %s (is sshfs installed?)",
			 command.argv[0], strerror(errno));
	}
	dprintf(STDERR_FILENO, "%s\n", message);
	_exit(127);
}

/* Built once beforehand, for its complaints. */
static errint_t check_command(struct transport *t, char *message)
{
	const struct sshfs_features none = {0};
	const struct sshfs_target target = make_target(t);
	struct sshfs_command command;
	errint_t rc = sshfs_command_build(&command, t->backend, &none, &target, message);

	if (rc == 0 && message[0] && !t->warned)
		log_warning("backend %s: %s", t->backend->name, message);
	t->warned = true;
	return rc;
}

static errint_t fork_sshfs(struct transport *t)
{
	CLEANUP_FD int out = -1;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	out = fds[1];
	t->stderr_fd = fds[0];
	if (fcntl(t->stderr_fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	t->pid = spawn_fork(&out, 1);
	if (t->pid == 0)
		exec_sshfs(t);
	if (t->pid < 0)
		return t->pid;
	t->pidfd = spawn_pidfd(t->pid);
	if (t->pidfd < 0)
		return t->pidfd;
	child_state(t->pid, &t->start);
	return 0;
}

errint_t transport_start(struct transport *t, uint32_t epoch, char *message, enum errclass *class)
{
	errint_t rc;

	transport_forget(t);
	name_epoch(t, epoch);
	*class = ERRCLASS_CONFIG;
	rc = check_command(t, message);
	if (rc < 0)
		return rc;
	rc = fd_mkdir_parents(t->mountpoint, 0700);
	if (rc == 0)
		rc = fork_sshfs(t);
	if (rc < 0)
		snprintf(message, CONFIG_ERROR_MAX, "starting sshfs at %.256s: %s", t->mountpoint,
			 strerror(-rc));
	return rc;
}

errint_t transport_adopt(struct transport *t, pid_t pid, uint64_t start, uint32_t epoch)
{
	uint64_t found = 0;
	char state;

	name_epoch(t, epoch);
	t->pid = pid;
	t->start = start;
	t->pidfd = spawn_pidfd(pid);
	state = child_state(pid, &found);
	if (t->pidfd >= 0 && state != 0 && state != 'Z' && state != 'X' && found == start)
		return 0;
	if (t->pidfd >= 0)
		close(t->pidfd);
	t->pidfd = -1;
	return -ESRCH;
}

void transport_read(struct transport *t)
{
	char chunk[512];
	ssize_t n;

	while (t->stderr_fd >= 0 && (n = read(t->stderr_fd, chunk, sizeof(chunk))) != -1) {
		size_t keep = sizeof(t->text) - (size_t)n;

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

	format_token(t, token, sizeof(token));
	return transport_dead(t) && !fence_session_left(t->pid, token);
}

void transport_reaped(struct transport *t, pid_t pid, int status)
{
	if (t->pid == pid && t->pidfd >= 0)
		t->status = status;
}

enum errclass transport_diagnose(struct transport *t, char *detail, size_t size)
{
	enum errclass class;

	transport_read(t);
	class = sshfs_diagnose(t->text, t->used, detail, size);
	if (class != ERRCLASS_NONE)
		return class;
	if (detail[0] == '\0' && t->status != -1 && WIFSIGNALED(t->status))
		snprintf(detail, size, "sshfs was killed by signal %d", WTERMSIG(t->status));
	else if (detail[0] == '\0' && t->status != -1)
		snprintf(detail, size, "sshfs exited with status %d", WEXITSTATUS(t->status));
	else if (detail[0] == '\0')
		snprintf(detail, size, "sshfs ended");
	return ERRCLASS_SERVER_GONE;
}

bool transport_mounted(const struct transport *t)
{
	struct mount_entry e;

	return mount_find_at(t->mountpoint, &e) == 0 && strcmp(e.fstype, SSHFS_FSTYPE) == 0 &&
	       strcmp(e.source, t->fsname) == 0;
}

void transport_kill(struct transport *t)
{
	char token[CONFIG_PATH_MAX + 64];

	format_token(t, token, sizeof(token));
	fence_kill_session(t->pid, token);
	if (t->pidfd >= 0) /* also before exec */
		syscall(SYS_pidfd_send_signal, t->pidfd, SIGKILL, NULL, 0);
}

unsigned transport_signal(const struct transport *t, int signal)
{
	char token[CONFIG_PATH_MAX + 64];

	format_token(t, token, sizeof(token));
	return fence_signal_session(t->pid, token, signal);
}

uint64_t transport_received(const struct transport *t)
{
	return transport_dead(t) ? 0 : fence_session_received(t->pid);
}

uint64_t transport_memory(const struct transport *t)
{
	char path[32], text[128];
	unsigned long long resident;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)t->pid);
	if (transport_dead(t) || fd_read_file(path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%*u %llu", &resident) != 1)
		return 0;
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

void transport_bound_memory(const struct transport *t)
{
	uint64_t bytes = transport_memory_max(t) + MEMORY_MORE;
	struct rlimit limit;

	if (prlimit(t->pid, RLIMIT_DATA, NULL, &limit) < 0 || limit.rlim_cur <= bytes)
		return;
	limit.rlim_cur = bytes;
	if (prlimit(t->pid, RLIMIT_DATA, &limit, NULL) < 0)
		log_warning("backend %s: the memory of its sshfs is not bounded: %s", t->backend->name,
			    strerror(errno));
}

struct detach_list {
	const char *prefix;
	size_t n;
	char paths[DETACH_MAX][CONFIG_PATH_MAX + 128];
};

static bool collect_mount(void *arg, const struct mount_entry *e)
{
	struct detach_list *list = arg;

	if (strncmp(e->mountpoint, list->prefix, strlen(list->prefix)) == 0)
		(void)copy_string(list->paths[list->n++], sizeof(list->paths[0]), e->mountpoint);
	return list->n == DETACH_MAX;
}

void transport_detach(const struct transport *t)
{
	char prefix[CONFIG_PATH_MAX + 128];
	struct detach_list list = {.prefix = prefix};

	snprintf(prefix, sizeof(prefix), "%s/mnt/%s/", t->run_dir, t->backend->name);
	if (mount_scan(collect_mount, &list) < 0)
		return;
	while (list.n-- > 0) {
		if (umount2(list.paths[list.n], MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			log_warning("backend %s: detaching %s: %s", t->backend->name, list.paths[list.n],
				    strerror(errno));
		rmdir(list.paths[list.n]);
	}
	rmdir(t->mountpoint); /* a try that never mounted */
	prefix[strlen(prefix) - 1] = '\0';
	rmdir(prefix);
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
	t->used = 0;
}
