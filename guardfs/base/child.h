/* Child processes without a backend's descriptors. Closing one of a hung mount, even by close-on-exec, hangs in D
 * state for good. So children are cloned with CLONE_FILES and leave by close_range(CLOSE_RANGE_UNSHARE), which copies
 * only kept ones. */
#ifndef GUARDFS_BASE_CHILD_H
#define GUARDFS_BASE_CHILD_H

#include "base/base.h"
#include <sys/types.h>

#define CHILD_KEEP_MAX 8

/* Lower descriptors are guardian's (unused: /dev/null), higher ones worker's, with backends. At least 64: the kernel
 * copies tables in words of 64, and would close the rest of a word, backends too. */
#define FD_RESERVED 64

/* comm of guardian/holder.c. Not guardfs-…: `pkill -9 guardfs` shall leave it. */
#define HOLDER_NAME "gfs-holder"

/* Clones the calling thread, like fork. The child's own table has 0, 1, 2 and keep_fds, renumbered from 3. *pidfd
 * (may be NULL): close-on-exec, in the parent. Returns the pid, 0 in the child, or -errno (-EINVAL: over
 * CHILD_KEEP_MAX). Waits for the child's table, some ms, at most a second. For one thread of a process; others hold
 * no lock that the child needs. Guardian keeps only descriptors below FD_RESERVED. */
pid_t child_clone(const int *keep_fds, size_t n_keep, int *pidfd) WARN_UNUSED;

/* Clones a worker or holder: the descriptor table stays shared. Returns as child_clone. */
pid_t child_clone_sharing(int *pidfd) WARN_UNUSED;

/* State letter of /proc/PID/stat (0: no process), and start in clock ticks since boot (may be NULL). Pid and
 * start identify a process. */
char child_state(pid_t pid, uint64_t *start);

/* Has the process a thread neither stuck (D) nor dead? After a kill such a thread will still run. */
bool child_has_live_threads(pid_t pid);

/* Waits until it has none. False: it still had some after limit_ms. */
bool child_await_threads(pid_t pid, unsigned limit_ms);

/* The processor that the thread runs on, or ran on last; -1: unknown. */
int child_processor(pid_t tid);

#endif
