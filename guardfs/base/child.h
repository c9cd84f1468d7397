/* child.h: starting child processes without touching the descriptors of a backend.
 *
 * A process that shares or inherits descriptors of a hung mount must not close them, not even through exec of
 * close-on-exec descriptors: that hangs in D state for good. Every child is therefore cloned with CLONE_FILES
 * and leaves the shared table with close_range(CLOSE_RANGE_UNSHARE), which copies only what is kept. */
#ifndef GUARDFS_BASE_CHILD_H
#define GUARDFS_BASE_CHILD_H

#include "base/base.h"
#include <sys/types.h>

#define CHILD_KEEP_MAX 8

/* Descriptors 0..FD_RESERVED-1 of guardian and worker belong to guardian (unused ones are held open on
 * /dev/null). What worker opens, backends included, therefore always has a number from FD_RESERVED up. At
 * least 64: the kernel copies a table in words of 64 descriptors, so that up to there close_range closes what
 * it was told to leave out, and a close reaches the backend. */
#define FD_RESERVED 64

/* Clones the caller (one thread continues, as after fork). In the child the descriptors keep_fds[0..n_keep-1]
 * are the only ones left besides 0, 1, 2; they are renumbered 3, 4, ... in the given order, in a table of the
 * child's own. *pidfd (may be NULL) receives a close-on-exec pidfd in the parent. Returns the pid in the
 * parent, 0 in the child, or -errno; -EINVAL for more than CHILD_KEEP_MAX descriptors. In the parent it
 * returns when the child has its own table (some milliseconds; at most a second). One thread of a process
 * only, whose other threads hold no lock that the child needs. In guardian all kept descriptors must be below
 * FD_RESERVED. */
pid_t child_clone(const int *keep_fds, size_t n_keep, int *pidfd) WARN_UNUSED;

/* Clones a worker: like fork, but parent and child share one descriptor table for ever. Returns as
 * child_clone. */
pid_t child_clone_sharing(int *pidfd) WARN_UNUSED;

/* State letter of a process from /proc/PID/stat ('R', 'D', 'Z', ...), and its start time in clock ticks since
 * boot (start may be NULL). Returns 0 when there is no such process. A pid with equal start time is the same
 * process. */
char child_state(pid_t pid, uint64_t *start);

#endif
