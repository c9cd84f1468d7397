/* Notes of suspect files stay until they are taken; the table is read whole; what a crash leaves makes sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shm/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct arena *arena;
static struct suspect_table *table;

static int set_up(void **state)
{
	int fd = -1, error = 0;

	(void)state;
	arena = arena_create(&fd, &error);
	if (!arena)
		return -1;
	close(fd);
	table = &arena->suspects;
	arena->board.config.n_backends = 2;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_unmap(arena);
	return 0;
}

static void notes_stay_until_they_are_taken(void **state)
{
	(void)state;
	assert_null(suspect_peek(table));
	for (uint32_t i = 0; i < SUSPECT_NOTES_MAX; i++) {
		struct suspect_note *note = suspect_next_note(table);

		assert_non_null(note);
		snprintf(note->object, sizeof(note->object), "file%u", (unsigned)i);
		assert_true(i || !suspect_is_any(table)); /* not before it is filed */
		suspect_file(table);
	}
	assert_null(suspect_next_note(table));
	assert_int_equal(atomic_load(&table->missed), 1);
	for (uint32_t i = 0; i < SUSPECT_NOTES_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "file%u", (unsigned)i);
		assert_string_equal(suspect_peek(table)->object, name);
		assert_string_equal(suspect_peek(table)->object, name);
		suspect_taken(table);
	}
	assert_null(suspect_peek(table));
	assert_non_null(suspect_next_note(table));
	assert_false(suspect_is_any(table));
}

static struct suspect *make_suspect(const char *object, enum suspect_verdict verdict)
{
	static struct suspect s;

	memset(&s, 0, sizeof(s));
	s.filed_ns = 5;
	s.verdict = verdict;
	s.backend = 1;
	(void)copy_string(s.object, sizeof(s.object), object);
	(void)copy_string(s.path, sizeof(s.path), object);
	(void)copy_string(s.job, sizeof(s.job), "a/job");
	return &s;
}

static void those_that_need_a_look_are_found_by_name(void **state)
{
	static struct suspect copy;

	(void)state;
	(void)arena_check(arena); /* its configuration is none */
	assert_false(suspect_concerns(table, 1, "a"));
	suspect_put(table, 3, make_suspect("a/job/file", SUSPECT_PENDING));
	suspect_put(table, 4, make_suspect("a/job/other", SUSPECT_WHOLE));
	assert_int_equal(atomic_load(&table->open), 1);
	assert_true(suspect_concerns(table, 1, "a/job/file") && suspect_concerns(table, 1, "a/job") &&
		    suspect_concerns(table, 1, ""));
	assert_false(suspect_concerns(table, 0, "a/job/file") || suspect_concerns(table, 1, "a/job/other") ||
		     suspect_concerns(table, 1, "a/jo") || suspect_concerns(table, 1, "a/job/file/x"));
	assert_int_equal(suspect_count_of_job(table, "a/job"), 1);
	assert_int_equal(suspect_count_of_job(table, "a"), 0);
	assert_int_equal(suspect_count_below(table, "a"), 1);
	assert_int_equal(suspect_count_below(table, "a/jo"), 0);
	assert_true(suspect_copy(table, 3, &copy) && strcmp(copy.object, "a/job/file") == 0);
	assert_false(suspect_copy(table, 2, &copy));
	assert_false(suspect_copy(table, SUSPECTS_MAX, &copy));
	/* One that is being changed may be any. */
	atomic_fetch_add(&table->places[4].sequence, 1);
	assert_true(suspect_concerns(table, 1, "x"));
	assert_false(suspect_copy(table, 4, &copy));
	assert_int_equal(arena_check(arena), 0); /* its writer is dead */
	assert_true(suspect_copy(table, 4, &copy));
	assert_false(suspect_concerns(table, 1, "x"));
	suspect_put(table, 3, make_suspect("a/job/file", SUSPECT_ACCEPTED));
	assert_int_equal(atomic_load(&table->open), 0);
}

static void file_note(enum suspect_news news, const char *object, const char *to)
{
	struct suspect_note *note = suspect_next_note(table);

	assert_non_null(note);
	memset(note, 0, sizeof(*note));
	note->news = news;
	note->backend = 1;
	(void)copy_string(note->object, sizeof(note->object), object);
	(void)copy_string(note->to_object, sizeof(note->to_object), to);
	suspect_file(table);
}

/* While keeper takes none: else each change of any name would file one more, and a loss find no room. */
static void a_note_concerns_its_own_files_alone(void **state)
{
	(void)state;
	file_note(SUSPECT_LOST, "a/f", "");
	assert_true(suspect_is_any(table));
	assert_true(suspect_concerns(table, 1, "a/f") && suspect_concerns(table, 1, "a"));
	assert_false(suspect_concerns(table, 1, "a/g") || suspect_concerns(table, 1, "b") ||
		     suspect_concerns(table, 0, "a/f"));
	file_note(SUSPECT_RENAMED, "a", "b/c");
	assert_true(suspect_concerns(table, 1, "b/c/f") && suspect_concerns(table, 1, "b"));
	assert_false(suspect_concerns(table, 1, "b/d"));
	file_note(SUSPECT_LOST, "", ""); /* its name is not known */
	file_note(SUSPECT_READ, "b/d", "");
	assert_false(suspect_concerns(table, 1, "b/d"));
	suspect_taken(table);
	suspect_taken(table);
	assert_false(suspect_concerns(table, 1, "a/f"));
}

static void names_go_both_ways(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SUSPECT_NEWS_COUNT; i++)
		assert_int_equal(suspect_news_from_name(suspect_news_name((enum suspect_news)i)), i);
	for (unsigned i = 0; i < SUSPECT_VERDICT_COUNT; i++)
		assert_int_equal(suspect_verdict_from_name(suspect_verdict_name((enum suspect_verdict)i)), i);
	assert_int_equal(suspect_news_from_name("x"), SUSPECT_NEWS_COUNT);
}

static void fill(void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = (uint8_t)rand();
}

static void any_content_is_forced_into_range(void **state)
{
	static struct suspect copy;

	(void)state;
	srand(3);
	fill(table->places, sizeof(table->places[0]) * 20);
	fill(table->notes, sizeof(table->notes[0]) * 20);
	atomic_store(&table->used, 1000000);
	atomic_store(&table->taken, UINT32_MAX - 9);
	atomic_store(&table->filed, 10);
	assert_true(arena_check(arena) > 0);
	assert_int_equal(arena_check(arena), 0);
	assert_int_equal(atomic_load(&table->used), SUSPECTS_MAX);
	for (uint32_t i = 0; i < SUSPECTS_MAX; i++)
		if (suspect_copy(table, i, &copy))
			assert_true(copy.verdict < SUSPECT_VERDICT_COUNT && copy.backend < 2);
	for (unsigned i = 0; i < 20; i++, suspect_taken(table))
		assert_true(suspect_peek(table)->news < SUSPECT_NEWS_COUNT);
	assert_null(suspect_peek(table));
	atomic_store(&table->taken, 7); /* more than there is room for */
	atomic_store(&table->filed, 7 + SUSPECT_NOTES_MAX + 1);
	assert_true(arena_check(arena) > 0);
	assert_null(suspect_peek(table));
}

/* A keeper that dies in the midst of putting one: the next one completes it, and it can be read. */
static void what_was_half_put_is_completed(void **state)
{
	static struct suspect s, copy;

	(void)state;
	s.filed_ns = 5;
	(void)copy_string(s.object, sizeof(s.object), "old/name");
	suspect_put(table, 3, &s);
	(void)copy_string(table->put.object, sizeof(table->put.object), "new/name");
	atomic_store(&table->putting, 4);
	atomic_fetch_add(&table->places[3].sequence, 1);
	memcpy(table->places[3].suspect.object, "new/", 4);
	assert_false(suspect_copy(table, 3, &copy));
	suspect_complete(table);
	assert_true(suspect_copy(table, 3, &copy));
	assert_string_equal(copy.object, "new/name");
	suspect_complete(table);
	assert_true(suspect_copy(table, 3, &copy));
	suspect_put(table, 3, &s);
	assert_true(suspect_copy(table, 3, &copy));
	assert_string_equal(copy.object, "old/name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(notes_stay_until_they_are_taken, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(those_that_need_a_look_are_found_by_name, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_note_concerns_its_own_files_alone, set_up, tear_down),
	    cmocka_unit_test(names_go_both_ways),
	    cmocka_unit_test_setup_teardown(what_was_half_put_is_completed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(any_content_is_forced_into_range, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
