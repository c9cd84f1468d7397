/* How much is read ahead at which rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/readahead.h"

#define MIB 1048576ull

static void goes_by_the_rate(void **state)
{
	(void)state;
	assert_int_equal(readahead_kib(0, 1024, 8192), 1024);
	assert_int_equal(readahead_kib(MIB, 1024, 8192), 1024);
	assert_int_equal(readahead_kib(9 * MIB, 1024, 8192), 2048);
	assert_int_equal(readahead_kib(31 * MIB, 1024, 8192), 4096);
	assert_int_equal(readahead_kib(33 * MIB, 1024, 8192), 8192);
	assert_int_equal(readahead_kib(UINT64_MAX, 1024, 8192), 8192);
}

static void stays_within_the_bounds(void **state)
{
	(void)state;
	assert_int_equal(readahead_kib(UINT64_MAX, 1024, 0), 1024);
	assert_int_equal(readahead_kib(UINT64_MAX, 4096, 1024), 4096);
	assert_int_equal(readahead_kib(100 * MIB, 1000, 5000), 4096);
	assert_int_equal(readahead_kib(UINT64_MAX, 128, UINT32_MAX), 1u << 31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(goes_by_the_rate),
	    cmocka_unit_test(stays_within_the_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
