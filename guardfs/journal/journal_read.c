/* Rows into docs/PROTOCOL.control.md's JSON, bounded for frames and keeper. */
#include "base/clock.h"
#include "journal/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX_BYTES     (3u << 20) /* compact JSON; escapes at most double it */
#define ANSWER_MAX_NS	     (5 * NSEC_PER_SEC)
#define LISTED_DEFAULT	     100
#define LISTED_MAX	     1000
#define EVENTS_MAX	     2000
#define SAMPLES_MAX	     2000
#define REMEMBERED_MAX	     10000
#define CONTEXT_NS	     (10 * 60 * NSEC_PER_SEC) /* before and after an incident */
#define INCIDENT_ID_COL	     0
#define INCIDENT_BACKEND_COL 3
#define INCIDENT_BEGAN_COL   7
#define INCIDENT_CLOSED_COL  12

enum kind { COUNT, TIME, SPAN, TEXT, ROUTES };

struct column {
	const char *member;
	enum kind kind;
};

#define INCIDENT_SQL                                                                                  \
	"SELECT id, kind, scope, backend, class, detail, detected_by, began, detected, first_error, " \
	"first_fast,"                                                                                 \
	" recovered, closed, callers, failed, bytes_at_risk, tries, routes FROM incidents "
static const struct column incident_columns[] = {
    {"id", COUNT},	{"kind", TEXT},	       {"scope", TEXT},	      {"backend", TEXT},
    {"class", TEXT},	{"detail", TEXT},      {"detected_by", TEXT}, {"began", TIME},
    {"detected", TIME}, {"first_error", TIME}, {"first_fast", TIME},  {"recovered", TIME},
    {"closed", TIME},	{"callers", COUNT},    {"failed", COUNT},     {"bytes_at_risk", COUNT},
    {"tries", COUNT},	{"routes", ROUTES}};

/* The incident's own, and those of no incident that then befell the backend or all of guardfs: crashes, holds,
 * drills, slowness. The plus keeps sqlite from scanning these by number. */
#define EVENT_SQL                                                                                         \
	"SELECT time, kind, backend, from_state, to_state, class, name, outcome, duration_ms, text FROM " \
	"events"                                                                                          \
	" WHERE incident=?1 OR (+incident=0 AND time BETWEEN ?2 AND ?3"                                   \
	" AND coalesce(backend, '') IN ('', ?4) AND kind NOT IN ('plan', 'rung'))"                        \
	" ORDER BY time, id"
static const struct column event_columns[] = {
    {"time", TIME},  {"kind", TEXT}, {"backend", TEXT}, {"from", TEXT},		{"to", TEXT},
    {"class", TEXT}, {"name", TEXT}, {"outcome", TEXT}, {"duration_ms", COUNT}, {"text", TEXT}};

#define SAMPLES_WANTED " FROM samples WHERE time BETWEEN ?2 AND ?3 AND backend=?4"
/* Every ?1 of them as one. The state is that of the last: with several max() sqlite takes a column from any of their
 * rows, so it is compared behind its time. */
#define SAMPLE_SQL                                                                                \
	"SELECT max(time), backend,"                                                              \
	" substr(max(printf('%020d', time) || coalesce(state, '')), 21), sum(ops), sum(errors), " \
	"max(p50_us), max(p99_us),"                                                               \
	" max(time)/1000000 - min(time/1000000 - span_ms)"                                        \
	" FROM (SELECT *, row_number() OVER (ORDER BY time, rowid) - 1 AS n" SAMPLES_WANTED ")"   \
	" GROUP BY n / ?1 ORDER BY n"
static const struct column sample_columns[] = {{"time", TIME},	  {"backend", TEXT}, {"state", TEXT},
					       {"ops", COUNT},	  {"errors", COUNT}, {"p50_us", COUNT},
					       {"p99_us", COUNT}, {"seconds", SPAN}};

/* ---- one row ---- */

static json_t *text_of(sqlite3_stmt *stmt, int i)
{
	const char *s = (const char *)sqlite3_column_text(stmt, i);
	char *clean = utf8_clean(s ? s : "", (size_t)sqlite3_column_bytes(stmt, i));
	json_t *text = clean ? json_string(clean) : NULL;

	free(clean);
	return text;
}

static json_t *routes_of(sqlite3_stmt *stmt, int i)
{
	const char *s = (const char *)sqlite3_column_text(stmt, i);
	json_t *routes = s ? json_loads(s, 0, NULL) : NULL;

	if (json_is_array(routes))
		return routes;
	json_decref(routes);
	return json_array();
}

static json_t *value_of(sqlite3_stmt *stmt, int i, enum kind kind)
{
	sqlite3_int64 n;

	switch (kind) {
	case TEXT:
		return text_of(stmt, i);
	case ROUTES:
		return routes_of(stmt, i);
	case TIME:
		n = sqlite3_column_int64(stmt, i);
		return n == 0 ? json_integer(0) : json_real((double)n / (double)NSEC_PER_SEC);
	case SPAN:
		return json_real((double)sqlite3_column_int64(stmt, i) / 1000);
	default:
		return json_integer(sqlite3_column_int64(stmt, i));
	}
}

static json_t *row_of(sqlite3_stmt *stmt, const struct column *columns, size_t n)
{
	json_t *row = json_object();

	for (size_t i = 0; i < n; i++)
		(void)json_object_set_new(row, columns[i].member, value_of(stmt, (int)i, columns[i].kind));
	return row;
}

/* Drops members without meaning for its kind. */
static json_t *event_of(sqlite3_stmt *stmt)
{
	static const char *const timed[] = {"rung", "diagnosis", "hook"};
	json_t *event = row_of(stmt, event_columns, ARRAY_SIZE(event_columns));
	const char *kind = json_string_value(json_object_get(event, "kind"));
	bool keep_duration = json_integer_value(json_object_get(event, "duration_ms")) != 0;

	for (size_t i = 0; kind && i < ARRAY_SIZE(timed); i++)
		keep_duration = keep_duration || strcmp(kind, timed[i]) == 0;
	if (!keep_duration)
		(void)json_object_del(event, "duration_ms");
	for (size_t i = 0; i < ARRAY_SIZE(event_columns); i++) {
		const char *text = json_string_value(json_object_get(event, event_columns[i].member));

		if (text && !text[0])
			(void)json_object_del(event, event_columns[i].member);
	}
	return event;
}

static json_t *incident_of(sqlite3_stmt *stmt)
{
	return row_of(stmt, incident_columns, ARRAY_SIZE(incident_columns));
}

/* ---- many rows ---- */

struct harvest {
	json_t *array;
	/* Bytes that the answer may still grow by. */
	size_t left;
};

static bool gather(struct harvest *harvest, json_t *row)
{
	size_t size = row ? json_dumpb(row, NULL, 0, JSON_COMPACT) : SIZE_MAX;

	if (size >= harvest->left) {
		harvest->left = 0;
		json_decref(row);
		return false;
	}
	harvest->left -= size + 1;
	return json_array_append_new(harvest->array, row) == 0;
}

static errint_t gather_incidents(struct journal_db *db, sqlite3_stmt *stmt, struct harvest *harvest)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && gather(harvest, incident_of(stmt)))
		;
	return journal_db_result(db, rc);
}

static json_t *left_out(unsigned n)
{
	char text[64];

	snprintf(text, sizeof(text), "%u later events are left out here", n);
	return json_pack("{s:f, s:s, s:s}", "time", (double)clock_real_ns() / (double)NSEC_PER_SEC, "kind",
			 "note", "text", text);
}

/* Parameters: number, from, until, backend. */
static errint_t bind_surroundings(struct journal_db *db, sqlite3_stmt *incident, sqlite3_stmt *stmt)
{
	sqlite3_int64 began = sqlite3_column_int64(incident, INCIDENT_BEGAN_COL);
	sqlite3_int64 closed = sqlite3_column_int64(incident, INCIDENT_CLOSED_COL);
	int rc;

	if (closed == 0)
		closed = (sqlite3_int64)clock_real_ns();
	rc = sqlite3_bind_value(stmt, 1, sqlite3_column_value(incident, INCIDENT_ID_COL));
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(stmt, 2, began - MIN(began, (sqlite3_int64)CONTEXT_NS));
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(
		    stmt, 3, MIN(closed, INT64_MAX - (sqlite3_int64)CONTEXT_NS) + (sqlite3_int64)CONTEXT_NS);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_value(stmt, 4, sqlite3_column_value(incident, INCIDENT_BACKEND_COL));
	return journal_db_result(db, rc);
}

static errint_t gather_events(struct journal_db *db, sqlite3_stmt *incident, struct harvest *harvest)
{
	sqlite3_stmt *stmt = NULL;
	errint_t error = journal_db_prepare(db, EVENT_SQL, &stmt);
	unsigned n = 0, skipped = 0;
	int rc = SQLITE_DONE;

	if (error == 0)
		error = bind_surroundings(db, incident, stmt);
	while (error == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (skipped || n >= EVENTS_MAX || !gather(harvest, event_of(stmt)))
			skipped++;
		n++;
	}
	if (error == 0)
		error = journal_db_result(db, rc);
	sqlite3_finalize(stmt);
	if (skipped)
		(void)json_array_append_new(harvest->array, left_out(skipped));
	return error;
}

static errint_t count_samples(struct journal_db *db, sqlite3_stmt *incident, uint64_t *n)
{
	sqlite3_stmt *stmt = NULL;
	errint_t error = journal_db_prepare(db, "SELECT count(*), ?1" SAMPLES_WANTED, &stmt);

	*n = 0;
	if (error == 0)
		error = bind_surroundings(db, incident, stmt);
	if (error == 0) {
		int rc = sqlite3_step(stmt);

		*n = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
		error = journal_db_result(db, rc);
	}
	sqlite3_finalize(stmt);
	return error;
}

/* A long incident keeps its shape and its sums. */
static errint_t gather_samples(struct journal_db *db, sqlite3_stmt *incident, struct harvest *harvest)
{
	sqlite3_stmt *stmt = NULL;
	uint64_t n;
	errint_t error = count_samples(db, incident, &n);
	int rc = SQLITE_DONE;

	if (error == 0)
		error = journal_db_prepare(db, SAMPLE_SQL, &stmt);
	if (error == 0)
		error = bind_surroundings(db, incident, stmt);
	if (error == 0)
		error = journal_db_result(
		    db, sqlite3_bind_int64(stmt, 1,
					   (sqlite3_int64)MAX((n + SAMPLES_MAX - 1) / SAMPLES_MAX, 1ull)));
	while (error == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW &&
	       gather(harvest, row_of(stmt, sample_columns, ARRAY_SIZE(sample_columns))))
		;
	if (error == 0)
		error = journal_db_result(db, rc);
	sqlite3_finalize(stmt);
	return error;
}

/* ---- questions ---- */

static errint_t read_first(struct journal_db *db, json_t *result)
{
	int64_t ns = 0;
	errint_t error =
	    journal_db_number(db,
			      "SELECT coalesce(min(t), 0) FROM (SELECT min(time) AS t FROM events"
			      " UNION ALL SELECT min(time) FROM samples"
			      " UNION ALL SELECT min(began) FROM incidents WHERE began > 0)",
			      &ns);

	(void)json_object_set_new(result, "first", json_real((double)ns / (double)NSEC_PER_SEC));
	return error;
}

static errint_t read_incidents(struct journal_db *db, const struct journal_query *query, json_t *result)
{
	struct harvest harvest = {json_array(), ANSWER_MAX_BYTES};
	uint32_t limit = query->limit ? MIN(query->limit, LISTED_MAX) : LISTED_DEFAULT;
	sqlite3_stmt *stmt = NULL;
	errint_t error = journal_db_prepare(
	    db,
	    INCIDENT_SQL "WHERE (closed=0 OR closed>=?1 OR began>=?1) AND (?2='' OR backend=?2)"
			 " AND (?4=0 OR (began, id) < (SELECT began, id FROM incidents WHERE id=?4))"
			 " ORDER BY began DESC, id DESC LIMIT ?3",
	    &stmt);

	(void)json_object_set_new(result, "incidents", harvest.array);
	if (error == 0) {
		char *backend = utf8_clean(query->backend, sizeof(query->backend));

		(void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)MIN(query->since_ns, (uint64_t)INT64_MAX));
		(void)sqlite3_bind_text(stmt, 2, backend ? backend : "", -1, SQLITE_TRANSIENT);
		(void)sqlite3_bind_int64(stmt, 3, limit);
		(void)sqlite3_bind_int64(stmt, 4, (sqlite3_int64)MIN(query->id, (uint64_t)INT64_MAX));
		free(backend);
		error = gather_incidents(db, stmt, &harvest);
	}
	sqlite3_finalize(stmt);
	(void)json_object_set_new(result, "more", json_boolean(harvest.left == 0));
	return error < 0 ? error : read_first(db, result);
}

static errint_t read_details(struct journal_db *db, sqlite3_stmt *incident, json_t *result)
{
	struct harvest events = {json_array(), ANSWER_MAX_BYTES / 4 * 3};
	struct harvest samples = {json_array(), ANSWER_MAX_BYTES / 4};
	errint_t error;

	(void)json_object_set_new(result, "incident", incident_of(incident));
	(void)json_object_set_new(result, "events", events.array);
	(void)json_object_set_new(result, "samples", samples.array);
	error = gather_events(db, incident, &events);
	return error < 0 ? error : gather_samples(db, incident, &samples);
}

static errint_t read_incident(struct journal_db *db, const struct journal_query *query, json_t *result)
{
	uint64_t id = MIN(query->id, (uint64_t)INT64_MAX);
	sqlite3_stmt *stmt = NULL;
	errint_t error = journal_db_prepare(db, INCIDENT_SQL "WHERE id=?1", &stmt);
	int rc;

	if (error == 0) {
		(void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)id);
		rc = sqlite3_step(stmt);
		error = rc == SQLITE_DONE ? -ENOENT : journal_db_result(db, rc);
	}
	if (error == 0)
		error = read_details(db, stmt, result);
	sqlite3_finalize(stmt);
	return error;
}

errint_t journal_read_answer(struct journal_db *db, const struct journal_query *query, json_t **result)
{
	errint_t error;

	*result = json_object();
	db->deadline_ns = clock_mono_ns() + ANSWER_MAX_NS;
	if (query->question == JOURNAL_ASK_INCIDENT)
		error = read_incident(db, query, *result);
	else if (query->question == JOURNAL_ASK_SETTLED)
		error = journal_read_suspects(db, query, *result);
	else
		error = read_incidents(db, query, *result);
	db->deadline_ns = 0;
	if (error < 0) {
		json_decref(*result);
		*result = NULL;
	}
	return error;
}

/* ---- for keeper's start ---- */

static errint_t read_memory(struct journal_db *db, json_t *memory)
{
	sqlite3_stmt *stmt = NULL;
	errint_t error = journal_db_prepare(db, "SELECT key, value FROM memory LIMIT ?1", &stmt);
	int rc;

	if (error < 0)
		return error;
	(void)sqlite3_bind_int64(stmt, 1, REMEMBERED_MAX);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		json_t *key = text_of(stmt, 0);

		if (key)
			(void)json_object_set_new(memory, json_string_value(key), text_of(stmt, 1));
		json_decref(key);
	}
	error = journal_db_result(db, rc);
	sqlite3_finalize(stmt);
	return error;
}

static errint_t read_open(struct journal_db *db, json_t *open)
{
	struct harvest harvest = {open, ANSWER_MAX_BYTES};
	sqlite3_stmt *stmt = NULL;
	errint_t error =
	    journal_db_prepare(db, INCIDENT_SQL "WHERE closed=0 ORDER BY id DESC LIMIT 1000", &stmt);

	if (error == 0)
		error = gather_incidents(db, stmt, &harvest);
	sqlite3_finalize(stmt);
	return error;
}

errint_t journal_read_recalled(struct journal_db *db, struct journal_recalled *recalled)
{
	int64_t highest = 0;
	errint_t error = journal_db_number(db, "SELECT max(id) FROM incidents", &highest);

	*recalled =
	    (struct journal_recalled){(uint64_t)MAX(highest, 0), json_object(), json_array(), json_array()};
	if (error == 0)
		error = read_memory(db, recalled->memory);
	if (error == 0)
		error = read_open(db, recalled->open);
	if (error == 0)
		error = journal_read_open_suspects(db, recalled->suspects);
	if (error < 0) {
		json_decref(recalled->memory);
		json_decref(recalled->suspects);
		json_decref(recalled->open);
		*recalled = (struct journal_recalled){0};
	}
	return error;
}
