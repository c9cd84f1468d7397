/* What one user may have of what all draw on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/share.h"

static const struct share_pool half = {.capacity = 1100, .reserve = 100, .percent = 50};

/* Takes one at a time until refused. */
static uint64_t take_all(const struct share_pool *pool, uint64_t *used, bool root)
{
	uint64_t mine = 0;

	while (share_allows(pool, *used, mine, 1, root)) {
		mine++;
		++*used;
	}
	return mine;
}

static void one_gets_half_and_two_a_third(void **state)
{
	uint64_t used = 0, a = 0, b = 0;

	(void)state;
	assert_int_equal(take_all(&half, &used, false), 500);
	assert_int_equal(take_all(&half, &used, false), 250);
	used = 0;
	while (share_allows(&half, used, a, 1, false) || share_allows(&half, used, b, 1, false)) {
		if (share_allows(&half, used, a, 1, false)) {
			a++;
			used++;
		}
		if (share_allows(&half, used, b, 1, false)) {
			b++;
			used++;
		}
	}
	assert_in_range(a, 332, 334);
	assert_in_range(b, 332, 334);
}

static void root_has_all_and_a_reserve(void **state)
{
	uint64_t used = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		take_all(&half, &used, false);
	assert_in_range(used, 990, 1000);
	assert_in_range(take_all(&half, &used, true), 100, 110);
	assert_int_equal(used, 1100);
	assert_false(share_allows(&half, used, 0, 1, false));
}

static void other_parts(void **state)
{
	struct share_pool pool = {.capacity = 1000, .percent = 90};
	uint64_t used = 0;

	(void)state;
	assert_int_equal(take_all(&pool, &used, false), 900);
	pool.percent = 100;
	used = 0;
	assert_int_equal(take_all(&pool, &used, false), 1000);
	assert_false(share_allows(&pool, 0, 0, 1001, false));
	pool.reserve = 2000;
	assert_false(share_allows(&pool, 0, 0, 1, false));
	assert_true(share_allows(&pool, 0, 0, 1000, true));
	/* more than there should be, as after a restart with another configuration */
	assert_false(share_allows(&half, 5000, 4000, 1, false));
	assert_false(share_allows(&half, 5000, 0, 1, true));
}

static void places_for_a_while(void **state)
{
	struct share_pool pool = {.capacity = 8, .reserve = 1, .percent = 50};

	(void)state;
	assert_true(share_admits(&pool, 2, 2, false));
	assert_false(share_admits(&pool, 3, 3, false));
	/* the last one that is free, for who has none; root's stays root's */
	assert_true(share_admits(&pool, 6, 0, false));
	assert_false(share_admits(&pool, 6, 1, false));
	assert_false(share_admits(&pool, 7, 0, false));
	assert_true(share_admits(&pool, 7, 7, true));
	assert_false(share_admits(&pool, 8, 0, true));
	pool = (struct share_pool){.capacity = 1, .percent = 50};
	assert_true(share_admits(&pool, 0, 0, false));
	assert_false(share_admits(&pool, 1, 0, false));
	pool.reserve = 2;
	assert_false(share_admits(&pool, 0, 0, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_gets_half_and_two_a_third),
	    cmocka_unit_test(root_has_all_and_a_reserve),
	    cmocka_unit_test(other_parts),
	    cmocka_unit_test(places_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
