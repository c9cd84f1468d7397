/* When another thread is brought to read the device, and how many wait there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/readers.h"

static void whoever_waits_takes_the_next(void **state)
{
	(void)state;
	for (uint32_t waiting = 1; waiting < READERS_WAITING_MAX; waiting++) {
		assert_false(readers_want_another(waiting, false, false));
		assert_false(readers_want_another(waiting, true, false));
	}
}

static void alone_only_with_a_brief_one_and_the_watch(void **state)
{
	(void)state;
	assert_false(readers_want_another(0, true, true));
	assert_true(readers_want_another(0, true, false));
	assert_true(readers_want_another(0, false, true));
	assert_true(readers_want_another(0, false, false));
}

static void wanted_has_bounds(void **state)
{
	uint32_t wanted = 1;

	(void)state;
	for (int i = 0; i < 100; i++)
		wanted = readers_raise(wanted);
	assert_int_equal(wanted, READERS_WAITING_MAX);
	for (int i = 0; i < 100; i++)
		wanted = readers_lower(wanted, 2 * READERS_WINDOW, false);
	assert_int_equal(wanted, READERS_WAITING_SAFE); /* else a reader could be alone without a watch */
	for (int i = 0; i < 100; i++)
		wanted = readers_lower(wanted, 2 * READERS_WINDOW, true);
	assert_int_equal(wanted, 1); /* never none */
}

static void it_is_not_lowered_at_once(void **state)
{
	(void)state;
	assert_int_equal(readers_lower(4, 2 * READERS_WINDOW - 1, true), 4);
	assert_int_equal(readers_lower(4, 2 * READERS_WINDOW, true), 3);
}

static void sharing_needs_processors(void **state)
{
	(void)state;
	assert_false(readers_may_share(1, 1));
	assert_true(readers_may_share(1, 2));
	assert_false(readers_may_share(2, 2));
	assert_true(readers_may_share(READERS_WAITING_MAX - 1, 16));
	assert_false(readers_may_share(READERS_WAITING_MAX, 16));
}

static void dense_and_quick_requests_allow_it(void **state)
{
	const uint64_t just_dense_ns = (uint64_t)READERS_WINDOW * READERS_DENSE_NS - 1;

	(void)state;
	assert_true(readers_are_dense(just_dense_ns, 0));
	assert_false(readers_are_dense(just_dense_ns + 1, 0));
	assert_true(readers_are_dense(0, READERS_SLOW_MAX - 1));
	assert_false(readers_are_dense(0, READERS_SLOW_MAX));
}

/* What keeps one request from waiting for another for longer than two ticks. */
static void the_watch_sees_who_is_stuck(void **state)
{
	(void)state;
	assert_int_equal(readers_look(0, 7, 7, false), READERS_STUCK);
	assert_int_equal(readers_look(0, 7, 7, true), READERS_STUCK);
	assert_int_equal(readers_look(0, 7, 8, true), READERS_WELL);  /* it goes on, or another has come */
	assert_int_equal(readers_look(1, 7, 7, false), READERS_WELL); /* nothing comes */
	assert_int_equal(readers_look(1, 7, 7, true), READERS_STARVED);
	assert_int_equal(readers_look(READERS_WAITING_MAX, 7, 7, true), READERS_WELL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whoever_waits_takes_the_next),
	    cmocka_unit_test(alone_only_with_a_brief_one_and_the_watch),
	    cmocka_unit_test(wanted_has_bounds),
	    cmocka_unit_test(it_is_not_lowered_at_once),
	    cmocka_unit_test(sharing_needs_processors),
	    cmocka_unit_test(dense_and_quick_requests_allow_it),
	    cmocka_unit_test(the_watch_sees_who_is_stuck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
