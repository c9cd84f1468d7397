/* keeper.h: the process for all that may block or fail at leisure: probes, recovery, sshfs children,
 * outside files.
 *
 * Guardian starts it with child_clone: own descriptor table, the private mount namespace behind
 * namespace_fd. It talks to worker through worker_socket (docs/RECOVERY.md) and is woken through nudge_fd.
 * Killed at any moment, it is replaced by one that adopts what the board says is running. */
#ifndef GUARDFS_KEEPER_KEEPER_H
#define GUARDFS_KEEPER_KEEPER_H

#include "base/base.h"
#include "shm/arena.h"

struct keeper_fds {
	/* SOCK_SEQPACKET: struct keeper_message to worker. */
	int worker_socket;
	/* eventfd: readable when the board holds something to act upon. */
	int nudge_fd;
	/* Mount namespace to enter (guardian's creation, a slave of the host's); -1: the caller's own. */
	int namespace_fd;
};

/* Runs until SIGTERM or until guardian is gone (getppid changes); then ends its sshfs children and
 * detaches their mounts. Returns the exit status. */
int keeper_main(struct arena *arena, const struct keeper_fds *fds);

#endif
