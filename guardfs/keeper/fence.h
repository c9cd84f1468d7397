/* fence.h: makes sure that nothing of an old epoch can reach storage (docs/RECOVERY.md). */
#ifndef GUARDFS_KEEPER_FENCE_H
#define GUARDFS_KEEPER_FENCE_H

#include "base/base.h"
#include "shm/arena.h"
#include <sys/types.h>

/* The processes of a carrier. */
struct fence_group {
	/* Their session: sshfs, its ssh, ProxyJump. Of it are those with token as a whole entry of their environment. */
	pid_t session;
	const char *token;
	/* Not 0: instead of the session, all that carry this mark, whatever sessions they have made since. */
	uint32_t mark;
};

/* Makes a UTS namespace of the calling thread's own, which what it forks carries as a mark. Before another thread is asked
 * to fork, or any time passes, the caller goes back by fence_unmark. *own: for that. *held: the namespace, close-on-exec, the
 * caller's; while it is open no other namespace gets its number. Linux's namespaces are inherited and only left on purpose; this
 * kind changes nothing else for a program. 0 or -errno. */
errint_t fence_mark(uint32_t *mark, int *own, int *held) WARN_UNUSED;

/* The namespace of a process with that mark, as *held above. -1: it has ended, or has another one. */
int fence_hold(pid_t pid, uint32_t mark);

/* Closes own. An error leaves the caller marked: it must end. */
errint_t fence_unmark(int own) WARN_UNUSED;

/* Kills the group, resetting its TCP sockets: an orderly close would leave the kernel retransmitting writes
 * that were answered EIO. Returns how many processes were found. */
unsigned fence_kill(const struct fence_group *group);

/* A killed process holds its sockets until it has really ended. */
bool fence_is_left(const struct fence_group *group);

/* Leaves sockets alone (drills). Returns how many were found. */
unsigned fence_signal(const struct fence_group *group, int signal);

/* Processes of a former guardfs, of which nothing is known any more, in our PID namespace. */
struct fence_strangers {
	/* NULL: no more. Of the first 15 bytes. */
	const char *names[2];
	/* Not of this session. */
	pid_t known;
	/* In the environment; of the own user only, for another one can make whoever reads that wait for ever. Ended with all of
	 * their sessions. */
	const char *token;
	/* Not NULL, instead of token, of the own user or nobody: the name of the memfd that is this descriptor of theirs. */
	const char *memory;
	int memory_fd;
};

/* Killed ones; more at once are not awaited. */
#define FENCE_DYING_MAX 16
struct fence_dying {
	unsigned n;
	int pidfds[FENCE_DYING_MAX];
};

/* Kills them as fence_kill does, and adds them to dying. Returns how many were found. */
unsigned fence_kill_strangers(const struct fence_strangers *strangers, struct fence_dying *dying);

/* Does one of them still have its sockets? Closes the others' pidfds. */
bool fence_is_dying(struct fence_dying *dying);

/* Bytes received by all its TCP connections; 0: none, or the kernel does not say. Looks at every process of
 * the machine. */
uint64_t fence_received(const struct fence_group *group);

/* Visits its processes; which may end meanwhile. Returns how many there were. Looks at every process of the machine. */
unsigned fence_each(const struct fence_group *group, void (*visit)(pid_t pid, void *arg), void *arg);

/* Tasks inside with an epoch up to this one. */
unsigned fence_tasks_inside(const struct arena *arena, unsigned backend, uint32_t epoch);

/* Tasks waiting in the connection get ECONNABORTED or ENOTCONN. The caller has proof that minor is the mount
 * meant. scratch_dir: to mount fusectl if needed. 0 or -errno. */
errint_t fence_abort_fuse(uint32_t minor, const char *scratch_dir) WARN_UNUSED;

#endif
