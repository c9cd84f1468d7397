/* spawn.h: children of keeper. */
#ifndef GUARDFS_KEEPER_SPAWN_H
#define GUARDFS_KEEPER_SPAWN_H

#include "base/base.h"
#include <sys/types.h>

/* Forks; in the child the descriptors keep[0..n-1] are 3, 4, ... and nothing above them is open, all signals
 * are unblocked and have their default action. A plain fork, unlike child_clone: keeper's own table never
 * holds more of a backend than an O_PATH descriptor, whose closing asks nobody, and with a shared table
 * keeper could not close its copies without racing with the child. Returns as fork, or -errno. */
pid_t spawn_fork(const int *keep, size_t n) WARN_UNUSED;

/* pidfd_open(2), close-on-exec. -errno on failure (-ESRCH: no such process). */
int spawn_pidfd(pid_t pid) WARN_UNUSED;

#endif
