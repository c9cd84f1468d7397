/* What a listing says of the names in its directory, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "fs/listed.h"
#include "worker-util.h"

#define DIR    7u
#define CALLER 77

static struct backend *box;

static int begin(void **state)
{
	int rc = setup_arena(state);

	if (rc < 0)
		return rc;
	box = &fs.guarded[0];
	fs.board->config.guarded_cache_ms = 60000;
	return 0;
}

static void list_one(const char *name)
{
	const struct stat st = {.st_mode = S_IFREG | 0644, .st_size = 10};
	struct listed_maker maker = {NULL};

	listed_begin(&maker, box, DIR, CALLER);
	listed_add(&maker, name, strlen(name), &st);
	listed_end(&maker, true);
}

static void a_name_is_known_by_its_listing(void **state)
{
	struct found found;
	double age_s;

	(void)state;
	list_one("one");
	assert_true(listed_find(box, DIR, "one", &found, &age_s));
	assert_int_equal(found.st.st_size, 10);
	assert_false(listed_lacks(box, DIR, "one"));
	assert_true(listed_lacks(box, DIR, "two"));
	/* Snapshots are there without being listed. */
	assert_true(listed_lacks(box, DIR, ".zfs2"));
	assert_false(listed_lacks(box, DIR, ".zfs"));
	assert_false(listed_lacks(box, DIR, ".snapshot"));
}

/* The kernel forgot the directory, and its index is another's by now. */
static void a_directory_is_not_known_by_its_index(void **state)
{
	struct found found;
	double age_s;

	(void)state;
	list_one("one");
	fs.arena->nodes[DIR].generation++;
	assert_false(listed_lacks(box, DIR, "two"));
	assert_false(listed_find(box, DIR, "one", &found, &age_s));
	list_one("two");
	assert_true(listed_find(box, DIR, "two", &found, &age_s));
	assert_true(listed_lacks(box, DIR, "one"));
}

static bool note_name(void *arg, const char *name, size_t length, uint64_t ino, unsigned type, int64_t next,
		      const struct stat *st)
{
	char *names = arg;

	(void)ino;
	(void)type;
	(void)next;
	assert_true((st == NULL) == (name[0] == '.'));
	strncat(names, name, length);
	strcat(names, " ");
	return true;
}

static void the_caller_who_has_had_it_gets_it_again(void **state)
{
	const struct stat st = {.st_mode = S_IFREG | 0644};
	struct listed_maker maker = {NULL};
	char names[64] = "";

	(void)state;
	list_one("one");
	assert_true(listed_repeat(box, DIR, CALLER, note_name, names));
	assert_string_equal(names, ". .. one ");
	assert_false(listed_repeat(box, DIR, CALLER + 1, note_name, names));
	assert_false(listed_repeat(box, DIR + 1, CALLER, note_name, names));
	fs.board->config.guarded_cache_ms = 0;
	assert_false(listed_repeat(box, DIR, CALLER, note_name, names));
	fs.board->config.guarded_cache_ms = 60000;
	listed_begin(&maker, box, DIR, CALLER); /* not all of it is shown */
	listed_add(&maker, "two", 3, &st);
	listed_add(&maker, "hidden", 6, NULL);
	listed_end(&maker, true);
	assert_false(listed_repeat(box, DIR, CALLER, note_name, names));
}

static const struct stat a_file = {.st_mode = S_IFREG | 0644};

static void make(const char *name)
{
	const struct listed_moment begun = listed_now(box);

	listed_made(box, DIR, name, &a_file, &begun);
}

/* Of a directory that was made here all names are known. */
static void an_empty_directory_lacks_what_was_not_made_in_it(void **state)
{
	const struct listed_moment begun = listed_now(box);

	(void)state;
	listed_new(box, DIR, &begun);
	assert_true(listed_lacks(box, DIR, "one"));
	make("one");
	assert_false(listed_lacks(box, DIR, "one"));
	assert_false(listed_lacks(box, DIR, "ONE")); /* a server may fold case */
	assert_true(listed_lacks(box, DIR, "two"));
	fs.board->config.guarded_cache_ms = 0; /* another client may have made it meanwhile */
	assert_false(listed_lacks(box, DIR, "two"));
}

static void what_is_taken_away_is_missing_until_it_is_made_again(void **state)
{
	struct listed_moment begun;
	char names[64] = "";

	(void)state;
	list_one("one");
	begun = listed_now(box);
	listed_removed(box, DIR, "one", &begun);
	assert_true(listed_lacks(box, DIR, "one"));
	make("one");
	assert_false(listed_lacks(box, DIR, "one"));
	begun = listed_now(box);
	listed_renamed(box, DIR, "one", DIR, "two", &a_file, &begun);
	assert_true(listed_lacks(box, DIR, "one"));
	assert_false(listed_lacks(box, DIR, "two"));
	assert_true(listed_repeat(box, DIR, CALLER, note_name, names));
	assert_string_equal(names, ". .. two ");
}

static void many_names_are_made(void **state)
{
	const struct listed_moment begun = listed_now(box);
	char name[16];

	(void)state;
	listed_new(box, DIR, &begun);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_true(listed_lacks(box, DIR, name));
		make(name);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_false(listed_lacks(box, DIR, name));
	}
}

/* Which of them storage carried out last, nobody knows. */
static void after_two_changes_at_once_storage_is_asked(void **state)
{
	struct listed_moment first, second;

	(void)state;
	list_one("one");
	first = listed_now(box);
	second = listed_now(box);
	listed_made(box, DIR, "two", &a_file, &first);
	assert_true(listed_lacks(box, DIR, "three"));
	listed_removed(box, DIR, "two", &second);
	assert_false(listed_lacks(box, DIR, "two"));
	assert_false(listed_lacks(box, DIR, "three"));
}

static void a_change_during_the_listing_makes_it_doubtful(void **state)
{
	struct listed_maker maker = {NULL};

	(void)state;
	listed_begin(&maker, box, DIR, CALLER);
	listed_add(&maker, "one", 3, &a_file);
	make("two"); /* the listing has it, or not */
	listed_end(&maker, true);
	assert_false(listed_lacks(box, DIR, "two"));
	list_one("one");
	listed_doubted(box, DIR); /* a change that failed somehow */
	assert_false(listed_lacks(box, DIR, "two"));
}

static void another_connection_is_asked_anew(void **state)
{
	const struct listed_moment begun = listed_now(box);

	(void)state;
	list_one("one");
	atomic_fetch_add(&box->board->root_epoch, 1);
	assert_false(listed_lacks(box, DIR, "two"));
	listed_new(box, DIR, &begun);
	assert_false(listed_lacks(box, DIR, "two"));
}

/* Attributes are those of the listing: what is written later may be longer. */
static void attributes_of_what_was_made_are_asked_for(void **state)
{
	struct found found;
	double age_s;

	(void)state;
	list_one("one");
	make("two");
	assert_false(listed_find(box, DIR, "two", &found, &age_s));
	assert_true(listed_find(box, DIR, "one", &found, &age_s));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_name_is_known_by_its_listing),
	    TEST(a_directory_is_not_known_by_its_index),
	    TEST(the_caller_who_has_had_it_gets_it_again),
	    TEST(an_empty_directory_lacks_what_was_not_made_in_it),
	    TEST(what_is_taken_away_is_missing_until_it_is_made_again),
	    TEST(many_names_are_made),
	    TEST(after_two_changes_at_once_storage_is_asked),
	    TEST(a_change_during_the_listing_makes_it_doubtful),
	    TEST(another_connection_is_asked_anew),
	    TEST(attributes_of_what_was_made_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
