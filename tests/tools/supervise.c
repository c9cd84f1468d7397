/* supervise: runs one test case so that nothing of it can outlive it or disturb its neighbours.
 *
 *     supervise --limit SECONDS --work DIR -- COMMAND [ARG...]
 *
 * The command gets a mount namespace (shared propagation inside, as on a systemd host) and a network
 * namespace with a loopback of its own. Whatever it starts, daemons included, stays a descendant of
 * supervise, which is a subreaper. When the command ends, what is left of processes or mounts below DIR is
 * reported, removed, and counts as a failure. At the time limit the stacks of all threads are printed and
 * everything is killed.
 *
 * Exit status: the command's; 124 at the time limit; 125 if the command passed but left something behind. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/base.h"
#include "base/clock.h"

#define PIDS_MAX      4096
#define STATUS_LIMIT  124
#define STATUS_LEAK   125
#define GRACE_NS      3000000000ull /* what a case ended properly may need to be gone */
#define KILL_GRACE_NS 5000000000ull

struct options {
	unsigned limit_s;
	const char *work;
	char **command;
};

struct pid_list {
	unsigned n;
	pid_t pid[PIDS_MAX], parent[PIDS_MAX];
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "supervise: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(100);
}

static void read_small(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, buf, size - 1) : -1;

	buf[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* Parent and state letter from /proc/PID/stat; the name in it may hold anything, so look behind the last
 * parenthesis. */
static pid_t parent_of(pid_t pid, char *state)
{
	char path[64], text[1024], *p;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	read_small(path, text, sizeof(text));
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1, " %c %d", state, &parent) != 2)
		return 0;
	return parent;
}

static void list_all(struct pid_list *all)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	char state;

	all->n = 0;
	while (proc && (e = readdir(proc)) && all->n < PIDS_MAX) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		all->pid[all->n] = (pid_t)atoi(e->d_name);
		all->parent[all->n] = parent_of(all->pid[all->n], &state);
		all->n++;
	}
	if (proc)
		closedir(proc);
}

static pid_t lookup_parent(const struct pid_list *all, pid_t pid)
{
	for (unsigned i = 0; i < all->n; i++) {
		if (all->pid[i] == pid)
			return all->parent[i];
	}
	return 0;
}

static bool descends_from(const struct pid_list *all, pid_t pid, pid_t ancestor)
{
	for (unsigned depth = 0; pid > 1 && depth < 64; depth++) {
		pid = lookup_parent(all, pid);
		if (pid == ancestor)
			return true;
	}
	return false;
}

static void list_descendants(struct pid_list *list)
{
	static struct pid_list all;

	list_all(&all);
	list->n = 0;
	for (unsigned i = 0; i < all.n; i++) {
		if (descends_from(&all, all.pid[i], getpid()))
			list->pid[list->n++] = all.pid[i];
	}
}

static void print_process(pid_t pid)
{
	char path[64], cmdline[1024];
	char state = '?';
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, cmdline, sizeof(cmdline) - 1) : 0;
	if (fd >= 0)
		close(fd);
	cmdline[n > 0 ? n : 0] = '\0';
	for (ssize_t i = 0; i + 1 < n; i++) {
		if (cmdline[i] == '\0')
			cmdline[i] = ' ';
	}
	parent_of(pid, &state);
	printf("  pid %d state %c: %s\n", pid, state, cmdline);
}

/* For each thread: what it does in the kernel. */
static void print_stacks(pid_t pid)
{
	char path[300], text[4096];
	DIR *tasks;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (e = readdir(tasks))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/syscall", pid, e->d_name);
		read_small(path, text, sizeof(text));
		text[strcspn(text, "\n")] = '\0';
		printf("    thread %s syscall %s\n", e->d_name, text);
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/stack", pid, e->d_name);
		read_small(path, text, sizeof(text));
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			printf("      %s\n", line);
	}
	if (tasks)
		closedir(tasks);
}

static void print_all(bool stacks)
{
	static struct pid_list list;

	list_descendants(&list);
	for (unsigned i = 0; i < list.n; i++) {
		print_process(list.pid[i]);
		if (stacks)
			print_stacks(list.pid[i]);
	}
	fflush(stdout);
}

static void reap(pid_t main_pid, int *main_status)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == main_pid)
			*main_status = status;
	}
}

/* Waits for the next SIGCHLD, at most until `until`. */
static void wait_child(int signals, uint64_t until)
{
	struct signalfd_siginfo info;
	struct pollfd p = {.fd = signals, .events = POLLIN};
	uint64_t now = clock_mono_ns();

	if (now < until && poll(&p, 1, (int)((until - now) / 1000000 + 1)) > 0)
		(void)!read(signals, &info, sizeof(info));
}

static bool wait_all_gone(int signals, uint64_t grace_ns)
{
	static struct pid_list list;
	uint64_t end = clock_mono_ns() + grace_ns;
	int ignored;

	for (;;) {
		reap(0, &ignored);
		list_descendants(&list);
		if (list.n == 0)
			return true;
		if (clock_mono_ns() >= end)
			return false;
		wait_child(signals, clock_mono_ns() + 20000000);
	}
}

/* Frees threads stuck in FUSE mounts of this namespace: killing alone does not. */
static void abort_fuse(const char *work)
{
	char line[4096], path[64], point[2048], type[64];
	unsigned minor;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		const char *dash = strstr(line, " - ");

		if (!dash || sscanf(line, "%*d %*d %*d:%u %*s %2047s", &minor, point) != 2 ||
		    sscanf(dash, " - %63s", type) != 1)
			continue;
		if (strncmp(type, "fuse", 4) != 0 || strncmp(point, work, strlen(work)) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", minor);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd >= 0) {
			(void)!write(fd, "1", 1);
			close(fd);
		}
	}
	if (f)
		fclose(f);
}

/* Detaches the mounts below work, last first. Returns how many there were. */
static unsigned detach_mounts(const char *work, bool quiet)
{
	char line[4096], point[2048], last[2048];
	unsigned n = 0;

	for (; n < 1000; n++) {
		FILE *f = fopen("/proc/self/mountinfo", "re");

		last[0] = '\0';
		while (f && fgets(line, sizeof(line), f)) {
			if (sscanf(line, "%*d %*d %*s %*s %2047s", point) == 1 &&
			    strncmp(point, work, strlen(work)) == 0)
				memcpy(last, point, sizeof(last));
		}
		if (f)
			fclose(f);
		if (last[0] == '\0')
			break;
		if (!quiet)
			printf("left mounted: %s\n", last);
		if (umount2(last, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
			break;
	}
	return n;
}

static void kill_all(int signals, const char *work)
{
	static struct pid_list list;

	abort_fuse(work);
	for (unsigned round = 0; round < 10; round++) {
		list_descendants(&list);
		for (unsigned i = 0; i < list.n; i++)
			kill(list.pid[i], SIGKILL);
		if (wait_all_gone(signals, KILL_GRACE_NS / 10))
			return;
	}
	printf("could not be killed:\n");
	print_all(true);
}

static void isolate(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int s;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0)
		die("cannot make namespaces: %s (root is needed)", strerror(errno));
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) != 0)
		die("cannot change mount propagation: %s", strerror(errno));
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &lo) != 0)
		die("cannot bring up the loopback: %s", strerror(errno));
	close(s);
	/* For abort_fuse(); usually there already. */
	(void)!mount("fusectl", "/sys/fs/fuse/connections", "fusectl", 0, NULL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		die("cannot become a subreaper: %s", strerror(errno));
}

static pid_t start(char **command, const sigset_t *old)
{
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, old, NULL);
	execvp(command[0], command);
	fprintf(stderr, "supervise: cannot run %s: %s\n", command[0], strerror(errno));
	_exit(100);
}

static void parse(int argc, char **argv, struct options *o)
{
	int i = 1;

	*o = (struct options){.limit_s = 60};
	for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
		if (strcmp(argv[i], "--limit") == 0)
			o->limit_s = (unsigned)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--work") == 0)
			o->work = argv[i + 1];
		else
			die("unknown option %s", argv[i]);
	}
	o->command = argv + i + 1;
	if (i + 1 >= argc || !o->work || o->work[0] != '/' || strlen(o->work) < 5)
		die("usage: supervise --limit SECONDS --work DIR -- COMMAND...");
}

/* Returns the command's wait status, or -1 at the limit. */
static int wait_command(pid_t pid, int signals, uint64_t end)
{
	int status = -1;

	while (status == -1 && clock_mono_ns() < end) {
		reap(pid, &status);
		if (status == -1)
			wait_child(signals, end);
	}
	return status;
}

static int finish(const struct options *o, int signals)
{
	bool gone = wait_all_gone(signals, GRACE_NS);

	if (!gone) {
		printf("left running:\n");
		print_all(false);
		kill_all(signals, o->work);
	}
	return detach_mounts(o->work, false) > 0 || !gone ? STATUS_LEAK : 0;
}

/* Of everything that was started: all of it was reaped here. */
static void print_cpu(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_CHILDREN, &u) == 0)
		printf("cpu: %.1f s\n", (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
					    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
}

int main(int argc, char **argv)
{
	struct options o;
	sigset_t mask, old;
	int signals, status, leak;

	parse(argc, argv, &o);
	isolate();
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &old);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN); /* whoever reads the output may have enough; the cleaning up goes on */
	status = wait_command(start(o.command, &old), signals,
			      clock_mono_ns() + (uint64_t)o.limit_s * 1000000000ull);
	if (status == -1) {
		printf("time limit of %u s reached; processes and their stacks:\n", o.limit_s);
		print_all(true);
		kill_all(signals, o.work);
		detach_mounts(o.work, true);
		return STATUS_LIMIT;
	}
	leak = finish(&o, signals);
	print_cpu();
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return status == 0 || status == 77 ? (leak ? leak : status) : status;
}
