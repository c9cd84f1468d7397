/* Backoff: doubling, bounds, spread, and no overflow for any input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/backoff.h"

#define MIDDLE 0x80000000u

static void doubles_up_to_the_limit(void **state)
{
	(void)state;
	assert_in_range(backoff_delay_ms(0, 1000, 60000, MIDDLE), 999, 1001);
	assert_in_range(backoff_delay_ms(1, 1000, 60000, MIDDLE), 1999, 2001);
	assert_in_range(backoff_delay_ms(5, 1000, 60000, MIDDLE), 31990, 32010);
	assert_in_range(backoff_delay_ms(6, 1000, 60000, MIDDLE), 59990, 60000);
	assert_in_range(backoff_delay_ms(UINT32_MAX, 1000, 60000, MIDDLE), 59990, 60000);
}

static void spreads_by_a_quarter_within_bounds(void **state)
{
	uint64_t low = backoff_delay_ms(2, 1000, 60000, 0),
		 high = backoff_delay_ms(2, 1000, 60000, UINT32_MAX);

	(void)state;
	assert_int_equal(low, 3000);
	assert_in_range(high, 4998, 5000);
	assert_int_equal(backoff_delay_ms(0, 1000, 60000, 0), 750);
	assert_int_equal(backoff_delay_ms(20, 1000, 60000, UINT32_MAX), 60000);
}

static void any_input_is_survived(void **state)
{
	static const uint64_t values[] = {
	    0, 1, 2, 3, 1000, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};
	static const uint32_t attempts[] = {0, 1, 31, 63, 64, 65, UINT32_MAX};

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(attempts); a++)
		for (size_t i = 0; i < ARRAY_SIZE(values); i++)
			for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
				uint64_t ms = backoff_delay_ms(attempts[a], values[i], values[j], UINT32_MAX);

				assert_true(ms >= 1);
				assert_true(ms <= MAX(values[j], 1u));
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(doubles_up_to_the_limit),
	    cmocka_unit_test(spreads_by_a_quarter_within_bounds),
	    cmocka_unit_test(any_input_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
