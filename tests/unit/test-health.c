/* The table of state x event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/health.h"

static enum health_state run(enum health_state s, const enum health_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s = health_next(s, events[i]);
	return s;
}

static void an_outage_runs_its_course(void **state)
{
	static const enum health_event outage[] = {HEALTH_EVENT_BREAKER_OPEN, HEALTH_EVENT_START_TRY,
						   HEALTH_EVENT_TRY_FAILED,   HEALTH_EVENT_START_TRY,
						   HEALTH_EVENT_PROVEN,	      HEALTH_EVENT_SETTLED};
	static const enum health_state expected[] = {HEALTH_DOWN,	HEALTH_RECOVERING, HEALTH_DOWN,
						     HEALTH_RECOVERING, HEALTH_PROBATION,  HEALTH_HEALTHY};

	(void)state;
	for (size_t n = 1; n <= ARRAY_SIZE(outage); n++)
		assert_int_equal(run(HEALTH_HEALTHY, outage, n), expected[n - 1]);
}

static void first_connection(void **state)
{
	(void)state;
	assert_int_equal(health_next(HEALTH_CONNECTING, HEALTH_EVENT_START_TRY), HEALTH_CONNECTING);
	assert_int_equal(health_next(HEALTH_CONNECTING, HEALTH_EVENT_PROVEN), HEALTH_PROBATION);
	assert_int_equal(health_next(HEALTH_CONNECTING, HEALTH_EVENT_TRY_FAILED), HEALTH_DOWN);
}

static void serving_begins_only_with_proof(void **state)
{
	(void)state;
	for (unsigned s = 0; s < HEALTH_STATE_COUNT; s++)
		for (unsigned e = 0; e < HEALTH_EVENT_COUNT; e++) {
			enum health_state next = health_next((enum health_state)s, (enum health_event)e);

			if (!health_serves((enum health_state)s) && health_serves(next))
				assert_int_equal(e, HEALTH_EVENT_PROVEN);
			assert_true(next < HEALTH_STATE_COUNT);
		}
}

static void an_open_breaker_ends_serving_always(void **state)
{
	(void)state;
	for (unsigned s = 0; s < HEALTH_STATE_COUNT; s++) {
		assert_false(health_serves(health_next((enum health_state)s, HEALTH_EVENT_BREAKER_OPEN)));
		assert_int_equal(health_next((enum health_state)s, HEALTH_EVENT_HOLD), HEALTH_HELD);
	}
	for (unsigned e = 0; e < HEALTH_EVENT_COUNT; e++)
		if (e != HEALTH_EVENT_RESUME)
			assert_int_equal(health_next(HEALTH_HELD, (enum health_event)e), HEALTH_HELD);
}

static void names(void **state)
{
	(void)state;
	for (unsigned s = 0; s < HEALTH_STATE_COUNT; s++)
		assert_int_equal(health_state_from_name(health_state_name((enum health_state)s)), s);
	for (unsigned e = 0; e < HEALTH_EVENT_COUNT; e++)
		assert_string_not_equal(health_event_name((enum health_event)e), "invalid");
	assert_string_equal(health_state_name(HEALTH_STATE_COUNT), "invalid");
	assert_string_equal(health_event_name(HEALTH_EVENT_COUNT), "invalid");
	assert_int_equal(health_state_from_name("fine"), HEALTH_STATE_COUNT);
	assert_int_equal(health_next(HEALTH_STATE_COUNT, HEALTH_EVENT_PROVEN), HEALTH_DOWN);
	assert_int_equal(health_next(HEALTH_HEALTHY, HEALTH_EVENT_COUNT), HEALTH_HEALTHY);
}

static void summaries(void **state)
{
	static const enum health_state good[] = {HEALTH_HEALTHY, HEALTH_HEALTHY};
	static const enum health_state mixed[] = {HEALTH_HEALTHY, HEALTH_DOWN};
	static const enum health_state slow[] = {HEALTH_DEGRADED};
	static const enum health_state bad[] = {HEALTH_RECOVERING, HEALTH_CONNECTING};

	(void)state;
	assert_int_equal(health_summarize(NULL, 0), HEALTH_SUMMARY_OK);
	assert_int_equal(health_summarize(good, 2), HEALTH_SUMMARY_OK);
	assert_int_equal(health_summarize(mixed, 2), HEALTH_SUMMARY_DEGRADED);
	assert_int_equal(health_summarize(slow, 1), HEALTH_SUMMARY_DEGRADED);
	assert_int_equal(health_summarize(bad, 2), HEALTH_SUMMARY_DOWN);
	assert_string_equal(health_summary_name(HEALTH_SUMMARY_DOWN), "down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_outage_runs_its_course),
	    cmocka_unit_test(first_connection),
	    cmocka_unit_test(serving_begins_only_with_proof),
	    cmocka_unit_test(an_open_breaker_ends_serving_always),
	    cmocka_unit_test(names),
	    cmocka_unit_test(summaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
