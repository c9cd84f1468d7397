/* The figures of jobs and of the wrong tier. */
#include "metrics-util.h"

#define ON_BOX	"{mount=\"jobs\",directory=\"hc/a\",tier=\"box\""
#define AT_HOME "{mount=\"jobs\",directory=\"hc/\\\"b\\\\xFE\",tier=\"local\""

static void jobs_have_figures(void **state)
{
	struct arena *arena = *state;
	struct job *a = add_job(arena, "hc/a", 0), *b = add_job(arena, "hc/\"b\xfe", NODE_LOCAL);
	struct reading *r;

	atomic_store(&a->read_bytes, 100);
	atomic_store(&a->written_bytes, 200);
	atomic_store(&a->ops, 7);
	atomic_store(&a->opens, 3);
	atomic_store(&a->handles, 2);
	atomic_store(&a->writers, 1);
	atomic_store(&a->progress_ns, (SINCE + 50) * NSEC_PER_SEC);
	job_error(&arena->jobs, 1, ERRCLASS_TIMEOUT, (SINCE + 60) * NSEC_PER_SEC);
	job_error(&arena->jobs, 1, ERRCLASS_FULL, (SINCE + 61) * NSEC_PER_SEC);
	job_error(&arena->jobs, 1, ERRCLASS_FULL, (SINCE + 62) * NSEC_PER_SEC);
	/* The kernel reads and writes this one's files by itself. */
	atomic_store(&b->flags, JOB_BY_STAT);
	atomic_store(&b->written_bytes, 300);
	r = read_metrics(arena);
	expect(r, "guardfs_jobs{mount=\"jobs\"}", 2);
	expect(r, "guardfs_job_read_bytes_total" ON_BOX "}", 100);
	expect(r, "guardfs_job_written_bytes_total" ON_BOX "}", 200);
	expect(r, "guardfs_job_operations_total" ON_BOX "}", 7);
	expect(r, "guardfs_job_opened_files_total" ON_BOX "}", 3);
	expect(r, "guardfs_job_open_files" ON_BOX "}", 2);
	expect(r, "guardfs_job_open_writers" ON_BOX "}", 1);
	expect(r, "guardfs_job_progress_timestamp_seconds" ON_BOX "}", SINCE + 50);
	expect(r, "guardfs_job_active_timestamp_seconds" ON_BOX "}", SINCE + 62);
	expect(r, "guardfs_job_errors_total" ON_BOX "}", 3);
	expect(r, "guardfs_job_last_error_timestamp_seconds" ON_BOX "}", SINCE + 62);
	expect(r, "guardfs_job_errors_by_class_total" ON_BOX ",class=\"full\"}", 2);
	expect(r, "guardfs_job_errors_by_class_total" ON_BOX ",class=\"timeout\"}", 1);
	assert_null(find(r, "guardfs_job_errors_by_class_total" ON_BOX ",class=\"stalled\"}"));
	expect(r, "guardfs_job_written_bytes_total" AT_HOME "}", 300);
	expect(r, "guardfs_job_errors_total" AT_HOME "}", 0);
	assert_null(find(r, "guardfs_job_read_bytes_total" AT_HOME "}"));
	assert_null(find(r, "guardfs_job_operations_total" AT_HOME "}"));
	assert_null(find(r, "guardfs_job_progress_timestamp_seconds" AT_HOME "}"));
	release(r);
}

/* A full table, and a name that is there twice; the one active last is shown. */
static void jobs_are_bounded_and_told_apart(void **state)
{
	struct arena *arena = *state;
	char name[32], series[128];
	struct reading *r;

	for (uint32_t i = 0; i < JOB_MAX - 1; i++) {
		snprintf(name, sizeof(name), "hc/%u", i);
		add_job(arena, name, 0);
	}
	snprintf(series, sizeof(series),
		 "guardfs_job_opened_files_total{mount=\"jobs\",directory=\"%s\",tier=\"box\"}", name);
	atomic_store(&add_job(arena, name, 0)->opens, 9);
	/* Idle for longest, with a file open for writing. */
	atomic_store(&arena->jobs.jobs[1].handles, 1);
	atomic_store(&arena->jobs.jobs[1].writers, 1);
	atomic_store(&arena->jobs.evicted, 5);
	r = read_metrics(arena);
	expect(r, "guardfs_jobs{mount=\"jobs\"}", JOB_MAX);
	expect(r, "guardfs_jobs_evicted_total{mount=\"jobs\"}", 5);
	expect(r, "guardfs_jobs_missed_total{mount=\"jobs\"}", 0);
	expect(r, series, 9);
	assert_null(
	    find(r, "guardfs_job_opened_files_total{mount=\"jobs\",directory=\"hc/0\",tier=\"box\"}"));
	expect(r, "guardfs_job_open_writers{mount=\"jobs\",directory=\"hc/1\",tier=\"box\"}", 1);
	release(r);
}

static void without_jobs_there_is_no_word_of_them(void **state)
{
	struct arena *arena = *state;
	struct reading *r = read_metrics(arena);

	expect_no_family(r, "guardfs_job");
	release(r);
	arena->board.config.n_job_patterns = 1;
	r = read_metrics(arena);
	expect(r, "guardfs_jobs{mount=\"jobs\"}", 0);
	release(r);
}

static void the_wrong_tier_is_told_of_while_it_is_known(void **state)
{
	struct arena *arena = *state;
	struct board_misplaced *b = &arena->board.misplaced;
	struct reading *r = read_metrics(arena);

	expect_no_family(r, "guardfs_misplaced");
	release(r);
	atomic_store(&b->misplaced, 2);
	atomic_store(&b->looked_ns, clock_mono_ns());
	r = read_metrics(arena);
	expect(r, "guardfs_misplaced_directories{mount=\"jobs\",kind=\"misplaced\"}", 2);
	expect(r, "guardfs_misplaced_directories{mount=\"jobs\",kind=\"shadowed\"}", 0);
	release(r);
	/* Keeper is dead, or the disk does not answer it. */
	if (clock_mono_ns() > 301 * NSEC_PER_SEC) {
		atomic_store(&b->looked_ns, clock_mono_ns() - 301 * NSEC_PER_SEC);
		r = read_metrics(arena);
		expect_no_family(r, "guardfs_misplaced");
		release(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_A_BOARD(jobs_have_figures),
	    ON_A_BOARD(jobs_are_bounded_and_told_apart),
	    ON_A_BOARD(without_jobs_there_is_no_word_of_them),
	    ON_A_BOARD(the_wrong_tier_is_told_of_while_it_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
