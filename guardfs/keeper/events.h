/* Tells a backend's course what happened, and carries out its decisions. */
#ifndef GUARDFS_KEEPER_EVENTS_H
#define GUARDFS_KEEPER_EVENTS_H

#include "policy/errclass.h"
#include "shm/board.h"

struct supervised;

/* Opens the breaker, if closed, and begins the recovery. detail: for people. */
void event_broken(struct supervised *s, enum errclass class, enum detector by, const char *detail,
		  uint64_t now_ns);

/* At keeper's start. */
void event_found_broken(struct supervised *s, enum errclass class, uint64_t now_ns);

/* A probe ended, or waits, without reason to open the breaker. class NONE: all is well. */
void event_probed(struct supervised *s, enum errclass class, const char *detail, uint64_t now_ns);

/* The old epoch is fenced: the try begins with what is new. */
void event_try_started(struct supervised *s, uint64_t now_ns);

/* As noted by try_fail. The caller has taken down what it started. */
void event_try_failed(struct supervised *s, const char *detail, uint64_t now_ns);

void event_try_succeeded(struct supervised *s, uint64_t now_ns);

/* The network is back, or the machine has slept; news: for people. The next try of a backend that does not serve comes at
 * once (course_called). */
void event_network(struct supervised *s, const char *news, uint64_t now_ns);

#endif
