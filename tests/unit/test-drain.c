/* How much may be owed: what goes within a given time at the rate measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/drain.h"

#define MIB 1048576u
#define NOW (5 * NSEC_PER_SEC)

static uint64_t limit(const struct drain *d)
{
	return drain_limit(d, 5000, 4 * MIB, 64 * MIB);
}

static void unknown_at_first(void **state)
{
	struct drain d = {0};

	(void)state;
	assert_int_equal(limit(&d), 4 * MIB);
	drain_confirmed(&d, MIB, NOW); /* nothing had been begun */
	assert_int_equal(limit(&d), 4 * MIB);
}

static void goes_by_the_rate(void **state)
{
	struct drain d = {0};

	(void)state;
	drain_begin(&d, NOW);
	drain_confirmed(&d, 2 * MIB, NOW + NSEC_PER_SEC);
	assert_in_range(limit(&d), 9 * MIB, 11 * MIB);
	/* Slower by now: half way there with each measurement. */
	drain_confirmed(&d, MIB, NOW + 2 * NSEC_PER_SEC);
	assert_in_range(limit(&d), 7 * MIB, 8 * MIB);
}

static void small_pieces_tell_nothing(void **state)
{
	struct drain d = {0};

	(void)state;
	drain_begin(&d, NOW);
	drain_confirmed(&d, 8192, NOW + NSEC_PER_SEC);
	assert_int_equal(limit(&d), 4 * MIB);
	drain_confirmed(&d, MIB, NOW + 50 * NSEC_PER_MSEC); /* the clock goes back: no harm */
	drain_end(&d);
	drain_confirmed(&d, MIB, NOW + 3 * NSEC_PER_SEC);
	assert_int_equal(limit(&d), 4 * MIB);
}

static void bounded(void **state)
{
	static const uint64_t values[] = {0, 1, MIB, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX};
	struct drain d;

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(values); a++)
		for (size_t b = 0; b < ARRAY_SIZE(values); b++) {
			d = (struct drain){.rate = values[a] % (1ull << 40)};
			drain_begin(&d, NOW);
			drain_confirmed(&d, values[b], NOW + values[a]);
			assert_in_range(limit(&d), 4 * MIB, 64 * MIB);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unknown_at_first),
	    cmocka_unit_test(goes_by_the_rate),
	    cmocka_unit_test(small_pieces_tell_nothing),
	    cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
