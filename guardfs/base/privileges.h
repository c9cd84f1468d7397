/* Confines worker, keeper, holder and transports to the capabilities and system calls that they need.
 * Guardian keeps all. docs/SECURITY.md. */
#ifndef GUARDFS_BASE_PRIVILEGES_H
#define GUARDFS_BASE_PRIVILEGES_H

#include "base/base.h"

/* Does this process run as root? Otherwise it serves the user who runs it (docs/SSHFS.md, "Without root"). */
bool privileges_of_root(void);

/* Lets this user's other processes (next guardian, keeper) take this one's descriptors where Yama lets parents
 * alone. */
void privileges_admit_heirs(void);

enum privileges {
	PRIVILEGES_WORKER,	/* acts with callers' ids; no exec, no network */
	PRIVILEGES_WORKER_NICE, /* the same, and its threads may return from SCHED_IDLE */
	PRIVILEGES_KEEPER,	/* mounts, kills, starts sshfs, ssh and hooks, which inherit this */
	PRIVILEGES_HOLDER,	/* waits: no capability; the system calls of worker */
	PRIVILEGES_LOGIN, /* reads every file, connects, becomes another user; writes no file, starts nothing */
	PRIVILEGES_SSH,	  /* reaches every file and socket, has root's user id, and no other capability */
	PRIVILEGES_TRANSPORT, /* has its sockets and its memory: nobody's rights, opens no file, starts nothing */
};

/* Gives up the rest for good; after LOGIN, TRANSPORT may follow. Call before threads. Failures (old kernel,
 * container) are only logged. */
void privileges_drop(enum privileges whose);

#endif
