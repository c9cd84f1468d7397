/* privileges.h: what worker and keeper may still do once they have started: the capabilities they use, no new
 * ones by executing something, and none of the system calls that only an intruder would make. Guardian keeps
 * all it was started with. Why these and no others: docs/SECURITY.md. */
#ifndef GUARDFS_BASE_PRIVILEGES_H
#define GUARDFS_BASE_PRIVILEGES_H

#include "base/base.h"

enum privileges {
	PRIVILEGES_WORKER,	   /* acts with its callers' ids; executes nothing, talks to nobody */
	PRIVILEGES_WORKER_NETWORK, /* the same with a backend that worker itself speaks to over the network */
	PRIVILEGES_KEEPER,	   /* mounts, kills, and starts sshfs, ssh and hooks, which inherit this */
};

/* Gives up everything else, for good: no return from it, and every thread and process made afterwards starts
 * with what is left. Call in the process itself, before it has threads.
 *
 * What cannot be given up (an old kernel, a container that forbids it) is complained about in the log and
 * kept: files are to be served even there. */
void privileges_drop(enum privileges whose);

#endif
