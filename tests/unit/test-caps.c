/* Caps: windows, order of verdicts, a full ring, times from before the clock's zero and from after now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/caps.h"

#define SECOND ((int64_t)NSEC_PER_SEC)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

static const struct caps_limits watchdog = {.per_hour = 2, .per_day = 6, .cooldown_ms = 900000};

static void nothing_yet_is_allowed(void **state)
{
	struct caps caps = {0};

	(void)state;
	assert_int_equal(caps_check(&caps, &watchdog, 0), CAPS_ALLOWED);
	assert_int_equal(caps_count(&caps, 1000, 5 * SECOND), 0);
	assert_true(caps_allowed_ns(&caps, &watchdog) < 0);
}

static void cooldown_hour_and_day(void **state)
{
	struct caps caps = {0};

	(void)state;
	caps_note(&caps, 0);
	assert_int_equal(caps_check(&caps, &watchdog, 900 * SECOND - 1), CAPS_COOLDOWN);
	assert_int_equal(caps_check(&caps, &watchdog, 900 * SECOND), CAPS_ALLOWED);
	caps_note(&caps, 900 * SECOND);
	assert_int_equal(caps_check(&caps, &watchdog, 1900 * SECOND), CAPS_HOUR);
	assert_int_equal(caps_check(&caps, &watchdog, HOUR), CAPS_ALLOWED);
	for (int64_t h = 2; h < 6; h++)
		caps_note(&caps, h * HOUR);
	assert_int_equal(caps_check(&caps, &watchdog, 10 * HOUR), CAPS_DAY);
	assert_int_equal(caps_check(&caps, &watchdog, DAY - 1), CAPS_DAY);
	assert_int_equal(caps_check(&caps, &watchdog, DAY), CAPS_ALLOWED);
}

static void zero_is_no_cap(void **state)
{
	const struct caps_limits none = {0};
	struct caps caps = {0};

	(void)state;
	for (int i = 0; i < 2 * CAPS_TIMES_MAX; i++)
		caps_note(&caps, i);
	assert_int_equal(caps_check(&caps, &none, 600), CAPS_ALLOWED);
	assert_true(caps_allowed_ns(&caps, &none) < 0);
}

static void the_ring_keeps_the_newest(void **state)
{
	const struct caps_limits limits = {.per_day = CAPS_TIMES_MAX};
	struct caps caps = {0};

	(void)state;
	for (int i = 0; i < CAPS_TIMES_MAX + 10; i++)
		caps_note(&caps, i * SECOND);
	assert_int_equal(caps.n, CAPS_TIMES_MAX);
	assert_int_equal(caps_count(&caps, 86400000, 300 * SECOND), CAPS_TIMES_MAX);
	assert_int_equal(caps_check(&caps, &limits, 300 * SECOND), CAPS_DAY);
	assert_int_equal(caps_count(&caps, 1000, (CAPS_TIMES_MAX + 9) * SECOND), 1);
}

/* History recalled after a reboot lies before the zero of CLOCK_MONOTONIC. */
static void before_zero_counts(void **state)
{
	struct caps caps = {0};

	(void)state;
	caps_note(&caps, -1800 * SECOND);
	caps_note(&caps, -1000 * SECOND);
	assert_int_equal(caps_check(&caps, &watchdog, 0), CAPS_HOUR);
	assert_int_equal(caps_check(&caps, &watchdog, 1800 * SECOND), CAPS_ALLOWED);
}

static void a_wrong_clock_does_not_exhaust_for_years(void **state)
{
	struct caps caps = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		caps_note(&caps, 50 * 365 * DAY);
	assert_int_equal(caps_check(&caps, &watchdog, HOUR), CAPS_ALLOWED);
	caps_note(&caps, HOUR);
	assert_int_equal(caps_check(&caps, &watchdog, HOUR), CAPS_COOLDOWN);
}

/* What caps_allowed_ns promises is what caps_check says, to the nanosecond. */
static void allowed_from_then_on(void **state)
{
	static const int64_t at[] = {0, 1000, 2000, 2900, 9000, 9950, 11000, 30000, 40000, 41000};
	struct caps caps = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		int64_t allowed;

		caps_note(&caps, at[i] * SECOND);
		allowed = caps_allowed_ns(&caps, &watchdog);
		assert_int_equal(caps_check(&caps, &watchdog, allowed), CAPS_ALLOWED);
		assert_int_not_equal(caps_check(&caps, &watchdog, allowed - 1), CAPS_ALLOWED);
	}
}

static void each_verdict_is_told_with_its_figure(void **state)
{
	char text[80];

	(void)state;
	caps_describe(CAPS_COOLDOWN, &watchdog, text, sizeof(text));
	assert_string_equal(text, "the last one is less than 900 s ago");
	caps_describe(CAPS_HOUR, &watchdog, text, sizeof(text));
	assert_string_equal(text, "2 within an hour are the cap");
	caps_describe(CAPS_DAY, &watchdog, text, sizeof(text));
	assert_string_equal(text, "6 within a day are the cap");
	caps_describe(CAPS_ALLOWED, &watchdog, text, sizeof(text));
	assert_string_equal(text, "within the caps");
	caps_describe(CAPS_DAY, &watchdog, text, 5);
	assert_string_equal(text, "6 wi");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_yet_is_allowed),
	    cmocka_unit_test(cooldown_hour_and_day),
	    cmocka_unit_test(zero_is_no_cap),
	    cmocka_unit_test(the_ring_keeps_the_newest),
	    cmocka_unit_test(before_zero_counts),
	    cmocka_unit_test(a_wrong_clock_does_not_exhaust_for_years),
	    cmocka_unit_test(allowed_from_then_on),
	    cmocka_unit_test(each_verdict_is_told_with_its_figure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
