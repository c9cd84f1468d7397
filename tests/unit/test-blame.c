/* Objects over which a backend was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "policy/blame.h"

#define MINUTE (60 * NSEC_PER_SEC)
#define T0     (1000 * MINUTE)

static struct blame blame;

static int setup(void **state)
{
	(void)state;
	blame = (struct blame){0};
	return 0;
}

static void the_third_strike_counts(void **state)
{
	(void)state;
	blame_strike(&blame, 7, 1, T0);
	blame_strike(&blame, 7, 1, T0 + MINUTE);
	assert_false(blame_refuses(&blame, 7, T0 + MINUTE));
	blame_strike(&blame, 7, 1, T0 + 2 * MINUTE);
	assert_true(blame_refuses(&blame, 7, T0 + 2 * MINUTE));
	assert_false(blame_refuses(&blame, 8, T0 + 2 * MINUTE));
	assert_true(blame_refuses(&blame, 7, T0 + 7 * MINUTE - 1));
	assert_false(blame_refuses(&blame, 7, T0 + 7 * MINUTE));
}

static void what_is_certain_counts_at_once_and_longer_each_time(void **state)
{
	uint64_t at = T0;

	(void)state;
	for (unsigned minutes = 5; minutes <= 40; minutes *= 2) {
		blame_strike(&blame, 7, minutes == 5 ? BLAME_STRIKES : 1, at);
		assert_true(blame_refuses(&blame, 7, at + minutes * MINUTE - 1));
		at += minutes * MINUTE;
		assert_false(blame_refuses(&blame, 7, at));
	}
	for (unsigned i = 0; i < 100; i++)
		blame_strike(&blame, 7, BLAME_STRIKES, at);
	assert_true(blame_refuses(&blame, 7, at + 60 * MINUTE - 1));
	assert_false(blame_refuses(&blame, 7, at + 60 * MINUTE));
}

static void old_strikes_are_forgotten(void **state)
{
	(void)state;
	blame_strike(&blame, 7, 2, T0);
	blame_strike(&blame, 7, 1, T0 + 60 * MINUTE);
	assert_false(blame_refuses(&blame, 7, T0 + 60 * MINUTE));
	blame_strike(&blame, 7, 2, T0 + 61 * MINUTE);
	assert_true(blame_refuses(&blame, 7, T0 + 61 * MINUTE));
}

static void without_room_the_oldest_goes(void **state)
{
	(void)state;
	for (uint64_t key = 0; key <= BLAME_MAX; key++)
		blame_strike(&blame, key, BLAME_STRIKES, T0 + key);
	assert_false(blame_refuses(&blame, 0, T0 + MINUTE));
	for (uint64_t key = 1; key <= BLAME_MAX; key++)
		assert_true(blame_refuses(&blame, key, T0 + MINUTE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(the_third_strike_counts, setup),
	    cmocka_unit_test_setup(what_is_certain_counts_at_once_and_longer_each_time, setup),
	    cmocka_unit_test_setup(old_strikes_are_forgotten, setup),
	    cmocka_unit_test_setup(without_room_the_oldest_goes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
