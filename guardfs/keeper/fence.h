/* fence.h: makes sure that nothing of an old epoch can reach the storage. See docs/RECOVERY.md. */
#ifndef GUARDFS_KEEPER_FENCE_H
#define GUARDFS_KEEPER_FENCE_H

#include "base/base.h"
#include "shm/arena.h"
#include <sys/types.h>

/* Kills every process of session (sshfs, its ssh, ProxyJump) whose environment holds token as a whole
 * entry. Their TCP sockets will be reset: an orderly close would leave the kernel retransmitting writes
 * that were answered EIO. Returns how many were found. */
unsigned fence_kill_session(pid_t session, const char *token);

/* Does any of these processes live? A killed one holds its sockets until it has really ended. */
bool fence_session_left(pid_t session, const char *token);

/* Sends signal to these processes and leaves their sockets alone (drills). Returns how many were found. */
unsigned fence_signal_session(pid_t session, const char *token, int signal);

/* Bytes received so far by all TCP connections of the session; 0: none, or the kernel does not say. Looks
 * at every process of the machine. */
uint64_t fence_session_received(pid_t session);

/* Tasks inside backend with an epoch up to this one. */
unsigned fence_tasks_inside(const struct arena *arena, unsigned backend, uint32_t epoch);

/* Aborts the FUSE connection with this device minor: tasks waiting in it get ECONNABORTED or ENOTCONN. The
 * caller has proof that the minor is the mount meant. scratch_dir: place to mount fusectl if needed. 0 or
 * -errno. */
errint_t fence_abort_fuse(uint32_t minor, const char *scratch_dir) WARN_UNUSED;

#endif
