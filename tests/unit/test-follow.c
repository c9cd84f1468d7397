/* When the reader of a lone caller follows it, and when it ends that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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

static struct follow_seen lacking(uint32_t requests, uint64_t lacked_ns)
{
	struct follow_seen tick = seen(requests, 0);

	tick.lacked_ns = lacked_ns;
	return tick;
}

/* Other programs have the processor for most of the time. That one has it for a period means nothing. */
static void a_reader_that_lacks_a_processor_stops_for_a_while(void **state)
{
	const uint64_t all_ns = 2 * FOLLOW_LACK_NS;
	struct follow_seen later = seen(40, 0);
	struct follow_state s;

	(void)state;
	begin(&s, 40);
	assert_int_not_equal(pass(&s, FOLLOW_PERIOD_TICKS, lacking(40, all_ns)), FOLLOW_END);
	assert_int_not_equal(pass(&s, FOLLOW_PERIOD_TICKS, lacking(40, all_ns)), FOLLOW_END);
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, lacking(40, all_ns)), FOLLOW_END);
	later.now_ns += FOLLOW_PAUSE_NS - 1;
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, later), FOLLOW_GO_ON);
	later.now_ns++;
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, later), FOLLOW_LOOK);
}

static void a_little_lack_means_nothing(void **state)
{
	struct follow_state s;

	(void)state;
	begin(&s, 40);
	for (int i = 0; i < 1000; i++)
		assert_int_not_equal(pass(&s, FOLLOW_PERIOD_TICKS, lacking(40, FOLLOW_LACK_NS - 1000)),
				     FOLLOW_END);
}

/* Of a caller that asks for less, following is not to be blamed; of one that had to wait, it is. */
static void few_requests_pause_only_where_the_reader_lacked_a_processor(void **state)
{
	struct follow_state s;

	(void)state;
	begin(&s, 40);
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, lacking(7, FOLLOW_LACK_NS)), FOLLOW_END);
	assert_int_equal(s.pause_ns, 0);
	begin(&s, 40);
	assert_int_equal(pass(&s, FOLLOW_PERIOD_TICKS, lacking(7, FOLLOW_LACK_NS + 1)), FOLLOW_END);
	assert_int_equal(s.pause_ns, FOLLOW_PAUSE_NS);
}

/* Requests differ: twice as many before, and ten times as many after, say nothing. */
static void the_number_of_requests_does_not_end_it(void **state)
{
	struct follow_state s;

	(void)state;
	begin(&s, 400);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_not_equal(pass(&s, FOLLOW_PERIOD_TICKS, seen(i % 2 ? 20 : 200, 0)), FOLLOW_END);
}

static void what_the_caller_runs_is_no_lack(void **state)
{
	(void)state;
	assert_int_equal(follow_lack(3000, 2000), 1000);
	assert_int_equal(follow_lack(3000, 3000), 0);
	assert_int_equal(follow_lack(0, 3000), 0);
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

/* ---- a machine ---- */

/* Of each thousand ticks in which the reader follows: */
struct machine {
	uint32_t starved; /* nothing is taken */
	uint32_t lacked;  /* others have the processor */
};

/* In how many of a thousand ticks the reader followed, after the first second. */
static uint32_t simulate(const struct machine *m)
{
	const uint32_t ticks = 60000, first = 1000;
	struct follow_state s = {0};
	uint32_t followed = 0;
	uint64_t lacked_ns = 0;
	unsigned seed = 1;

	for (uint32_t i = 1; i <= ticks; i++) {
		struct follow_seen tick = seen(20 + (uint32_t)rand_r(&seed) % 200, 0);
		bool asked = follow_asks_lack(&s);

		tick.now_ns = i * 1000000ull;
		if (s.following) {
			followed += i > first;
			tick.well = (uint32_t)rand_r(&seed) % 1000 >= m->starved;
			lacked_ns += (uint32_t)rand_r(&seed) % 1000 < m->lacked ? 1000000 : 0;
		}
		if (asked) {
			tick.lacked_ns = lacked_ns;
			lacked_ns = 0;
		}
		if (follow_tick(&s, &tick) == FOLLOW_LOOK) {
			lacked_ns = s.following ? lacked_ns : 0;
			follow_looked(&s, true, false);
		}
	}
	return followed * 1000ull / (ticks - first);
}

/* However its requests differ, and though other programs run now and then. */
static void on_a_quiet_machine_it_follows_all_the_time(void **state)
{
	(void)state;
	assert_int_equal(simulate(&(struct machine){0, 0}), 1000);
	assert_true(simulate(&(struct machine){0, 100}) >= 990);
	assert_true(simulate(&(struct machine){1, 100}) >= 900);
}

/* One that gets no processor, or half of one, is tried once in some seconds. */
static void on_a_busy_machine_it_hardly_follows(void **state)
{
	(void)state;
	assert_true(simulate(&(struct machine){1000, 0}) <= 2);
	assert_true(simulate(&(struct machine){300, 0}) <= 10);
	assert_true(simulate(&(struct machine){0, 900}) <= 20);
	assert_true(simulate(&(struct machine){100, 700}) <= 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lone_dense_caller_is_followed),
	    cmocka_unit_test(several_callers_are_not),
	    cmocka_unit_test(an_unknown_processor_is_not_followed),
	    cmocka_unit_test(a_caller_that_stays_is_looked_for_less_often),
	    cmocka_unit_test(a_caller_that_stops_costs_no_pause),
	    cmocka_unit_test(a_reader_that_lacks_a_processor_stops_for_a_while),
	    cmocka_unit_test(a_little_lack_means_nothing),
	    cmocka_unit_test(few_requests_pause_only_where_the_reader_lacked_a_processor),
	    cmocka_unit_test(the_number_of_requests_does_not_end_it),
	    cmocka_unit_test(what_the_caller_runs_is_no_lack),
	    cmocka_unit_test(a_tick_in_which_nothing_was_taken_ends_it_at_once),
	    cmocka_unit_test(pauses_grow_until_it_does_well),
	    cmocka_unit_test(on_a_quiet_machine_it_follows_all_the_time),
	    cmocka_unit_test(on_a_busy_machine_it_hardly_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
