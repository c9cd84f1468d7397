/* test-grain: how finely a course is recorded. */
#include "policy/grain.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct grain grain;
static uint64_t now_ns;

static int begin(void **state)
{
	(void)state;
	now_ns = 1000 * NSEC_PER_SEC;
	grain_init(&grain, true, now_ns);
	return 0;
}

/* Buckets of the length asked for, for so long. Returns how many are written by themselves. */
static unsigned pass(uint64_t ms, bool trouble, bool serves)
{
	uint64_t end_ns = now_ns + ms * NSEC_PER_MSEC;
	unsigned written = 0;

	while (now_ns < end_ns) {
		now_ns += grain_length_ms(&grain, now_ns) * NSEC_PER_MSEC;
		written += grain_take(&grain, trouble, serves, now_ns);
	}
	return written;
}

static void quiet_seconds_are_kept_together(void **state)
{
	(void)state;
	assert_int_equal(grain_length_ms(&grain, now_ns), 1000);
	assert_int_equal(pass(600000, false, true), 0);
}

static void three_seconds_of_trouble_are_seen(void **state)
{
	(void)state;
	pass(60000, false, true);
	assert_in_range(pass(3000, true, false), 9, 12);
	assert_int_equal(grain_length_ms(&grain, now_ns), GRAIN_FINEST_MS);
}

static void long_trouble_is_recorded_coarsely(void **state)
{
	(void)state;
	pass(1000, true, false);
	/* 100 for the first 25 s, about 100 for each doubling until 1,000 s, then one in 10 s. */
	assert_in_range(pass(14 * 3600 * 1000, true, false), 4900, 5700);
	assert_int_equal(grain_length_ms(&grain, now_ns), GRAIN_COARSE_MS);
}

static void the_end_of_long_trouble_is_fine_again(void **state)
{
	(void)state;
	pass(14 * 3600 * 1000, true, false);
	now_ns += 1000000;
	assert_true(grain_take(&grain, false, true, now_ns));
	assert_int_equal(grain_length_ms(&grain, now_ns), GRAIN_FINEST_MS);
	assert_in_range(pass(GRAIN_AFTER_MS, false, true), 50, 120);
	assert_int_equal(pass(60000, false, true), 0);
	assert_int_equal(grain_length_ms(&grain, now_ns), GRAIN_QUIET_MS);
}

static void errors_alone_are_trouble(void **state)
{
	(void)state;
	now_ns += NSEC_PER_SEC;
	assert_true(grain_take(&grain, true, true, now_ns));
	assert_int_equal(grain_length_ms(&grain, now_ns), GRAIN_FINEST_MS);
}

/* A backend that comes and goes all day must not fill the journal. */
static void flapping_is_bounded(void **state)
{
	uint64_t began_ns = now_ns, coarse;
	unsigned written = 0;

	(void)state;
	for (unsigned i = 0; i < 24 * 360; i++)
		written += pass(5000, true, i % 2 == 0) + pass(5000, true, i % 2 == 1);
	coarse = (now_ns - began_ns) / (GRAIN_COARSE_MS * NSEC_PER_MSEC);
	assert_in_range(written, coarse, GRAIN_FINE_MAX + 2 * coarse + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(quiet_seconds_are_kept_together, begin),
	    cmocka_unit_test_setup(three_seconds_of_trouble_are_seen, begin),
	    cmocka_unit_test_setup(long_trouble_is_recorded_coarsely, begin),
	    cmocka_unit_test_setup(the_end_of_long_trouble_is_fine_again, begin),
	    cmocka_unit_test_setup(errors_alone_are_trouble, begin),
	    cmocka_unit_test_setup(flapping_is_bounded, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
