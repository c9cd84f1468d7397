/* readers.h: how many threads wait in read(2) on the device, and when another is brought. Pure.
 *
 * The kernel wakes one waiting reader for each request, the one that has waited longest. With several of them each
 * request wakes another thread, on another processor, whose caches and stack are cold. So few wait there, and
 * the others are held elsewhere: `wanted` says how many may wait. docs/INTERNALS.md, "Readers". */
#ifndef GUARDFS_POLICY_READERS_H
#define GUARDFS_POLICY_READERS_H

#include "base/base.h"

/* No more than so many wait in read(2). */
#define READERS_WAITING_MAX 8u
/* Where nothing is known of the requests, the second one takes the next request whatever becomes of the first. */
#define READERS_WAITING_SAFE 2u

/* Requests are judged by so many at a time. */
#define READERS_WINDOW 64u
/* Dense: not further apart than this, on average. */
#define READERS_DENSE_NS 100000u
/* A brief request that took longer than this has waited for a disk. */
#define READERS_SLOW_NS 60000u
/* So many slow ones in a window: requests wait for disks, and want as many threads as there are of them. */
#define READERS_SLOW_MAX (READERS_WINDOW / 4)

/* The watch looks so often while a reader may be alone. */
#define READERS_TICK_MS 1u
/* Fewer requests than that in so many ticks: they are not dense any more. */
#define READERS_QUIET_TICKS    8u
#define READERS_QUIET_REQUESTS 20u

/* A reader that was alone has been stuck: for so long none is alone again. */
#define READERS_STUCK_NS 1000000000u

/* A thread has taken a request, and `waiting` others wait for the next one. Is another to be brought before the
 * request is run? Alone: while requests are dense a brief one is run with nobody waiting, under the watch's eyes. */
static inline bool readers_want_another(uint32_t waiting, bool alone_allowed, bool brief)
{
	return waiting == 0 && !(alone_allowed && brief);
}

/* wanted, after another had to be brought. */
static inline uint32_t readers_raise(uint32_t wanted)
{
	return MIN(wanted + 1, READERS_WAITING_MAX);
}

/* A request is waiting in the device while a reader is alone with another one. Does one reader more help? No more
 * than there are processors: brief requests want nothing else. */
static inline bool readers_may_share(uint32_t wanted, uint32_t processors)
{
	return wanted < MIN(processors, READERS_WAITING_MAX);
}

/* wanted, at the end of a window, when for two windows (`requests`) no other had to be brought. */
static inline uint32_t readers_lower(uint32_t wanted, uint64_t requests, bool alone_allowed)
{
	uint32_t least = alone_allowed ? 1 : READERS_WAITING_SAFE;

	return requests >= 2 * READERS_WINDOW && wanted > least ? wanted - 1 : wanted;
}

/* A window took so long, with so many slow requests in it. May a reader be alone? */
static inline bool readers_are_dense(uint64_t window_ns, uint32_t slow)
{
	return window_ns < (uint64_t)READERS_WINDOW * READERS_DENSE_NS && slow < READERS_SLOW_MAX;
}

/* What the watch sees at a tick. */
enum readers_state {
	READERS_WELL,
	/* Nobody waits for requests, and none was taken for a whole tick: the reader that is alone is inside something. */
	READERS_STUCK,
	/* A request waits, and the readers that wait for one get no processor. */
	READERS_STARVED,
};

/* queued: a request waits in the device. It need not be known where requests were taken. */
static inline enum readers_state readers_look(uint32_t waiting, uint64_t taken_before, uint64_t taken,
					      bool queued)
{
	if (taken != taken_before)
		return READERS_WELL;
	if (waiting == 0)
		return READERS_STUCK;
	return queued ? READERS_STARVED : READERS_WELL;
}

#endif
