/* Removes files that a killed keeper, or a power cut, left half written. */
#include "keeper/internal.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "keeper/spawn.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WAIT_MS 500 /* for the disk, at the start */

static void clear_directory(const char *directory)
{
	char path[CONFIG_PATH_MAX + 2];

	snprintf(path, sizeof(path), "%s/", directory);
	fd_remove_leftovers(path, true);
}

static void clear(const struct keeper *k)
{
	clear_directory(k->run_dir);
	clear_directory(k->config->state_dir);
	for (uint32_t i = 0; i < k->config->n_backends; i++)
		fd_remove_leftovers(k->config->backends[i].fault_control, true);
}

/* In a child, since the disk may hang. */
void leftovers_clear(const struct keeper *k)
{
	CLEANUP_FD int pidfd = -1;
	pid_t keeper = getpid(), pid = spawn_fork(NULL, 0);

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == keeper)
			clear(k);
		_exit(0);
	}
	if (pid < 0)
		return;
	pidfd = spawn_pidfd(pid);
	if (pidfd < 0 || poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, WAIT_MS) <= 0)
		kill(pid, SIGKILL); /* reaped with the others */
}
