/* Deletes in bounded steps, between which the thread works. */
#include "journal/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define STEP_ROWS  "1000"
#define STEP_PAGES "256"
#define DAY_NS	   "86400000000000"

/* The newest record before BEFORE, by index. */
#define NEWEST(before)                                                               \
	"(SELECT max(t) FROM (SELECT max(time) AS t FROM samples WHERE time<" before \
	" UNION ALL SELECT max(time) FROM events WHERE time<" before                 \
	" UNION ALL SELECT max(began) FROM incidents WHERE began<" before "))/" DAY_NS
/* The beginning of the ?1st day with records, counted from the last. */
static const char first_day_kept[] = "WITH RECURSIVE days(n, day) AS (SELECT 1, " NEWEST(
    "9223372036854775807") " UNION ALL SELECT n+1, " NEWEST("day*" DAY_NS) " FROM days WHERE n<?1 AND day IS "
									   "NOT NULL)"
									   " SELECT coalesce(max(day)*" DAY_NS
									   ", 0) FROM days WHERE n=?1";

/* In the order of deletion. Open incidents (closed=0) and suspects stay. */
static const struct {
	/* ?1: when. */
	const char *old;
	const char *oldest;
} deletions[] = {
    {"DELETE FROM samples WHERE rowid IN (SELECT rowid FROM samples WHERE time<?1 LIMIT " STEP_ROWS ")",
     "DELETE FROM samples WHERE rowid IN (SELECT rowid FROM samples ORDER BY time LIMIT " STEP_ROWS ")"},
    {"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE time<?1 LIMIT " STEP_ROWS ")",
     "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY time LIMIT " STEP_ROWS ")"},
    {"DELETE FROM incidents WHERE id IN (SELECT id FROM incidents WHERE closed<>0 AND max(began, closed)<?1"
     " LIMIT " STEP_ROWS ")",
     "DELETE FROM incidents WHERE id IN (SELECT id FROM incidents WHERE closed<>0 ORDER BY began "
     "LIMIT " STEP_ROWS ")"},
    {"DELETE FROM suspects WHERE filed IN (SELECT filed FROM suspects WHERE settled<>0 AND max(filed, "
     "changed)<?1"
     " LIMIT " STEP_ROWS ")",
     "DELETE FROM suspects WHERE filed IN (SELECT filed FROM suspects WHERE settled<>0 ORDER BY changed "
     "LIMIT " STEP_ROWS ")"},
};

/* *n: rows deleted. */
static errint_t delete_some(struct journal_db *db, const char *sql, uint64_t before_ns, int *n)
{
	sqlite3_stmt *stmt = NULL;
	errint_t error = journal_db_prepare(db, sql, &stmt);
	int rc = SQLITE_OK;

	*n = 0;
	if (error < 0)
		return error;
	if (sqlite3_bind_parameter_count(stmt) > 0)
		rc = sqlite3_bind_int64(stmt, 1, (sqlite3_int64)before_ns);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	error = journal_db_result(db, rc);
	if (error == 0)
		*n = sqlite3_changes(db->sql);
	sqlite3_finalize(stmt);
	return error;
}

/* Not by the clock: after a jump ahead everything would be old. *before_ns 0: nothing is. */
static errint_t find_old(struct journal_db *db, uint32_t keep_days, uint64_t *before_ns)
{
	sqlite3_stmt *stmt = NULL;
	errint_t error = journal_db_prepare(db, first_day_kept, &stmt);
	int rc;

	*before_ns = 0;
	if (error < 0)
		return error;
	rc = sqlite3_bind_int64(stmt, 1, keep_days);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*before_ns = (uint64_t)MAX(sqlite3_column_int64(stmt, 0), (sqlite3_int64)0);
	error = journal_db_result(db, rc);
	sqlite3_finalize(stmt);
	return error;
}

static errint_t delete_old(struct journal_db *db, uint32_t keep_days, int *n)
{
	uint64_t before_ns;
	errint_t error = find_old(db, keep_days, &before_ns);

	*n = 0;
	for (unsigned i = 0; error == 0 && *n == 0 && before_ns && i < ARRAY_SIZE(deletions); i++)
		error = delete_some(db, deletions[i].old, before_ns, n);
	return error;
}

static errint_t size_used(struct journal_db *db, uint64_t *bytes)
{
	int64_t pages = 0, unused = 0, page_size = 0;
	errint_t error = journal_db_number(db, "PRAGMA page_count", &pages);

	if (error == 0)
		error = journal_db_number(db, "PRAGMA freelist_count", &unused);
	if (error == 0)
		error = journal_db_number(db, "PRAGMA page_size", &page_size);
	*bytes = pages > unused ? (uint64_t)(pages - unused) * (uint64_t)page_size : 0;
	return error;
}

static errint_t delete_too_much(struct journal_db *db, uint32_t keep_mib, int *n)
{
	uint64_t bytes;
	errint_t error = size_used(db, &bytes);

	*n = 0;
	if (error < 0 || bytes <= (uint64_t)keep_mib << 20)
		return error;
	for (unsigned i = 0; error == 0 && *n == 0 && i < ARRAY_SIZE(deletions); i++)
		error = delete_some(db, deletions[i].oldest, 0, n);
	return error;
}

/* Returns free pages to the file system. */
static errint_t shrink(struct journal_db *db, bool *more)
{
	int64_t before, after = 0;
	errint_t error = journal_db_number(db, "PRAGMA freelist_count", &before);

	if (error == 0 && before > 0)
		error = journal_db_exec(db, "PRAGMA incremental_vacuum(" STEP_PAGES ")");
	if (error == 0)
		error = journal_db_number(db, "PRAGMA freelist_count", &after);
	*more = error == 0 && after > 0 && after < before;
	return error;
}

errint_t journal_retain(struct journal_db *db, const struct journal_options *options, bool *more)
{
	int n = 0;
	errint_t error = delete_old(db, options->keep_days, &n);

	if (error == 0 && n == 0)
		error = delete_too_much(db, options->keep_mib, &n);
	*more = n > 0;
	if (error < 0 || n > 0)
		return error;
	return shrink(db, more);
}
