#include "worker/ready.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/context.h"

#include <pthread.h>
#include <time.h>

/* More than all backends let in: those stuck for one backend or user delay no others. */
#define RUNNERS_MAX (CONFIG_INFLIGHT_TOTAL_MAX + 64u)
/* So many stay idle for so long: every close of a file written behind needs one, and starting a thread takes
 * longer than the answer. */
#define KEPT	4u
#define KEPT_NS NSEC_PER_SEC

static struct {
	pthread_mutex_t lock;
	/* On CLOCK_MONOTONIC. */
	pthread_cond_t come;
	uint16_t slots[SLOT_MAX]; /* a ring */
	uint32_t head, n;
	uint32_t runners;
	/* Of them, in `come`. */
	uint32_t waiting;
	bool stopping;
} ready = {.lock = PTHREAD_MUTEX_INITIALIZER};

uint32_t ready_init(const uint16_t *slots, uint32_t n)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&ready.come, &monotonic);
	pthread_condattr_destroy(&monotonic);
	memcpy(ready.slots, slots, n * sizeof(*slots));
	ready.n = n;
	ready.runners = MIN(n, RUNNERS_MAX);
	return ready.runners;
}

bool ready_add(uint16_t slot)
{
	ACQUIRE_LOCK(&ready.lock);
	ready.slots[(ready.head + ready.n++) % SLOT_MAX] = slot;
	if (ready.n <= ready.waiting) {
		pthread_cond_signal(&ready.come);
		return false;
	}
	if (ready.runners == RUNNERS_MAX)
		return false;
	ready.runners++;
	return true;
}

void ready_lose_runner(void)
{
	ACQUIRE_LOCK(&ready.lock);
	ready.runners--;
}

/* Under the lock. */
static void await_one(void)
{
	uint64_t until_ns = clock_mono_ns() + KEPT_NS;
	const struct timespec until = {.tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
				       .tv_nsec = (long)(until_ns % NSEC_PER_SEC)};
	int rc = 0;

	if (ready.waiting >= KEPT)
		return;
	ready.waiting++;
	while (ready.n == 0 && rc == 0 && !ready.stopping)
		rc = pthread_cond_timedwait(&ready.come, &ready.lock, &until);
	ready.waiting--;
}

uint16_t ready_take(void)
{
	uint16_t slot = READY_NONE;

	ACQUIRE_LOCK(&ready.lock);
	if (ready.n == 0)
		await_one();
	if (ready.n == 0) {
		ready.runners--;
		return slot;
	}
	slot = ready.slots[ready.head];
	ready.head = (ready.head + 1) % SLOT_MAX;
	ready.n--;
	return slot;
}

void ready_stop(void)
{
	ACQUIRE_LOCK(&ready.lock);
	ready.stopping = true;
	pthread_cond_broadcast(&ready.come);
}
