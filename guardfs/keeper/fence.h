/* fence.h: making sure that nothing of an old epoch can reach the storage any more. See
 * docs/RECOVERY.md. */
#ifndef GUARDFS_KEEPER_FENCE_H
#define GUARDFS_KEEPER_FENCE_H

#include "base/base.h"
#include "shm/arena.h"
#include <sys/types.h>

/* Kills every process of session (sshfs and its ssh, ProxyJump included) whose environment holds token as a
 * whole entry. Their TCP sockets are set to be reset when closed: an orderly close would leave the kernel
 * retransmitting writes that have been answered EIO. Returns how many were found. */
unsigned fence_kill_session(pid_t session, const char *token);

/* Does any of the same processes still live? One that has been killed holds its sockets until it has really
 * ended. */
bool fence_session_left(pid_t session, const char *token);

/* Sends signal to the same processes, sockets untouched: drills. */
unsigned fence_signal_session(pid_t session, const char *token, int signal);

/* Bytes that the TCP connections of a session's processes have received so far, all together; 0: there is
 * none, or the kernel does not say. Looks at each process of the machine. */
uint64_t fence_session_received(pid_t session);

/* Tasks inside backend that belong to an epoch up to and including epoch. */
unsigned fence_tasks_inside(const struct arena *arena, unsigned backend, uint32_t epoch);

/* Aborts the FUSE connection with this device minor: every task waiting in it gets ECONNABORTED or ENOTCONN.
 * The caller holds proof that the minor is the mount meant. scratch_dir: where fusectl may be mounted if it
 * is not. Returns 0 or -errno. */
errint_t fence_abort_fuse(uint32_t minor, const char *scratch_dir) WARN_UNUSED;

#endif
