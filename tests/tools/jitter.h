/* jitter.h: how late the machine itself is. A thread that sleeps a millisecond at a time notes by how much it
 * oversleeps: a deadline cannot be kept better than that, so tests that measure milliseconds subtract it.
 *
 * One at a time per process. Start, work, stop; then ask. */
#ifndef TESTS_JITTER_H
#define TESTS_JITTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include "base/base.h"
#include "base/clock.h"

#define JITTER_SAMPLES 65536 /* the first minute */
#define JITTER_STEP_NS 1000000ull

static struct {
	pthread_t thread;
	_Atomic bool stop;
	unsigned n;
	uint32_t late_us[JITTER_SAMPLES];
	uint32_t max_us;
} jitter;

static inline void *jitter_main(void *arg)
{
	struct timespec step = {.tv_nsec = JITTER_STEP_NS};

	while (!atomic_load(&jitter.stop)) {
		uint64_t before = clock_mono_ns(), took;
		uint32_t late;

		nanosleep(&step, NULL); /* sleep-ok: the measurement itself */
		took = clock_mono_ns() - before;
		late = (uint32_t)((took > JITTER_STEP_NS ? took - JITTER_STEP_NS : 0) / 1000);
		jitter.max_us = MAX(jitter.max_us, late);
		if (jitter.n < JITTER_SAMPLES)
			jitter.late_us[jitter.n++] = late;
	}
	return arg;
}

static inline bool jitter_start(void)
{
	atomic_store(&jitter.stop, false);
	jitter.n = jitter.max_us = 0;
	return pthread_create(&jitter.thread, NULL, jitter_main, NULL) == 0;
}

static inline int jitter_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static inline void jitter_stop(void)
{
	atomic_store(&jitter.stop, true);
	pthread_join(jitter.thread, NULL);
	qsort(jitter.late_us, jitter.n, sizeof(jitter.late_us[0]), jitter_compare);
}

static inline uint32_t jitter_p99_us(void)
{
	return jitter.n ? jitter.late_us[(uint64_t)jitter.n * 99 / 100] : 0;
}

#endif
