/* Children of keeper. */
#ifndef GUARDFS_KEEPER_SPAWN_H
#define GUARDFS_KEEPER_SPAWN_H

#include "base/base.h"
#include <sys/types.h>

/* Forks; in the child keep[0..n-1] become 3, 4 and so on, nothing above is open, signals are unblocked with
 * default actions. Not child_clone: closing keeper's copies in a shared table would race with the child. As fork,
 * or -errno. */
pid_t spawn_fork(const int *keep, size_t n) WARN_UNUSED;

/* The same with a socket between both: in the child its end is SPAWN_SOCKET, `more` (-1: none) is the descriptor behind it, and
 * it dies with the calling thread. *sock: the caller's end, SOCK_SEQPACKET, non-blocking; unset in the child and on error. End
 * of file there means that the child is gone. As spawn_fork. */
#define SPAWN_SOCKET 3
pid_t spawn_with_socket(int more, int *sock) WARN_UNUSED;

/* Close-on-exec. -errno (-ESRCH: no such process). */
int spawn_pidfd(pid_t pid) WARN_UNUSED;

#endif
