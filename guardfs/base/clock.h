/* guardfs's two clocks, in ns. Pure modules are handed the time. */
#ifndef GUARDFS_BASE_CLOCK_H
#define GUARDFS_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* For deadlines and ages. The same in all processes. */
static inline uint64_t clock_mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* Since the epoch, for people. */
static inline uint64_t clock_real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

#endif
