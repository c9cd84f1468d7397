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

static struct suspect_note note;

static bool is_any(void)
{
	return suspect_peek(table, &note);
}

static bool file_note(enum suspect_news news, const char *object, const char *to)
{
	return suspect_file(
	    table, &(struct suspect_report){.news = news, .backend = 1, .object = object, .to_object = to});
}

static void notes_stay_until_they_are_taken(void **state)
{
	char name[32];
	unsigned n = 0, told = 0;
	uint64_t at = SUSPECT_FIRST;

	(void)state;
	assert_false(is_any());
	/* Beyond the wrap of its counters, and at no round place. */
	atomic_store(&table->filed, UINT32_MAX - 3);
	atomic_store(&table->taken, UINT32_MAX - 3);
	do
		snprintf(name, sizeof(name), "cold/job/file%u", n++);
	while (file_note(SUSPECT_FAILED, name, NULL));
	n--;
	/* Keeper is away for some seconds, and the disk is full. */
	assert_true(n > 10000);
	while (suspect_next_note(table, &at, &note)) {
		snprintf(name, sizeof(name), "cold/job/file%u", told++);
		assert_string_equal(note.object, name);
	}
	assert_int_equal(told, n);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "cold/job/file%u", i);
		assert_true(is_any());
		assert_true(is_any());
		assert_string_equal(note.object, name);
		assert_int_equal(note.news, SUSPECT_FAILED);
		suspect_taken(table);
	}
	assert_false(is_any());
	assert_true(file_note(SUSPECT_FAILED, name, NULL));
	assert_true(suspect_is_any(table));
}

/* Each of any length goes through the ring unchanged, however it lies to its end. */
static void a_note_is_read_as_it_was_filed(void **state)
{
	static char texts[4][SUSPECT_PATH_MAX];
	struct ledger ranges = {0};

	(void)state;
	srand(5);
	for (unsigned i = 0; i < 3000; i++) {
		const struct suspect_report report = {.real_ns = i + 1,
						      .news = (enum suspect_news)(i % SUSPECT_NEWS_COUNT),
						      .backend = i % 3,
						      .error = i,
						      .size = i * 5000000000,
						      .overwrote = i & 1,
						      .ranges = i & 2 ? &ranges : NULL,
						      .path = texts[0],
						      .object = texts[1],
						      .to_path = texts[2],
						      .to_object = texts[3]};

		for (unsigned t = 0; t < 4; t++) {
			size_t length = (size_t)rand() % (i % 5 ? 40 : SUSPECT_PATH_MAX);

			memset(texts[t], 'a' + rand() % 26, length);
			texts[t][length] = '\0';
		}
		ledger_put(&ranges, i * 10, i * 10 + 5, LEDGER_WRITTEN);
		assert_true(suspect_file(table, &report));
		assert_true(is_any());
		assert_true(note.real_ns == i + 1 && note.news == report.news &&
			    note.backend == report.backend && note.error == i && note.size == report.size &&
			    note.overwrote == report.overwrote);
		assert_int_equal(note.ranges.n, i & 2 ? ranges.n : 0);
		if (i & 2)
			assert_memory_equal(&note.ranges, &ranges, sizeof(ranges));
		assert_string_equal(note.path, texts[0]);
		assert_string_equal(note.object, texts[1]);
		assert_string_equal(note.to_path, texts[2]);
		assert_string_equal(note.to_object, texts[3]);
		suspect_taken(table);
		assert_false(is_any());
	}
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

/* While keeper takes none: else each change of any name would file one more, and a loss find no room. */
static void a_note_concerns_its_own_files_alone(void **state)
{
	(void)state;
	assert_true(file_note(SUSPECT_LOST, "a/f", ""));
	assert_true(suspect_is_any(table));
	assert_true(suspect_concerns(table, 1, "a/f") && suspect_concerns(table, 1, "a"));
	assert_false(suspect_concerns(table, 1, "a/g") || suspect_concerns(table, 1, "b") ||
		     suspect_concerns(table, 0, "a/f"));
	assert_true(file_note(SUSPECT_RENAMED, "a", "b/c"));
	assert_true(suspect_concerns(table, 1, "b/c/f") && suspect_concerns(table, 1, "b"));
	assert_false(suspect_concerns(table, 1, "b/d"));
	assert_true(file_note(SUSPECT_LOST, "", "")); /* its name is not known */
	assert_true(file_note(SUSPECT_READ, "b/d", ""));
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
	uint64_t at = SUSPECT_FIRST;

	(void)state;
	srand(3);
	fill(table->places, sizeof(table->places[0]) * 20);
	fill(table->notes, 10000);
	assert_true(file_note(SUSPECT_LOST, "f", ""));
	table->notes[4] = 0xff; /* its news */
	assert_true(is_any() && note.news == SUSPECT_READ);
	assert_true(suspect_next_note(table, &at, &note) && !suspect_next_note(table, &at, &note));
	atomic_store(&table->used, 1000000);
	atomic_store(&table->taken, UINT32_MAX - 9);
	atomic_store(&table->filed, 10);
	assert_true(arena_check(arena) > 0);
	assert_int_equal(arena_check(arena), 0);
	assert_int_equal(atomic_load(&table->used), SUSPECTS_MAX);
	for (uint32_t i = 0; i < SUSPECTS_MAX; i++)
		if (suspect_copy(table, i, &copy))
			assert_true(copy.verdict < SUSPECT_VERDICT_COUNT && copy.backend < 2);
	assert_false(is_any()); /* nonsense is no note */
	assert_int_equal(atomic_load(&table->filed), UINT32_MAX - 9);
	atomic_store(&table->filed, 10); /* nor without the check */
	at = SUSPECT_FIRST;
	assert_false(suspect_next_note(table, &at, &note));
	assert_true(is_any() && note.news == SUSPECT_READ);
	suspect_taken(table);
	assert_false(is_any());
	atomic_store(&table->taken, 7); /* more than there is room for */
	atomic_store(&table->filed, 7 + SUSPECT_UNITS + 1);
	assert_true(arena_check(arena) > 0);
	assert_false(is_any());
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
	    cmocka_unit_test_setup_teardown(a_note_is_read_as_it_was_filed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(those_that_need_a_look_are_found_by_name, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_note_concerns_its_own_files_alone, set_up, tear_down),
	    cmocka_unit_test(names_go_both_ways),
	    cmocka_unit_test_setup_teardown(what_was_half_put_is_completed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(any_content_is_forced_into_range, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
