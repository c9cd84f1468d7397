/* Attributes of a directory in which files are made: when memory answers for storage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fs/context.h"
#include "fs/dirs.h"
#include "worker-util.h"

#define DIR 7u

static struct backend *box;
static uint64_t asked_ns;
static uint32_t epoch = 1;

static struct stat at(mode_t type, time_t seconds)
{
	struct stat st = {.st_mode = type | 0755, .st_nlink = 2};

	st.st_mtim.tv_sec = st.st_ctim.tv_sec = seconds;
	return st;
}

/* Asked, and answered. */
static void ask(time_t mtime)
{
	const struct dirs_question q = dirs_ask(box, DIR, asked_ns);
	const struct stat st = at(S_IFDIR, mtime);

	dirs_answered(box, &q, &st, asked_ns);
}

static void make_file(time_t mtime)
{
	const struct stat made = at(S_IFREG, mtime);

	dirs_made(box, DIR, &made, asked_ns + 1);
}

/* The mtime recalled after so many milliseconds; -1: storage must be asked. */
static time_t recalled(unsigned ms)
{
	struct stat st;

	return dirs_recall(box, DIR, &st, asked_ns + ms * NSEC_PER_MSEC) > 0 ? st.st_mtim.tv_sec : -1;
}

static int begin(void **state)
{
	int rc = setup_arena(state);

	if (rc < 0)
		return rc;
	box = &fs.guarded[0];
	asked_ns += 1000 * NSEC_PER_SEC;
	fs.board->config.guarded_cache_ms = 1000;
	atomic_store(&box->board->root_epoch, ++epoch); /* nothing is known of its clock */
	(void)dirs_ask(box, DIR + 64, asked_ns);	/* has its place: nothing is known of DIR */
	return 0;
}

static void nothing_made_nothing_recalled(void **state)
{
	(void)state;
	ask(10);
	assert_int_equal(recalled(1), -1);
}

static void a_file_made_moves_the_time(void **state)
{
	(void)state;
	ask(10);
	make_file(12);
	assert_int_equal(recalled(1), 12);
	make_file(11); /* opened, not made: an older file */
	assert_int_equal(recalled(1), 12);
}

static void a_file_with_content_was_there_before(void **state)
{
	struct stat made = at(S_IFREG, 20);

	(void)state;
	ask(10);
	made.st_size = 1;
	dirs_made(box, DIR, &made, asked_ns + 1);
	assert_int_equal(recalled(1), -1);
	/* The length of a link's target is no content. */
	ask(10);
	made.st_mode = S_IFLNK;
	dirs_made(box, DIR, &made, asked_ns + 1);
	assert_int_equal(recalled(1), 20);
}

/* A removal sets the directory's time as well, to one that the server's clock alone has. */
static void a_removal_moves_the_time_once_the_clock_is_known(void **state)
{
	(void)state;
	ask(10);
	dirs_removed(box, DIR, asked_ns + 1, asked_ns + 2);
	assert_int_equal(recalled(3), -1);
	/* What the server says just after it tells its clock. */
	ask(1000);
	dirs_removed(box, DIR, asked_ns + 5 * NSEC_PER_SEC, asked_ns + 3);
	assert_int_equal(recalled(4), 1005);
}

static void a_file_made_tells_the_clock(void **state)
{
	struct stat made = at(S_IFREG, 500);

	(void)state;
	ask(10);
	dirs_made(box, DIR + 1, &made, asked_ns + NSEC_PER_SEC);
	dirs_removed(box, DIR, asked_ns + 3 * NSEC_PER_SEC, asked_ns + 1);
	assert_int_equal(recalled(1), 502);
	/* Begun before: no telling. */
	dirs_removed(box, DIR, asked_ns, asked_ns + 1);
	assert_int_equal(recalled(1), -1);
	/* Of another connection, or long ago: it may be another clock. */
	ask(10);
	dirs_removed(box, DIR, asked_ns + 100 * NSEC_PER_SEC, asked_ns + 1);
	assert_int_equal(recalled(1), -1);
}

static void a_time_set_tells_no_clock(void **state)
{
	(void)state;
	ask(10);
	dirs_changed(box, DIR, asked_ns);
	ask(4000000000);
	dirs_removed(box, DIR, asked_ns + 1, asked_ns + 1);
	assert_int_equal(recalled(1), -1);
}

static void what_a_look_up_saw_serves_as_an_answer(void **state)
{
	const struct stat st = at(S_IFDIR, 10);

	(void)state;
	dirs_seen(box, DIR, &st, asked_ns);
	make_file(12);
	assert_int_equal(recalled(1), 12);
	dirs_changed(box, DIR, asked_ns);
	dirs_seen(box, DIR, &st, asked_ns); /* it was asked for before */
	make_file(12);
	assert_int_equal(recalled(1), -1);
}

static void for_so_long_as_the_cache_says(void **state)
{
	struct stat st;

	(void)state;
	ask(10);
	make_file(12);
	assert_int_equal(recalled(fs.config->guarded_cache_ms), -1);
	assert_int_equal(recalled(fs.config->guarded_cache_ms - 1), 12);
	assert_true(dirs_recall(box, DIR, &st, asked_ns + 400 * NSEC_PER_MSEC) <=
		    (fs.config->guarded_cache_ms - 400) / 1000.0 + 0.0001);
}

static void any_other_change_ends_it(void **state)
{
	(void)state;
	ask(10);
	make_file(12);
	dirs_changed(box, DIR, asked_ns);
	assert_int_equal(recalled(1), -1);
	make_file(13);
	assert_int_equal(recalled(1), -1);
}

static void an_answer_of_before_the_change_is_not_kept(void **state)
{
	const struct dirs_question q = dirs_ask(box, DIR, asked_ns);
	const struct stat st = at(S_IFDIR, 10);

	(void)state;
	dirs_changed(box, DIR, asked_ns);
	dirs_answered(box, &q, &st, asked_ns);
	make_file(12);
	assert_int_equal(recalled(1), -1);
}

static void an_answer_of_before_the_file_gets_its_time(void **state)
{
	const struct dirs_question q = dirs_ask(box, DIR, asked_ns);
	const struct stat st = at(S_IFDIR, 10);

	(void)state;
	make_file(12);
	dirs_answered(box, &q, &st, asked_ns);
	assert_int_equal(recalled(1), 12);
}

static void another_epoch_knows_nothing(void **state)
{
	(void)state;
	ask(10);
	make_file(12);
	atomic_fetch_add(&box->board->root_epoch, 1);
	assert_int_equal(recalled(1), -1);
}

static void another_directory_in_its_place(void **state)
{
	const struct dirs_question other = dirs_ask(box, DIR + 64, asked_ns);

	(void)state;
	(void)other;
	assert_int_equal(recalled(1), -1);
	ask(10);
	make_file(12);
	assert_int_equal(recalled(1), 12);
	(void)dirs_ask(box, DIR + 64, asked_ns);
	assert_int_equal(recalled(1), -1);
}

/* Also where another one had its place at the change, or has had it since. */
static void a_look_up_of_before_the_change_is_not_kept(void **state)
{
	const struct stat st = at(S_IFDIR, 10), made = at(S_IFREG, 11);

	(void)state;
	dirs_changed(box, DIR, asked_ns + 1);
	dirs_seen(box, DIR, &st, asked_ns);
	make_file(11);
	assert_int_equal(recalled(1), -1);
	(void)dirs_ask(box, DIR + 64, asked_ns);
	dirs_removed(box, DIR, asked_ns + 1, asked_ns + 2);
	dirs_seen(box, DIR, &st, asked_ns + 1);
	make_file(11);
	assert_int_equal(recalled(1), -1);
	ask(10);
	make_file(12);
	(void)dirs_ask(box, DIR + 64, asked_ns);
	dirs_seen(box, DIR, &st, asked_ns);
	make_file(11);
	assert_int_equal(recalled(1), -1);
	dirs_seen(box, DIR, &st, asked_ns + 3);
	dirs_made(box, DIR, &made, asked_ns + 4);
	assert_int_equal(recalled(1), 11);
}

/* The local tier's look-ups must not read the clock for it. */
static void no_time_where_nothing_is_kept(void **state)
{
	(void)state;
	assert_true(dirs_now(box) > 0);
	assert_true(dirs_now(&fs.local) == 0);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, begin, teardown_arena)

/* As tar and rsync do at the end: the file that was made before says nothing any more. */
static void a_time_set_back_stays(void **state)
{
	(void)state;
	ask(10);
	make_file(12);
	dirs_changed(box, DIR, asked_ns);
	ask(5);
	make_file(6);
	assert_int_equal(recalled(1), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(a_time_set_back_stays),
	    UNIT(nothing_made_nothing_recalled),
	    UNIT(a_file_made_moves_the_time),
	    UNIT(a_file_with_content_was_there_before),
	    UNIT(a_removal_moves_the_time_once_the_clock_is_known),
	    UNIT(a_file_made_tells_the_clock),
	    UNIT(a_time_set_tells_no_clock),
	    UNIT(what_a_look_up_saw_serves_as_an_answer),
	    UNIT(for_so_long_as_the_cache_says),
	    UNIT(any_other_change_ends_it),
	    UNIT(an_answer_of_before_the_change_is_not_kept),
	    UNIT(an_answer_of_before_the_file_gets_its_time),
	    UNIT(another_epoch_knows_nothing),
	    UNIT(another_directory_in_its_place),
	    UNIT(a_look_up_of_before_the_change_is_not_kept),
	    UNIT(no_time_where_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
