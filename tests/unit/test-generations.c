/* Versions of state files on the local disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "generations/generations.h"
#include "remove-tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static struct generation list[GENERATIONS_MAX];
static const struct generations_owner nobody = {.uid = 0, .gid = 0, .mode = 0640};
static const struct generations_limit few = {.count = 3, .bytes = 1000};

static int make_directory(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/guardfs-generations-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	remove_tree(dir);
	return 0;
}

static void put(const char *path, uint64_t ns, const char *text)
{
	assert_int_equal(generations_put(dir, path, nobody, ns, text, strlen(text), few), 0);
}

static size_t count(const char *path)
{
	size_t n;
	errint_t rc = generations_list(dir, path, list, &n);

	assert_true(rc == 0 || rc == -ENOENT);
	return n;
}

static void expect(const char *path, size_t i, const char *text)
{
	char got[64] = "";
	int fd;

	assert_in_range(i + 1, 1, count(path));
	fd = generations_open(dir, path, list[i].real_ns);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got)), strlen(text));
	assert_string_equal(got, text);
	close(fd);
}

static void the_last_ones_are_kept(void **state)
{
	(void)state;
	assert_int_equal(count("a"), 0);
	put("a", 100, "one");
	put("a", 200, "two");
	put("a", 300, "three");
	put("a", 400, "four");
	put("b", 500, "other");
	assert_int_equal(count("a"), 3);
	expect("a", 0, "four");
	expect("a", 2, "two");
	assert_int_equal(count("b"), 1);
}

static void the_same_is_kept_once(void **state)
{
	(void)state;
	put("a", 100, "one");
	put("a", 200, "one");
	assert_int_equal(count("a"), 1);
	put("a", 300, "two");
	put("a", 400, "one");
	assert_int_equal(count("a"), 3);
}

static void a_clock_set_back_keeps_the_order(void **state)
{
	(void)state;
	put("a", 1000, "one");
	put("a", 10, "two");
	expect("a", 0, "two");
}

static void the_oldest_of_all_go(void **state)
{
	char big[400];

	(void)state;
	memset(big, 'x', sizeof(big));
	put("a", 100, "one");
	assert_int_equal(generations_put(dir, "b", nobody, 200, big, sizeof(big), few), 0);
	assert_int_equal(generations_put(dir, "c", nobody, 300, big, sizeof(big), few), 0);
	assert_int_equal(count("a"), 1);
	assert_int_equal(generations_put(dir, "d", nobody, 400, big, sizeof(big), few), 0);
	assert_int_equal(count("a"), 0);
	assert_int_equal(count("b"), 0);
	assert_int_equal(count("c"), 1);
	assert_int_equal(count("d"), 1);
}

static void the_only_one_of_a_quiet_file_stays(void **state)
{
	char big[400], other[400];

	(void)state;
	memset(big, 'x', sizeof(big));
	memset(other, 'y', sizeof(other));
	put("quiet", 100, "one");
	assert_int_equal(generations_put(dir, "loud", nobody, 200, big, sizeof(big), few), 0);
	assert_int_equal(generations_put(dir, "loud", nobody, 300, other, sizeof(other), few), 0);
	assert_int_equal(generations_put(dir, "loud", nobody, 400, big, sizeof(big), few), 0);
	assert_int_equal(count("loud"), 2);
	assert_int_equal(count("quiet"), 1);
}

/* Whatever else lies there, and cannot be removed: it is no version, and nobody tries for ever. */
static void what_is_no_version_is_left_alone(void **state)
{
	char name[256];
	FILE *file;

	(void)state;
	put("a", 100, "one");
	snprintf(name, sizeof(name), "%s/generations/stray", dir);
	assert_int_equal(mkdir(name, 0700), 0);
	snprintf(name, sizeof(name), "%s/generations/stray/5", dir);
	file = fopen(name, "w");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), 5000), 0);
	fclose(file);
	snprintf(name, sizeof(name), "%s/generations/stray/00000000000000000007", dir);
	assert_int_equal(mkdir(name, 0700), 0);
	put("a", 200, "two");
	assert_int_equal(count("a"), 2);
}

/* Paths of one hash are two files: made by hand, as a user would who may choose a name. */
static void one_hash_is_not_one_file(void **state)
{
	char name[256];
	FILE *file;

	(void)state;
	put("mine", 100, "mine");
	snprintf(name, sizeof(name), "%s/generations/%016llx/path", dir,
		 (unsigned long long)hash_bytes(0, "mine", 4));
	file = fopen(name, "w");
	assert_non_null(file);
	assert_true(fputs("hers", file) >= 0);
	fclose(file);
	assert_int_equal(count("mine"), 0);
	put("mine", 200, "mine again");
	assert_int_equal(count("mine"), 1);
	expect("mine", 0, "mine again");
}

static void an_empty_one_is_one(void **state)
{
	(void)state;
	put("a", 100, "");
	put("a", 200, "x");
	assert_int_equal(count("a"), 2);
	expect("a", 1, "");
}

static void none_is_kept_where_none_is_wanted(void **state)
{
	(void)state;
	assert_int_equal(generations_put(dir, "a", nobody, 1, "x", 1, (struct generations_limit){0, 1000}),
			 0);
	assert_int_equal(count("a"), 0);
}

int main(void)
{
#define IN_DIRECTORY(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
	    IN_DIRECTORY(the_last_ones_are_kept),
	    IN_DIRECTORY(the_same_is_kept_once),
	    IN_DIRECTORY(a_clock_set_back_keeps_the_order),
	    IN_DIRECTORY(the_oldest_of_all_go),
	    IN_DIRECTORY(the_only_one_of_a_quiet_file_stays),
	    IN_DIRECTORY(what_is_no_version_is_left_alone),
	    IN_DIRECTORY(one_hash_is_not_one_file),
	    IN_DIRECTORY(an_empty_one_is_one),
	    IN_DIRECTORY(none_is_kept_where_none_is_wanted),
	};

	return cmocka_run_group_tests_name("generations", tests, NULL, NULL);
}
