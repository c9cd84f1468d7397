/* The course of a backend: each rule of course.h as a small history. The simulator (tests/sim) runs random
 * ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "course-util.h"

#include <errno.h>

/* ---- outages ---- */

static void first_connection_opens_no_incident(void **state)
{
	(void)state;
	assert_int_equal(step(0), UINT64_MAX);
	EXPECT("try");
	prove();
	EXPECT("probation");
	assert_int_equal(step(0), now + 200 * MS);
	step(200 * MS);
	EXPECT("healthy");
	assert_int_equal(course_step(&c, now), UINT64_MAX);
}

static void first_connection_that_fails_opens_one(void **state)
{
	(void)state;
	step(0);
	fail_try(ERRCLASS_REFUSED);
	EXPECT("try open down");
	assert_int_equal(c.failures, 1);
	assert_in_range(step(0), now + 990 * MS, now + 1010 * MS);
	EXPECT("");
	step(SECOND);
	EXPECT("try");
}

static void an_outage_is_one_incident(void **state)
{
	(void)state;
	serve();
	break_it();
	EXPECT("open down");
	step(0);
	fail_try(ERRCLASS_REFUSED);
	EXPECT("try recovering down");
	step(2 * SECOND);
	prove();
	EXPECT("try recovering probation");
	step(200 * MS);
	EXPECT("healthy close");
	assert_int_equal(caps_count(&c.recoveries, 3600000, (int64_t)now), 1);
	now += HOUR;
	break_it();
	EXPECT("open down");
}

static void trouble_in_probation_is_the_same_outage(void **state)
{
	(void)state;
	serve();
	break_it();
	step(0);
	prove();
	now += 100 * MS;
	break_it();
	EXPECT("open down try recovering probation down");
	assert_in_range(step(0), now + 990 * MS, now + 1010 * MS);
	step(SECOND);
	prove();
	step(200 * MS);
	EXPECT("try recovering probation healthy close");
	assert_int_equal(caps_count(&c.recoveries, 3600000, (int64_t)now), 1);
}

static void backoff_doubles_and_is_forgotten(void **state)
{
	static const uint64_t waits[] = {1, 2, 4, 8, 16, 32, 60, 60};

	(void)state;
	serve();
	break_it();
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		step(0);
		fail_try(ERRCLASS_REFUSED);
		assert_in_range(c.next_try_ns - now, waits[i] * 990 * MS, waits[i] * 1010 * MS);
		now = c.next_try_ns;
	}
	step(0);
	prove();
	step(200 * MS);
	now += HOUR;
	break_it();
	assert_int_equal(c.next_try_ns, now);
}

static void what_needs_a_person_is_tried_slowly(void **state)
{
	(void)state;
	step(0);
	fail_try(ERRCLASS_AUTH_FAILED);
	assert_in_range(c.next_try_ns - now, 59 * SECOND, 60 * SECOND);
}

static void who_serves_briefly_is_forgiven_thrice(void **state)
{
	(void)state;
	serve();
	for (int i = 0; i < 6; i++) {
		break_it();
		if (i < 4)
			assert_int_equal(c.next_try_ns, now);
		else
			assert_in_range(c.next_try_ns - now, (750 << (i - 4)) * MS, (1250 << (i - 4)) * MS);
		now = c.next_try_ns;
		step(0);
		prove();
		step(SECOND);
	}
}

static void the_first_try_waits_for_its_confirmation(void **state)
{
	(void)state;
	limits.confirm_ms = 5000;
	serve();
	break_it();
	EXPECT("open down");
	assert_int_equal(step(0), now + 5 * SECOND);
	step(5 * SECOND);
	EXPECT("try");
}

/* ---- caps ---- */

static void outage(void)
{
	break_it();
	step(0);
	prove();
	step(200 * MS);
	now += 20 * SECOND;
}

static void budget_used_up(void)
{
	limits.flap_count = 0;
	limits.recoveries.per_hour = 3;
	serve();
	for (int i = 0; i < 3; i++)
		outage();
	effects[0] = '\0';
	break_it();
	assert_int_equal(step(0), UINT64_MAX);
	EXPECT("open down exhausted exhausted");
}

static void a_fourth_outage_within_the_hour_exhausts(void **state)
{
	(void)state;
	budget_used_up();
	assert_non_null(course_obstacle(&c, now));
	assert_int_equal(step(24 * HOUR), UINT64_MAX);
	EXPECT("");
	assert_int_equal(course_resume(&c, now), 0);
	step(0);
	EXPECT("down try");
	prove();
	step(200 * MS);
	EXPECT("recovering probation healthy close");
	assert_int_equal(caps_count(&c.recoveries, 3600000, (int64_t)now), 1);
}

static void reconnect_ends_exhaustion(void **state)
{
	(void)state;
	budget_used_up();
	assert_int_equal(course_reconnect(&c, now), 0);
	step(0);
	EXPECT("down try");
}

static void a_hold_is_no_way_around_the_cap(void **state)
{
	(void)state;
	budget_used_up();
	assert_int_equal(course_hold(&c, now + SECOND, now), 0);
	step(SECOND);
	EXPECT("held down exhausted exhausted");
}

/* ---- acting beyond guardfs ---- */

/* To the next thing due; tries that are begun fail. */
static void go_on_failing(void)
{
	uint64_t wake = step(0);

	if (c.trying)
		fail_try(ERRCLASS_REFUSED);
	else
		now = wake;
}

/* Down for two minutes. */
static void long_outage(void)
{
	uint64_t end = now + 130 * SECOND;

	break_it();
	while (now < end)
		go_on_failing();
}

static void recover(void)
{
	now = c.next_try_ns;
	step(0);
	prove();
	step(200 * MS);
}

static bool told(const char *word)
{
	bool found = strstr(effects, word) != NULL;

	effects[0] = '\0';
	return found;
}

static unsigned acts_done(void)
{
	return caps_count(&c.acts, 86400000, (int64_t)now);
}

static void act_once_when_confirmed_and_tell_the_recovery(void **state)
{
	(void)state;
	serve();
	break_it();
	step(0);
	fail_try(ERRCLASS_REFUSED);
	step(119 * SECOND);
	assert_int_equal(acts_done(), 0); /* neither two failures nor old enough */
	fail_try(ERRCLASS_REFUSED);
	step(SECOND);
	assert_int_equal(acts_done(), 1);
	effects[0] = '\0';
	step(HOUR);
	EXPECT("try");
	prove();
	step(200 * MS);
	EXPECT("recovering probation healthy close recovered");
	now += HOUR;
	outage();
	assert_false(told("recovered"));
}

static void an_act_kept_from_by_the_cooldown_is_made_up_for(void **state)
{
	uint64_t acted;

	(void)state;
	serve();
	long_outage();
	assert_int_equal(acts_done(), 1);
	acted = now;
	recover();
	now += 20 * SECOND;
	effects[0] = '\0';
	long_outage();
	assert_true(told("capped"));
	while (now < acted + 1000 * SECOND)
		go_on_failing();
	assert_false(strstr(effects, "capped")); /* told once */
	assert_int_equal(acts_done(), 2);
	assert_true(c.acts.at_ns[1] - c.acts.at_ns[0] >= (int64_t)(900 * SECOND));
}

/* A drill is over, and the outage is not: it is acted upon if it goes on failing from now on. */
static void an_act_refused_for_a_while_is_confirmed_anew(void **state)
{
	(void)state;
	serve();
	long_outage();
	course_act_refused(&c);
	course_act_again(&c);
	course_step(&c, now);
	take_all();
	assert_int_equal(acts_done(), 0);
	for (int i = 0; i < 10; i++)
		go_on_failing();
	assert_int_equal(acts_done(), 1);
	course_act_again(&c); /* nothing was refused */
	assert_true(c.act_failures > 0);
}

/* No sentinel: told once, however long it lasts; the next outage has its own chance, and the whole budget. */
static void an_act_refused_does_not_come_up_again(void **state)
{
	(void)state;
	serve();
	long_outage();
	assert_true(c.acted_down);
	course_act_refused(&c);
	assert_int_equal(acts_done(), 0);
	assert_true(course_step(&c, now) > now);
	take_all();
	effects[0] = '\0';
	for (int i = 0; i < 10; i++)
		go_on_failing();
	assert_int_equal(acts_done(), 0);
	effects[0] = '\0';
	recover();
	assert_null(strstr(effects, "recovered"));
	now += HOUR;
	effects[0] = '\0';
	long_outage();
	assert_int_equal(acts_done(), 1);
}

static void what_failed_before_a_hold_confirms_nothing_after_it(void **state)
{
	(void)state;
	serve();
	break_it();
	for (int i = 0; i < 3; i++) {
		step(0);
		fail_try(ERRCLASS_REFUSED);
		now = c.next_try_ns;
	}
	assert_int_equal(course_hold(&c, now + HOUR, now), 0);
	effects[0] = '\0';
	take_all();
	effects[0] = '\0';
	step(HOUR);
	EXPECT("down try");
	prove();
	step(200 * MS);
	EXPECT("recovering probation healthy close");
	assert_int_equal(acts_done(), 0);
}

/* ---- an operator ---- */

static void a_hold_stops_the_try_and_ends_by_itself(void **state)
{
	(void)state;
	serve();
	break_it();
	step(0);
	course_try_started(&c, now);
	assert_int_equal(course_hold(&c, now + MINUTE, now), 0);
	EXPECT("open down try recovering stop held");
	assert_int_equal(step(0), now + MINUTE);
	assert_int_equal(course_reconnect(&c, now), -EBUSY);
	step(MINUTE);
	EXPECT("down try");
	assert_int_equal(c.class, ERRCLASS_NONE); /* no longer "an operator holds it" */
	prove();
	step(200 * MS);
	EXPECT("recovering probation healthy close");
}

static void a_hold_without_end_waits_for_resume(void **state)
{
	(void)state;
	serve();
	assert_int_equal(course_resume(&c, now), -EALREADY);
	assert_int_equal(course_hold(&c, 0, now), 0);
	assert_int_equal(step(0), UINT64_MAX);
	step(100 * HOUR);
	EXPECT("held");
	assert_int_equal(course_hold(&c, now + HOUR, now), 0); /* another end */
	assert_int_equal(step(0), now + HOUR);
	assert_int_equal(course_resume(&c, now), 0);
	step(0);
	prove();
	step(200 * MS);
	EXPECT("down try recovering probation healthy"); /* no outage, no incident */
}

static void a_reconnect_of_a_good_one_is_no_outage(void **state)
{
	(void)state;
	serve();
	assert_int_equal(course_reconnect(&c, now), 0);
	step(0);
	EXPECT("down try");
	assert_int_equal(course_reconnect(&c, now), 0);
	step(0);
	EXPECT("stop try");
	fail_try(ERRCLASS_REFUSED);
	EXPECT("recovering open down");
}

static void a_reconnect_in_an_incident_waits_for_nothing(void **state)
{
	(void)state;
	limits.confirm_ms = 60000;
	serve();
	break_it();
	assert_int_equal(course_reconnect(&c, now), 0);
	step(0);
	EXPECT("open down try");
	assert_int_equal(caps_count(&c.recoveries, 3600000, (int64_t)now), 0);
}

/* ---- degraded ---- */

static void slow_is_degraded_until_it_is_quick(void **state)
{
	(void)state;
	serve();
	course_probed(&c, ERRCLASS_SLOW, now);
	EXPECT("degraded");
	course_probed(&c, ERRCLASS_SLOW, now);
	EXPECT("");
	course_probed(&c, ERRCLASS_NONE, now);
	EXPECT("healthy");
	break_it();
	course_probed(&c, ERRCLASS_NONE, now);
	EXPECT("open down");
}

static void lost_four_times_in_ten_minutes_flaps(void **state)
{
	(void)state;
	serve();
	for (int i = 0; i < 3; i++)
		outage();
	effects[0] = '\0';
	outage();
	EXPECT("open down try recovering probation healthy close degraded");
	course_probed(&c, ERRCLASS_NONE, now);
	assert_int_equal(c.class, ERRCLASS_FLAPPING);
	now += 10 * MINUTE;
	course_probed(&c, ERRCLASS_NONE, now);
	EXPECT("healthy");
}

/* ---- calls out of order, and after a restart ---- */

static void only_the_end_of_a_try_may_prove(void **state)
{
	(void)state;
	course_proven(&c, now);
	course_try_failed(&c, ERRCLASS_REFUSED, MIDDLE, now);
	EXPECT("");
	serve();
	break_it();
	course_try_started(&c, now); /* nothing was begun */
	EXPECT("open down");
	step(0);
	EXPECT("try");
}

static void proof_without_a_start_serves_all_the_same(void **state)
{
	(void)state;
	serve();
	break_it();
	step(0);
	course_proven(&c, now);
	EXPECT("open down try recovering probation");
}

static void again(enum health_state state, bool incident)
{
	effects[0] = '\0';
	course_init(&c, &limits, state, ERRCLASS_SERVER_GONE, incident, now);
}

static void a_restart_closes_what_was_left_open(void **state)
{
	(void)state;
	again(HEALTH_HEALTHY, true);
	step(0);
	EXPECT("close");
	again(HEALTH_PROBATION, true);
	step(0);
	EXPECT("healthy close");
	again(HEALTH_DEGRADED, true);
	c.acted_down = true;
	step(0);
	EXPECT("close recovered");
}

static void a_restart_does_not_knock_at_once(void **state)
{
	static const enum health_state states[] = {HEALTH_DOWN, HEALTH_RECOVERING};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		again(states[i], true);
		assert_int_equal(step(0), now + SECOND);
		step(SECOND);
		EXPECT("try");
	}
	again(HEALTH_HEALTHY, false);
	break_it();
	step(0);
	EXPECT("open down"); /* just begun: as in probation */
}

static void held_and_exhausted_outlive_a_restart(void **state)
{
	(void)state;
	again(HEALTH_HELD, true);
	assert_int_equal(step(HOUR), UINT64_MAX);
	again(HEALTH_EXHAUSTED, true);
	assert_int_equal(step(HOUR), UINT64_MAX);
	EXPECT("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(first_connection_opens_no_incident, begin),
	    cmocka_unit_test_setup(first_connection_that_fails_opens_one, begin),
	    cmocka_unit_test_setup(an_outage_is_one_incident, begin),
	    cmocka_unit_test_setup(trouble_in_probation_is_the_same_outage, begin),
	    cmocka_unit_test_setup(backoff_doubles_and_is_forgotten, begin),
	    cmocka_unit_test_setup(what_needs_a_person_is_tried_slowly, begin),
	    cmocka_unit_test_setup(who_serves_briefly_is_forgiven_thrice, begin),
	    cmocka_unit_test_setup(the_first_try_waits_for_its_confirmation, begin),
	    cmocka_unit_test_setup(a_fourth_outage_within_the_hour_exhausts, begin),
	    cmocka_unit_test_setup(reconnect_ends_exhaustion, begin),
	    cmocka_unit_test_setup(a_hold_is_no_way_around_the_cap, begin),
	    cmocka_unit_test_setup(act_once_when_confirmed_and_tell_the_recovery, begin),
	    cmocka_unit_test_setup(an_act_kept_from_by_the_cooldown_is_made_up_for, begin),
	    cmocka_unit_test_setup(an_act_refused_for_a_while_is_confirmed_anew, begin),
	    cmocka_unit_test_setup(an_act_refused_does_not_come_up_again, begin),
	    cmocka_unit_test_setup(what_failed_before_a_hold_confirms_nothing_after_it, begin),
	    cmocka_unit_test_setup(a_hold_stops_the_try_and_ends_by_itself, begin),
	    cmocka_unit_test_setup(a_hold_without_end_waits_for_resume, begin),
	    cmocka_unit_test_setup(a_reconnect_of_a_good_one_is_no_outage, begin),
	    cmocka_unit_test_setup(a_reconnect_in_an_incident_waits_for_nothing, begin),
	    cmocka_unit_test_setup(slow_is_degraded_until_it_is_quick, begin),
	    cmocka_unit_test_setup(lost_four_times_in_ten_minutes_flaps, begin),
	    cmocka_unit_test_setup(only_the_end_of_a_try_may_prove, begin),
	    cmocka_unit_test_setup(proof_without_a_start_serves_all_the_same, begin),
	    cmocka_unit_test_setup(a_restart_closes_what_was_left_open, begin),
	    cmocka_unit_test_setup(a_restart_does_not_knock_at_once, begin),
	    cmocka_unit_test_setup(held_and_exhausted_outlive_a_restart, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
