/* Restarts guardian where no supervisor does (fstab, guardfs -c). docs/INTERNALS.md, "standby". */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "guardian/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Guardian has no reason to die: dying so often, it is being killed. */
#define STARTS_MAX	 3u
#define STARTS_WINDOW_NS (3600 * NSEC_PER_SEC)

struct standby {
	const struct config *config;
	/* Resumes the session. */
	char **again;
	char exe[4096];
	/* The last starts, a ring. */
	uint64_t started_ns[STARTS_MAX];
	uint32_t starts;
	bool served;
};

static void relay(struct standby *s, int from, int to)
{
	char text[4096];
	ssize_t n;

	while ((n = read(from, text, sizeof(text))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0 && text[n - 1] == ANNOUNCE_SERVING[0])
			s->served = true;
		if (n > 0 && write(to, text, (size_t)n) < 0)
			break;
	}
	if (n < 0)
		dprintf(to,
			"guardfs: guardian's report cannot be read (%s): guardctl status tells whether it "
			"serves\n",
			strerror(errno));
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return status;
}

static bool may_start(struct standby *s)
{
	uint64_t *oldest = &s->started_ns[s->starts % STARTS_MAX], now_ns = clock_mono_ns();

	if (s->starts >= STARTS_MAX && now_ns - *oldest < STARTS_WINDOW_NS)
		return false;
	*oldest = now_ns;
	s->starts++;
	return true;
}

/* The path: an upgrade may have replaced the program. */
static pid_t start_again(const struct standby *s)
{
	pid_t pid = fork();

	if (pid == 0) {
		execv(s->exe, s->again);
		log_error("cannot execute %s: %s", s->exe, strerror(errno));
		_exit(GUARDIAN_EXIT_FAILED);
	}
	return pid;
}

static void ignore(int sig)
{
	(void)sig; /* for guardian; unlike SIG_IGN, exec drops a handler */
}

static void settle_standby(void)
{
	static const int meant_for_guardian[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGPIPE};
	const struct sigaction action = {.sa_handler = ignore};
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_NAME, "guardfs-standby");
	log_init("standby", LOG_LEVEL_INFO);
	for (size_t i = 0; i < ARRAY_SIZE(meant_for_guardian); i++)
		(void)sigaction(meant_for_guardian[i], &action, NULL);
	/* No descriptor of the caller's stays open. */
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		(void)dup2(null, fd);
}

static int stand_by(struct standby *s, pid_t guardian)
{
	for (;;) {
		int status = wait_for(guardian);

		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (!s->served)
			return GUARDIAN_EXIT_FAILED;
		setup_log_file(s->config);
		if (!may_start(s)) {
			log_error(
			    "guardian %d was killed by signal %d, the %uth within an hour: not started "
			    "again. Find out what kills it, then: guardfs -c %s goes on with the session",
			    (int)guardian, WTERMSIG(status), STARTS_MAX + 1, s->config->file);
			return GUARDIAN_EXIT_FAILED;
		}
		log_warning("guardian %d was killed by signal %d: starting another", (int)guardian,
			    WTERMSIG(status));
		guardian = start_again(s);
		if (guardian < 0) {
			log_error("cannot start a guardian: %s", strerror(errno));
			return GUARDIAN_EXIT_FAILED;
		}
	}
}

int standby_main(const struct config *config, char **argv, char **again, int ready_fd)
{
	static struct standby s;
	int said[2];
	pid_t pid;

	s.config = config;
	s.again = again;
	guardian_find_exe(s.exe, sizeof(s.exe));
	if (pipe(said) < 0 || (pid = fork()) < 0) {
		log_error("cannot start: %s", strerror(errno));
		return GUARDIAN_EXIT_FAILED;
	}
	if (pid == 0) {
		close(said[0]);
		close(ready_fd);
		return guardian_main(config, argv, said[1]);
	}
	close(said[1]);
	settle_standby();
	relay(&s, said[0], ready_fd);
	close(said[0]);
	close(ready_fd);
	return stand_by(&s, pid);
}
