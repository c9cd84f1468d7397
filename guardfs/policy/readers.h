/* How many threads wait in read(2) on the device: at most `wanted`. docs/INTERNALS.md, "Readers". */
#ifndef GUARDFS_POLICY_READERS_H
#define GUARDFS_POLICY_READERS_H

#include "base/base.h"

#define READERS_WAITING_MAX 8u
/* A second reader, while nothing is known of the requests. */
#define READERS_WAITING_SAFE 2u

/* Requests judged at a time. */
#define READERS_WINDOW 64u
/* Mean distance of dense requests, at most. */
#define READERS_DENSE_NS 100000u
/* A brief request above this waited for a disk. */
#define READERS_SLOW_NS 60000u
/* So many slow ones in a window wait for disks, and each wants a thread. */
#define READERS_SLOW_MAX (READERS_WINDOW / 4)

/* The watch's interval. */
#define READERS_TICK_MS 1u
/* Fewer requests in so many ticks are not dense. */
#define READERS_QUIET_TICKS    8u
#define READERS_QUIET_REQUESTS 20u

/* No reader is alone for so long after one was stuck. */
#define READERS_STUCK_NS 1000000000u

/* Bring another reader before a request is run? While requests are dense a brief one runs alone, watched. */
static inline bool readers_want_another(uint32_t waiting, bool alone_allowed, bool brief)
{
	return waiting == 0 && !(alone_allowed && brief);
}

/* wanted, after another reader was brought. */
static inline uint32_t readers_raise(uint32_t wanted)
{
	return MIN(wanted + 1, READERS_WAITING_MAX);
}

/* A request waits beside a lone reader. Would another reader help? Brief requests want no more than
 * processors. */
static inline bool readers_may_share(uint32_t wanted, uint32_t processors)
{
	return wanted < MIN(processors, READERS_WAITING_MAX);
}

/* wanted, at a window's end; none was brought during `requests`. */
static inline uint32_t readers_lower(uint32_t wanted, uint64_t requests, bool alone_allowed)
{
	uint32_t least = alone_allowed ? 1 : READERS_WAITING_SAFE;

	return requests >= 2 * READERS_WINDOW && wanted > least ? wanted - 1 : wanted;
}

/* After a window so long, with so many slow requests, may a reader be alone? */
static inline bool readers_are_dense(uint64_t window_ns, uint32_t slow)
{
	return window_ns < (uint64_t)READERS_WINDOW * READERS_DENSE_NS && slow < READERS_SLOW_MAX;
}

enum readers_state {
	READERS_WELL,
	/* Nobody waits, and none was taken for a tick. */
	READERS_STUCK,
	/* The readers get no processor. */
	READERS_STARVED,
};

/* queued: a request waits in the device; not needed if some were taken. As many as may wait are never starved:
 * one more at each tick would take all slots on a machine that stands still. */
static inline enum readers_state readers_look(uint32_t waiting, uint64_t taken_before, uint64_t taken,
					      bool queued)
{
	if (taken != taken_before)
		return READERS_WELL;
	if (waiting == 0)
		return READERS_STUCK;
	return queued && waiting < READERS_WAITING_MAX ? READERS_STARVED : READERS_WELL;
}

#endif
