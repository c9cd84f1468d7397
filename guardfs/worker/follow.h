/* Lets a lone caller's reader run on the caller's processor. policy/follow.h says when, docs/INTERNALS.md
 * ("Following") why. */
#ifndef GUARDFS_WORKER_FOLLOW_H
#define GUARDFS_WORKER_FOLLOW_H

#include "base/base.h"
#include <sys/types.h>

/* Asks for the right to return from SCHED_IDLE, while privileged. False: only CAP_SYS_NICE gives it. */
bool follow_init(void);

/* Without that right nothing is followed. After privileges were given up, before readers. */
void follow_start(void);

/* A request of the thread pid (0: unknown) was taken. Readers, each request. */
void follow_note(uint32_t pid);

/* Once this returns the calling thread is as others are, until it is alone again (*alone is not its tid). Any
 * thread. */
void follow_leave(pid_t tid);

/* The watch's, at each tick. *alone: the reader alone, or alone last. well: see policy/follow.h. */
void follow_watch(const _Atomic pid_t *alone, uint32_t requests, bool well);

/* The watch pauses. */
void follow_end(void);

#endif
