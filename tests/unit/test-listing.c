/* Listings of directories, kept in a memfd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/listing.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static struct listing_writer writer;
static struct listing_reader reader;
static struct listing_entry entry;
static int fd;

static int setup(void **state)
{
	(void)state;
	writer = (struct listing_writer){0};
	reader = (struct listing_reader){0};
	fd = memfd_create("listing", 0);
	return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	return close(fd);
}

static void test_round_trip(void **state)
{
	char name[256];
	int64_t at = 0, next = 0;

	(void)state;
	for (unsigned i = 1; i <= 2000; i++) {
		snprintf(name, sizeof(name), "%0*u", (int)(i % 255) + 1, i);
		listing_add(&writer, name, strlen(name), i, i % 16);
	}
	assert_int_equal(listing_finish(&writer, fd), 0);
	assert_null(writer.bytes);
	for (unsigned i = 1; i <= 2000; i++, at = next) {
		assert_int_equal(listing_read(&reader, fd, at, &entry, &next), 1);
		assert_int_equal(entry.ino, i);
		assert_int_equal(entry.type, i % 16);
		snprintf(name, sizeof(name), "%0*u", (int)(i % 255) + 1, i);
		assert_string_equal(entry.name, name);
	}
	assert_int_equal(listing_read(&reader, fd, at, &entry, &next), 0);
}

static void test_names(void **state)
{
	char longest[256];
	size_t before;

	(void)state;
	memset(longest, 'x', 255);
	longest[255] = '\0';
	listing_add(&writer, longest, 255, 1, 0);
	listing_add(&writer, longest, 256, 2, 0); /* not a name */
	listing_add(&writer, "", 0, 3, 0);
	listing_add(&writer, "ab", 2, 4, 0);
	assert_true(listing_has(&writer, writer.used, longest));
	assert_true(listing_has(&writer, writer.used, "ab"));
	assert_false(listing_has(&writer, writer.used, "a"));
	assert_false(listing_has(&writer, writer.used, "abc"));
	before = writer.used;
	listing_add(&writer, "later", 5, 5, 0);
	assert_false(listing_has(&writer, before, "later"));
	assert_true(listing_has(&writer, before, "ab"));
	assert_int_equal(listing_finish(&writer, fd), 0);
}

static void test_written_again_is_shorter(void **state)
{
	int64_t next;

	(void)state;
	listing_add(&writer, "one", 3, 1, 0);
	listing_add(&writer, "two", 3, 2, 0);
	assert_int_equal(listing_finish(&writer, fd), 0);
	listing_add(&writer, "three", 5, 3, 0);
	assert_int_equal(listing_finish(&writer, fd), 0);
	assert_int_equal(listing_read(&reader, fd, 0, &entry, &next), 1);
	assert_string_equal(entry.name, "three");
	assert_int_equal(listing_read(&reader, fd, next, &entry, &next), 0);
}

static void test_hostile_offsets(void **state)
{
	uint8_t noise[64];
	int64_t next;

	(void)state;
	memset(noise, 0xff, sizeof(noise));
	assert_int_equal(write(fd, noise, sizeof(noise)), sizeof(noise));
	assert_int_equal(listing_read(&reader, fd, 0, &entry, &next), -EINVAL);
	assert_int_equal(listing_read(&reader, fd, 3, &entry, &next), -EINVAL);
	assert_int_equal(listing_read(&reader, fd, -8, &entry, &next), -EINVAL);
	assert_int_equal(listing_read(&reader, fd, 1 << 20, &entry, &next), 0);
	assert_int_equal(listing_read(&reader, fd, 56, &entry, &next), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_round_trip),
	    TEST(test_names),
	    TEST(test_written_again_is_shorter),
	    TEST(test_hostile_offsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
