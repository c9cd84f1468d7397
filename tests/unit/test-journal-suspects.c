/* Suspect files in the journal: each once, recalled until it is settled, and found afterwards. */
#include "journal-util.h"

static bool put_suspect(uint64_t filed_ns, bool settled, const char *job, const char *record)
{
	const struct journal_suspect s = {.filed_ns = filed_ns,
					  .changed_ns = filed_ns + SECOND,
					  .settled = settled,
					  .backend = "box",
					  .job = job,
					  .record = record};

	return journal_put_suspect(stage.journal, &s);
}

static size_t count_settled(const char *job, uint64_t since_ns)
{
	struct journal_query query = {.question = JOURNAL_ASK_SETTLED, .since_ns = since_ns};
	errint_t error;
	json_t *answer;
	size_t n;

	(void)copy_string(query.job, sizeof(query.job), job);
	answer = ask(&query, &error);
	assert_int_equal(error, 0);
	n = json_array_size(json_object_get(answer, "suspects"));
	json_decref(answer);
	return n;
}

static void suspects_are_recalled_until_they_are_settled(void **state)
{
	struct journal_recalled recalled;

	(void)state;
	start_and_wait(JOURNAL_OK);
	assert_true(put_suspect(T0, false, "a", "{\"n\":1}"));
	assert_true(put_suspect(T0 + 1, false, "a", "{\"n\":2}"));
	assert_true(put_suspect(T0 + 2, true, "b", "{\"n\":3}"));
	assert_true(put_suspect(T0 + 3, true, "a", "no JSON"));
	assert_true(put_suspect(T0, true, "a", "{\"n\":4}")); /* what became of the first */
	WAIT(journal_is_written(stage.journal));
	assert_int_equal(count_settled("", 0), 2);
	assert_int_equal(count_settled("a", 0), 1);
	assert_int_equal(count_settled("", T0 + 2 * SECOND), 0);
	stop();
	start_and_wait(JOURNAL_OK);
	assert_int_equal(journal_recall(stage.journal, 5000, &recalled), 0);
	assert_int_equal(json_array_size(recalled.suspects), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(recalled.suspects, 0), "n")), 2);
	json_decref(recalled.memory);
	json_decref(recalled.open);
	json_decref(recalled.suspects);
}

/* While the database is locked, and when nobody can use it. */
static void one_without_room_is_refused_not_lost(void **state)
{
	static char record[60000];
	unsigned n = 0;
	sqlite3 *sql;

	(void)state;
	memset(record, ' ', sizeof(record) - 1);
	record[0] = '{';
	record[sizeof(record) - 2] = '}';
	start_and_wait(JOURNAL_OK);
	sql = open_beside(stage.path);
	exec_beside(sql, "BEGIN EXCLUSIVE");
	while (n < JOURNAL_QUEUE_MAX && put_suspect(T0 + n, false, "a", record))
		n++;
	assert_true(n > 10 && n < JOURNAL_QUEUE_MAX);
	/* In the place of what is there, but while a try has it on its way to the database. */
	WAIT(put_suspect(T0 + n - 1, false, "a", record));
	assert_false(journal_is_written(stage.journal));
	exec_beside(sql, "COMMIT");
	WAIT(journal_is_written(stage.journal));
	assert_false(detail_has("lost"));
	assert_true(put_suspect(T0 + n, false, "a", record));
	WAIT(number("SELECT count(*) FROM suspects") == n + 1);
	exec_beside(sql, "PRAGMA user_version = 99");
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
	stop();
	start_and_wait(JOURNAL_NEWER);
	assert_false(put_suspect(T0 + 1000, false, "a", "{}"));
	assert_false(journal_is_written(stage.journal));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(suspects_are_recalled_until_they_are_settled, stage_set_up,
					    stage_tear_down),
	    cmocka_unit_test_setup_teardown(one_without_room_is_refused_not_lost, stage_set_up,
					    stage_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
