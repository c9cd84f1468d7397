/* Keeper's records of suspects. */
#include "journal/internal.h"

#include <stdlib.h>

#define SUSPECTS_RECALLED 4096
#define SUSPECTS_DEFAULT  100
#define SUSPECTS_LIMIT	  1000
#define SUSPECTS_BYTES	  (3u << 20)

/* The row's record; NULL: a person damaged it. */
static json_t *record_of(sqlite3_stmt *stmt)
{
	const char *text = (const char *)sqlite3_column_text(stmt, 0);
	json_t *record = text ? json_loads(text, 0, NULL) : NULL;

	if (json_is_object(record))
		return record;
	json_decref(record);
	return NULL;
}

/* Finalizes the statement. */
static errint_t gather_records(struct journal_db *db, sqlite3_stmt *stmt, json_t *array)
{
	size_t bytes = 0;
	errint_t error;
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && bytes < SUSPECTS_BYTES) {
		json_t *record = record_of(stmt);

		bytes += (size_t)sqlite3_column_bytes(stmt, 0);
		if (record)
			(void)json_array_append_new(array, record);
	}
	error = journal_db_result(db, rc);
	sqlite3_finalize(stmt);
	return error;
}

errint_t journal_read_open_suspects(struct journal_db *db, json_t *suspects)
{
	sqlite3_stmt *stmt = NULL;
	errint_t error = journal_db_prepare(
	    db, "SELECT record FROM suspects WHERE settled=0 ORDER BY changed DESC LIMIT ?1", &stmt);

	if (error < 0)
		return error;
	(void)sqlite3_bind_int64(stmt, 1, SUSPECTS_RECALLED);
	return gather_records(db, stmt, suspects);
}

errint_t journal_read_suspects(struct journal_db *db, const struct journal_query *query, json_t *result)
{
	uint32_t limit = query->limit ? MIN(query->limit, SUSPECTS_LIMIT) : SUSPECTS_DEFAULT;
	char *backend = utf8_clean(query->backend, sizeof(query->backend));
	char *job = utf8_clean(query->job, sizeof(query->job));
	json_t *array = json_array();
	sqlite3_stmt *stmt = NULL;
	errint_t error = journal_db_prepare(db,
					    "SELECT record FROM suspects WHERE settled<>0 AND changed>=?1"
					    " AND (?2='' OR backend=?2) AND (?3='' OR job=?3)"
					    " ORDER BY changed DESC LIMIT ?4",
					    &stmt);

	(void)json_object_set_new(result, "suspects", array);
	if (error == 0) {
		(void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)MIN(query->since_ns, (uint64_t)INT64_MAX));
		(void)sqlite3_bind_text(stmt, 2, backend ? backend : "", -1, SQLITE_TRANSIENT);
		(void)sqlite3_bind_text(stmt, 3, job ? job : "", -1, SQLITE_TRANSIENT);
		(void)sqlite3_bind_int64(stmt, 4, limit);
		error = gather_records(db, stmt, array);
	}
	free(backend);
	free(job);
	return error;
}
