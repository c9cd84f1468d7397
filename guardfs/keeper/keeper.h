/* keeper.h: the process that does everything that may block or fail at leisure: probes, recovery, sshfs
 * children, outside files.
 *
 * Started by guardian with child_clone: own descriptor table, the private mount namespace behind
 * namespace_fd. Talks to worker through worker_socket (docs/RECOVERY.md), is nudged through nudge_fd.
 * Killed at any moment, it is replaced and adopts what the board says is running. */
#ifndef GUARDFS_KEEPER_KEEPER_H
#define GUARDFS_KEEPER_KEEPER_H

#include "base/base.h"
#include "shm/arena.h"

struct keeper_fds {
	int worker_socket; /* SOCK_SEQPACKET; datagrams of struct keeper_message towards worker */
	int nudge_fd;	   /* eventfd: readable when the board holds something to act upon */
	int namespace_fd;  /* mount namespace to enter (created once by guardian, a slave of the host's); -1:
			      the caller's own */
};

/* Runs until SIGTERM (ends its sshfs children, detaches their mounts, exits 0) or until guardian is gone
 * (getppid changes: the same). Returns the exit status. */
int keeper_main(struct arena *arena, const struct keeper_fds *fds);

#endif
