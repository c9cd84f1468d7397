/* fdstore: as much of systemd as guardfs needs to survive its own death: a notify socket that keeps
 * descriptors, and a restart with them.
 *
 *     fdstore SOCKET COMMAND [ARG...]
 *
 * Starts the command with NOTIFY_SOCKET; keeps what it sends with FDSTORE=1 (by FDNAME), drops it at
 * FDSTOREREMOVE=1. When the command is killed by a signal it is started again at once with LISTEN_PID,
 * LISTEN_FDS and LISTEN_FDNAMES, as systemd does with Restart=on-failure. Other processes of the command are
 * left alone (KillMode=process). When it exits, or at SIGTERM (passed on), fdstore drops everything and exits
 * with its status. Each event is a line on standard output: started PID, ready, status TEXT, stored NAME,
 * removed NAME, killed SIGNAL, exited STATUS. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/base.h"

#define STORE_MAX    16
#define RESTARTS_MAX 5000
#define NAME_SIZE    64
#define FIRST_FD     3	 /* where the sd_listen_fds protocol begins */
#define KEEP_FD	     100 /* ours lie from here on, out of the way of FIRST_FD... */

static struct {
	int socket, signals;
	sigset_t old_mask;
	unsigned n;
	int fd[STORE_MAX];
	char name[STORE_MAX][NAME_SIZE];
	pid_t child;
	unsigned restarts;
	char **command;
} store;

static void fail(const char *what)
{
	fprintf(stderr, "fdstore: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int move_high(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, KEEP_FD);

	if (high < 0)
		fail("dup");
	close(fd);
	return high;
}

static void open_socket(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		fail(path);
	}
	strcpy(a.sun_path, path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fail(path);
	setenv("NOTIFY_SOCKET", path, 1);
	store.socket = move_high(fd);
}

/* In the child: the stored descriptors from FIRST_FD on, and the environment that tells of them. */
static void hand_over(void)
{
	char number[16], names[STORE_MAX * NAME_SIZE] = "";

	for (unsigned i = 0; i < store.n; i++) {
		if (dup2(store.fd[i], FIRST_FD + (int)i) < 0)
			_exit(1);
		if (i > 0)
			strcat(names, ":");
		strcat(names, store.name[i]);
	}
	if (store.n == 0)
		return;
	snprintf(number, sizeof(number), "%u", store.n);
	setenv("LISTEN_FDS", number, 1);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

static void start(void)
{
	store.child = fork();
	if (store.child < 0)
		fail("fork");
	if (store.child == 0) {
		sigprocmask(SIG_SETMASK, &store.old_mask, NULL);
		hand_over();
		execvp(store.command[0], store.command);
		_exit(127);
	}
	printf("started %d with %u descriptors\n", store.child, store.n);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino &&
	       S_ISREG(x.st_mode);
}

static void keep(int fd, const char *name)
{
	for (unsigned i = 0; i < store.n; i++) {
		if (same_file(fd, store.fd[i])) {
			close(fd);
			return;
		}
	}
	if (store.n == STORE_MAX) {
		printf("full\n");
		close(fd);
		return;
	}
	store.fd[store.n] = move_high(fd);
	snprintf(store.name[store.n], NAME_SIZE, "%s", *name ? name : "stored");
	printf("stored %s\n", store.name[store.n]);
	store.n++;
}

static void drop(const char *name)
{
	for (unsigned i = 0; i < store.n;) {
		if (strcmp(store.name[i], name) != 0) {
			i++;
			continue;
		}
		printf("removed %s\n", name);
		close(store.fd[i]);
		store.n--;
		store.fd[i] = store.fd[store.n];
		memcpy(store.name[i], store.name[store.n], NAME_SIZE);
	}
}

static void handle(char *text, const int *fds, unsigned n_fds)
{
	bool keeps = false, drops = false;
	char name[NAME_SIZE] = "";

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		keeps |= strcmp(line, "FDSTORE=1") == 0;
		drops |= strcmp(line, "FDSTOREREMOVE=1") == 0;
		if (strcmp(line, "READY=1") == 0)
			printf("ready\n");
		else if (strncmp(line, "STATUS=", 7) == 0)
			printf("status %s\n", line + 7);
		else if (strncmp(line, "FDNAME=", 7) == 0)
			snprintf(name, sizeof(name), "%s", line + 7);
	}
	for (unsigned i = 0; i < n_fds; i++) {
		if (keeps)
			keep(fds[i], name);
		else
			close(fds[i]);
	}
	if (drops)
		drop(name);
}

static void receive(void)
{
	char text[4097], control[CMSG_SPACE(sizeof(int) * 64)];
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr msg = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(store.socket, &msg, MSG_CMSG_CLOEXEC);
	int fds[64];
	unsigned n_fds = 0;

	if (n < 0)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), n_fds * sizeof(int));
	}
	text[n] = '\0';
	handle(text, fds, n_fds);
}

static void child_ended(int status)
{
	/* What it sent last is in the socket still. */
	struct pollfd p = {.fd = store.socket, .events = POLLIN};

	while (poll(&p, 1, 0) > 0)
		receive();
	if (WIFEXITED(status)) {
		printf("exited %d\n", WEXITSTATUS(status));
		exit(WEXITSTATUS(status));
	}
	printf("killed %d\n", WTERMSIG(status));
	if (++store.restarts > RESTARTS_MAX)
		exit(1);
	start();
}

static void read_signal(void)
{
	struct signalfd_siginfo info;
	int status;

	if (read(store.signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGCHLD) {
		kill(store.child, (int)info.ssi_signo);
		return;
	}
	/* Reap only the child itself; its own children may have become ours. */
	if (waitpid(store.child, &status, WNOHANG) == store.child)
		child_ended(status);
}

int main(int argc, char **argv)
{
	sigset_t mask;

	if (argc < 3) {
		fprintf(stderr, "usage: fdstore SOCKET COMMAND [ARG...]\n");
		return 100;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_socket(argv[1]);
	store.command = argv + 2;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, &store.old_mask);
	store.signals = move_high(signalfd(-1, &mask, SFD_CLOEXEC));
	start();
	for (;;) {
		struct pollfd p[2] = {{.fd = store.socket, .events = POLLIN},
				      {.fd = store.signals, .events = POLLIN}};

		poll(p, 2, -1);
		if (p[0].revents)
			receive();
		if (p[1].revents)
			read_signal();
	}
}
