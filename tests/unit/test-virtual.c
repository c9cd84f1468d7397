/* The table of virtual files: numbers that must never change, and what each entry gives. */
#include "fs/virtual.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Ids are kept in arenas that outlive a program version: written out here, so that a renumbering fails. */
static void ids_are_for_ever(void **state)
{
	(void)state;
	assert_int_equal(virtual_lookup(0, ".guardfs"), 1);
	assert_int_equal(virtual_lookup(1, "status"), 2);
	assert_int_equal(virtual_lookup(1, "status.json"), 3);
	assert_int_equal(virtual_lookup(1, "health"), 4);
	assert_int_equal(virtual_lookup(1, "routes"), 5);
	assert_int_equal(virtual_lookup(1, "backends"), 6);
	assert_int_equal(virtual_lookup(1, "incidents"), 7);
	assert_int_equal(virtual_lookup(1, "metrics"), 8);
	assert_int_equal(virtual_lookup(1, "jobs"), 9);
}

static void unknown_names_are_not_found(void **state)
{
	(void)state;
	assert_int_equal(virtual_lookup(0, "status"), -ENOENT);
	assert_int_equal(virtual_lookup(1, ".guardfs"), -ENOENT);
	assert_int_equal(virtual_lookup(1, ""), -ENOENT);
	assert_int_equal(virtual_lookup(1, "Status"), -ENOENT);
	assert_int_equal(virtual_lookup(2, "status"), -ENOENT);
	assert_int_equal(virtual_lookup(6, "box"), -ENOENT);
	assert_int_equal(virtual_lookup(UINT32_MAX, "status"), -ENOENT);
}

static void hostile_ids_give_nothing(void **state)
{
	char *text = NULL;
	size_t length = 0;

	(void)state;
	assert_null(virtual_get(0));
	assert_null(virtual_get(VIRTUAL_ID_COUNT));
	assert_null(virtual_get(UINT32_MAX));
	assert_int_equal(virtual_next(1, UINT32_MAX), -ENOENT);
	assert_int_equal(virtual_render(NULL, UINT32_MAX, &text, &length), -ENOENT);
	assert_int_equal(virtual_render(NULL, VIRTUAL_DIR, &text, &length), -EISDIR);
	assert_null(text);
}

static void a_listing_has_each_entry_once(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (int id = virtual_next(VIRTUAL_DIR, 0); id >= 0; id = virtual_next(VIRTUAL_DIR, (unsigned)id)) {
		assert_false(seen & 1u << id);
		seen |= 1u << id;
	}
	assert_int_equal(seen, 0x7fc);
}

static void every_file_renders(void **state)
{
	int fd = -1, error = 0;
	struct arena *arena = arena_create(&fd, &error);

	(void)state;
	assert_non_null(arena);
	close(fd);
	for (unsigned id = 1; id < VIRTUAL_ID_COUNT; id++) {
		const struct virtual_file *file = virtual_get(id);
		char *text = NULL;
		size_t length = 0;

		assert_non_null(file);
		assert_non_null(file->help);
		assert_int_equal(file->mode & 0222, 0);
		if (S_ISDIR(file->mode))
			continue;
		assert_int_equal(virtual_render(arena, id, &text, &length), 0);
		assert_int_equal(strlen(text), length);
		assert_true(length > 0 || id == VIRTUAL_ROUTES);
		free(text);
	}
	arena_unmap(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids_are_for_ever),		cmocka_unit_test(unknown_names_are_not_found),
	    cmocka_unit_test(hostile_ids_give_nothing), cmocka_unit_test(a_listing_has_each_entry_once),
	    cmocka_unit_test(every_file_renders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
