#include "diagnose/secrets.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the agent's protocol (draft-miller-ssh-agent). */
#define AGENT_ASK_KEYS	 11
#define AGENT_KEYS	 12
#define AGENT_ANSWER_MAX (256u << 10)

static errint_t note_why(char *why, const char *fmt, ...) PRINTF_LIKE(2, 3);
static errint_t note_why(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CONFIG_ERROR_MAX, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* False: the time is over. */
static bool await_bytes(int fd, uint64_t until_ns)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t now_ns = clock_mono_ns();

	return now_ns < until_ns && poll(&p, 1, (int)((until_ns - now_ns) / NSEC_PER_MSEC) + 1) != 0;
}

/* Until the end, or there are SECRET_MAX bytes. until_ns: for a pipe; 0: nothing is waited for. The number of bytes, or -errno;
 * -ETIMEDOUT. */
static ssize_t read_secret(int fd, char *secret, uint64_t until_ns)
{
	size_t used = 0;

	while (used < SECRET_MAX) {
		ssize_t n;

		if (until_ns && !await_bytes(fd, until_ns))
			return -ETIMEDOUT;
		n = read(fd, secret + used, SECRET_MAX - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/* Its first line. what: for why. */
static errint_t keep_line(char *secret, size_t n, const char *what, char *why)
{
	size_t length = strcspn(secret, "\r\n");

	if (n >= SECRET_MAX)
		return note_why(why, "%s: longer than %u bytes", what, SECRET_MAX - 2u);
	if (length < n && secret[length] == '\0')
		return note_why(why, "%s: it holds a byte 0", what);
	if (length == 0)
		return note_why(why, "%s: the first line is empty", what);
	explicit_bzero(secret + length, SECRET_MAX - length);
	return 0;
}

static errint_t check_password_file(const struct stat *st, const char *path, char *why)
{
	if (!S_ISREG(st->st_mode))
		return note_why(why, "password_file %s: not a file", path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return note_why(
		    why,
		    "password_file %s: it belongs to user %u, who could replace it; chown it to the "
		    "user that guardfs runs as",
		    path, (unsigned)st->st_uid);
	if (st->st_mode & 077)
		return note_why(why, "password_file %s: mode %04o lets others have it; chmod 600", path,
				(unsigned)st->st_mode & 07777);
	return 0;
}

errint_t secrets_read_password(struct diagnose_secrets *s, const struct config_backend *b, char *why)
{
	const char *path = b->password_file;
	CLEANUP_FD int fd = -1;
	char what[CONFIG_PATH_MAX + 16];
	struct stat st;
	ssize_t n;
	errint_t rc;

	if (!path[0] || s->password[0])
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return note_why(why, "password_file %s: %s", path, strerror(errno));
	rc = check_password_file(&st, path, why);
	if (rc < 0)
		return rc;
	n = read_secret(fd, s->password, 0);
	if (n < 0)
		return note_why(why, "password_file %s: %s", path, strerror((int)-n));
	snprintf(what, sizeof(what), "password_file %s", path);
	rc = keep_line(s->password, (size_t)n, what, why);
	if (rc < 0)
		explicit_bzero(s->password, SECRET_MAX);
	s->password_changed_ns = (uint64_t)st.st_ctim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_ctim.tv_nsec;
	return rc;
}

/* In a group of its own, to be killed with all that it starts, but in our session, where keeper finds it. */
static void exec_askpass(const char *program, const char *question, int out)
{
	char *argv[] = {strdup(program), strdup(question), NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setpgid(0, 0);
	if (!argv[0] || !argv[1] || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(127);
	syscall(SYS_close_range, 3u, ~0u, 0);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	execv(program, argv);
	_exit(127);
}

/* Its wait(2) status; -1: it went on, and was killed with all that it started. */
static int end_askpass(pid_t pid, uint64_t until_ns)
{
	CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	uint64_t now_ns = clock_mono_ns();
	int status = -1;
	bool ended;

	ended = pidfd >= 0 && now_ns < until_ns &&
		poll(&p, 1, (int)((until_ns - now_ns) / NSEC_PER_MSEC) + 1) > 0;
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return ended ? status : -1;
}

/* The number of bytes, or an error with why. */
static ssize_t run_askpass(const char *program, const char *question, uint32_t limit_ms, char *secret,
			   char *why)
{
	uint64_t until_ns = clock_mono_ns() + limit_ms * NSEC_PER_MSEC;
	int out[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return note_why(why, "askpass %s: %s", program, strerror(errno));
	pid = fork();
	if (pid == 0)
		exec_askpass(program, question, out[1]);
	close(out[1]);
	n = pid < 0 ? -EAGAIN : read_secret(out[0], secret, until_ns);
	close(out[0]);
	status = pid < 0 ? -1 : end_askpass(pid, until_ns);
	if (n == -ETIMEDOUT || (n >= 0 && status == -1))
		return note_why(why, "askpass %s: no passphrase within %u ms", program, limit_ms);
	if (n < 0)
		return note_why(why, "askpass %s: %s", program, strerror((int)-n));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return note_why(why, "askpass %s: it cannot be executed", program);
	if (status != 0)
		return note_why(why, "askpass %s: it failed, with %s %d", program,
				WIFEXITED(status) ? "exit status" : "signal",
				WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return n;
}

errint_t secrets_ask_passphrase(struct diagnose_secrets *s, const struct config_backend *b, uint32_t limit_ms,
				char *why)
{
	char question[CONFIG_PATH_MAX + 64], what[CONFIG_PATH_MAX + 16], resolved[PATH_MAX];
	char flaw_text[CONFIG_ERROR_MAX - 64];
	struct trust_flaw flaw;
	ssize_t n;
	errint_t rc;

	if (s->asked)
		return s->passphrase[0] ? 0 : note_why(why, "askpass %s: it gave nothing", b->askpass);
	s->asked = true;
	if (trust_path(b->askpass, geteuid(), 0, resolved, &flaw) < 0) {
		trust_describe(&flaw, flaw_text, sizeof(flaw_text));
		return note_why(why, "askpass is never run: %s", flaw_text);
	}
	snprintf(question, sizeof(question), "Enter passphrase for key '%s': ", b->identity);
	n = run_askpass(b->askpass, question, limit_ms, s->passphrase, why);
	snprintf(what, sizeof(what), "askpass %s", b->askpass);
	rc = n < 0 ? (errint_t)n : keep_line(s->passphrase, (size_t)n, what, why);
	if (rc < 0)
		explicit_bzero(s->passphrase, SECRET_MAX);
	return rc;
}

/* Blocking, but for no longer than limit_ms at a time. */
static int connect_agent(const char *path, uint32_t limit_ms)
{
	const struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (copy_string(a.sun_path, sizeof(a.sun_path), path) < 0)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		errint_t rc = -errno;

		close(fd);
		return rc == -EAGAIN ? -ETIMEDOUT : rc;
	}
	return fd;
}

static errint_t receive_all(int fd, void *bytes, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = recv(fd, (uint8_t *)bytes + done, n - done, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? -ECONNRESET : errno == EAGAIN ? -ETIMEDOUT : -errno;
		done += (size_t)got;
	}
	return 0;
}

static uint32_t big_endian(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Its number of keys, or -errno. The answer is taken in whole: the next asker must not find the rest. */
static int count_agent_keys(int fd)
{
	static const uint8_t question[] = {0, 0, 0, 1, AGENT_ASK_KEYS};
	uint8_t head[9], rest[4096];
	uint32_t left;
	errint_t rc;

	if (send(fd, question, sizeof(question), MSG_NOSIGNAL) != (ssize_t)sizeof(question))
		return errno == EAGAIN ? -ETIMEDOUT : -ECONNRESET;
	rc = receive_all(fd, head, sizeof(head));
	if (rc < 0)
		return rc;
	left = big_endian(head);
	if (head[4] != AGENT_KEYS || left < 5 || left > AGENT_ANSWER_MAX)
		return -EPROTO;
	for (left -= 5; left > 0 && rc == 0; left -= MIN(left, (uint32_t)sizeof(rest)))
		rc = receive_all(fd, rest, MIN(left, (uint32_t)sizeof(rest)));
	return rc < 0 ? rc : (int)MIN(big_endian(head + 5), 10000u);
}

errint_t secrets_reach_agent(struct diagnose_secrets *s, const struct config_backend *b, unsigned times,
			     uint32_t limit_ms, char *why)
{
	int keys = 1;

	if (!b->agent[0] || s->n_agents > 0)
		return 0;
	while (s->n_agents < MIN(times, AGENTS_MAX) && keys > 0) {
		int fd = connect_agent(b->agent, limit_ms);

		keys = fd < 0 ? fd : s->n_agents == 0 ? count_agent_keys(fd) : 1;
		if (fd >= 0)
			s->agents[s->n_agents++] = fd;
	}
	if (keys < 0)
		return note_why(why, "agent %s: %s", b->agent,
				keys == -EPROTO	      ? "what answers there is no agent"
				: keys == -ECONNRESET ? "it hung up"
						      : strerror(-keys));
	if (keys == 0)
		return note_why(why, "agent %s: it has no key; ssh-add one", b->agent);
	if ((unsigned)keys > AGENT_KEYS_MAX)
		return note_why(
		    why,
		    "agent %s: it has %d keys, and servers end a connection that offers many; give "
		    "this backend an agent of its own, or set stream = openssh, with IdentitiesOnly",
		    b->agent, keys);
	return 0;
}

int secrets_take_agent(struct diagnose_secrets *s)
{
	return s->n_agents > 0 ? s->agents[--s->n_agents] : -1;
}

void secrets_wipe(struct diagnose_secrets *s)
{
	for (int fd; (fd = secrets_take_agent(s)) >= 0;)
		close(fd);
	explicit_bzero(s, sizeof(*s));
}
