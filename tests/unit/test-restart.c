/* When the next keeper is started: at once, unless one after another ends, or falls silent, soon after its start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "policy/restart.h"

#define MIDDLE	   0x80000000u
#define STARTED_NS (1000 * NSEC_PER_SEC)

static uint64_t after_ms(uint64_t ms)
{
	return STARTED_NS + ms * NSEC_PER_MSEC;
}

/* Killed or crashed. */
static struct restart_end died(uint64_t lived_ms)
{
	return (struct restart_end){
	    .started_ns = STARTED_NS, .ended_ns = after_ms(lived_ms), .heartbeat_ns = after_ms(lived_ms)};
}

static struct restart_end fell_silent(uint64_t after, uint64_t killed)
{
	return (struct restart_end){.started_ns = STARTED_NS,
				    .ended_ns = after_ms(killed),
				    .heartbeat_ns = after_ms(after),
				    .silent = true};
}

/* Of so many that end alike, the last one's delay. */
static uint64_t delay_of(unsigned n, struct restart_end end)
{
	uint32_t early = 0;
	uint64_t ms = 0;

	for (unsigned i = 0; i < n; i++)
		ms = restart_keeper_delay_ms(&early, &end, MIDDLE);
	return ms;
}

static void one_is_followed_at_once(void **state)
{
	(void)state;
	assert_int_equal(delay_of(1, died(0)), 0);
	assert_int_equal(delay_of(1, fell_silent(0, 3000)), 0);
}

static void one_that_had_lived_is_followed_at_once(void **state)
{
	(void)state;
	assert_int_equal(delay_of(50, died(2000)), 0);
	assert_int_equal(delay_of(50, fell_silent(10000, 13000)), 0);
}

static void early_deaths_are_paced(void **state)
{
	(void)state;
	assert_in_range(delay_of(2, died(1999)), 99, 101);
	assert_in_range(delay_of(3, died(0)), 199, 201);
	assert_in_range(delay_of(1000, died(0)), 4990, 5000);
}

/* Each killed 3 s, 10 s or a minute after its start, which it had not lived. */
static void silent_from_the_start_are_paced(void **state)
{
	static const uint64_t killed_ms[] = {3000, 10000, 60000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(killed_ms); i++) {
		assert_in_range(delay_of(2, fell_silent(0, killed_ms[i])), 99, 101);
		assert_in_range(delay_of(20, fell_silent(0, killed_ms[i])), 4990, 5000);
	}
}

/* As by a signal every 3 s. */
static void silent_soon_are_paced(void **state)
{
	(void)state;
	assert_in_range(delay_of(2, fell_silent(2900, 5900)), 99, 101);
	assert_in_range(delay_of(20, fell_silent(9999, 12999)), 4990, 5000);
}

static void both_kinds_are_of_one_row(void **state)
{
	const struct restart_end dead = died(0), silent = fell_silent(0, 3000), old = died(60000);
	uint32_t early = 0;

	(void)state;
	assert_int_equal(restart_keeper_delay_ms(&early, &dead, MIDDLE), 0);
	assert_in_range(restart_keeper_delay_ms(&early, &silent, MIDDLE), 99, 101);
	assert_in_range(restart_keeper_delay_ms(&early, &dead, MIDDLE), 199, 201);
	assert_int_equal(restart_keeper_delay_ms(&early, &old, MIDDLE), 0);
	assert_int_equal(restart_keeper_delay_ms(&early, &silent, MIDDLE), 0);
}

static void planned_is_not_held_against_it(void **state)
{
	struct restart_end end = died(0);

	(void)state;
	end.planned = true;
	assert_int_equal(delay_of(50, end), 0);
}

/* guardian stores the first heartbeat, before the start; and what keeper stores may be anything. */
static void any_heartbeat_is_survived(void **state)
{
	struct restart_end end = fell_silent(0, 3000);

	(void)state;
	end.heartbeat_ns = STARTED_NS - 1;
	assert_in_range(delay_of(2, end), 99, 101);
	end.heartbeat_ns = UINT64_MAX;
	assert_in_range(delay_of(2, end), 99, 101);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_is_followed_at_once),
	    cmocka_unit_test(one_that_had_lived_is_followed_at_once),
	    cmocka_unit_test(early_deaths_are_paced),
	    cmocka_unit_test(silent_from_the_start_are_paced),
	    cmocka_unit_test(silent_soon_are_paced),
	    cmocka_unit_test(both_kinds_are_of_one_row),
	    cmocka_unit_test(planned_is_not_held_against_it),
	    cmocka_unit_test(any_heartbeat_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
