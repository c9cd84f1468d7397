/* fence.h: makes sure that nothing of an old epoch can reach storage (docs/RECOVERY.md). A session's
 * processes (sshfs, its ssh, ProxyJump) are those with token as a whole entry of their environment. */
#ifndef GUARDFS_KEEPER_FENCE_H
#define GUARDFS_KEEPER_FENCE_H

#include "base/base.h"
#include "shm/arena.h"
#include <sys/types.h>

/* Kills the session, resetting its TCP sockets: an orderly close would leave the kernel retransmitting writes
 * that were answered EIO. Returns how many processes were found. */
unsigned fence_kill_session(pid_t session, const char *token);

/* A killed process holds its sockets until it has really ended. */
bool fence_session_left(pid_t session, const char *token);

/* Leaves sockets alone (drills). Returns how many were found. */
unsigned fence_signal_session(pid_t session, const char *token, int signal);

/* Kills the processes of that name with the token that are not of the session: a predecessor's, of which nothing is known
 * any more. As fence_kill_session. */
unsigned fence_kill_strangers(const char *name, pid_t session, const char *token);

/* Bytes received by all its TCP connections; 0: none, or the kernel does not say. Looks at every process of
 * the machine. */
uint64_t fence_session_received(pid_t session);

/* Tasks inside with an epoch up to this one. */
unsigned fence_tasks_inside(const struct arena *arena, unsigned backend, uint32_t epoch);

/* Tasks waiting in the connection get ECONNABORTED or ENOTCONN. The caller has proof that minor is the mount
 * meant. scratch_dir: to mount fusectl if needed. 0 or -errno. */
errint_t fence_abort_fuse(uint32_t minor, const char *scratch_dir) WARN_UNUSED;

#endif
