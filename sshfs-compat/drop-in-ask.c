/* Who answers ssh's questions for passwords and passphrases. */
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mounts.h"
#include "sshfs-compat/drop-in.h"
#include "sshfs-compat/sshfs-compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PROMPT_MAX 512
#define ANSWER_MAX 1024
#define KEPT_MAX   8
/* Each connection may have an ssh for a jump host as well. */
#define ASKERS_MAX 16
/* From the login to the mount. */
#define MOUNT_MS 60000u
/* A look at the mount table for which nothing gave reason. */
#define LOOK_MS 60000
#define YES	'y'
#define NO	'n'
#define REFUSED 'r' /* the same ssh has had the answer */

/* What ssh asks for (SSH_ASKPASS_PROMPT). */
enum kind { KIND_SECRET, KIND_CONFIRM, KIND_NOTICE };

/* An ssh. */
struct ssh_id {
	pid_t pid;
	uint64_t start;
};

struct question {
	char kind;
	struct ssh_id ssh;
	char prompt[PROMPT_MAX];
};

struct answer {
	char verdict;
	char text[ANSWER_MAX];
};

/* Of the asker alone. */
static struct asking {
	int control, listener;
	/* "": none is left. */
	char password[ANSWER_MAX];
	bool settled;
	uint32_t n_kept;
	struct kept {
		char prompt[PROMPT_MAX], text[ANSWER_MAX];
		/* Who has had it, the latest ones: a ring. */
		struct ssh_id told[ASKERS_MAX];
		uint32_t n_told;
	} kept[KEPT_MAX];
	char socket[CONFIG_PATH_MAX + 8], mountpoint[CONFIG_PATH_MAX];
	/* Of its socket. */
	uint64_t inode;
} asking;

/* ---- the terminal ---- */

static volatile sig_atomic_t interrupted_by;

static void note_signal(int sig)
{
	interrupted_by = sig;
}

static errint_t read_line(int tty, char *text, size_t size)
{
	size_t n = 0;
	char c;

	for (;;) {
		ssize_t got = read(tty, &c, 1);

		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		if (c == '\n')
			break;
		if (n + 1 < size)
			text[n++] = c;
	}
	text[n] = '\0';
	return 0;
}

/* A server's words must not steer the terminal. */
static void show(int tty, const char *text)
{
	char clean[PROMPT_MAX];
	size_t n = 0;

	for (; *text && n + 1 < sizeof(clean); text++)
		clean[n++] = ((unsigned char)*text < ' ' && *text != '\n') || *text == 0x7f ? '?' : *text;
	if (write(tty, clean, n) < 0)
		errno = 0; /* it is gone: the answer will fail */
}

static errint_t ask_terminal(const char *prompt, bool echo, char *text, size_t size)
{
	static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	const struct sigaction noting = {.sa_handler = note_signal}; /* no SA_RESTART */
	CLEANUP_FD int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct sigaction before[ARRAY_SIZE(ending)];
	struct termios usual, quiet;
	errint_t rc;

	if (tty < 0 || tcgetattr(tty, &usual) < 0)
		return -ENOTTY;
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		(void)sigaction(ending[i], &noting, &before[i]);
	quiet = usual;
	if (!echo)
		quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(tty, TCSAFLUSH, &quiet);
	show(tty, prompt);
	rc = read_line(tty, text, size);
	(void)tcsetattr(tty, TCSAFLUSH, &usual);
	if (!echo)
		show(tty, "\n");
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		(void)sigaction(ending[i], &before[i], NULL);
	if (interrupted_by)
		raise(interrupted_by);
	return rc;
}

/* ---- answers ---- */

static struct kept *find_kept(const char *prompt)
{
	for (uint32_t i = 0; i < asking.n_kept; i++)
		if (strcmp(asking.kept[i].prompt, prompt) == 0)
			return &asking.kept[i];
	return NULL;
}

/* The last answer was the right one. */
static void keep_answer(const char *prompt, const char *text)
{
	struct kept *k = find_kept(prompt);

	if (!k && asking.n_kept < KEPT_MAX)
		k = &asking.kept[asking.n_kept++];
	if (!k)
		return;
	(void)copy_string(k->prompt, sizeof(k->prompt), prompt);
	(void)copy_string(k->text, sizeof(k->text), text);
}

static bool is_for_password(const char *prompt)
{
	return strcasestr(prompt, "password") || strcasestr(prompt, "passphrase");
}

static bool is_for_key(const char *prompt)
{
	return strncmp(prompt, "Enter passphrase for key", 24) == 0 || strstr(prompt, "PIN");
}

/* It may be given again. */
static bool is_lasting(const char *prompt)
{
	bool once = strcasestr(prompt, "one-time") || strcasestr(prompt, "one time") || strstr(prompt, "OTP");

	return !once && (is_for_password(prompt) || strstr(prompt, "PIN"));
}

/* A yes or a no, which is to be seen. */
static bool is_plain_question(const struct question *q)
{
	return q->kind != KIND_SECRET || strstr(q->prompt, "(yes/no");
}

static void answer_before(const struct question *q, struct answer *a)
{
	if (q->kind == KIND_NOTICE) {
		CLEANUP_FD int tty = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY);

		if (tty >= 0)
			show(tty, q->prompt);
		a->verdict = YES;
		return;
	}
	if (asking.password[0] && !is_plain_question(q) && is_for_password(q->prompt)) {
		(void)copy_string(a->text, sizeof(a->text), asking.password);
		/* One that was wrong is not tried again. */
		explicit_bzero(asking.password, sizeof(asking.password));
	} else if (ask_terminal(q->prompt, is_plain_question(q), a->text, sizeof(a->text)) < 0) {
		return;
	}
	a->verdict = YES;
	if (q->kind == KIND_CONFIRM && strcasecmp(a->text, "yes") != 0)
		a->verdict = NO;
	if (!is_plain_question(q) && is_lasting(q->prompt))
		keep_answer(q->prompt, a->text);
}

/* One that asks again was refused. NumberOfPasswordPrompts does not tell it so: a jump host's ssh gets no options. */
static bool was_told(const struct kept *k, const struct ssh_id *ssh)
{
	for (uint32_t i = 0; i < k->n_told && i < ASKERS_MAX; i++)
		if (k->told[i].pid == ssh->pid && k->told[i].start == ssh->start)
			return true;
	return false;
}

/* Nobody is there. */
static void answer_after(const struct question *q, struct answer *a)
{
	struct kept *k = q->kind == KIND_SECRET ? find_kept(q->prompt) : NULL;

	if (!k)
		return;
	if (was_told(k, &q->ssh)) {
		a->verdict = REFUSED;
		return;
	}
	k->told[k->n_told++ % ASKERS_MAX] = q->ssh;
	(void)copy_string(a->text, sizeof(a->text), k->text);
	a->verdict = YES;
}

static bool is_same_user(int sock)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.uid == geteuid();
}

static void serve_question(void)
{
	CLEANUP_FD int sock = accept4(asking.listener, NULL, NULL, SOCK_CLOEXEC);
	const struct timeval limit = {.tv_sec = 2};
	struct answer a = {.verdict = NO};
	struct question q;
	ssize_t n;

	if (sock < 0 || !is_same_user(sock))
		return;
	(void)setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	n = recv(sock, &q, sizeof(q), 0);
	if (n != (ssize_t)sizeof(q))
		return;
	q.prompt[sizeof(q.prompt) - 1] = '\0';
	if (asking.settled)
		answer_after(&q, &a);
	else
		answer_before(&q, &a);
	if (send(sock, &a, sizeof(a), MSG_NOSIGNAL) < 0)
		errno = 0; /* ssh has given up */
	explicit_bzero(&a, sizeof(a));
}

/* ---- the asker ---- */

static bool is_mounted(void)
{
	struct mount_entry there;

	return mount_find_at(asking.mountpoint, &there) == 0 && mount_is_fuse(&there);
}

static void leave_terminal(void)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		(void)dup2(null, fd);
	if (chdir("/") < 0)
		errno = 0; /* it only keeps a directory busy */
}

/* False: the asker is not needed. */
static bool settle(ssize_t n, const char *mountpoint)
{
	char verdict;

	if (n <= 0 || (size_t)n >= sizeof(asking.mountpoint))
		return false;
	memcpy(asking.mountpoint, mountpoint, (size_t)n);
	verdict = asking.n_kept ? YES : NO;
	if (send(asking.control, &verdict, 1, MSG_NOSIGNAL) != 1 || verdict == NO)
		return false;
	asking.settled = true;
	explicit_bzero(asking.password, sizeof(asking.password));
	leave_terminal();
	return true;
}

/* False: the end. */
static bool serve_control(void)
{
	char mountpoint[CONFIG_PATH_MAX];
	ssize_t n = recv(asking.control, mountpoint, sizeof(mountpoint), 0);

	if (!asking.settled)
		return settle(n, mountpoint);
	close(asking.control);
	asking.control = -1;
	return n == 0;
}

static void run_asker(void)
{
	CLEANUP_FD int table = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	uint64_t until_ns = 0;
	bool mounted = false;

	for (;;) {
		struct pollfd p[] = {{.fd = asking.listener, .events = POLLIN},
				     {.fd = asking.control, .events = POLLIN},
				     {.fd = asking.settled ? table : -1, .events = POLLPRI}};

		if (poll(p, ARRAY_SIZE(p),
			 !asking.settled ? -1
			 : mounted	 ? LOOK_MS
					 : 1000) < 0 &&
		    errno != EINTR)
			return;
		if (p[0].revents & POLLIN)
			serve_question();
		if (p[1].revents && !serve_control())
			return;
		if (!asking.settled)
			continue;
		if (!until_ns)
			until_ns = clock_mono_ns() + MOUNT_MS * NSEC_PER_MSEC;
		if (is_mounted())
			mounted = true;
		else if (mounted || clock_mono_ns() >= until_ns)
			return;
	}
}

static uint64_t inode_of_socket(void)
{
	struct stat st;

	return lstat(asking.socket, &st) == 0 ? st.st_ino : 0;
}

/* guardfs may have ended before: its directory is ours to remove. Where all was killed, and the mount made again, the
 * socket is the next asker's. */
static void remove_socket(void)
{
	char *slash;

	if (inode_of_socket() != asking.inode)
		return;
	(void)unlink(asking.socket);
	slash = strrchr(asking.socket, '/');
	if (slash)
		*slash = '\0';
	if (rmdir(asking.socket) < 0)
		errno = 0; /* it is in use */
}

/* Secrets are in its memory. */
static void shut_off_asker(void)
{
	const struct rlimit none = {0, 0};

	prctl(PR_SET_NAME, "sshfs-guard-ask");
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	if (mlock(&asking, sizeof(asking)) < 0)
		errno = 0; /* beyond its limit they may be swapped out */
}

static int make_listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int sock;

	if (copy_string(address.sun_path, sizeof(address.sun_path), path) < 0)
		return -ENAMETOOLONG;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	(void)unlink(path);
	if (bind(sock, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(sock, 4) < 0) {
		errint_t rc = -errno;

		close(sock);
		return rc;
	}
	return sock;
}

static void set_environment(const char *socket)
{
	char self[CONFIG_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return;
	self[n] = '\0';
	(void)setenv("SSH_ASKPASS", self, 1);
	(void)setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	(void)setenv(DROP_IN_ASK_SOCKET, socket, 1);
}

/* At reconnects no program is to open windows. */
static void clear_environment(void)
{
	(void)unsetenv("SSH_ASKPASS");
	(void)unsetenv("SSH_ASKPASS_REQUIRE");
	(void)unsetenv(DROP_IN_ASK_SOCKET);
}

/* The caller's copy is on its stack, which is not locked. */
static void wipe(char *password)
{
	if (password)
		explicit_bzero(password, strlen(password));
}

static void be_asker(int control, int listener, const char *socket, char *password)
{
	shut_off_asker();
	asking.control = control;
	asking.listener = listener;
	(void)copy_string(asking.password, sizeof(asking.password), password ? password : "");
	wipe(password);
	(void)copy_string(asking.socket, sizeof(asking.socket), socket);
	asking.inode = inode_of_socket();
	run_asker();
	remove_socket();
	explicit_bzero(&asking, sizeof(asking));
	_exit(0);
}

errint_t drop_in_asker_start(struct drop_in_asker *a, const char *socket, char *password)
{
	int pair[2], listener = make_listener(socket);

	if (listener < 0) {
		wipe(password);
		return listener;
	}
	if (copy_string(a->socket, sizeof(a->socket), socket) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		wipe(password);
		close(listener);
		return -EIO;
	}
	a->pid = fork();
	if (a->pid == 0) {
		close(pair[0]);
		be_asker(pair[1], listener, socket, password);
	}
	wipe(password);
	close(pair[1]);
	close(listener);
	a->control = pair[0];
	if (a->pid < 0)
		return -errno;
	set_environment(socket);
	return 0;
}

bool drop_in_asker_settle(struct drop_in_asker *a, const char *mountpoint)
{
	char verdict = NO;

	if (a->control < 0)
		return false;
	if (send(a->control, mountpoint, strlen(mountpoint), MSG_NOSIGNAL) < 0 ||
	    recv(a->control, &verdict, 1, 0) != 1)
		verdict = NO;
	if (verdict == NO)
		drop_in_asker_end(a);
	return verdict == YES;
}

void drop_in_asker_end(struct drop_in_asker *a)
{
	if (a->control < 0)
		return;
	clear_environment();
	/* Settled or not: it gives up. */
	kill(a->pid, SIGTERM);
	close(a->control);
	a->control = -1;
	while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
		;
	(void)unlink(a->socket);
}

/* ---- the program that ssh runs ---- */

static char kind_asked(void)
{
	const char *kind = getenv("SSH_ASKPASS_PROMPT");

	if (kind && strcmp(kind, "confirm") == 0)
		return KIND_CONFIRM;
	return kind && strcmp(kind, "none") == 0 ? KIND_NOTICE : KIND_SECRET;
}

/* YES: the answer was printed. */
static char print_answer(const char *path, const struct question *q)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP_FD int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct answer a = {.verdict = NO};

	if (sock < 0 || copy_string(address.sun_path, sizeof(address.sun_path), path) < 0 ||
	    connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    send(sock, q, sizeof(*q), MSG_NOSIGNAL) < 0 || recv(sock, &a, sizeof(a), 0) != (ssize_t)sizeof(a))
		return NO;
	a.text[sizeof(a.text) - 1] = '\0';
	if (a.verdict == YES && (puts(a.text) < 0 || fflush(stdout) != 0))
		a.verdict = NO;
	explicit_bzero(a.text, sizeof(a.text));
	return a.verdict;
}

/* keeper has seen a password refused. A jump host's ssh is told nothing but this. */
static bool is_withheld(const struct question *q)
{
	return getenv(SSH_ASK_NO_PASSWORD) && !is_plain_question(q) && !is_for_key(q->prompt);
}

/* Without an answer ssh sends an empty one, but for a key's passphrase: then it goes on to the next key. */
static bool would_be_sent(const struct question *q)
{
	return !is_plain_question(q) && strncmp(q->prompt, "Enter passphrase for key", 24) != 0;
}

int drop_in_ask(const char *path, const char *prompt)
{
	struct question q = {.kind = kind_asked(), .ssh.pid = getppid()};
	char verdict = REFUSED;

	(void)child_state(q.ssh.pid, &q.ssh.start);
	(void)copy_string(q.prompt, sizeof(q.prompt), prompt);
	if (!is_withheld(&q))
		verdict = print_answer(path, &q);
	if (verdict == YES)
		return 0;
	if (would_be_sent(&q)) {
		/* Its class is that of a failed login. */
		fputs(verdict == REFUSED
			  ? "Permission denied (a password was refused; none is sent for an hour)\n"
			  : "Permission denied (nobody is there who knows the answer)\n",
		      stderr);
		if (q.ssh.pid == getppid() && q.ssh.pid > 1)
			kill(q.ssh.pid, SIGTERM);
	}
	return 1;
}
