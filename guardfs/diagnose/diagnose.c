/* The steps, and the child that takes them. The shared record is always right: a step first notes that no answer
 * came, and takes that back when it passes. */
#include "diagnose/internal.h"
#include "diagnose/classify.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct step_action {
	enum diagnose_step step;
	diagnose_action action;
};

static const struct step_action server_steps[] = {
    {DIAGNOSE_CONFIG, diagnose_config},	    {DIAGNOSE_RESOLVE, diagnose_resolve},
    {DIAGNOSE_CONNECT, diagnose_connect},   {DIAGNOSE_GREET, diagnose_greet},
    {DIAGNOSE_HOST_KEY, diagnose_host_key}, {DIAGNOSE_KEY, diagnose_login},
    {DIAGNOSE_SFTP, diagnose_subsystem},    {DIAGNOSE_PATH, diagnose_path},
    {DIAGNOSE_SPACE, diagnose_space},	    {DIAGNOSE_WRITE, diagnose_write},
};

static const struct step_action session_steps[] = {
    {DIAGNOSE_CONFIG, diagnose_config},	    {DIAGNOSE_RESOLVE, diagnose_resolve},
    {DIAGNOSE_CONNECT, diagnose_connect},   {DIAGNOSE_GREET, diagnose_greet},
    {DIAGNOSE_HOST_KEY, diagnose_host_key}, {DIAGNOSE_KEY, diagnose_login},
    {DIAGNOSE_SFTP, diagnose_channel},
};

static const struct step_action directory_steps[] = {
    {DIAGNOSE_CONFIG, diagnose_directory_config},
    {DIAGNOSE_PATH, diagnose_directory_path},
    {DIAGNOSE_SPACE, diagnose_directory_space},
    {DIAGNOSE_WRITE, diagnose_directory_write},
};

/* ---- checks ---- */

static bool is_clean(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	for (size_t i = 0; i < n; i++)
		if (text[i] < 0x20 || text[i] >= 0x7f)
			return false;
	return n < size;
}

bool diagnosis_valid(const struct diagnosis *d)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < DIAGNOSE_STEP_COUNT; i++) {
		if (d->outcome[i] > DIAGNOSE_SKIPPED)
			return false;
		failed += d->outcome[i] == DIAGNOSE_FAILED;
	}
	if (d->lacks & ~SERVER_LACKS)
		return false;
	if (!is_clean(d->detail, sizeof(d->detail)) || !is_clean(d->server, sizeof(d->server)))
		return false;
	if (d->failed_step == DIAGNOSE_STEP_COUNT)
		return failed == 0 && d->class == ERRCLASS_NONE;
	return failed == 1 && d->failed_step < DIAGNOSE_STEP_COUNT && d->class > ERRCLASS_NONE &&
	       d->class < ERRCLASS_COUNT && d->outcome[d->failed_step] == DIAGNOSE_FAILED;
}

/* ---- in the child ---- */

static bool take_step(struct diagnose_run *run, const struct step_action *s)
{
	struct diagnosis *d = run->diagnosis;
	uint64_t began_ns = clock_mono_ns();
	enum diagnose_outcome outcome;

	run->step = s->step;
	d->failed_step = s->step;
	d->outcome[s->step] = DIAGNOSE_FAILED;
	diagnose_waiting(run, "%s", diagnose_step_name(s->step));
	outcome = s->action(run);
	d->ms[s->step] = (uint32_t)((clock_mono_ns() - began_ns) / NSEC_PER_MSEC);
	if (outcome == DIAGNOSE_FAILED)
		return false;
	d->outcome[s->step] = (uint8_t)outcome;
	return true;
}

static void take_steps(struct diagnose_run *run, const struct step_action *steps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!take_step(run, &steps[i]))
			return;
	run->diagnosis->detail[0] = '\0';
	run->diagnosis->class = ERRCLASS_NONE;
	run->diagnosis->failed_step = DIAGNOSE_STEP_COUNT;
}

/* The record then tells of this login. */
static uint64_t take_refused(struct diagnosis *d)
{
	uint64_t refused_ns = d->refused_ns;

	d->refused_ns = 0;
	return refused_ns;
}

/* Against core files and debuggers: the key is in memory. No signal handlers: a crash must end the process. */
static void shut_off(void)
{
	const struct rlimit none = {0, 0};

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGPIPE, SIG_IGN);
}

static void run_child(const struct config_backend *backend, struct diagnosis *diagnosis, uint32_t timeout_ms,
		      bool write)
{
	static struct diagnose_run run; /* large, for this process alone */
	static struct diagnose_secrets secrets;

	shut_off();
	run = (struct diagnose_run){.backend = backend,
				    .diagnosis = diagnosis,
				    .timeout_ms = timeout_ms,
				    .write = write,
				    .secrets = &secrets,
				    .logins = 1,
				    .refused_ns = take_refused(diagnosis),
				    .fd = -1,
				    .like = -1};
	/* Just before the kill, to report in order. */
	run.deadline_ns = clock_mono_ns() + (timeout_ms - MIN(timeout_ms / 10, 100u)) * NSEC_PER_MSEC;
	if (backend->type != BACKEND_SSHFS && backend->type != BACKEND_SFTP)
		take_steps(&run, directory_steps, ARRAY_SIZE(directory_steps));
	else
		take_steps(&run, server_steps, ARRAY_SIZE(server_steps));
	secrets_wipe(&secrets);
	_exit(0);
}

/* Kills the child at the deadline. Returns its wait(2) status; -1: unknown (in D state, left). */
static int await(pid_t pid, uint64_t deadline_ns)
{
	CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int status = -1;

	while (pidfd >= 0) {
		uint64_t now_ns = clock_mono_ns();

		if (now_ns >= deadline_ns)
			break;
		if (poll(&p, 1, (int)((deadline_ns - now_ns) / NSEC_PER_MSEC) + 1) > 0)
			break;
	}
	if (waitpid(pid, &status, WNOHANG) == pid)
		return status;
	kill(pid, SIGKILL);
	/* It is gone at once unless a directory hangs. */
	if (pidfd >= 0 && poll(&p, 1, 50) > 0)
		waitpid(pid, &status, WNOHANG);
	return -1;
}

static void fail_whole(struct diagnosis *d, enum errclass class, const char *detail)
{
	memset(d, 0, sizeof(*d));
	d->class = class;
	d->failed_step = DIAGNOSE_CONFIG;
	d->outcome[DIAGNOSE_CONFIG] = DIAGNOSE_FAILED;
	(void)copy_string(d->detail, sizeof(d->detail), detail);
}

/* It crashed over the server's words. */
static void note_crash(struct diagnosis *d, int status)
{
	if (d->failed_step >= DIAGNOSE_STEP_COUNT)
		return;
	d->class = ERRCLASS_IO_ERROR;
	snprintf(d->detail, sizeof(d->detail), "%s: the diagnosis itself died of signal %d",
		 diagnose_step_name(d->failed_step), WTERMSIG(status));
}

void diagnose_run(const struct config_backend *backend, uint32_t timeout_ms, bool write,
		  struct diagnosis *diagnosis)
{
	uint64_t began_ns = clock_mono_ns();
	struct diagnosis *shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	if (shared == MAP_FAILED) {
		fail_whole(diagnosis, ERRCLASS_NO_RESOURCES, "out of memory");
		return;
	}
	timeout_ms = MAX(timeout_ms, 1u);
	fail_whole(shared, ERRCLASS_TIMEOUT, "the diagnosis did not begin in time");
	shared->refused_ns = diagnosis->refused_ns;
	pid = fork();
	if (pid == 0)
		run_child(backend, shared, timeout_ms, write);
	status = pid < 0 ? -1 : await(pid, began_ns + timeout_ms * NSEC_PER_MSEC);
	*diagnosis = *shared;
	munmap(shared, sizeof(*shared));
	if (pid < 0)
		fail_whole(diagnosis, ERRCLASS_NO_RESOURCES, "cannot start a process for the diagnosis");
	else if (status != -1 && WIFSIGNALED(status))
		note_crash(diagnosis, status);
	if (!diagnosis_valid(diagnosis))
		fail_whole(diagnosis, ERRCLASS_IO_ERROR, "the diagnosis damaged its own record");
	if (diagnosis->failed_step < DIAGNOSE_STEP_COUNT && diagnosis->ms[diagnosis->failed_step] == 0 &&
	    status == -1)
		diagnosis->ms[diagnosis->failed_step] =
		    (uint32_t)((clock_mono_ns() - began_ns) / NSEC_PER_MSEC);
}

/* ---- without a child ---- */

static void free_steps(struct diagnose_run *run)
{
	if (run->session)
		diagnose_stop_hearing();
	for (unsigned i = 0; i < run->n_keys; i++)
		ssh_key_free(run->keys[i].key);
	if (run->addresses)
		freeaddrinfo(run->addresses);
}

bool diagnose_session_open(const struct config_backend *backend, const struct diagnose_manner *manner,
			   struct diagnosis *diagnosis, struct diagnose_session *session)
{
	CLEANUP_FREE struct diagnose_run *run = calloc(1, sizeof(*run));
	struct diagnose_secrets own = {0};
	uint64_t refused_ns = take_refused(diagnosis);
	bool opened;

	fail_whole(diagnosis, ERRCLASS_NO_RESOURCES, "out of memory");
	*session = (struct diagnose_session){.socket = -1};
	if (!run)
		return false;
	run->backend = backend;
	run->diagnosis = diagnosis;
	run->timeout_ms = manner->timeout_ms;
	run->no_key = manner->no_key;
	run->like = manner->like;
	run->confine = manner->confine;
	run->secrets = manner->secrets ? manner->secrets : &own;
	run->logins = manner->secrets ? manner->logins : 1;
	run->refused_ns = refused_ns;
	run->fd = -1;
	run->deadline_ns = clock_mono_ns() + manner->timeout_ms * NSEC_PER_MSEC;
	take_steps(run, session_steps, ARRAY_SIZE(session_steps));
	opened = diagnosis->failed_step == DIAGNOSE_STEP_COUNT;
	free_steps(run);
	secrets_wipe(&own);
	if (opened)
		*session = (struct diagnose_session){run->session, run->channel, run->fd};
	else if (run->session)
		ssh_free(run->session);
	else if (run->fd >= 0)
		close(run->fd);
	return opened;
}

/* libssh may leave the descriptor open: the server sees the end all the same. */
void diagnose_session_close(struct diagnose_session *session)
{
	shutdown(session->socket, SHUT_RDWR);
	ssh_channel_free(session->channel);
	ssh_disconnect(session->session);
	ssh_free(session->session);
	*session = (struct diagnose_session){.socket = -1};
}
