/* follow.h: lets the reader that serves a lone caller run on the caller's processor. policy/follow.h says when,
 * docs/INTERNALS.md ("Following") why. */
#ifndef GUARDFS_WORKER_FOLLOW_H
#define GUARDFS_WORKER_FOLLOW_H

#include "base/base.h"
#include <sys/types.h>

/* Asks for the right to return from SCHED_IDLE, before privileges are given up. False: only CAP_SYS_NICE gives it. */
bool follow_init(void);

/* Without that right nothing is ever followed. After privileges were given up, before readers. */
void follow_start(void);

/* A request of the thread pid (0: unknown) was taken. Readers, each request. */
void follow_note(uint32_t pid);

/* The calling thread is as other threads are once this returns, and stays so until it is alone again (*alone is not its
 * tid). Any thread. */
void follow_leave(pid_t tid);

/* The watch's, at each tick. *alone: the reader that is alone, or was last. well: see policy/follow.h. */
void follow_watch(const _Atomic pid_t *alone, uint32_t requests, bool well);

/* The watch will not look for a while. */
void follow_end(void);

#endif
