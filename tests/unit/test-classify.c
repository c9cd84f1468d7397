/* guardctl classify: which failures are the infrastructure's, by errno and by state. */
#include "ctl/classify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW 1700001000

static json_t *status_with(const char *state, int64_t recovered, int errors, bool serving)
{
	return json_pack("{s:b, s:[{s:s, s:s, s:s, s:I, s:{s:i, s:i}}]}", "serving", serving, "backends",
			 "name", "box", "state", state, "class", "timeout", "recovered",
			 (json_int_t)recovered, "counters", "errors", errors, "fast_fails", 0);
}

static struct classify_verdict judge(json_t *status, bool local, int error)
{
	struct ctl_responsible responsible = {.condition = local ? NULL : ctl_find_backend(status, "box"),
					      .backend = local ? "local" : "box"};
	struct classify_verdict v;

	classify_judge(status, &responsible, error, NOW, &v);
	json_decref(status);
	v.class = ""; /* was borrowed from status */
	return v;
}

/* The contract with HealthArchive's workers, and what guardfs adds to it. */
static void errnos_are_judged_by_the_table(void **state)
{
	static const int infrastructure[] = {EIO,	 ETIMEDOUT,   ESTALE,	    ENOSPC,
					     ENOTCONN,	 ENETUNREACH, ECONNREFUSED, EHOSTUNREACH,
					     ECONNRESET, EDQUOT,      ECONNABORTED};
	static const int real[] = {ENOENT, EACCES,  EPERM, EROFS, EBUSY,  EAGAIN,
				   ENODEV, ENOTDIR, EBADF, ELOOP, EEXIST, EXDEV};

	(void)state;
	for (int local = 0; local <= 1; local++) {
		for (size_t i = 0; i < ARRAY_SIZE(infrastructure); i++)
			assert_true(judge(status_with("healthy", 0, 0, true), local, infrastructure[i])
					.infrastructure);
		for (size_t i = 0; i < ARRAY_SIZE(real); i++) {
			assert_false(
			    judge(status_with("healthy", 0, 0, true), local, real[i]).infrastructure);
			/* Nor does a backend that is down make one of it: guardfs would have said EIO. */
			assert_false(judge(status_with("down", 0, 1, true), local, real[i]).infrastructure);
		}
	}
}

static void without_an_errno_the_state_decides(void **state)
{
	static const char *const bad[] = {"down",     "recovering", "held",	"exhausted", "connecting",
					  "degraded", "probation",  "nonsense", ""};

	(void)state;
	assert_false(judge(status_with("healthy", 0, 0, true), false, 0).infrastructure);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(judge(status_with(bad[i], 0, 0, true), false, 0).infrastructure);
		assert_false(judge(status_with(bad[i], 0, 0, true), true, 0).infrastructure);
	}
}

static void what_has_just_recovered_counts(void **state)
{
	(void)state;
	assert_true(judge(status_with("healthy", NOW - 599, 1, true), false, 0).infrastructure);
	assert_false(judge(status_with("healthy", NOW - 600, 1, true), false, 0).infrastructure);
	/* The first connection after a start has hurt nobody. */
	assert_false(judge(status_with("healthy", NOW - 5, 0, true), false, 0).infrastructure);
	/* A clock that was set back. */
	assert_true(judge(status_with("healthy", NOW + 50, 1, true), false, 0).infrastructure);
}

/* A timeout on a busy but healthy backend, or a full disk of the local tier: known from the job's own
 * counters. */
static void what_its_job_met_counts(void **state)
{
	json_t *status = status_with("healthy", 0, 0, true),
	       *job = json_pack("{s:s, s:s, s:I}", "name", "hc/a", "last_error", "full", "last_error_time",
				(json_int_t)NOW - 599);
	struct ctl_responsible responsible = {.backend = "local", .job = job};
	struct classify_verdict v;

	(void)state;
	classify_judge(status, &responsible, 0, NOW, &v);
	assert_true(v.infrastructure);
	assert_string_equal(v.class, "full");
	json_object_set_new(job, "last_error_time", json_integer(NOW - 600));
	classify_judge(status, &responsible, 0, NOW, &v);
	assert_false(v.infrastructure);
	json_object_set_new(job, "last_error_time", json_integer(0));
	classify_judge(status, &responsible, 0, NOW, &v);
	assert_false(v.infrastructure);
	classify_judge(status, &responsible, ENOENT, NOW, &v);
	assert_false(v.infrastructure);
	json_decref(job);
	json_decref(status);
}

static void guardfs_itself_may_be_the_trouble(void **state)
{
	(void)state;
	assert_true(judge(status_with("healthy", 0, 0, false), true, 0).infrastructure);
	assert_true(judge(status_with("healthy", 0, 0, false), false, 0).infrastructure);
	assert_false(judge(status_with("healthy", 0, 0, false), true, ENOENT).infrastructure);
}

static void errnos_have_names_and_numbers(void **state)
{
	int error = 0;

	(void)state;
	assert_int_equal(classify_parse_errno("EIO", &error), 0);
	assert_int_equal(error, EIO);
	assert_int_equal(classify_parse_errno("110", &error), 0);
	assert_int_equal(error, ETIMEDOUT);
	assert_int_equal(classify_parse_errno("0", &error), -EINVAL);
	assert_int_equal(classify_parse_errno("-5", &error), -EINVAL);
	assert_int_equal(classify_parse_errno("4096", &error), -EINVAL);
	assert_int_equal(classify_parse_errno("eio", &error), -EINVAL);
	assert_int_equal(classify_parse_errno("", &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(errnos_are_judged_by_the_table),
	    cmocka_unit_test(without_an_errno_the_state_decides),
	    cmocka_unit_test(what_has_just_recovered_counts),
	    cmocka_unit_test(what_its_job_met_counts),
	    cmocka_unit_test(guardfs_itself_may_be_the_trouble),
	    cmocka_unit_test(errnos_have_names_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
