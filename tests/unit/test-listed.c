/* What a listing says of the names in its directory, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_name_is_known_by_its_listing),
	    TEST(a_directory_is_not_known_by_its_index),
	    TEST(the_caller_who_has_had_it_gets_it_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
