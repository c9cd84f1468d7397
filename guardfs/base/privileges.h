/* privileges.h: confines worker and keeper after their start to the capabilities that they use, without
 * new ones by exec, and without system calls that only an intruder would make. Guardian keeps everything.
 * Reasons: docs/SECURITY.md. */
#ifndef GUARDFS_BASE_PRIVILEGES_H
#define GUARDFS_BASE_PRIVILEGES_H

#include "base/base.h"

enum privileges {
	PRIVILEGES_WORKER,	   /* acts with callers' ids; no exec, no network */
	PRIVILEGES_WORKER_NETWORK, /* the same with a backend that worker reaches over the network */
	PRIVILEGES_KEEPER,	   /* mounts, kills, starts sshfs, ssh and hooks, which inherit this */
};

/* Gives up everything else for good, for all later threads and processes. Before there are threads.
 *
 * Privileges that cannot be given up (old kernel, container) are logged and kept: files are served even there. */
void privileges_drop(enum privileges whose);

#endif
