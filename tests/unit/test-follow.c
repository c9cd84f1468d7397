/* When the reader of a lone caller follows it, and when it ends that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/follow.h"

#define SECOND 1000000000u

static struct follow_seen seen(uint32_t requests, uint32_t changes)
{
	return (struct follow_seen){.requests = requests, .changes = changes, .well = true, .now_ns = SECOND};
}

/* The last step of `ticks` alike. A look succeeds, and finds the caller where it was. */
static enum follow_step pass(struct follow_state *s, uint32_t ticks, struct follow_seen tick)
{
	enum follow_step step = FOLLOW_GO_ON;

	while (ticks--) {
		step = follow_tick(s, &tick);
		if (step == FOLLOW_LOOK && (s->following || ticks))
			follow_looked(s, true, false);
	}
	return step;
}

static void begin(struct follow_state *s, uint32_t requests)
{
	*s = (struct follow_state){0};
	assert_int_equal(pass(s, FOLLOW_PERIOD_TICKS, seen(requests, 0)), FOLLOW_LOOK);
	follow_looked(s, true, true);
	assert_true(s->following);
}

static void a_lone_dense_caller_is_followed(void **state)
{
	struct follow_state s = {0};

	(void)state;
	assert_int_equal(
	    pass(&s, FOLLOW_PERIOD_TICKS, seen(FOLLOW_REQUESTS_MIN / FOLLOW_PERIOD_TICKS - 1, 0)),
	    FOLLOW_GO_ON);
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS - 1, seen(40, 0)), FOLLOW_GO_ON);
	assert_int_equal(pass(&s, 1, seen(40, 0)), FOLLOW_LOOK);
}

static void several_callers_are_not(void **state)
{
	struct follow_state s = {0};

	(void)state;
	assert_int_equal(pass(&s, 10 * FOLLOW_PERIOD_TICKS, seen(40, 20)), FOLLOW_GO_ON);
	assert_false(s.following);
	begin(&s, 40);
	assert_int_equal(pass(&s, 20, seen(100, 1)), FOLLOW_GO_ON); /* another one now and then */
	assert_int_equal(pass(&s, 1, seen(40, 20)), FOLLOW_END);
	assert_false(s.following);
	/* At once again, when the caller is alone again. */
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, seen(40, 0)), FOLLOW_LOOK);
}

static void an_unknown_processor_is_not_followed(void **state)
{
	struct follow_state s = {0};

	(void)state;
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, seen(40, 0)), FOLLOW_LOOK);
	follow_looked(&s, false, false);
	assert_false(s.following);
	begin(&s, 40);
	follow_looked(&s, false, false);
	assert_false(s.following);
}

static uint32_t ticks_until_look(struct follow_state *s)
{
	const struct follow_seen tick = seen(100, 0);
	uint32_t ticks = 1;

	while (follow_tick(s, &tick) != FOLLOW_LOOK)
		assert_true(ticks++ <= FOLLOW_LOOK_TICKS_MAX);
	return ticks;
}

static void a_caller_that_stays_is_looked_for_less_often(void **state)
{
	struct follow_state s;
	uint32_t last = 0;

	(void)state;
	begin(&s, 40);
	for (int i = 0; i < 8; i++) {
		uint32_t ticks = ticks_until_look(&s);

		assert_true(ticks >= last);
		last = ticks;
		follow_looked(&s, true, false);
	}
	assert_int_equal(last, FOLLOW_LOOK_TICKS_MAX);
	follow_looked(&s, true, true);
	assert_int_equal(ticks_until_look(&s), 1);
}

static void a_caller_that_stops_costs_no_pause(void **state)
{
	struct follow_state s;

	(void)state;
	begin(&s, 40);
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, seen(0, 0)), FOLLOW_END);
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, seen(40, 0)), FOLLOW_LOOK);
}

/* Requests that come more slowly than before, and wait: another program has the processor. */
static void fewer_requests_end_it_for_a_while(void **state)
{
	struct follow_seen fewer = seen(29, 0), later = seen(40, 0);
	struct follow_state s;

	(void)state;
	begin(&s, 40);
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, seen(30, 0)), FOLLOW_GO_ON);
	fewer.waits = true;
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, fewer), FOLLOW_END);
	later.now_ns += FOLLOW_PAUSE_NS - 1;
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, later), FOLLOW_GO_ON);
	later.now_ns++;
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, later), FOLLOW_LOOK);
}

/* What keeps a request from waiting for a processor for longer than two ticks. */
static void a_tick_in_which_nothing_was_taken_ends_it_at_once(void **state)
{
	struct follow_seen stuck = seen(0, 0), later = seen(40, 0);
	struct follow_state s;

	(void)state;
	stuck.well = false;
	begin(&s, 40);
	assert_int_equal(pass(&s, 1, stuck), FOLLOW_END);
	assert_false(s.following);
	assert_int_equal(pass(&s, 5 * FOLLOW_PERIOD_TICKS, later), FOLLOW_GO_ON);
}

/* A machine that is always busy is tried less and less often. */
static void pauses_grow_until_it_does_well(void **state)
{
	struct follow_seen stuck = seen(0, 0), later = seen(40, 0);
	struct follow_state s;
	uint64_t last_ns = 0;

	(void)state;
	stuck.well = false;
	begin(&s, 40);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(pass(&s, 1, stuck), FOLLOW_END);
		assert_true(s.pause_ns >= last_ns && s.pause_ns <= FOLLOW_PAUSE_NS_MAX);
		last_ns = s.pause_ns;
		later.now_ns = stuck.now_ns = s.not_until_ns;
		assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, later), FOLLOW_LOOK);
		follow_looked(&s, true, true);
	}
	assert_int_equal(last_ns, FOLLOW_PAUSE_NS_MAX);
	pass(&s, FOLLOW_WELL_TICKS, later);
	assert_int_equal(pass(&s, 1, stuck), FOLLOW_END);
	assert_int_equal(s.pause_ns, FOLLOW_PAUSE_NS);
}

/* No processor is idle: following gains nothing, and the one that follows would get none. */
static void a_crowded_machine_is_let_be(void **state)
{
	struct follow_seen later = seen(40, 0);
	struct follow_state s;

	(void)state;
	assert_false(follow_is_crowded(3, 2));
	assert_true(follow_is_crowded(4, 2));
	begin(&s, 40);
	follow_was_crowded(&s, SECOND);
	assert_false(s.following);
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, later), FOLLOW_GO_ON);
	later.now_ns += FOLLOW_PAUSE_NS;
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, later), FOLLOW_LOOK);
}

/* Else a comparison of long ago would decide. */
static void it_is_compared_anew_after_a_while(void **state)
{
	struct follow_state s;
	uint32_t ticks = 0;

	(void)state;
	begin(&s, 40);
	while (pass(&s, 1, seen(100, 0)) != FOLLOW_END)
		assert_true(ticks++ <= FOLLOW_LONGEST_TICKS + FOLLOW_PERIOD_TICKS);
	assert_true(ticks >= FOLLOW_LONGEST_TICKS);
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, seen(40, 0)), FOLLOW_LOOK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lone_dense_caller_is_followed),
	    cmocka_unit_test(several_callers_are_not),
	    cmocka_unit_test(an_unknown_processor_is_not_followed),
	    cmocka_unit_test(a_caller_that_stays_is_looked_for_less_often),
	    cmocka_unit_test(a_caller_that_stops_costs_no_pause),
	    cmocka_unit_test(fewer_requests_end_it_for_a_while),
	    cmocka_unit_test(a_tick_in_which_nothing_was_taken_ends_it_at_once),
	    cmocka_unit_test(pauses_grow_until_it_does_well),
	    cmocka_unit_test(a_crowded_machine_is_let_be),
	    cmocka_unit_test(it_is_compared_anew_after_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
