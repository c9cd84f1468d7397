/* History in trouble: damaged, locked, full, newer, gone. Guarding never waits for it, and what can be kept
 * is kept. */
#include "journal-util.h"

static void read_whole(const char *path, char **data, size_t *size)
{
	FILE *f = fopen(path, "r");
	struct stat st;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	*size = (size_t)st.st_size;
	*data = malloc(*size + 1);
	assert_non_null(*data);
	assert_int_equal(fread(*data, 1, *size, f), *size);
	fclose(f);
}

static void check_same(const char *path, const char *data, size_t size)
{
	char *now;
	size_t size_now;

	read_whole(path, &now, &size_now);
	assert_int_equal(size_now, size);
	assert_memory_equal(now, data, size);
	free(now);
}

static void overwrite(const char *path, off_t offset, size_t n)
{
	int fd = open(path, O_WRONLY);
	char *noise = malloc(n);

	assert_true(fd >= 0);
	assert_non_null(noise);
	memset(noise, 0xa5, n);
	assert_int_equal(pwrite(fd, noise, n, offset), n);
	free(noise);
	close(fd);
}

/* How many databases were set aside; last: the path of the newest. */
static unsigned set_aside(char *last, size_t size)
{
	DIR *dir = opendir(stage.dir);
	char newest[256] = "";
	unsigned n = 0;

	assert_non_null(dir);
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		if (strncmp(e->d_name, JOURNAL_FILE ".damaged-", strlen(JOURNAL_FILE ".damaged-")) != 0 ||
		    strstr(e->d_name, "-wal") || strstr(e->d_name, "-shm"))
			continue;
		n++;
		if (strcmp(e->d_name, newest) > 0)
			(void)copy_string(newest, sizeof(newest), e->d_name);
	}
	closedir(dir);
	snprintf(last, size, "%s/%s", stage.dir, newest);
	return n;
}

static void make_big(void)
{
	start();
	for (int64_t n = 500; n <= 5000;
	     n += 500) { /* what is being written has its place in the queue too */
		put_events(500);
		WAIT(number("SELECT count(*) FROM events") == n);
	}
}

/* ---- schema ---- */

static void version_0_is_migrated(void **state)
{
	(void)state;
	exec_once("PRAGMA application_id=0x67664a31");
	start_and_wait(JOURNAL_OK);
	put_incident(1, T0, 0);
	WAIT(number("SELECT count(*) FROM incidents") == 1);
	assert_int_equal(number("PRAGMA user_version"), 3);
}

static const char *const steps[] = {
    "CREATE TABLE t(a); INSERT INTO t VALUES(1)", "ALTER TABLE t ADD b; UPDATE t SET b = a + 1",
    "UPDATE t SET b = 77; CREATE TABLE t(again)", /* fails, having changed something */
};

static void steps_are_taken_whole_or_not_at_all(void **state)
{
	struct journal_db db = {.busy_ms = 10};

	(void)state;
	exec_once("CREATE TABLE t(a); INSERT INTO t VALUES(41); PRAGMA user_version=1");
	db.sql = open_beside(stage.path);
	assert_int_equal(journal_migrate(&db, steps, 2), 0);
	assert_int_equal(journal_migrate(&db, steps, 2), 0);
	assert_int_equal(number("SELECT b FROM t"), 42);
	assert_int_equal(number("PRAGMA user_version"), 2);
	assert_true(journal_migrate(&db, steps, 3) < 0);
	assert_int_equal(number("SELECT b FROM t"), 42);
	assert_int_equal(number("PRAGMA user_version"), 2);
	assert_int_equal(sqlite3_close(db.sql), SQLITE_OK);
}

static void check_refused(enum journal_state wanted, const char *words)
{
	struct journal_query query = {.question = JOURNAL_ASK_INCIDENTS};
	struct journal_recalled recalled;
	uint64_t ticket;
	char *before;
	size_t size;

	read_whole(stage.path, &before, &size);
	start_and_wait(wanted);
	assert_true(detail_has(words));
	put_incident(1, T0, 0);
	put_events(2000);
	assert_int_equal(journal_recall(stage.journal, 0, &recalled), -EIO);
	assert_int_equal(json_object_size(recalled.memory) + json_array_size(recalled.open), 0);
	json_decref(recalled.memory);
	json_decref(recalled.open);
	json_decref(recalled.suspects);
	assert_int_equal(journal_ask(stage.journal, &query, &ticket), -EIO);
	assert_int_equal(state_now(), wanted);
	stop();
	check_same(stage.path, before, size);
	free(before);
}

static void newer_is_not_touched(void **state)
{
	(void)state;
	exec_once("PRAGMA journal_mode=WAL; PRAGMA application_id=0x67664a31; CREATE TABLE future(x); PRAGMA "
		  "user_version=4");
	check_refused(JOURNAL_NEWER, "schema 4");
}

/* The newer version's number is still in the WAL, as after a crash. */
static void newer_in_the_wal_is_not_touched(void **state)
{
	char path[160], *before;
	sqlite3 *sql;
	size_t size;

	(void)state;
	exec_once("PRAGMA journal_mode=WAL; PRAGMA application_id=0x67664a31; CREATE TABLE t(x)");
	sql = open_beside(stage.path);
	sqlite3_db_config(sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	exec_beside(sql, "PRAGMA user_version=9");
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
	snprintf(path, sizeof(path), "%s-wal", stage.path);
	read_whole(path, &before, &size);
	assert_true(size > 0);
	check_refused(JOURNAL_NEWER, "schema 9");
	check_same(path, before, size);
	free(before);
}

static void another_programs_is_not_touched(void **state)
{
	(void)state;
	exec_once("CREATE TABLE precious(x); INSERT INTO precious VALUES(1)");
	check_refused(JOURNAL_FAILED, "another program");
	unlink(stage.path);
	exec_once("PRAGMA application_id=4711; PRAGMA user_version=1");
	check_refused(JOURNAL_FAILED, "another program");
}

/* ---- damage ---- */

static void check_begun_anew(unsigned n_aside)
{
	char aside[512];

	WAIT(state_now() == JOURNAL_OK && detail_has("history.sqlite.damaged-"));
	assert_int_equal(set_aside(aside, sizeof(aside)), n_aside);
	put_incident(5, T0, 0);
	WAIT(number("SELECT count(*) FROM incidents") == 1);
}

static void damaged_header(void **state)
{
	char aside[512], *before;
	size_t size;

	(void)state;
	start();
	put_incident(1, T0, 0);
	stop();
	overwrite(stage.path, 0, 100);
	read_whole(stage.path, &before, &size);
	start();
	check_begun_anew(1);
	assert_int_equal(set_aside(aside, sizeof(aside)), 1);
	check_same(aside, before, size);
	free(before);
}

static void damaged_in_the_middle(void **state)
{
	char aside[512];

	(void)state;
	make_big();
	stop();
	overwrite(stage.path, 50 * 4096, 20 * 4096);
	start();
	check_begun_anew(1);
	/* It can still be looked into under its new name. */
	set_aside(aside, sizeof(aside));
	assert_int_equal(number_in(aside, "PRAGMA user_version"), 3);
}

static void tables_are_missing(void **state)
{
	(void)state;
	exec_once("PRAGMA application_id=0x67664a31; PRAGMA user_version=1; CREATE TABLE events(x)");
	start();
	check_begun_anew(1);
}

/* Everything beyond the first page goes bad while the journal runs; what keeper must know survives. */
static void damaged_while_running(void **state)
{
	struct journal_recalled recalled;
	struct stat st;

	(void)state;
	make_big();
	journal_put_memory(stage.journal, "hold", "until noon");
	WAIT(number("SELECT count(*) FROM memory") == 1);
	exec_once("PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(stat(stage.path, &st), 0);
	overwrite(stage.path, 4096, (size_t)st.st_size - 4096);
	put_events(900);
	WAIT(detail_has("history.sqlite.damaged-") && state_now() == JOURNAL_OK);
	WAIT(number("SELECT count(*) FROM events") == 900);
	stop();
	start();
	assert_int_equal(journal_recall(stage.journal, 20000, &recalled), 0);
	assert_string_equal(text_at(recalled.memory, "hold"), "until noon");
	json_decref(recalled.memory);
	json_decref(recalled.open);
	json_decref(recalled.suspects);
}

static void damage_found_by_a_question(void **state)
{
	struct journal_query query = {.question = JOURNAL_ASK_INCIDENT, .id = 1};
	struct stat st;
	errint_t error;

	(void)state;
	make_big();
	put_incident(1, T0, 0);
	WAIT(number("SELECT count(*) FROM incidents") == 1);
	exec_once("PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(stat(stage.path, &st), 0);
	overwrite(stage.path, 4096, (size_t)st.st_size - 4096);
	assert_null(ask(&query, &error));
	assert_int_equal(error, -EIO);
	check_begun_anew(1);
}

static void three_are_kept(void **state)
{
	char aside[512], first[512], path[600];

	(void)state;
	for (unsigned i = 1; i <= 5; i++) {
		overwrite((start(), stop(), stage.path), 0, 100);
		snprintf(path, sizeof(path), "%s-wal", stage.path);
		close(open(path, O_CREAT | O_WRONLY, 0600));
		start_and_wait(JOURNAL_OK);
		stop();
		assert_int_equal(set_aside(aside, sizeof(aside)), i < 3 ? i : 3);
		snprintf(path, sizeof(path), "%s-wal", aside);
		assert_int_equal(access(path, F_OK), 0);
		if (i == 1)
			strcpy(first, aside);
	}
	assert_int_equal(access(first, F_OK), -1);
	snprintf(path, sizeof(path), "%s-wal", first);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- directory ---- */

static void directory_is_made(void **state)
{
	(void)state;
	snprintf(stage.options.directory, sizeof(stage.options.directory), "%s/a/b", stage.dir);
	snprintf(stage.path, sizeof(stage.path), "%s/a/b/" JOURNAL_FILE, stage.dir);
	start();
	put_incident(1, T0, 0);
	WAIT(state_now() == JOURNAL_OK && number("SELECT count(*) FROM incidents") == 1);
}

static void no_directory(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/file", stage.dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(stage.options.directory, sizeof(stage.options.directory), "%s/file/b", stage.dir);
	start_and_wait(JOURNAL_OFF);
	assert_true(detail_has("Not a directory"));
	put_incident(1, T0, 0);
	unlink(path);
	WAIT(state_now() == JOURNAL_OK); /* as soon as it can be had */
	snprintf(stage.path, sizeof(stage.path), "%s/file/b/" JOURNAL_FILE, stage.dir);
	assert_int_equal(number("SELECT count(*) FROM incidents"), 1);
	stop();
	stage.options.directory[0] = '\0';
	start();
	assert_int_equal(state_now(), JOURNAL_OFF);
}

static void removed_while_running(void **state)
{
	char wal[160];

	(void)state;
	start();
	put_incident(1, T0, 0);
	WAIT(number("SELECT count(*) FROM incidents") == 1);
	snprintf(wal, sizeof(wal), "%s-wal", stage.path);
	unlink(wal);
	assert_int_equal(unlink(stage.path), 0);
	put_incident(2, T0, 0);
	WAIT(access(stage.path, F_OK) == 0 && number("SELECT max(id) FROM incidents") == 2);
}

static void symlink_is_not_followed(void **state)
{
	char target[128];

	(void)state;
	snprintf(target, sizeof(target), "%s/elsewhere", stage.dir);
	assert_int_equal(symlink(target, stage.path), 0);
	start_and_wait(JOURNAL_FAILED);
	assert_int_equal(access(target, F_OK), -1);
}

/* ---- waiting ---- */

static bool finished(struct journal *j)
{
	bool is;

	pthread_mutex_lock(&j->lock);
	is = j->finished;
	pthread_mutex_unlock(&j->lock);
	return is;
}

static size_t taken(struct journal *j)
{
	size_t n;

	pthread_mutex_lock(&j->lock);
	n = j->queue.taken;
	pthread_mutex_unlock(&j->lock);
	return n;
}

/* The thread sits in the database, as on a hung disk. */
static void stopping_leaves_a_hung_thread_behind(void **state)
{
	static struct journal *left; /* never freed, and reachable for those who look for leaks */
	uint64_t began;
	sqlite3 *sql;

	(void)state;
	atomic_store(&stage.tuning.busy_ms, 60000);
	start_and_wait(JOURNAL_OK);
	sql = open_beside(stage.path);
	exec_beside(sql, "BEGIN EXCLUSIVE");
	put_incident(1, T0, 0);
	WAIT(taken(stage.journal) == 1);
	left = stage.journal;
	began = clock_mono_ns();
	journal_stop(left, 100);
	stage.journal = NULL;
	assert_in_range(clock_mono_ns() - began, 90 * NSEC_PER_MSEC, 5 * SECOND);
	assert_false(finished(left));
	exec_beside(sql, "COMMIT");
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
	WAIT(finished(left)); /* it comes to itself, writes, and ends */
	assert_int_equal(number("SELECT count(*) FROM incidents"), 1);
}

static void recall_has_a_time_limit(void **state)
{
	struct journal_recalled recalled;
	uint64_t began;
	sqlite3 *sql;

	(void)state;
	start();
	put_incident(1, T0, 0);
	stop();
	sql = open_beside(stage.path);
	exec_beside(sql, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
	atomic_store(&stage.tuning.busy_ms, 60000);
	start();
	began = clock_mono_ns();
	assert_int_equal(journal_recall(stage.journal, 100, &recalled), -ETIMEDOUT);
	assert_in_range(clock_mono_ns() - began, 90 * NSEC_PER_MSEC, 5 * SECOND);
	assert_int_equal(json_object_size(recalled.memory), 0);
	json_decref(recalled.memory);
	json_decref(recalled.open);
	json_decref(recalled.suspects);
	exec_beside(sql, "COMMIT");
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
	assert_int_equal(journal_recall(stage.journal, 20000, &recalled), 0);
	assert_true(recalled.highest_incident == 1);
	json_decref(recalled.memory);
	json_decref(recalled.open);
	json_decref(recalled.suspects);
}

static void questions_are_bounded(void **state)
{
	struct journal_query query = {.question = JOURNAL_ASK_INCIDENTS};
	uint64_t ticket, answered, last = 0;
	json_t *result;
	errint_t error;
	unsigned n = 0;

	(void)state;
	start_and_wait(JOURNAL_OK);
	while ((error = journal_ask(stage.journal, &query, &ticket)) == 0)
		assert_in_range(++n, 1, JOURNAL_QUESTIONS_MAX);
	assert_int_equal(error, -EAGAIN);
	assert_int_equal(n, JOURNAL_QUESTIONS_MAX);
	for (unsigned i = 0; i < n; i++) {
		WAIT(journal_take_answer(stage.journal, &answered, &result, &error) == 1);
		assert_true(answered > last && error == 0);
		last = answered;
		json_decref(result);
	}
	assert_int_equal(journal_ask(stage.journal, &query, &ticket), 0); /* and its answer is never taken */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(version_0_is_migrated),
	    TEST(steps_are_taken_whole_or_not_at_all),
	    TEST(newer_is_not_touched),
	    TEST(newer_in_the_wal_is_not_touched),
	    TEST(another_programs_is_not_touched),
	    TEST(damaged_header),
	    TEST(damaged_in_the_middle),
	    TEST(tables_are_missing),
	    TEST(damaged_while_running),
	    TEST(damage_found_by_a_question),
	    TEST(three_are_kept),
	    TEST(directory_is_made),
	    TEST(no_directory),
	    TEST(removed_while_running),
	    TEST(symlink_is_not_followed),
	    TEST(stopping_leaves_a_hung_thread_behind),
	    TEST(recall_has_a_time_limit),
	    TEST(questions_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
