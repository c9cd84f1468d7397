/* Names that storage has said are missing: for how long, and what ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/missed.h"
#include "worker-util.h"

#define DIR 7u

static struct backend *box;

static int begin(void **state)
{
	int rc = setup_arena(state);

	if (rc < 0)
		return rc;
	box = &fs.guarded[0];
	fs.board->config.guarded_cache_ms = 60000;
	/* What an earlier test has left. */
	missed_made(box, DIR, NULL);
	missed_made(box, DIR + 64, NULL);
	return 0;
}

static void miss(const char *name)
{
	const struct listed_moment begun = listed_now(box);

	missed_note(box, DIR, name, &begun);
}

static void make(const char *name)
{
	const struct stat st = {.st_mode = S_IFREG | 0644};
	const struct listed_moment begun = listed_now(box);

	listed_made(box, DIR, name, &st, &begun);
	missed_made(box, DIR, name);
}

static void only_where_names_are_being_made(void **state)
{
	(void)state;
	miss("one");
	assert_false(missed_lacks(box, DIR, "one"));
	make("two");
	assert_true(missed_lacks(box, DIR, "one"));
	assert_false(missed_lacks(box, DIR, "two"));
	assert_false(missed_lacks(box, DIR, "three"));
	assert_false(missed_lacks(box, DIR + 1, "one"));
	fs.board->config.guarded_cache_ms = 0;
	assert_false(missed_lacks(box, DIR, "one"));
}

/* Its node was another directory's, in which names were made. */
static void another_directory_is_not_being_filled(void **state)
{
	(void)state;
	make("two");
	fs.arena->nodes[DIR].generation++;
	miss("one");
	assert_false(missed_lacks(box, DIR, "one"));
	make("three");
	assert_true(missed_lacks(box, DIR, "one"));
}

static void a_name_made_is_there(void **state)
{
	(void)state;
	make("two");
	miss("one");
	make("one");
	assert_false(missed_lacks(box, DIR, "one"));
	/* A server may fold case. */
	miss("abc");
	make("ABC");
	assert_false(missed_lacks(box, DIR, "abc"));
	miss("abc");
	make("\xc3\x84");
	assert_false(missed_lacks(box, DIR, "abc"));
}

static void nobody_knows_what_was_made(void **state)
{
	(void)state;
	make("two");
	miss("one");
	missed_made(box, DIR, NULL);
	assert_false(missed_lacks(box, DIR, "one"));
}

/* The answer may be older than it. */
static void something_is_made_while_storage_is_asked(void **state)
{
	struct listed_moment begun;

	(void)state;
	begun = listed_now(box);
	make("one");
	missed_note(box, DIR, "one", &begun);
	assert_false(missed_lacks(box, DIR, "one"));
}

static void another_connection_or_directory_is_asked_anew(void **state)
{
	(void)state;
	make("two");
	miss("one");
	fs.arena->nodes[DIR].generation++;
	assert_false(missed_lacks(box, DIR, "one"));
	make("two");
	miss("one");
	assert_true(missed_lacks(box, DIR, "one"));
	atomic_fetch_add(&box->board->root_epoch, 1);
	assert_false(missed_lacks(box, DIR, "one"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(only_where_names_are_being_made),
	    TEST(another_directory_is_not_being_filled),
	    TEST(a_name_made_is_there),
	    TEST(nobody_knows_what_was_made),
	    TEST(something_is_made_while_storage_is_asked),
	    TEST(another_connection_or_directory_is_asked_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
