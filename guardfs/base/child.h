/* child.h: starting child processes without touching descriptors of a backend.
 *
 * A process that shares or inherits descriptors of a hung mount must not close them, not even by exec of
 * close-on-exec ones: that hangs in D state for good. So every child is cloned with CLONE_FILES and leaves
 * the shared table with close_range(CLOSE_RANGE_UNSHARE), which copies only the descriptors kept. */
#ifndef GUARDFS_BASE_CHILD_H
#define GUARDFS_BASE_CHILD_H

#include "base/base.h"
#include <sys/types.h>

#define CHILD_KEEP_MAX 8

/* In guardian's and worker's table 0..FD_RESERVED-1 are guardian's (unused ones are open on /dev/null):
 * descriptors of worker, backends included, have higher numbers. At least 64: the kernel copies a table in
 * words of 64, so below 64 close_range closes the rest one by one, and a close reaches the backend. */
#define FD_RESERVED 64

/* Clones the caller's thread, like fork. The child has a table of its own with 0, 1, 2 and
 * keep_fds[0..n_keep-1], renumbered 3, 4 and so on. *pidfd (may be NULL): close-on-exec pidfd, in the
 * parent. Returns the pid, 0 in the child, or -errno (-EINVAL: more than CHILD_KEEP_MAX descriptors). The
 * parent returns when the child has its table (some milliseconds; at most a second). For one thread of a
 * process, whose other threads hold no lock that the child needs. In guardian all kept descriptors are
 * below FD_RESERVED. */
pid_t child_clone(const int *keep_fds, size_t n_keep, int *pidfd) WARN_UNUSED;

/* Clones a worker: like fork, with one descriptor table shared for ever. Returns as child_clone. */
pid_t child_clone_sharing(int *pidfd) WARN_UNUSED;

/* State letter from /proc/PID/stat ('R', 'D', 'Z'), and start time in clock ticks since boot (start may be
 * NULL). 0: no such process. Equal pid and start time: the same process. */
char child_state(pid_t pid, uint64_t *start);

#endif
