/* Items into rows. */
#include "base/clock.h"
#include "base/log.h"
#include "journal/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBERS_MAX 4096
/* Beginnings so close are the same: recalled ones were doubles, in seconds. */
#define SAME_NS NSEC_PER_MSEC

/* Parameters as in items (journal_put.c). */
static const char *const statements[ITEM_TYPE_COUNT] = {
    [ITEM_INCIDENT] =
	"INSERT INTO incidents(id, began, detected, first_error, first_fast, recovered, closed, callers, "
	"failed,"
	" bytes_at_risk, tries, kind, scope, backend, class, detail, detected_by, routes)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, coalesce(?18, "
	"'[]'))"
	" ON CONFLICT(id) DO UPDATE SET began=?2, detected=?3, first_error=?4, first_fast=?5, recovered=?6,"
	" closed=?7, callers=?8, failed=?9, bytes_at_risk=?10, tries=?11, kind=?12, scope=?13, backend=?14,"
	" class=?15, detail=?16, detected_by=?17, routes=coalesce(?18, routes)",
    [ITEM_EVENT] =
	"INSERT INTO events(time, incident, duration_ms, kind, backend, from_state, to_state, class, name,"
	" outcome, text) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [ITEM_SAMPLE] = "INSERT INTO samples(time, ops, errors, p50_us, p99_us, span_ms, backend, state)"
		    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [ITEM_REMEMBER] = "INSERT INTO memory(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value=?2",
    [ITEM_FORGET] = "DELETE FROM memory WHERE key=?1",
    [ITEM_SUSPECT] = "INSERT INTO suspects(filed, changed, settled, backend, job, record)"
		     " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(filed) DO UPDATE SET changed=?2,"
		     " settled=?3, backend=?4, job=?5, record=?6",
};

errint_t journal_prepare_writing(struct journal_db *db)
{
	errint_t error = 0;

	for (unsigned i = 0; error == 0 && i < ITEM_TYPE_COUNT; i++)
		error = journal_db_prepare(db, statements[i], &db->write[i]);
	return error;
}

static int bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
	char *clean;

	if (!text)
		return sqlite3_bind_null(stmt, index);
	clean = utf8_clean(text, SIZE_MAX);
	return clean ? sqlite3_bind_text(stmt, index, clean, -1, free) : SQLITE_NOMEM;
}

static int bind(sqlite3_stmt *stmt, const struct journal_item *item, uint64_t number)
{
	const struct journal_item_shape *shape = &journal_item_shapes[item->type];
	unsigned renumbered = item->type == ITEM_INCIDENT ? INCIDENT_ID : EVENT_INCIDENT;
	int index = 1, rc = SQLITE_OK;

	for (unsigned i = 0; rc == SQLITE_OK && i < shape->n_numbers; i++) {
		bool is_number = i == renumbered && item->type <= ITEM_EVENT;
		uint64_t value = is_number ? number : item->numbers[i];

		rc = sqlite3_bind_int64(stmt, index++, (sqlite3_int64)MIN(value, (uint64_t)INT64_MAX));
	}
	for (unsigned i = 0; rc == SQLITE_OK && i < shape->n_texts; i++)
		rc = bind_text(stmt, index++, item->texts[i]);
	return rc;
}

/* number: an incident's. */
static errint_t write_row(struct journal_db *db, const struct journal_item *item, uint64_t number)
{
	sqlite3_stmt *stmt = db->write[item->type];
	int rc = bind(stmt, item, number);
	errint_t error;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	error = journal_db_result(db, rc);
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return error;
}

static errint_t write_note(struct journal_db *db, uint64_t number, const char *backend, const char *text)
{
	struct journal_item note = {.type = ITEM_EVENT, .numbers[EVENT_TIME] = clock_real_ns()};

	for (unsigned i = 0; i < ITEM_TEXTS_MAX; i++)
		note.texts[i] = "";
	note.texts[EVENT_KIND] = "note";
	note.texts[EVENT_BACKEND] = backend;
	note.texts[EVENT_TEXT] = text;
	return write_row(db, &note, number);
}

/* ---- numbers of incidents ---- */

static const struct journal_number *known_number(const struct journal_db *db, uint64_t given)
{
	for (size_t i = db->n_numbers; i > 0; i--) {
		if (db->numbers[i - 1].given == given)
			return &db->numbers[i - 1];
	}
	return NULL;
}

static errint_t keep_number(struct journal_db *db, uint64_t given, uint64_t actual)
{
	if (!db->numbers)
		db->numbers = calloc(NUMBERS_MAX, sizeof(*db->numbers));
	if (!db->numbers)
		return -ENOMEM;
	if (db->n_numbers == NUMBERS_MAX) {
		db->n_numbers--;
		memmove(db->numbers, db->numbers + 1, db->n_numbers * sizeof(*db->numbers));
	}
	db->numbers[db->n_numbers++] = (struct journal_number){given, actual};
	return 0;
}

static errint_t is_taken(struct journal_db *db, uint64_t id, uint64_t began_ns, bool *taken)
{
	char sql[160];
	int64_t others;
	errint_t error;

	began_ns = MIN(began_ns, (uint64_t)INT64_MAX);
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM incidents WHERE id=%" PRIu64 " AND abs(began - %" PRIu64 ")>%llu",
		 MIN(id, (uint64_t)INT64_MAX), began_ns, SAME_NS);
	error = journal_db_number(db, sql, &others);
	*taken = others > 0;
	return error;
}

/* A keeper that began without the database counts from 1: existing incidents stay. Checked at an incident's first
 * sight: its beginning may change later. */
static errint_t number_incident(struct journal_db *db, const struct journal_item *item, uint64_t *actual)
{
	uint64_t given = item->numbers[INCIDENT_ID];
	const struct journal_number *known = known_number(db, given);
	int64_t highest;
	char text[128];
	bool taken;
	errint_t error;

	*actual = known ? known->actual : given;
	if (known)
		return 0;
	error = is_taken(db, given, item->numbers[INCIDENT_BEGAN], &taken);
	if (error == 0 && taken)
		error = journal_db_number(db, "SELECT max(id) FROM incidents", &highest);
	if (error == 0 && taken) {
		*actual = (uint64_t)highest + 1;
		snprintf(text, sizeof(text), "begun as incident %" PRIu64 ", a number that was taken", given);
		log_warning("history: incident %" PRIu64 " is kept as %" PRIu64 ": the number was taken",
			    given, *actual);
		error = write_note(db, *actual, item->texts[INCIDENT_BACKEND], text);
	}
	return error < 0 ? error : keep_number(db, given, *actual);
}

/* ---- memory ---- */

static void keep_memory(struct journal_db *db, const struct journal_item *item)
{
	char *key = utf8_clean(item->texts[MEMORY_KEY], SIZE_MAX);
	char *value = item->type == ITEM_REMEMBER ? utf8_clean(item->texts[MEMORY_VALUE], SIZE_MAX) : NULL;

	if (!db->memory)
		db->memory = json_object();
	if (key && item->type == ITEM_FORGET)
		(void)json_object_del(db->memory, key);
	else if (key && value)
		(void)json_object_set_new(db->memory, key, json_string(value));
	free(key);
	free(value);
}

errint_t journal_write_memory(struct journal_db *db)
{
	struct journal_item item = {.type = ITEM_REMEMBER};
	errint_t error = 0;
	const char *key;
	json_t *value;

	json_object_foreach(db->memory, key, value)
	{
		item.texts[MEMORY_KEY] = key;
		item.texts[MEMORY_VALUE] = json_string_value(value);
		error = write_row(db, &item, 0);
		if (error < 0)
			break;
	}
	return error;
}

static errint_t write_item(struct journal_db *db, const struct journal_item *item)
{
	const struct journal_number *known;
	uint64_t number = 0;
	errint_t error = 0;

	if (item->type == ITEM_INCIDENT) {
		error = number_incident(db, item, &number);
	} else if (item->type == ITEM_EVENT) {
		known = known_number(db, item->numbers[EVENT_INCIDENT]);
		number = known ? known->actual : item->numbers[EVENT_INCIDENT];
	} else if (item->type == ITEM_REMEMBER || item->type == ITEM_FORGET) {
		keep_memory(db, item);
	}
	if (error == 0)
		error = write_row(db, item, number);
	if (error == -EINVAL) { /* it would never get in, and block the others */
		log_warning("history: something could not be written: %s", db->error);
		error = 0;
	}
	return error;
}

static errint_t write_lost(struct journal_db *db, const struct journal_lost *lost)
{
	char text[160];

	if (!lost->samples && !lost->events && !lost->others)
		return 0;
	snprintf(text, sizeof(text),
		 "lost because too much had to wait: %" PRIu64 " samples, %" PRIu64 " events, %" PRIu64
		 " other entries",
		 lost->samples, lost->events, lost->others);
	return write_note(db, 0, "", text);
}

errint_t journal_write(struct journal_db *db, const struct journal_item *items,
		       const struct journal_lost *lost)
{
	errint_t error = journal_db_exec(db, "BEGIN IMMEDIATE");

	for (; error == 0 && items; items = items->next)
		error = write_item(db, items);
	if (error == 0)
		error = write_lost(db, lost);
	if (error == 0)
		error = journal_db_exec(db, "COMMIT");
	if (error < 0)
		journal_db_rollback(db);
	return error;
}
