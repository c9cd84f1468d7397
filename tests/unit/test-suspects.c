/* What keeper makes of worker's notes: one suspect a file, which keeps its mark under whatever name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "keeper/internal.h"
#include "report/suspects.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct keeper *k;
static struct suspect_table *table;
static struct suspect seen;
static uint32_t last_begin; /* of the last note */

static int set_up(void **state)
{
	int fd = -1, error = 0;

	(void)state;
	k = calloc(1, sizeof(*k));
	k->arena = arena_create(&fd, &error);
	if (!k->arena)
		return -1;
	close(fd);
	k->board = &k->arena->board;
	k->config = &k->board->config;
	table = &k->arena->suspects;
	k->board->config.n_backends = k->n_backends = 1;
	k->board->config.n_job_patterns = 1;
	(void)copy_string(k->board->config.job_patterns[0], CONFIG_PATH_MAX, "cold/*");
	(void)copy_string(k->board->config.backends[0].name, CONFIG_NAME_MAX, "box");
	k->backends[0].config = &k->config->backends[0];
	k->backends[0].board = &k->board->backends[0];
	k->backends[0].keeper = k;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_unmap(k->arena);
	free(k);
	return 0;
}

static bool is_taken(void)
{
	return atomic_load(&table->taken) == atomic_load(&table->filed);
}

/* to: NULL: none. ranges: likewise. */
static void file_note(enum suspect_news news, const char *object, const char *to, uint64_t size,
		      const struct ledger *ranges)
{
	char path[1024], to_path[1024];
	const struct suspect_report report = {.real_ns = 1000,
					      .news = news,
					      .error = EIO,
					      .size = size,
					      .ranges = ranges,
					      .path = path,
					      .object = object,
					      .to_path = to ? to_path : NULL,
					      .to_object = to};

	snprintf(path, sizeof(path), "cold/%.1000s", object);
	snprintf(to_path, sizeof(to_path), "cold/%.1000s", to ? to : "");
	last_begin = atomic_load(&table->filed);
	assert_true(suspect_file(table, &report));
	suspects_step(k);
	assert_true(is_taken());
}

static void file_lost(const char *object, uint64_t from, uint64_t to)
{
	struct ledger ranges = {0};

	ledger_put(&ranges, from, to, LEDGER_ACKNOWLEDGED);
	file_note(SUSPECT_LOST, object, NULL, to, &ranges);
}

static void tell(enum suspect_news news, const char *object, const char *to)
{
	file_note(news, object, to, 0, NULL);
}

/* The suspect with this object, open or settled as the caller says, in `seen`. */
static bool find(const char *object, bool settled)
{
	for (uint32_t i = 0; i < SUSPECTS_MAX; i++)
		if (suspect_copy(table, i, &seen) && strcmp(seen.object, object) == 0 &&
		    suspect_is_settled((enum suspect_verdict)seen.verdict) == settled)
			return true;
	return false;
}

static uint32_t n_open(void)
{
	return atomic_load(&table->open);
}

static void reports_of_one_file_are_one_suspect(void **state)
{
	(void)state;
	file_lost("a/f", 10, 20);
	file_lost("a/f", 30, 40);
	file_lost("a/g", 0, 5);
	assert_int_equal(n_open(), 2);
	assert_true(find("a/f", false));
	assert_int_equal(seen.ranges.n, 2);
	assert_int_equal(seen.size, 40);
	assert_string_equal(seen.job, "cold/a");
	assert_int_equal(seen.verdict, SUSPECT_PENDING);
	/* Who was only reading has lost nothing. */
	tell(SUSPECT_READ, "a/h", NULL);
	assert_int_equal(n_open(), 2);
	assert_int_equal(k->backends[0].suspects_new, 3);
	assert_int_equal(atomic_load(&table->came[SUSPECT_LOST]), 3);
}

static void a_new_loss_is_looked_at_anew(void **state)
{
	(void)state;
	file_lost("f", 10, 20);
	assert_true(find("f", false));
	seen.verdict = SUSPECT_TRUNCATED;
	seen.whole_to = 10;
	suspects_found(k, 0, &seen);
	assert_true(find("f", false) && seen.verdict == SUSPECT_TRUNCATED && n_open() == 1);
	/* When a vain look would have been repeated says nothing of this one. */
	k->settle.retry_ns[0] = UINT64_MAX;
	file_lost("f", 20, 30);
	assert_true(find("f", false) && seen.verdict == SUSPECT_PENDING && seen.whole_to == 0);
	assert_int_equal(k->settle.retry_ns[0], 0);
	assert_int_equal(seen.ranges.ranges[0].to, 30);
	seen.verdict = SUSPECT_WHOLE;
	suspects_found(k, 0, &seen);
	assert_int_equal(n_open(), 0);
	/* Settled is settled: what comes now is another. */
	file_lost("f", 5, 6);
	assert_true(find("f", false) && find("f", true));
}

static void the_mark_goes_with_the_file(void **state)
{
	(void)state;
	file_lost("a/f", 10, 20);
	file_lost("a/sub/g", 10, 20);
	file_lost("ab/f", 10, 20);
	tell(SUSPECT_RENAMED, "a", "b/c");
	assert_true(find("b/c/f", false));
	assert_string_equal(seen.path, "cold/b/c/f");
	assert_string_equal(seen.job, "cold/b");
	assert_true(find("b/c/sub/g", false) && find("ab/f", false));
	tell(SUSPECT_LINKED, "b/c/f", "warcs/1");
	assert_int_equal(n_open(), 4);
	assert_true(find("warcs/1", false) && seen.ranges.ranges[0].from == 10);
	tell(SUSPECT_REMOVED, "b/c", NULL);
	assert_int_equal(n_open(), 2);
	assert_true(find("b/c/sub/g", true) && seen.verdict == SUSPECT_GONE);
	/* What had the name is gone, and what comes there is none. */
	tell(SUSPECT_RENAMED, "tmp", "warcs/1");
	assert_true(find("warcs/1", true) && seen.verdict == SUSPECT_REPLACED);
	tell(SUSPECT_RENAMED, "ab/f", "ab/g");
	tell(SUSPECT_EMPTIED, "ab/g", NULL);
	assert_true(find("ab/g", true) && seen.verdict == SUSPECT_REPLACED && n_open() == 0);
}

static void an_exchange_moves_each_once(void **state)
{
	(void)state;
	file_lost("a/f", 1, 2);
	file_lost("b/f", 3, 4);
	tell(SUSPECT_EXCHANGED, "a", "b");
	assert_int_equal(n_open(), 2);
	assert_true(find("a/f", false) && seen.ranges.ranges[0].from == 3);
	assert_true(find("b/f", false) && seen.ranges.ranges[0].from == 1);
	assert_string_equal(seen.path, "cold/b/f");
}

static void a_suspect_rename_over_a_suspect(void **state)
{
	(void)state;
	file_lost("new", 1, 2);
	file_lost("old", 3, 4);
	tell(SUSPECT_RENAMED, "new", "old");
	assert_int_equal(n_open(), 1);
	assert_true(find("old", false) && seen.ranges.ranges[0].from == 1);
	assert_true(find("old", true) && seen.ranges.ranges[0].from == 3);
}

/* A keeper that has carried out the last note, and died before it could say so; the next one begins. */
static void die_before_taken(void)
{
	struct supervised *s = &k->backends[0];

	atomic_store(&table->taken, last_begin);
	memset(&k->suspects, 0, sizeof(k->suspects));
	s->suspects_new = 0;
	suspects_step(k);
	assert_true(is_taken());
}

static void a_note_carried_out_twice_changes_nothing_more(void **state)
{
	(void)state;
	file_lost("new", 1, 2);
	die_before_taken();
	assert_int_equal(n_open(), 1);
	assert_int_equal(atomic_load(&table->came[SUSPECT_LOST]), 1);
	file_lost("old", 3, 4);
	tell(SUSPECT_RENAMED, "new", "old");
	die_before_taken();
	assert_int_equal(n_open(), 1);
	assert_true(find("old", false) && seen.ranges.ranges[0].from == 1);
	assert_int_equal(atomic_load(&table->found[SUSPECT_REPLACED]), 1);
	file_lost("b", 5, 6);
	tell(SUSPECT_EXCHANGED, "old", "b");
	die_before_taken();
	assert_true(find("b", false) && seen.ranges.ranges[0].from == 1);
	assert_true(find("old", false) && seen.ranges.ranges[0].from == 5);
	tell(SUSPECT_LINKED, "b", "c");
	die_before_taken();
	assert_int_equal(n_open(), 3);
	/* A file whose name is not known is one suspect all the same. */
	file_lost("", 1, 2);
	die_before_taken();
	assert_int_equal(n_open(), 4);
}

/* It died in the midst of a rename of a directory: one of two has moved. */
static void a_note_carried_out_by_half_is_carried_out_whole(void **state)
{
	(void)state;
	file_lost("a/f", 1, 2);
	file_lost("a/g", 3, 4);
	tell(SUSPECT_RENAMED, "a", "b");
	assert_true(suspect_copy(table, 1, &seen));
	seen.note = 0;
	(void)copy_string(seen.object, sizeof(seen.object), "a/g");
	(void)copy_string(seen.path, sizeof(seen.path), "cold/a/g");
	suspect_put(table, 1, &seen);
	die_before_taken();
	assert_int_equal(n_open(), 2);
	assert_true(find("b/f", false) && find("b/g", false));
	assert_string_equal(seen.path, "cold/b/g");
}

static void written_again_is_never_whole_by_its_size(void **state)
{
	(void)state;
	file_lost("f", 10, 20);
	tell(SUSPECT_WRITTEN, "f", NULL);
	assert_true(find("f", false) && seen.again);
	tell(SUSPECT_WRITTEN, "other", NULL);
	assert_int_equal(n_open(), 1);
}

/* A program that was told of an error, and went on through the same open file. */
static void a_file_that_grew_after_it_was_told(void **state)
{
	(void)state;
	file_lost("f", 10, 20);
	assert_true(find("f", false));
	seen.verdict = SUSPECT_CHANGED;
	suspects_found(k, 0, &seen);
	k->settle.retry_ns[0] = UINT64_MAX;
	for (uint64_t size = 15; size <= 30; size += 15) {
		file_note(SUSPECT_CLOSED, "f", NULL, size, NULL);
		assert_true(find("f", false) && seen.size == MAX(size, 20u) && !seen.again);
		assert_int_equal(seen.verdict, size > 20 ? SUSPECT_PENDING : SUSPECT_CHANGED);
		assert_int_equal(k->settle.retry_ns[0], size > 20 ? 0 : UINT64_MAX);
	}
}

static void an_operator_accepts(void **state)
{
	(void)state;
	file_lost("a/f", 1, 2);
	file_lost("a/g", 1, 2);
	file_lost("b/f\n", 1, 2);
	assert_int_equal(suspects_accept(k, "cold/c", ""), 0);
	assert_int_equal(suspects_accept(k, "cold/b/f\\x0A", ""), 1);
	assert_int_equal(suspects_accept(k, "", "cold/a"), 2);
	assert_int_equal(n_open(), 0);
	assert_int_equal(suspects_accept(k, "", ""), 0);
}

static void more_than_there_is_room_for(void **state)
{
	char name[32];

	(void)state;
	for (unsigned i = 0; i < SUSPECTS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		file_lost(name, 1, 2);
	}
	assert_int_equal(n_open(), SUSPECTS_MAX);
	assert_true(find(name, false));
}

static void a_record_leads_back(void **state)
{
	static struct suspect again;
	json_t *record;

	(void)state;
	file_lost("a/f\xff\\x41 \t", 10, 20);
	assert_int_equal(n_open(), 1);
	assert_true(suspect_copy(table, 0, &seen));
	ledger_put(&seen.ranges, 50, 60, LEDGER_WRITTEN);
	seen.verdict = SUSPECT_HOLE;
	seen.n_holes = 1;
	seen.holes[0] = (struct suspect_range){12, 15};
	seen.at = 12;
	seen.whole_to = 11;
	seen.again = true;
	record = report_suspect_json(k->config, &seen);
	assert_non_null(record);
	assert_true(suspects_from_json(k, record, &again));
	again.unwritten = seen.unwritten;
	assert_string_equal(again.object, "a/f\xff\\x41 \t");
	again.ranges.era = seen.ranges.era;
	again.note = seen.note;
	assert_memory_equal(&again, &seen, sizeof(seen));
	json_object_set_new(record, "backend", json_string("another"));
	assert_false(suspects_from_json(k, record, &again));
	json_decref(record);
	record = json_array();
	assert_false(suspects_from_json(k, record, &again));
	json_decref(record);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(reports_of_one_file_are_one_suspect),
	    TEST(a_new_loss_is_looked_at_anew),
	    TEST(the_mark_goes_with_the_file),
	    TEST(an_exchange_moves_each_once),
	    TEST(a_suspect_rename_over_a_suspect),
	    TEST(a_note_carried_out_twice_changes_nothing_more),
	    TEST(a_note_carried_out_by_half_is_carried_out_whole),
	    TEST(written_again_is_never_whole_by_its_size),
	    TEST(a_file_that_grew_after_it_was_told),
	    TEST(an_operator_accepts),
	    TEST(more_than_there_is_room_for),
	    TEST(a_record_leads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
