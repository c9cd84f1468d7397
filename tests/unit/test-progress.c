/* Deadlines that go by progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/progress.h"

static void silence_ends_it(void **state)
{
	(void)state;
	assert_int_equal(progress_due_ns(100, 0, 40, 1000), 140);
	assert_int_equal(progress_due_ns(100, 99, 40, 1000), 140); /* a sign from before says nothing */
	assert_int_equal(progress_due_ns(100, 130, 40, 1000), 170);
	assert_int_equal(progress_due_ns(100, 1060, 40, 1000), 1100);
}

static void the_limit_ends_it(void **state)
{
	(void)state;
	assert_int_equal(progress_due_ns(100, 5000, 40, 1000), 1100);
	assert_int_equal(progress_due_ns(100, 5000, 40, 10), 140);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(silence_ends_it),
	    cmocka_unit_test(the_limit_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
