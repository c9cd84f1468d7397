/* What the network's return does to the course of a backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "course-util.h"

#include <errno.h>

/* As after some minutes: the next try is a minute away. */
static void wait_long(enum errclass class)
{
	serve();
	break_it();
	for (unsigned i = 0; i < 8; i++) {
		step(0);
		fail_try(class);
		if (i < 7)
			now = c.next_try_ns;
	}
	effects[0] = '\0';
	now += SECOND;
}

static void a_call_brings_the_next_try(void **state)
{
	(void)state;
	wait_long(ERRCLASS_UNREACHABLE);
	assert_true(c.next_try_ns > now + 30 * SECOND);
	assert_true(course_called(&c, MIDDLE, now));
	/* Address and route come after the link. */
	assert_false(course_called(&c, MIDDLE, now + 20 * MS));
	assert_in_range(step(0), now + 50 * MS, now + 300 * MS);
	EXPECT("");
	step(300 * MS);
	EXPECT("try");
	fail_try(ERRCLASS_UNREACHABLE);
	assert_in_range(c.next_try_ns, now + 990 * MS, now + 1010 * MS);
}

static void calls_mean_nothing_elsewhere(void **state)
{
	(void)state;
	serve();
	assert_false(course_called(&c, MIDDLE, now));
	assert_int_equal(course_hold(&c, 0, now), 0);
	assert_false(course_called(&c, MIDDLE, now));
	assert_int_equal(begin(state), 0);
	wait_long(ERRCLASS_AUTH_FAILED);
	assert_false(course_called(&c, MIDDLE, now));
	EXPECT("");
}

static void a_flapping_link_is_no_storm_of_logins(void **state)
{
	unsigned brought = 0;

	(void)state;
	wait_long(ERRCLASS_UNREACHABLE);
	for (unsigned i = 0; i < 250; i++) {
		brought += course_called(&c, MIDDLE, now);
		step(200 * MS);
		if (c.trying)
			fail_try(ERRCLASS_UNREACHABLE);
		effects[0] = '\0';
	}
	assert_in_range(brought, 2, 10);
	now += 2 * MINUTE;
	step(0);
	fail_try(ERRCLASS_UNREACHABLE);
	now += 50 * MS;
	assert_true(course_called(&c, MIDDLE, now));
}

/* Where containers come and go, or a router announces itself every few seconds. */
static void endless_news_is_no_storm_either(void **state)
{
	unsigned tries = 0, in_minute = 0;

	(void)state;
	wait_long(ERRCLASS_REFUSED);
	for (unsigned i = 0; i < 36000; i++) {
		if (i % 600 == 0)
			in_minute = 0;
		if (i % 60 == 0)
			(void)course_called(&c, MIDDLE, now);
		step(100 * MS);
		if (c.trying) {
			fail_try(ERRCLASS_REFUSED);
			tries++;
			in_minute++;
		}
		effects[0] = '\0';
		assert_in_range(in_minute, 0, 16);
	}
	assert_in_range(tries, 60, 130);
}

static void a_slow_login_ends_among_endless_news(void **state)
{
	unsigned stopped = 0;

	(void)state;
	wait_long(ERRCLASS_TIMEOUT);
	now = c.next_try_ns;
	step(0);
	/* It takes a minute. */
	for (unsigned i = 0; i < 200; i++) {
		course_try_started(&c, now);
		(void)course_called(&c, MIDDLE, now);
		step(SECOND);
		stopped += strstr(effects, "stop") != NULL;
		effects[0] = '\0';
		if (c.trying && now >= c.try_began_ns + MINUTE) {
			course_proven(&c, now);
			break;
		}
	}
	assert_int_equal(stopped, 1);
	EXPECT("probation");
}

static void a_young_try_is_left_and_followed_at_once(void **state)
{
	(void)state;
	wait_long(ERRCLASS_UNREACHABLE);
	now = c.next_try_ns;
	step(0);
	course_try_started(&c, now);
	assert_false(course_called(&c, MIDDLE, now + 100 * MS));
	now += 200 * MS;
	course_try_failed(&c, ERRCLASS_UNREACHABLE, MIDDLE, now);
	EXPECT("try recovering down");
	assert_in_range(c.next_try_ns, now + 50 * MS, now + 300 * MS);
}

/* Its first packets were lost; but a slow login comes to its end. */
static void an_old_try_is_given_up_once(void **state)
{
	(void)state;
	wait_long(ERRCLASS_UNREACHABLE);
	now = c.next_try_ns;
	step(0);
	course_try_started(&c, now);
	now += 5 * SECOND;
	assert_true(course_called(&c, MIDDLE, now));
	EXPECT("try recovering stop down");
	step(300 * MS);
	course_try_started(&c, now);
	now += 5 * SECOND;
	assert_false(course_called(&c, MIDDLE, now));
	EXPECT("try recovering");
	course_proven(&c, now);
	EXPECT("probation");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_call_brings_the_next_try, begin),
	    cmocka_unit_test_setup(calls_mean_nothing_elsewhere, begin),
	    cmocka_unit_test_setup(a_flapping_link_is_no_storm_of_logins, begin),
	    cmocka_unit_test_setup(endless_news_is_no_storm_either, begin),
	    cmocka_unit_test_setup(a_slow_login_ends_among_endless_news, begin),
	    cmocka_unit_test_setup(a_young_try_is_left_and_followed_at_once, begin),
	    cmocka_unit_test_setup(an_old_try_is_given_up_once, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
