/* journal-util.h: a journal in a directory of its own, with a second connection to its database beside it. */
#ifndef TESTS_UNIT_JOURNAL_UTIL_H
#define TESTS_UNIT_JOURNAL_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "journal/internal.h"
#include "remove-tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND NSEC_PER_SEC
#define T0     (1767225600ull * SECOND) /* 2026-01-01 */

static struct {
	char dir[64];
	char path[128]; /* of the database */
	struct journal_options options;
	struct journal_tuning tuning;
	struct journal *journal;
} stage;

/* Polls a condition until it holds. */
#define WAIT(condition)                                                                    \
	do {                                                                               \
		uint64_t wait_until = clock_mono_ns() + 20 * SECOND;                       \
		while (!(condition)) {                                                     \
			struct timespec pause = {.tv_nsec = 2000000};                      \
			if (clock_mono_ns() > wait_until)                                  \
				fail_msg("line %d: never came: %s", __LINE__, #condition); \
			nanosleep(&pause, NULL); /* sleep-ok: polling with a deadline */   \
		}                                                                          \
	} while (0)

static inline int stage_set_up(void **state)
{
	(void)state;
	strcpy(stage.dir, "/tmp/guardfs-journal-XXXXXX");
	if (!mkdtemp(stage.dir))
		return -1;
	snprintf(stage.path, sizeof(stage.path), "%s/" JOURNAL_FILE, stage.dir);
	memset(&stage.options, 0, sizeof(stage.options));
	(void)copy_string(stage.options.directory, sizeof(stage.options.directory), stage.dir);
	stage.options.keep_days = 3650;
	stage.options.keep_mib = 64;
	atomic_store(&stage.tuning.retry_ms, 20);
	atomic_store(&stage.tuning.retain_ms, 3600000);
	atomic_store(&stage.tuning.busy_ms, 10);
	atomic_store(&stage.tuning.max_pages, 0);
	return 0;
}

static inline void stop(void)
{
	journal_stop(stage.journal, 20000);
	stage.journal = NULL;
}

static inline int stage_tear_down(void **state)
{
	(void)state;
	stop();
	return remove_tree(stage.dir);
}

static inline void start(void)
{
	stage.journal = journal_start_tuned(&stage.options, &stage.tuning);
	assert_non_null(stage.journal);
}

static inline enum journal_state state_now(void)
{
	char detail[512];

	return journal_state(stage.journal, detail, sizeof(detail));
}

static inline bool detail_has(const char *words)
{
	char detail[512];

	(void)journal_state(stage.journal, detail, sizeof(detail));
	return strstr(detail, words) != NULL;
}

static inline void start_and_wait(enum journal_state state)
{
	start();
	WAIT(state_now() == state);
}

/* ---- the second connection ---- */

static inline sqlite3 *open_beside(const char *path)
{
	sqlite3 *sql = NULL;

	assert_int_equal(sqlite3_open_v2(path, &sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
			 SQLITE_OK);
	sqlite3_busy_timeout(sql, 5000);
	return sql;
}

static inline void exec_beside(sqlite3 *sql, const char *statement)
{
	char *error = NULL;

	if (sqlite3_exec(sql, statement, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", statement, error);
}

static inline void exec_once(const char *statement)
{
	sqlite3 *sql = open_beside(stage.path);

	exec_beside(sql, statement);
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
}

/* -1: the question failed (no table, say). */
static inline int64_t number_in(const char *path, const char *query)
{
	sqlite3 *sql = open_beside(path);
	sqlite3_stmt *stmt = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(sql, query, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
	return n;
}

static inline int64_t number(const char *query)
{
	return number_in(stage.path, query);
}

/* ---- putting ---- */

static inline void put_incident(uint64_t id, uint64_t began_ns, uint64_t closed_ns)
{
	struct journal_incident incident = {.id = id,
					    .kind = "incident",
					    .scope = "backend",
					    .backend = "box",
					    .class = "timeout",
					    .began_ns = began_ns,
					    .closed_ns = closed_ns};

	journal_put_incident(stage.journal, &incident);
}

static inline void put_event(uint64_t incident, uint64_t time_ns, const char *text)
{
	struct journal_event event = {
	    .time_ns = time_ns, .incident = incident, .kind = "note", .backend = "box", .text = text};

	journal_put_event(stage.journal, &event);
}

static inline void put_sample(uint64_t time_ns)
{
	struct journal_sample sample = {
	    .time_ns = time_ns, .backend = "box", .state = "healthy", .ops = 7, .span_ms = 1000};

	journal_put_sample(stage.journal, &sample);
}

static inline void put_events(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		put_event(0, T0 + i,
			  "one of many, with some text so that there are pages enough to be hit somewhere");
}

/* ---- asking ---- */

/* The answer; the caller releases it. NULL with *error. */
static inline json_t *ask(const struct journal_query *query, errint_t *error)
{
	struct pollfd p = {.fd = journal_event_fd(stage.journal), .events = POLLIN};
	uint64_t ticket = 0, answered = 0;
	json_t *result = NULL;

	*error = journal_ask(stage.journal, query, &ticket);
	if (*error < 0)
		return NULL;
	while (!journal_take_answer(stage.journal, &answered, &result, error))
		assert_int_equal(poll(&p, 1, 20000), 1);
	assert_true(answered == ticket);
	return result;
}

static inline json_t *ask_incident(uint64_t id)
{
	struct journal_query query = {.question = JOURNAL_ASK_INCIDENT, .id = id};
	errint_t error;
	json_t *result = ask(&query, &error);

	assert_int_equal(error, 0);
	assert_non_null(result);
	return result;
}

static inline json_t *ask_incidents(uint64_t since_ns, const char *backend, uint32_t limit)
{
	struct journal_query query = {
	    .question = JOURNAL_ASK_INCIDENTS, .since_ns = since_ns, .limit = limit};
	errint_t error;
	json_t *result;

	(void)copy_string(query.backend, sizeof(query.backend), backend);
	result = ask(&query, &error);
	assert_int_equal(error, 0);
	assert_non_null(result);
	return result;
}

static inline const char *text_at(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

static inline json_int_t count_at(const json_t *object, const char *member)
{
	assert_true(json_is_integer(json_object_get(object, member)));
	return json_integer_value(json_object_get(object, member));
}

/* Is this member the time t, as precisely as a double says it? */
static inline bool time_at(const json_t *object, const char *member, uint64_t t)
{
	double seconds = json_number_value(json_object_get(object, member)), wanted = (double)t / 1e9;

	return json_is_number(json_object_get(object, member)) && seconds - wanted < 1e-6 &&
	       wanted - seconds < 1e-6;
}

#endif
