/* Who is stalled, and who is to blame. */
#include "policy/stall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S      NSEC_PER_SEC
#define NOW    (1700000000 * S)
#define AGO(s) (NOW - (s)*S)

static const struct stall_tier well = {.healthy = true, .since_ns = AGO(90000)};

static enum stall judge(struct stall_job job, struct stall_tier tier)
{
	return stall_judge(&job, &tier, 3600 * S, NOW);
}

static void who_writes_is_not_stalled(void **state)
{
	(void)state;
	assert_int_equal(
	    judge((struct stall_job){.writers = 1, .writing_since_ns = AGO(9000), .progress_ns = AGO(1)},
		  well),
	    STALL_NONE);
	assert_int_equal(
	    judge((struct stall_job){.writers = 1, .writing_since_ns = AGO(9000), .progress_ns = AGO(3599)},
		  well),
	    STALL_NONE);
	assert_int_equal(
	    judge((struct stall_job){.writers = 1, .writing_since_ns = AGO(9000), .progress_ns = AGO(3600)},
		  well),
	    STALL_CRAWL);
}

/* One that has just been started has its time, however old its last write is; one that has never written
 * anything is stalled from the opening on. */
static void time_counts_from_the_opening(void **state)
{
	(void)state;
	assert_int_equal(
	    judge((struct stall_job){.writers = 3, .writing_since_ns = AGO(60), .progress_ns = AGO(90000)},
		  well),
	    STALL_NONE);
	assert_int_equal(judge((struct stall_job){.writers = 3, .writing_since_ns = AGO(3700)}, well),
			 STALL_CRAWL);
}

static void who_has_ended_is_not_stalled(void **state)
{
	const struct stall_job ended = {
	    .writing_since_ns = AGO(90000), .progress_ns = AGO(3700), .writer_closed_ns = AGO(3699)};
	const struct stall_job gave_up = {
	    .writing_since_ns = AGO(90000), .progress_ns = AGO(3700), .writer_closed_ns = AGO(599)};
	const struct stall_job reader = {.progress_ns = AGO(90000)};

	(void)state;
	assert_int_equal(judge(ended, well), STALL_NONE);
	assert_int_equal(judge(gave_up, well), STALL_CRAWL);
	assert_int_equal(judge(reader, well), STALL_NONE);
	assert_int_equal(stall_since_ns(&reader, NOW), 0);
}

static void storage_is_blamed_for_what_it_did_since(void **state)
{
	struct stall_job job = {.writers = 1, .writing_since_ns = AGO(90000), .progress_ns = AGO(4000)};

	(void)state;
	assert_int_equal(judge(job, well), STALL_CRAWL);
	assert_int_equal(judge(job, (struct stall_tier){.healthy = false, .since_ns = AGO(90000)}),
			 STALL_STORAGE);
	assert_int_equal(judge(job, (struct stall_tier){.healthy = true, .since_ns = AGO(10)}),
			 STALL_STORAGE);
	assert_int_equal(judge(job, (struct stall_tier){.healthy = true, .since_ns = AGO(4001)}),
			 STALL_CRAWL);
	job.error_ns = AGO(3900);
	assert_int_equal(judge(job, well), STALL_STORAGE);
	/* It has written since. */
	job.error_ns = AGO(4001);
	assert_int_equal(judge(job, well), STALL_CRAWL);
}

static void a_clock_set_back_stalls_nobody(void **state)
{
	(void)state;
	assert_int_equal(
	    judge(
		(struct stall_job){.writers = 1, .writing_since_ns = NOW + S, .progress_ns = NOW + 9000 * S},
		well),
	    STALL_NONE);
}

/* A machine that slept for hours, or whose clock was set right: nobody could write meanwhile. */
static void time_that_was_jumped_over_does_not_count(void **state)
{
	struct stall_job job = {.writers = 1, .writing_since_ns = AGO(90000), .progress_ns = AGO(7300)};
	struct stall_clock clock = {0};

	(void)state;
	for (unsigned s = 7400; s >= 7290; s -= 2)
		stall_clock_see(&clock, AGO(s));
	assert_int_equal(clock.went_on_ns, 0);
	stall_clock_see(&clock, AGO(10));
	assert_int_equal(clock.went_on_ns, AGO(10));
	job.went_on_ns = clock.went_on_ns;
	assert_int_equal(judge(job, well), STALL_NONE);
	assert_int_equal(stall_since_ns(&job, NOW), AGO(10));
	assert_int_equal(stall_judge(&job, &well, 3600 * S, NOW + 3590 * S), STALL_CRAWL);
	/* Set back it jumps over nothing, and goes on from there. */
	stall_clock_see(&clock, AGO(5000));
	stall_clock_see(&clock, AGO(4999));
	assert_int_equal(clock.went_on_ns, AGO(10));
	/* It has written since. */
	job.progress_ns = AGO(5);
	assert_int_equal(stall_since_ns(&job, NOW), AGO(5));
}

static void verdicts_have_names(void **state)
{
	(void)state;
	assert_string_equal(stall_name(STALL_NONE), "none");
	assert_string_equal(stall_name(STALL_STORAGE), "storage");
	assert_string_equal(stall_name(STALL_CRAWL), "crawl");
	assert_string_equal(stall_name((enum stall)9), "invalid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_writes_is_not_stalled),
	    cmocka_unit_test(time_counts_from_the_opening),
	    cmocka_unit_test(who_has_ended_is_not_stalled),
	    cmocka_unit_test(storage_is_blamed_for_what_it_did_since),
	    cmocka_unit_test(a_clock_set_back_stalls_nobody),
	    cmocka_unit_test(time_that_was_jumped_over_does_not_count),
	    cmocka_unit_test(verdicts_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
