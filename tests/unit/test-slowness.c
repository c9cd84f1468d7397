/* Slow and quick again: bounds, hysteresis, what breaks a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/slowness.h"

#define WINDOW (SLOWNESS_WINDOW_MS * NSEC_PER_MSEC)
#define FOR    (60 * NSEC_PER_SEC)
#define BOUND  (2 * NSEC_PER_SEC)

static struct slowness s;
static uint64_t now;

static int begin(void **state)
{
	(void)state;
	s = (struct slowness){0};
	now = 1000 * NSEC_PER_SEC;
	return 0;
}

/* n windows one after the other; what the last one says. */
static bool windows(enum slowness_verdict verdict, int n)
{
	bool slow = s.slow;

	while (n-- > 0) {
		now += WINDOW;
		slow = slowness_take(&s, verdict, FOR, now);
	}
	return slow;
}

static void what_a_window_says(void **state)
{
	(void)state;
	assert_int_equal(slowness_window(BOUND + 1, 5, BOUND), SLOWNESS_SLOW);
	assert_int_equal(slowness_window(BOUND, 5, BOUND), SLOWNESS_BETWEEN);
	assert_int_equal(slowness_window(BOUND / 10 * 8, 5, BOUND), SLOWNESS_BETWEEN);
	assert_int_equal(slowness_window(BOUND / 10 * 8 - 1, 5, BOUND), SLOWNESS_QUICK);
	assert_int_equal(slowness_window(BOUND + 1, 4, BOUND), SLOWNESS_SILENT);
	assert_int_equal(slowness_window(BOUND + 1, 100, 0), SLOWNESS_SILENT);
}

static void slow_only_after_a_while(void **state)
{
	(void)state;
	assert_false(windows(SLOWNESS_SLOW, 6));
	assert_true(windows(SLOWNESS_SLOW, 1));
	assert_true(windows(SLOWNESS_SLOW, 100));
}

static void a_quick_window_breaks_the_run(void **state)
{
	(void)state;
	assert_false(windows(SLOWNESS_SLOW, 6));
	assert_false(windows(SLOWNESS_QUICK, 1));
	assert_false(windows(SLOWNESS_SLOW, 6));
	assert_true(windows(SLOWNESS_SLOW, 1));
}

static void silence_and_in_between_do_not_break_it(void **state)
{
	(void)state;
	assert_false(windows(SLOWNESS_SLOW, 2));
	assert_false(windows(SLOWNESS_SILENT, 2));
	assert_false(windows(SLOWNESS_BETWEEN, 2));
	assert_true(windows(SLOWNESS_SLOW, 1));
}

static void two_slow_windows_a_night_apart_are_no_run(void **state)
{
	(void)state;
	assert_false(windows(SLOWNESS_SLOW, 1));
	assert_false(windows(SLOWNESS_SILENT, 3000));
	assert_false(windows(SLOWNESS_SLOW, 1));
	assert_false(windows(SLOWNESS_SLOW, 5));
	assert_true(windows(SLOWNESS_SLOW, 1));
}

static void a_time_shorter_than_a_window_counts_too(void **state)
{
	(void)state;
	assert_false(slowness_take(&s, SLOWNESS_SLOW, NSEC_PER_SEC, now));
	assert_true(slowness_take(&s, SLOWNESS_SLOW, NSEC_PER_SEC, now + WINDOW));
	assert_false(slowness_take(&s, SLOWNESS_QUICK, 0, now + 2 * WINDOW));
	assert_true(slowness_take(&s, SLOWNESS_SLOW, 0, now + 3 * WINDOW));
}

static void quick_again_only_well_below(void **state)
{
	(void)state;
	assert_true(windows(SLOWNESS_SLOW, 7));
	assert_true(windows(SLOWNESS_BETWEEN, 20));
	assert_true(windows(SLOWNESS_QUICK, 6));
	assert_true(windows(SLOWNESS_BETWEEN, 1));
	assert_true(windows(SLOWNESS_QUICK, 4));
	assert_true(windows(SLOWNESS_SILENT, 2));
	assert_false(windows(SLOWNESS_QUICK, 1));
}

static void nothing_to_do_is_not_slow(void **state)
{
	(void)state;
	assert_true(windows(SLOWNESS_SLOW, 7));
	assert_false(windows(SLOWNESS_SILENT, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_window_says),
	    cmocka_unit_test_setup(slow_only_after_a_while, begin),
	    cmocka_unit_test_setup(a_quick_window_breaks_the_run, begin),
	    cmocka_unit_test_setup(silence_and_in_between_do_not_break_it, begin),
	    cmocka_unit_test_setup(two_slow_windows_a_night_apart_are_no_run, begin),
	    cmocka_unit_test_setup(a_time_shorter_than_a_window_counts_too, begin),
	    cmocka_unit_test_setup(quick_again_only_well_below, begin),
	    cmocka_unit_test_setup(nothing_to_do_is_not_slow, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
