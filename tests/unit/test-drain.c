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
	drain_confirmed(&d, MIB, 0, NOW); /* nothing had been begun */
	assert_int_equal(limit(&d), 4 * MIB);
}

static void goes_by_the_rate(void **state)
{
	struct drain d = {0};

	(void)state;
	drain_begin(&d, NOW);
	drain_confirmed(&d, 2 * MIB, 8 * MIB, NOW + NSEC_PER_SEC);
	assert_in_range(limit(&d), 9 * MIB, 11 * MIB);
	/* Slower by now: half way there with each measurement. */
	drain_confirmed(&d, MIB, 8 * MIB, NOW + 2 * NSEC_PER_SEC);
	assert_in_range(limit(&d), 7 * MIB, 8 * MIB);
	/* Faster: at once. */
	drain_confirmed(&d, 4 * MIB, 8 * MIB, NOW + 3 * NSEC_PER_SEC);
	assert_in_range(limit(&d), 19 * MIB, 21 * MIB);
}

/* A writer of records leaves the link idle most of the time. */
static void little_to_do_is_not_slow(void **state)
{
	struct drain d = {0};

	(void)state;
	drain_begin(&d, NOW);
	drain_confirmed(&d, 4 * MIB, 8 * MIB, NOW + NSEC_PER_SEC);
	for (unsigned i = 2; i < 20; i++)
		drain_confirmed(&d, MIB, 8192, NOW + i * NSEC_PER_SEC);
	assert_in_range(limit(&d), 19 * MIB, 21 * MIB);
}

/* Files that are done with before a measurement of the usual length is: one after another is measured, too. */
static void short_files_are_measured(void **state)
{
	struct drain d = {0};

	(void)state;
	drain_begin(&d, NOW);
	drain_confirmed(&d, MIB, 0, NOW + 60 * NSEC_PER_MSEC);
	drain_end(&d);
	assert_int_equal(limit(&d), 64 * MIB);
}

/* All that is confirmed shortly after a measurement was on its way before it. */
static void what_was_on_its_way_is_not_measured(void **state)
{
	struct drain d = {0};

	(void)state;
	drain_begin(&d, NOW);
	drain_confirmed(&d, 2 * MIB, 8 * MIB, NOW + NSEC_PER_SEC);
	drain_confirmed(&d, 2 * MIB, 8 * MIB, NOW + NSEC_PER_SEC + NSEC_PER_MSEC);
	assert_in_range(limit(&d), 9 * MIB, 11 * MIB);
}

/* An outage: begun anew with the connection. */
static void an_outage_is_no_rate(void **state)
{
	struct drain d = {0};

	(void)state;
	drain_begin(&d, NOW);
	drain_confirmed(&d, 2 * MIB, 8 * MIB, NOW + NSEC_PER_SEC);
	drain_begin(&d, NOW + 60 * NSEC_PER_SEC);
	drain_confirmed(&d, 2 * MIB, 8 * MIB, NOW + 61 * NSEC_PER_SEC);
	assert_in_range(limit(&d), 9 * MIB, 11 * MIB);
}

static void small_pieces_tell_nothing(void **state)
{
	struct drain d = {0};

	(void)state;
	drain_begin(&d, NOW);
	drain_confirmed(&d, 8192, 0, NOW + NSEC_PER_SEC);
	assert_int_equal(limit(&d), 4 * MIB);
	drain_confirmed(&d, MIB, 0, NOW - NSEC_PER_MSEC); /* the clock goes back: no harm */
	drain_end(&d);
	drain_confirmed(&d, MIB, 0, NOW + 3 * NSEC_PER_SEC);
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
			drain_confirmed(&d, values[b], values[b], NOW + values[a]);
			assert_in_range(limit(&d), 4 * MIB, 64 * MIB);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unknown_at_first),
	    cmocka_unit_test(goes_by_the_rate),
	    cmocka_unit_test(little_to_do_is_not_slow),
	    cmocka_unit_test(short_files_are_measured),
	    cmocka_unit_test(what_was_on_its_way_is_not_measured),
	    cmocka_unit_test(an_outage_is_no_rate),
	    cmocka_unit_test(small_pieces_tell_nothing),
	    cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
