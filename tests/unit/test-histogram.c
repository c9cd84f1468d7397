/* Latencies: every value lies in its bucket, percentiles are within an eighth, counters may wrap around. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/histogram.h"

static struct histogram h;
static struct histogram_copy before, now;

static int empty(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	return 0;
}

static uint64_t percentile(unsigned thousandths)
{
	histogram_copy(&h, &now);
	return histogram_percentile(&now, thousandths);
}

static void buckets_follow_one_another(void **state)
{
	unsigned last = 0;

	(void)state;
	assert_int_equal(histogram_bucket(0), 0);
	assert_int_equal(histogram_bucket((1u << HISTOGRAM_FIRST_BITS) - 1), 0);
	assert_int_equal(histogram_bucket(1u << HISTOGRAM_FIRST_BITS), 1);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	for (unsigned bits = HISTOGRAM_FIRST_BITS; bits < HISTOGRAM_FIRST_BITS + HISTOGRAM_OCTAVES; bits++) {
		for (uint64_t part = 8; part < 16; part++) {
			uint64_t first = part << (bits - 3);

			assert_int_equal(histogram_bucket(first), last + 1);
			assert_int_equal(histogram_bucket(first + (1ull << (bits - 3)) - 1), last + 1);
			last++;
		}
	}
	assert_int_equal(last, HISTOGRAM_BUCKETS - 2);
	assert_int_equal(histogram_bucket(1ull << (HISTOGRAM_FIRST_BITS + HISTOGRAM_OCTAVES)), last + 1);
}

static void one_value_is_bounded_by_an_eighth(void **state)
{
	(void)state;
	for (uint64_t ns = 1u << HISTOGRAM_FIRST_BITS; ns < 1ull << 38; ns = ns * 9 / 7 + 1) {
		empty(NULL);
		histogram_add(&h, ns);
		assert_true(percentile(990) > ns);
		assert_true(percentile(990) <= ns + ns / 8 + 1);
		assert_int_equal(percentile(1), percentile(1000));
	}
}

static void percentiles_of_many(void **state)
{
	(void)state;
	assert_int_equal(percentile(990), 0);
	for (int i = 0; i < 980; i++)
		histogram_add(&h, 1000000); /* 1 ms */
	for (int i = 0; i < 20; i++)
		histogram_add(&h, 5 * NSEC_PER_SEC);
	assert_in_range(percentile(500), 1000000, 1125000);
	assert_in_range(percentile(980), 1000000, 1125000);
	assert_in_range(percentile(981), 5 * NSEC_PER_SEC, 5 * NSEC_PER_SEC / 8 * 9);
	assert_in_range(percentile(5000), 5 * NSEC_PER_SEC, 5 * NSEC_PER_SEC / 8 * 9);
	assert_in_range(percentile(0), 1000000, 1125000);
}

static void beyond_the_last_bucket(void **state)
{
	(void)state;
	histogram_add(&h, UINT64_MAX);
	assert_true(percentile(990) > 1ull << 38);
}

static void a_window_is_a_difference(void **state)
{
	(void)state;
	atomic_store(&h.count[histogram_bucket(1000000)],
		     UINT32_MAX - 2); /* wraps around within the window */
	histogram_copy(&h, &before);
	for (int i = 0; i < 10; i++)
		histogram_add(&h, 1000000);
	histogram_add(&h, NSEC_PER_SEC);
	histogram_copy(&h, &now);
	assert_int_equal(histogram_difference(&now, &before), 11);
	assert_in_range(histogram_percentile(&before, 500), 1000000, 1125000);
	assert_in_range(histogram_percentile(&before, 990), NSEC_PER_SEC, NSEC_PER_SEC / 8 * 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buckets_follow_one_another),
	    cmocka_unit_test(one_value_is_bounded_by_an_eighth),
	    cmocka_unit_test_setup(percentiles_of_many, empty),
	    cmocka_unit_test_setup(beyond_the_last_bucket, empty),
	    cmocka_unit_test_setup(a_window_is_a_difference, empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
