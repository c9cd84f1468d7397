#include "keeper/textfile.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "keeper/internal.h"
#include "keeper/spawn.h"
#include "report/report.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOW_NS (10 * NSEC_PER_SEC)
#define END_MS	500

static void tell_trouble(struct keeper *k, int error, const char *what)
{
	if (error && error != k->textfile.told)
		log_warning("writing %s: %s", k->config->metrics_textfile, what);
	k->textfile.told = error;
}

/* For children that exit with an errno, 0 to 254. */
static pid_t begin_child(void)
{
	pid_t keeper = getpid(), pid = spawn_fork(NULL, 0);

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != keeper)
			_exit(0);
	}
	return pid;
}

static void write_now(struct keeper *k)
{
	CLEANUP_FREE char *text = NULL;
	size_t n = 0;
	pid_t pid;

	text = report_metrics(k->arena, &n);
	if (!text)
		return;
	pid = begin_child();
	if (pid == 0) {
		if (!k->textfile.cleared)
			fd_remove_leftovers(k->config->metrics_textfile, true);
		_exit(-fd_write_atomic(k->config->metrics_textfile, text, n, 0644, false) & 0xff);
	}
	if (pid < 0) {
		tell_trouble(k, -pid, strerror(-pid));
		return;
	}
	k->textfile.pid = pid;
	k->textfile.cleared = true;
	k->textfile.began_ns = clock_mono_ns();
}

void textfile_write(struct keeper *k)
{
	struct textfile *t = &k->textfile;

	if (k->config->metrics_textfile[0] == '\0')
		return;
	t->again = t->pid != 0;
	if (!t->pid)
		write_now(k);
	else if (clock_mono_ns() - t->began_ns > SLOW_NS)
		tell_trouble(k, ETIMEDOUT, "it does not end: its disk hangs, or is very slow");
}

void textfile_reaped(struct keeper *k, pid_t pid, int status)
{
	struct textfile *t = &k->textfile;
	int error = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;

	if (pid != t->pid)
		return;
	t->pid = 0;
	tell_trouble(k, error, strerror(error));
	if (t->again)
		textfile_write(k);
}

/* Leaves the child when time is over. */
static void wait_for(pid_t pid)
{
	uint64_t end_ns = clock_mono_ns() + END_MS * NSEC_PER_MSEC;

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (clock_mono_ns() > end_ns) {
			kill(pid, SIGKILL);
			return;
		}
		(void)poll(NULL, 0, 5);
	}
}

void textfile_end(struct keeper *k)
{
	if (k->config->metrics_textfile[0] == '\0')
		return;
	/* It would replace the new figures by older ones. */
	if (k->textfile.pid)
		wait_for(k->textfile.pid);
	k->textfile.pid = 0;
	write_now(k);
	if (k->textfile.pid)
		wait_for(k->textfile.pid);
}
