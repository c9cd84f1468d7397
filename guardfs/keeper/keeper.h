/* The process for all that may block or fail. Guardian starts it with child_clone. Its successor adopts what
 * runs (docs/RECOVERY.md).
 *
 * For the whole folder: functions run in keeper's one thread, unless their header names a child. now_ns is
 * CLOCK_MONOTONIC. A _step function does what is due, and returns when to call it next at the latest
 * (UINT64_MAX: never). A _reaped function is called for every ended child. */
#ifndef GUARDFS_KEEPER_KEEPER_H
#define GUARDFS_KEEPER_KEEPER_H

#include "base/base.h"
#include "shm/arena.h"

struct keeper_fds {
	/* SOCK_SEQPACKET: struct keeper_message to worker. */
	int worker_socket;
	/* eventfd: the board holds something to act upon. */
	int nudge_fd;
	/* Mount namespace to enter (guardian's creation, a slave of the host's); -1: the caller's. */
	int namespace_fd;
};

/* Runs until SIGTERM or guardian's end (getppid changes); then ends its sshfs children and detaches their mounts. */
int keeper_main(struct arena *arena, const struct keeper_fds *fds);

#endif
