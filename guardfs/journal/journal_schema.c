/* Tables and migrations. docs/HISTORY.md. */
#include "journal/internal.h"

#include <errno.h>
#include <stdio.h>

/* migrations[v] makes v + 1 of v. Never change a released one. */
static const char *const migrations[] = {
    "CREATE TABLE incidents("
    " id INTEGER PRIMARY KEY, kind TEXT, scope TEXT, backend TEXT, class TEXT, detail TEXT, detected_by TEXT,"
    " began INTEGER, detected INTEGER, first_error INTEGER, first_fast INTEGER, recovered INTEGER, closed "
    "INTEGER,"
    " callers INTEGER, failed INTEGER, bytes_at_risk INTEGER, tries INTEGER, routes TEXT);"
    "CREATE INDEX incidents_began ON incidents(began);"
    "CREATE TABLE events("
    " id INTEGER PRIMARY KEY, time INTEGER, incident INTEGER, backend TEXT, kind TEXT, from_state TEXT, "
    "to_state TEXT,"
    " class TEXT, name TEXT, outcome TEXT, duration_ms INTEGER, text TEXT);"
    "CREATE INDEX events_time ON events(time);"
    "CREATE INDEX events_incident ON events(incident);"
    "CREATE TABLE samples("
    " time INTEGER, backend TEXT, state TEXT, ops INTEGER, errors INTEGER, p50_us INTEGER, p99_us INTEGER);"
    "CREATE INDEX samples_time ON samples(time);"
    "CREATE TABLE memory(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;",
    "CREATE TABLE suspects("
    " filed INTEGER PRIMARY KEY, changed INTEGER, settled INTEGER, backend TEXT, job TEXT, record TEXT);"
    "CREATE INDEX suspects_open ON suspects(settled, changed);",
    /* Before this they all were of 10 s. */
    "ALTER TABLE samples ADD COLUMN span_ms INTEGER NOT NULL DEFAULT 10000;",
};

const unsigned journal_schema_version = ARRAY_SIZE(migrations);

errint_t journal_schema_acceptable(struct journal_db *db, int64_t application, int64_t version)
{
	if (application != JOURNAL_APPLICATION_ID && (application != 0 || version != 0)) {
		snprintf(db->error, sizeof(db->error), "%s belongs to another program", JOURNAL_FILE);
		return -EPERM;
	}
	if (version > (int64_t)journal_schema_version) {
		snprintf(db->error, sizeof(db->error), "%s has schema %lld, this guardfs knows %u",
			 JOURNAL_FILE, (long long)version, journal_schema_version);
		return -ENOTSUP;
	}
	return 0;
}

/* The step and the new number, together or not at all. */
static errint_t step(struct journal_db *db, const char *sql, unsigned version)
{
	char number[96];
	errint_t error = journal_db_exec(db, "BEGIN IMMEDIATE");

	if (error < 0)
		return error;
	snprintf(number, sizeof(number), "PRAGMA user_version=%u; PRAGMA application_id=%d; COMMIT", version,
		 JOURNAL_APPLICATION_ID);
	error = journal_db_exec(db, sql);
	/* What a step of ours works on is missing. */
	if (error == -EIO && (sqlite3_errcode(db->sql) & 0xff) == SQLITE_ERROR)
		error = -EUCLEAN;
	if (error == 0)
		error = journal_db_exec(db, number);
	if (error < 0)
		journal_db_rollback(db);
	return error;
}

errint_t journal_migrate(struct journal_db *db, const char *const *steps, unsigned n)
{
	int64_t version;
	errint_t error = journal_db_number(db, "PRAGMA user_version", &version);

	for (; error == 0 && version < (int64_t)n; version++)
		error = step(db, steps[version], (unsigned)version + 1);
	return error;
}

/* A database without our number is ours only if it is empty. */
static errint_t check_owner(struct journal_db *db)
{
	int64_t application, version, tables;
	errint_t error = journal_db_number(db, "PRAGMA application_id", &application);

	if (error == 0)
		error = journal_db_number(db, "PRAGMA user_version", &version);
	if (error == 0)
		error = journal_schema_acceptable(db, application, version);
	if (error < 0 || application == JOURNAL_APPLICATION_ID)
		return error;
	error = journal_db_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (error < 0 || tables == 0)
		return error;
	return journal_schema_acceptable(db, 0, -1);
}

errint_t journal_schema(struct journal_db *db)
{
	errint_t error = check_owner(db);

	if (error == 0)
		error = journal_db_configure(db);
	return error < 0 ? error : journal_migrate(db, migrations, journal_schema_version);
}
