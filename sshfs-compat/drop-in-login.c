/* sshfs-guard's first login, on the terminal, before anything is mounted. */
#include "sshfs-compat/drop-in.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "sshfs-compat/sshfs-compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOGIN_TIMEOUT_S 30u
#define WORDS_MAX	4096
/* A server that has let one in, and then says nothing. */
#define ANSWER_MS 20000
#define REPLY_MAX 4096u

enum { FXP_INIT = 1, FXP_VERSION = 2, FXP_STAT = 17, FXP_STATUS = 101, FXP_ATTRS = 105 };
enum { FX_NO_SUCH_FILE = 2, FX_PERMISSION_DENIED = 3 };
enum { HAS_SIZE = 1, HAS_OWNER = 2, HAS_PERMISSIONS = 4 };

struct login {
	pid_t pid;
	/* ssh's standard input, output and error. */
	int in, out, words_fd;
	char words[WORDS_MAX];
	size_t used;
	uint8_t reply[REPLY_MAX];
};

const char *drop_in_advice(enum errclass class)
{
	switch (class) {
	case ERRCLASS_HOST_KEY_CHANGED:
		return "the server's host key is not known here, or is another than the one that is. Connect "
		       "with ssh once and compare its fingerprint; an old key goes by ssh-keygen -R HOST";
	case ERRCLASS_AUTH_FAILED:
		return "the server lets nobody in with that password or key. Try the same with ssh; name "
		       "another user (user@host:) or key (-o IdentityFile=FILE)";
	case ERRCLASS_NAME_RESOLUTION:
		return "the name of the host is not known: look for a typing error, or for a Host of "
		       "ssh_config(5) (-F FILE)";
	case ERRCLASS_REFUSED:
		return "there is no SSH service at that host and port: another port is given by -p PORT";
	case ERRCLASS_UNREACHABLE:
	case ERRCLASS_TIMEOUT:
		return "the host does not answer. Is the network up, and the host? To mount all the same: -o "
		       "delay_connect";
	case ERRCLASS_SFTP_REFUSED:
		return "the login succeeded, but the server has no subsystem sftp";
	case ERRCLASS_PATH_MISSING:
		return "a file or directory is missing";
	case ERRCLASS_CONFIG:
		return "ssh cannot use one of its options, files or keys";
	default:
		return "ssh has ended before SFTP began. Try the same with: sftp HOST";
	}
}

static void run_ssh(char *const *argv, const int *to, const int *from, const int *words)
{
	dup2(to[0], STDIN_FILENO);
	dup2(from[1], STDOUT_FILENO);
	dup2(words[1], STDERR_FILENO);
	/* What it says is told apart by its words. */
	setenv("LC_ALL", "C", 1);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "cannot execute %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static errint_t start_ssh(struct login *l, char *const *argv)
{
	int to[2], from[2], words[2];

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0 || pipe2(words, O_CLOEXEC) < 0)
		return -errno;
	l->pid = fork();
	if (l->pid < 0)
		return -errno;
	if (l->pid == 0)
		run_ssh(argv, to, from, words);
	close(to[0]);
	close(from[1]);
	close(words[1]);
	l->in = to[1];
	l->out = from[0];
	l->words_fd = words[0];
	return 0;
}

static void hear(struct login *l)
{
	char text[512];
	ssize_t n = read(l->words_fd, text, sizeof(text));

	if (n <= 0) {
		close(l->words_fd);
		l->words_fd = -1;
		return;
	}
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		errno = 0; /* nobody looks */
	if (l->used + (size_t)n > sizeof(l->words)) {
		size_t keep = sizeof(l->words) - (size_t)n;

		memmove(l->words, l->words + l->used - keep, keep);
		l->used = keep;
	}
	memcpy(l->words + l->used, text, (size_t)n);
	l->used += (size_t)n;
}

static int left_ms(uint64_t until_ns)
{
	uint64_t now_ns = clock_mono_ns();

	if (until_ns == UINT64_MAX)
		return -1;
	return now_ns < until_ns ? (int)((until_ns - now_ns) / NSEC_PER_MSEC + 1) : 0;
}

/* -EPIPE: ssh has ended; -ETIMEDOUT. timeout_ms -1: for a person. */
static errint_t read_exactly(struct login *l, uint8_t *p, size_t n, int timeout_ms)
{
	/* Words do not prolong it. */
	uint64_t until_ns =
	    timeout_ms < 0 ? UINT64_MAX : clock_mono_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;

	while (n > 0) {
		struct pollfd fds[] = {{.fd = l->out, .events = POLLIN},
				       {.fd = l->words_fd, .events = POLLIN}};
		int rc = poll(fds, ARRAY_SIZE(fds), left_ms(until_ns));
		ssize_t got;

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			return rc < 0 ? -errno : -ETIMEDOUT;
		if (fds[1].revents)
			hear(l);
		if (!fds[0].revents)
			continue;
		got = read(l->out, p, n);
		if (got <= 0)
			return -EPIPE;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

static uint32_t number_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *put_number(uint8_t *p, uint32_t n)
{
	*p++ = (uint8_t)(n >> 24);
	*p++ = (uint8_t)(n >> 16);
	*p++ = (uint8_t)(n >> 8);
	*p++ = (uint8_t)n;
	return p;
}

/* Its length; -EPROTO: no packet, such as what a login script prints. */
static ssize_t read_packet(struct login *l, int timeout_ms)
{
	uint8_t head[4];
	errint_t rc = read_exactly(l, head, sizeof(head), timeout_ms);
	uint32_t n = rc < 0 ? 0 : number_at(head);

	if (rc < 0)
		return rc;
	if (n == 0 || n > REPLY_MAX)
		return -EPROTO;
	rc = read_exactly(l, l->reply, n, ANSWER_MS);
	return rc < 0 ? rc : (ssize_t)n;
}

static errint_t send_packet(const struct login *l, const uint8_t *packet, size_t n)
{
	return write(l->in, packet, n) == (ssize_t)n ? 0 : -EPIPE;
}

static bool has_terminal(void)
{
	CLEANUP_FD int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	return tty >= 0;
}

static errint_t begin_sftp(struct login *l, int limit_ms)
{
	static const uint8_t init[] = {0, 0, 0, 5, FXP_INIT, 0, 0, 0, 3};
	errint_t rc = send_packet(l, init, sizeof(init));
	ssize_t n = rc < 0 ? rc : read_packet(l, has_terminal() ? -1 : limit_ms);

	if (n < 0)
		return (errint_t)n;
	return n >= 5 && l->reply[0] == FXP_VERSION ? 0 : -EPROTO;
}

/* Of the attributes asked for. -ENOENT, -EACCES, -ENOTDIR, -EIO. */
static errint_t judge_answer(const struct login *l, size_t n)
{
	size_t at = 9;
	uint32_t has;

	if (n >= 9 && l->reply[0] == FXP_STATUS) {
		uint32_t code = number_at(l->reply + 5);

		return code == FX_NO_SUCH_FILE ? -ENOENT : code == FX_PERMISSION_DENIED ? -EACCES : -EIO;
	}
	if (n < 9 || l->reply[0] != FXP_ATTRS)
		return -EPROTO;
	has = number_at(l->reply + 5);
	at += (has & HAS_SIZE ? 8u : 0u) + (has & HAS_OWNER ? 8u : 0u);
	if (!(has & HAS_PERMISSIONS))
		return 0;
	if (at + 4 > n)
		return -EPROTO;
	return (number_at(l->reply + at) & 0170000) == 0040000 ? 0 : -ENOTDIR;
}

static errint_t look_for(struct login *l, const char *path)
{
	uint8_t packet[CONFIG_PATH_MAX + 32], *p = packet;
	size_t length = strlen(path);
	ssize_t n;

	p = put_number(p, (uint32_t)(1 + 4 + 4 + length));
	*p++ = FXP_STAT;
	p = put_number(p, 1);
	p = put_number(p, (uint32_t)length);
	memcpy(p, path, length);
	n = send_packet(l, packet, (size_t)(p - packet) + length);
	if (n == 0)
		n = read_packet(l, ANSWER_MS);
	return n < 0 ? (errint_t)n : judge_answer(l, (size_t)n);
}

/* ssh ends with its input; one that does not is ended, whatever it does with signals. */
static void finish(struct login *l)
{
	int status;

	close(l->in);
	if (l->words_fd >= 0)
		for (unsigned i = 0; i < 40 && l->words_fd >= 0; i++) {
			struct pollfd p = {.fd = l->words_fd, .events = POLLIN};

			if (poll(&p, 1, 50) > 0)
				hear(l);
		}
	close(l->out);
	kill(l->pid, SIGTERM);
	for (unsigned i = 0; i < 40; i++) {
		if (waitpid(l->pid, &status, WNOHANG) != 0)
			return;
		poll(NULL, 0, 50);
	}
	kill(l->pid, SIGKILL);
	while (waitpid(l->pid, &status, 0) < 0 && errno == EINTR)
		;
}

static void explain_login(const struct login *l, errint_t rc, char *message)
{
	char detail[256];
	enum errclass class = sshfs_diagnose(l->words, l->used, detail, sizeof(detail));

	if (rc == -ETIMEDOUT) {
		snprintf(message, CONFIG_ERROR_MAX,
			 "the login has not ended within its time, and there is no terminal to ask on: a "
			 "server that "
			 "wants a password takes it from -o password_stdin; a slow one has twice -o "
			 "ConnectTimeout=SECONDS; "
			 "to mount all the same: -o delay_connect");
		return;
	}
	if (class == ERRCLASS_NONE && rc == -EPROTO) {
		snprintf(message, CONFIG_ERROR_MAX,
			 "the server answers with something else than SFTP: a shell there that greets "
			 "(.bashrc, .profile) must be silent without a terminal");
		return;
	}
	snprintf(message, CONFIG_ERROR_MAX, "cannot log in: %s", drop_in_advice(class));
}

static void explain_directory(const struct config_backend *b, errint_t rc, char *message)
{
	const char *path = b->path[0] ? b->path : ".";

	if (rc == -ENOENT)
		snprintf(message, CONFIG_ERROR_MAX,
			 "there is no '%.200s' on %.100s; make it there, or name another one", path, b->host);
	else if (rc == -ENOTDIR)
		snprintf(message, CONFIG_ERROR_MAX, "'%.200s' on %.100s is not a directory", path, b->host);
	else if (rc == -EACCES)
		snprintf(message, CONFIG_ERROR_MAX, "'%.200s' on %.100s: permission denied", path, b->host);
	else
		snprintf(message, CONFIG_ERROR_MAX, "'%.200s' on %.100s cannot be looked at: %s", path,
			 b->host, strerror(-rc));
}

/* The command line of the mount's connections, but for the questions. */
static errint_t build_command(struct sshfs_command *command, const struct config_backend *backend,
			      char *message)
{
	static struct config_backend asking; /* large */
	const struct sshfs_target target = {.connect_timeout_s = LOGIN_TIMEOUT_S};
	struct sshfs_features features = {0};
	size_t n;

	asking = *backend;
	n = strlen(asking.ssh_options);
	/* ssh takes the first value that it meets. */
	if (snprintf(asking.ssh_options + n, sizeof(asking.ssh_options) - n, "%sBatchMode=no",
		     n ? "," : "") >= (int)(sizeof(asking.ssh_options) - n))
		return -E2BIG;
	ssh_features_detect(&asking, &features);
	return ssh_command_build(command, &asking, &features, &target, SSH_CONNECT, message);
}

errint_t drop_in_login(const struct config_backend *backend, bool looks_for_directory, int limit_ms,
		       char *message)
{
	static struct sshfs_command command; /* large */
	static struct login l;
	errint_t rc = build_command(&command, backend, message);

	if (rc < 0)
		return rc;
	/* What the table drops; ssh is run all the same. */
	if (message[0])
		fprintf(stderr, DROP_IN_PROGRAM ": %s\n", message);
	message[0] = '\0';
	signal(SIGPIPE, SIG_IGN);
	rc = start_ssh(&l, command.argv);
	if (rc < 0) {
		snprintf(message, CONFIG_ERROR_MAX, "cannot start ssh: %s", strerror(-rc));
		return rc;
	}
	rc = begin_sftp(&l, limit_ms);
	if (rc < 0) {
		finish(&l);
		explain_login(&l, rc, message);
		return rc;
	}
	rc = looks_for_directory ? look_for(&l, backend->path[0] ? backend->path : ".") : 0;
	finish(&l);
	if (rc < 0)
		explain_directory(backend, rc, message);
	return rc;
}
