/* The table of error classes, and which errno belongs where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/errclass.h"

#include <errno.h>

static void every_class_has_a_complete_entry(void **state)
{
	(void)state;
	for (unsigned c = 0; c < ERRCLASS_COUNT; c++) {
		const struct errclass_info *i = errclass_info((enum errclass)c);

		assert_non_null(i->name);
		assert_true(i->name[0] && i->summary[0] && i->advice[0]);
		assert_int_equal(errclass_from_name(i->name), c);
		/* A real answer must never open the breaker (I4). */
		assert_false(i->trips && !i->infrastructure);
		/* What is retried slowly, for it takes a person, is over in no caller's time. */
		assert_false(i->passes && !i->retried);
	}
}

static void nonsense_is_survived(void **state)
{
	(void)state;
	assert_ptr_equal(errclass_info(ERRCLASS_COUNT), errclass_info(ERRCLASS_IO_ERROR));
	assert_ptr_equal(errclass_info((enum errclass) - 1), errclass_info(ERRCLASS_IO_ERROR));
	assert_int_equal(errclass_from_name("no such class"), ERRCLASS_COUNT);
	assert_int_equal(errclass_from_name(""), ERRCLASS_COUNT);
}

static void what_this_machine_lacks_passes(void **state)
{
	(void)state;
	assert_int_equal(errclass_of_own(EMFILE), ERRCLASS_NO_RESOURCES);
	assert_int_equal(errclass_of_own(ENOSPC), ERRCLASS_NO_RESOURCES);
	assert_int_equal(errclass_of_own(ENOENT), ERRCLASS_CONFIG);
	assert_int_equal(errclass_of_own(EACCES), ERRCLASS_CONFIG);
	assert_true(errclass_info(ERRCLASS_NO_RESOURCES)->passes &&
		    errclass_info(ERRCLASS_NO_RESOURCES)->retried);
}

static void infrastructure_errnos(void **state)
{
	static const struct {
		int err;
		enum errclass class;
	} expected[] = {
	    {ENOTCONN, ERRCLASS_NOT_CONNECTED}, {ECONNABORTED, ERRCLASS_ABORTED},
	    {ECONNREFUSED, ERRCLASS_REFUSED},	{EHOSTUNREACH, ERRCLASS_UNREACHABLE},
	    {ENETDOWN, ERRCLASS_UNREACHABLE},	{ETIMEDOUT, ERRCLASS_TIMEOUT},
	    {ECONNRESET, ERRCLASS_SERVER_GONE}, {EPIPE, ERRCLASS_SERVER_GONE},
	    {EIO, ERRCLASS_IO_ERROR},		{ESTALE, ERRCLASS_STALE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(errclass_from_errno(expected[i].err), expected[i].class);
		assert_true(errclass_info(expected[i].class)->infrastructure);
	}
}

static void answers_of_the_file_system_stay_themselves(void **state)
{
	static const int real[] = {ENOENT,    EEXIST,	  EACCES, EPERM,  ENOTDIR, EISDIR,
				   ENOTEMPTY, EXDEV,	  EINVAL, EMLINK, ELOOP,   ENODEV,
				   ENXIO,     EOPNOTSUPP, EINTR,  EAGAIN, EBADF,   ENAMETOOLONG,
				   ENODATA,   ERANGE,	  EFBIG,  EBUSY,  ETXTBSY};

	(void)state;
	assert_int_equal(errclass_from_errno(0), ERRCLASS_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(real); i++)
		assert_int_equal(errclass_from_errno(real[i]), ERRCLASS_REAL);
	assert_int_equal(errclass_from_errno(ENOSPC), ERRCLASS_FULL);
	assert_int_equal(errclass_from_errno(EDQUOT), ERRCLASS_FULL);
	assert_int_equal(errclass_from_errno(EROFS), ERRCLASS_READ_ONLY);
	assert_false(errclass_info(ERRCLASS_FULL)->infrastructure);
	assert_false(errclass_info(ERRCLASS_READ_ONLY)->infrastructure);
}

static void doubt_asks_and_certainty_trips(void **state)
{
	static const enum errclass doubtful[] = {ERRCLASS_TIMEOUT, ERRCLASS_IO_ERROR, ERRCLASS_STALE};
	static const enum errclass certain[] = {ERRCLASS_NOT_CONNECTED, ERRCLASS_ABORTED,
						ERRCLASS_SERVER_GONE, ERRCLASS_IDENTITY_MISMATCH,
						ERRCLASS_STALLED};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(doubtful); i++) {
		assert_false(errclass_info(doubtful[i])->trips);
		assert_true(errclass_info(doubtful[i])->triggers_probe);
	}
	for (size_t i = 0; i < ARRAY_SIZE(certain); i++)
		assert_true(errclass_info(certain[i])->trips);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_class_has_a_complete_entry),
	    cmocka_unit_test(nonsense_is_survived),
	    cmocka_unit_test(what_this_machine_lacks_passes),
	    cmocka_unit_test(infrastructure_errnos),
	    cmocka_unit_test(answers_of_the_file_system_stay_themselves),
	    cmocka_unit_test(doubt_asks_and_certainty_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
