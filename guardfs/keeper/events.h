/* events.h: what happens to a backend, told to its course, whose decisions are carried out at once
 * (effects.h). Keeper only. now_ns: CLOCK_MONOTONIC. */
#ifndef GUARDFS_KEEPER_EVENTS_H
#define GUARDFS_KEEPER_EVENTS_H

#include "policy/errclass.h"
#include "shm/board.h"

struct supervised;

/* Opens the breaker of s, if nobody did yet, and begins its recovery. detail: for people. */
void event_broken(struct supervised *s, enum errclass class, enum detector by, const char *detail,
		  uint64_t now_ns);

/* The same, the course not told yet: a keeper that starts has found a backend broken. */
void event_found_broken(struct supervised *s, enum errclass class, uint64_t now_ns);

/* A probe has ended, or waits, and that is no reason to open the breaker. class NONE: all is well. */
void event_probed(struct supervised *s, enum errclass class, const char *detail, uint64_t now_ns);

/* Nothing of the old epoch is left inside: the try begins with what is new. */
void event_try_started(struct supervised *s, uint64_t now_ns);

/* The try has failed, for the reason noted by try_fail. All that it started must be taken down already. */
void event_try_failed(struct supervised *s, const char *detail, uint64_t now_ns);

/* The try has closed the breaker. */
void event_try_succeeded(struct supervised *s, uint64_t now_ns);

#endif
