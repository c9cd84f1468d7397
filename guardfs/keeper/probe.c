#include "keeper/probe.h"
#include "keeper/probe-child.h"
#include "keeper/spawn.h"
#include "base/fd.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

void probe_init(struct probe *p)
{
	*p = (struct probe){.sock = -1};
}

errint_t probe_begin(struct probe *p, const struct probe_job *job, uint64_t now_ns)
{
	int sock = -1;
	pid_t pid;

	if (!probe_free(p))
		return -EBUSY;
	pid = spawn_with_socket(job->ring_socket, &sock);
	if (pid == 0) {
		probe_child(job, SPAWN_SOCKET);
		_exit(0);
	}
	if (pid < 0)
		return pid;
	*p = (struct probe){
	    .pid = pid, .sock = sock, .tasks = job->tasks, .begun_ns = now_ns, .heard_ns = now_ns};
	return 0;
}

/* Only the child holds the other end: end of file means that it is gone, D state and all. */
static int child_gone(struct probe *p)
{
	close(p->sock);
	p->sock = -1;
	p->finished = true;
	return -EPIPE;
}

int probe_receive(struct probe *p, struct probe_report *report, int *passed_fd, uint64_t now_ns)
{
	ssize_t n;

	*passed_fd = -1;
	while (p->sock >= 0) {
		char byte;

		if (recv(p->sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
			return 0;
		n = fd_receive_message(p->sock, report, sizeof(*report), passed_fd);
		if (n <= 0)
			return child_gone(p);
		if (n == sizeof(*report) && !p->abandoned) {
			report->text[sizeof(report->text) - 1] = '\0';
			p->heard_ns = now_ns;
			p->finished |= report->kind == PROBE_SAYS_DONE;
			return 1;
		}
		if (*passed_fd >= 0)
			close(*passed_fd);
		*passed_fd = -1;
	}
	return -EPIPE;
}

void probe_abandon(struct probe *p)
{
	if (p->sock < 0)
		return;
	if (p->pid > 0)
		kill(p->pid, SIGKILL);
	p->abandoned = true;
}
