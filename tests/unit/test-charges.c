/* Which users a backend was lost over, and who has had his share of its recoveries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "policy/charges.h"

#define MINUTE_NS (60 * (int64_t)NSEC_PER_SEC)
#define MINUTE_MS (60 * MSEC_PER_SEC)
#define DAY_MS	  (24 * 60 * MINUTE_MS)
#define HALF	  50

static struct charges charges;
static uint32_t recovered; /* outages so far, of whomever */

static uint64_t lose(uint32_t uid, uint32_t hour, uint32_t day, int64_t now_ns)
{
	const struct charges_budget of_hour = {.cap = hour, .used = ++recovered};
	const struct charges_budget of_day = {.cap = day, .used = recovered};

	return charges_note(&charges, uid, &of_hour, &of_day, HALF, now_ns);
}

/* Loses the backend at a moment until refused. Returns how often. */
static uint32_t lose_until_refused(uint32_t uid, uint32_t hour, int64_t now_ns)
{
	uint32_t n = 1;

	while (!lose(uid, hour, 0, now_ns))
		n++;
	return n;
}

static int begin(void **state)
{
	(void)state;
	memset(&charges, 0, sizeof(charges));
	recovered = 0;
	return 0;
}

static void no_user_uses_up_the_hour(void **state)
{
	int64_t now_ns = -10 * MINUTE_NS; /* from before a reboot */
	uint64_t refused_ms;
	uint32_t n;

	(void)state;
	n = lose_until_refused(1001, 20, now_ns);
	assert_int_equal(n, 9);
	/* As soon as he is let in again, for an hour. */
	now_ns += 5 * MINUTE_NS;
	for (refused_ms = 0; now_ns < 49 * MINUTE_NS; now_ns += (int64_t)(refused_ms * NSEC_PER_MSEC)) {
		refused_ms = lose(1001, 20, 0, now_ns);
		assert_true(refused_ms >= 10 * MINUTE_MS && refused_ms <= 60 * MINUTE_MS);
		n++;
	}
	assert_in_range(n, 10, 13);
	/* Others may still be unlucky. */
	assert_int_equal(lose(1002, 20, 0, now_ns), 0);
}

static void others_get_their_share(void **state)
{
	(void)state;
	assert_int_equal(lose_until_refused(1001, 20, 0), 9);
	assert_int_equal(lose_until_refused(1002, 20, 0), 4);
	assert_int_equal(lose_until_refused(1003, 20, 0), CHARGES_MIN);
}

static void outages_of_nobody_count(void **state)
{
	(void)state;
	recovered = 12;
	assert_int_equal(lose_until_refused(1001, 20, 0), CHARGES_MIN);
}

static void nor_the_day(void **state)
{
	int64_t now_ns = 0;
	uint32_t n = 0;

	(void)state;
	for (uint64_t ms = 0; now_ns < 24 * 60 * MINUTE_NS;
	     now_ns += 10 * MINUTE_NS + (int64_t)(ms * NSEC_PER_MSEC)) {
		ms = lose(1001, 20, 100, now_ns);
		n++;
	}
	assert_in_range(n, 40, 75);
}

static void small_budgets(void **state)
{
	(void)state;
	assert_int_equal(lose_until_refused(1001, 1, 0), 1);
	begin(NULL);
	assert_int_equal(lose_until_refused(1001, 2, 0), 1);
	begin(NULL);
	assert_int_equal(lose_until_refused(1001, 3, 0), 2);
	begin(NULL);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(lose(1001, 0, 0, i), 0);
}

static void are_forgotten(void **state)
{
	(void)state;
	lose_until_refused(1001, 20, 0);
	assert_int_equal(charges_count(&charges, 1001, 60 * MINUTE_MS, 59 * MINUTE_NS), 9);
	assert_int_equal(charges_count(&charges, 1001, 60 * MINUTE_MS, 60 * MINUTE_NS), 0);
	assert_int_equal(charges_count(&charges, 1001, DAY_MS, -1), 0); /* of a clock that was wrong */
	recovered = 0;
	assert_int_equal(lose(1001, 20, 0, 61 * MINUTE_NS), 0);
	for (uint32_t i = 0; i < 2 * CHARGES_MAX; i++)
		charges_put(&charges, &(struct charge){.at_ns = 61 * MINUTE_NS, .uid = i});
	assert_int_equal(charges_count(&charges, 1001, DAY_MS, 61 * MINUTE_NS), 0);
	assert_int_equal(charges_count(&charges, CHARGES_MAX, DAY_MS, 61 * MINUTE_NS), 1);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(no_user_uses_up_the_hour),
	    TEST(others_get_their_share),
	    TEST(outages_of_nobody_count),
	    TEST(nor_the_day),
	    TEST(small_budgets),
	    TEST(are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
