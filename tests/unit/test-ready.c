/* Requests that may run now: each is taken once, a runner that waits is used before another is asked for, and one that
 * has waited in vain ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "worker/ready.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define PATIENCE_NS (20 * NSEC_PER_SEC)

static _Atomic unsigned taken[8];
static pthread_t runners[200];
static unsigned n_runners;

static void *run(void *arg)
{
	uint16_t slot;

	(void)arg;
	while ((slot = ready_take()) != READY_NONE)
		atomic_fetch_add(&taken[slot], 1);
	return NULL;
}

static void start_runner(void)
{
	assert_true(n_runners < ARRAY_SIZE(runners));
	assert_int_equal(pthread_create(&runners[n_runners++], NULL, run, NULL), 0);
}

static void pause_briefly(void)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	nanosleep(&moment, NULL); /* sleep-ok: a runner tells nobody that it waits */
}

static void await_taken(uint16_t slot, unsigned n)
{
	uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;

	while (atomic_load(&taken[slot]) < n) {
		assert_true(clock_mono_ns() < until_ns);
		pause_briefly();
	}
	assert_int_equal(atomic_load(&taken[slot]), n);
}

static void a_runner_that_stays(void **state)
{
	static const uint16_t first[] = {3, 5};
	unsigned n = 0;

	(void)state;
	assert_int_equal(ready_init(first, 2), 2);
	/* The second one cannot be started. */
	ready_lose_runner();
	start_runner();
	await_taken(3, 1);
	await_taken(5, 1);
	/* Until one waits, others are asked for. */
	while (ready_add(1)) {
		start_runner();
		await_taken(1, ++n);
		pause_briefly();
	}
	await_taken(1, ++n);
	/* All end by themselves. Nobody waits any more. */
	for (unsigned i = 0; i < n_runners; i++)
		pthread_join(runners[i], NULL);
	assert_true(ready_add(2));
	assert_int_equal(ready_take(), 2);
	ready_stop();
	assert_int_equal(ready_take(), READY_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_runner_that_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
