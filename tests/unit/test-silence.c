/* How long keeper may be silent, by the state that it is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/silence.h"

static void stopped_is_soon_replaced(void **state)
{
	(void)state;
	assert_int_equal(silence_keeper_limit_ms('T'), 3000);
}

static void asleep_or_debugged_has_ten_seconds(void **state)
{
	(void)state;
	assert_int_equal(silence_keeper_limit_ms('S'), 10000);
	assert_int_equal(silence_keeper_limit_ms('t'), 10000);
	assert_int_equal(silence_keeper_limit_ms(0), 10000);
}

static void held_up_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(silence_keeper_limit_ms('R'), 60000);
	assert_int_equal(silence_keeper_limit_ms('D'), 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stopped_is_soon_replaced),
	    cmocka_unit_test(asleep_or_debugged_has_ten_seconds),
	    cmocka_unit_test(held_up_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
