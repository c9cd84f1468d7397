/* Makes sure that nothing of an old epoch can reach storage (docs/RECOVERY.md). */
#ifndef GUARDFS_KEEPER_FENCE_H
#define GUARDFS_KEEPER_FENCE_H

#include "base/base.h"
#include "shm/arena.h"
#include <sys/types.h>

struct fence_group {
	/* Their session: sshfs, its ssh, ProxyJump. Those with token as a whole entry of their environment. */
	pid_t session;
	const char *token;
	/* Not 0: instead all that carry this mark, whatever their session. */
	uint32_t mark;
};

/* Gives the calling thread a UTS namespace of its own, a mark that what it forks inherits (docs/RECOVERY.md,
 * "Fencing"). Before another thread is asked to fork, or time passes, the caller goes back by fence_unmark,
 * with *own. *held: the namespace, close-on-exec, the caller's; while it is open no other gets its number. 0
 * or -errno. */
errint_t fence_mark(uint32_t *mark, int *own, int *held) WARN_UNUSED;

/* The namespace of a process with that mark, as *held above. -1: it has ended, or has another. */
int fence_hold(pid_t pid, uint32_t mark);

/* Closes own. An error leaves the caller marked: it must end. */
errint_t fence_unmark(int own) WARN_UNUSED;

/* Kills the group, resetting its TCP sockets (docs/RECOVERY.md, "Fencing"). Returns how many processes were
 * found. */
unsigned fence_kill(const struct fence_group *group);

/* A killed process holds its sockets until it has really ended. */
bool fence_is_left(const struct fence_group *group);

/* Leaves sockets alone (drills). Returns how many were found. */
unsigned fence_signal(const struct fence_group *group, int signal);

/* Processes that a former guardfs left, in our PID namespace. */
struct fence_strangers {
	/* NULL: no more. Of the first 15 bytes. */
	const char *names[2];
	/* Not of this session. */
	pid_t known;
	/* In the environment; of the own user only, for another can make its readers wait for ever. Ended with
	 * their sessions. */
	const char *token;
	/* Instead of token, of the own user or nobody: name of the memfd that is this descriptor of theirs. */
	const char *memory;
	int memory_fd;
};

/* Killed ones; more at once are not awaited. */
#define FENCE_DYING_MAX 16
struct fence_dying {
	unsigned n;
	int pidfds[FENCE_DYING_MAX];
};

/* As fence_kill, and adds them to dying. Returns how many were found. */
unsigned fence_kill_strangers(const struct fence_strangers *strangers, struct fence_dying *dying);

/* Does one still have its sockets? Closes the others' pidfds. */
bool fence_is_dying(struct fence_dying *dying);

/* Bytes received by all its TCP connections; 0: none, or the kernel does not say. Reads all of /proc. */
uint64_t fence_received(const struct fence_group *group);

/* Visits its processes, which may end meanwhile. Returns how many. Reads all of /proc. */
unsigned fence_each(const struct fence_group *group, void (*visit)(pid_t pid, void *arg), void *arg);

/* With an epoch up to this one. */
unsigned fence_tasks_inside(const struct arena *arena, unsigned backend, uint32_t epoch);

/* Tasks waiting in the connection get ECONNABORTED or ENOTCONN. The caller has proof that minor is the mount
 * meant. scratch_dir: to mount fusectl if needed. 0 or -errno. */
errint_t fence_abort_fuse(uint32_t minor, const char *scratch_dir) WARN_UNUSED;

#endif
