/* Opens and closes the database; its errors. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "journal/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_MAX_SIZE	   (256ll << 20)      /* larger ones are not checked, */
#define CHECK_MAX_NS	   (3 * NSEC_PER_SEC) /* none for longer */
#define PROGRESS_STEPS	   2000		      /* of sqlite's machine: well below a millisecond */
#define VALUE_MAX	   (1 << 20)	      /* bounds a damaged file's claims */
#define HEADER_SIZE	   72
#define HEADER_VERSION	   60
#define HEADER_APPLICATION 68

errint_t journal_db_result(struct journal_db *db, int rc)
{
	int code = db->sql && rc != SQLITE_OK ? sqlite3_extended_errcode(db->sql) : rc;
	int system_error = db->sql ? sqlite3_system_errno(db->sql) : 0;

	if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
		return 0;
	snprintf(db->error, sizeof(db->error), "%s (sqlite %d)",
		 db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(rc), code);
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_INTERRUPT:
		return -EINTR;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
		return -EINVAL;
	default: /* a full disk may show in the WAL's index */
		return system_error == ENOSPC || system_error == EDQUOT ? -ENOSPC : -EIO;
	}
}

errint_t journal_db_exec(struct journal_db *db, const char *sql)
{
	return journal_db_result(db, sqlite3_exec(db->sql, sql, NULL, NULL, NULL));
}

errint_t journal_db_prepare(struct journal_db *db, const char *sql, sqlite3_stmt **stmt)
{
	int rc = sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	errint_t error = journal_db_result(db, rc);

	/* A database of our schema that lacks a table is bad. */
	return (rc & 0xff) == SQLITE_ERROR ? -EUCLEAN : error;
}

errint_t journal_db_number(struct journal_db *db, const char *sql, int64_t *number)
{
	sqlite3_stmt *stmt = NULL;
	errint_t error = journal_db_prepare(db, sql, &stmt);
	int rc;

	*number = 0;
	if (error < 0)
		return error;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*number = sqlite3_column_int64(stmt, 0);
	error = journal_db_result(db, rc);
	sqlite3_finalize(stmt);
	return error;
}

void journal_db_rollback(struct journal_db *db)
{
	/* sqlite has often rolled back itself. A failed rollback needs no more. */
	if (db->sql && !sqlite3_get_autocommit(db->sql))
		(void)sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
}

static int took_too_long(void *arg)
{
	const struct journal_db *db = arg;

	return db->deadline_ns && (atomic_load(db->stopping) || clock_mono_ns() >= db->deadline_ns);
}

static errint_t open_failed(struct journal_db *db, const char *what, int error)
{
	snprintf(db->error, sizeof(db->error), "%.180s: %s", what, strerror(error));
	return -error;
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Makes a missing file, and reads the schema's version from its header: opening a newer database may merge its
 * WAL. Closing a descriptor releases sqlite's locks, but nothing is open here. */
static errint_t look_at_file(struct journal_db *db)
{
	CLEANUP_FD int fd = open(db->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	unsigned char header[HEADER_SIZE];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return open_failed(db, JOURNAL_FILE, errno);
	if (!S_ISREG(st.st_mode))
		return open_failed(db, JOURNAL_FILE " is not a file", EPERM);
	db->device = st.st_dev;
	db->inode = st.st_ino;
	if (pread(fd, header, sizeof(header), 0) != HEADER_SIZE || memcmp(header, "SQLite format 3", 16) != 0)
		return 0; /* for sqlite to judge */
	return journal_schema_acceptable(db, be32(header + HEADER_APPLICATION),
					 be32(header + HEADER_VERSION));
}

bool journal_db_in_place(const struct journal_db *db)
{
	struct stat st;

	return stat(db->path, &st) == 0 && st.st_dev == db->device && st.st_ino == db->inode;
}

/* It is data, nothing to execute. */
static void distrust(sqlite3 *sql)
{
	(void)sqlite3_extended_result_codes(sql, 1);
	(void)sqlite3_db_config(sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	(void)sqlite3_limit(sql, SQLITE_LIMIT_LENGTH, VALUE_MAX);
}

errint_t journal_db_configure(struct journal_db *db)
{
	char limit[64];
	errint_t error = journal_db_exec(db, "PRAGMA auto_vacuum=INCREMENTAL;"
					     "PRAGMA journal_mode=WAL;"
					     "PRAGMA synchronous=NORMAL;"
					     "PRAGMA journal_size_limit=4194304;"
					     "PRAGMA cache_size=-512;"
					     "PRAGMA temp_store=MEMORY;"
					     "PRAGMA cell_size_check=ON");

	if (error < 0 || db->max_pages == 0)
		return error;
	snprintf(limit, sizeof(limit), "PRAGMA max_page_count=%u", db->max_pages);
	return journal_db_exec(db, limit);
}

/* Pages, cells, order of keys; not indexes. */
static errint_t quick_check(struct journal_db *db)
{
	sqlite3_stmt *stmt = NULL;
	struct stat st;
	errint_t error;
	int rc;

	if (stat(db->path, &st) == 0 && st.st_size > CHECK_MAX_SIZE)
		return 0;
	error = journal_db_prepare(db, "PRAGMA quick_check(1)", &stmt);
	if (error < 0)
		return error;
	db->deadline_ns = clock_mono_ns() + CHECK_MAX_NS;
	rc = sqlite3_step(stmt);
	error = journal_db_result(db, rc);
	if (rc == SQLITE_ROW && sqlite3_column_text(stmt, 0) &&
	    strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0) {
		snprintf(db->error, sizeof(db->error), "%s", (const char *)sqlite3_column_text(stmt, 0));
		error = -EUCLEAN;
	}
	db->deadline_ns = 0;
	sqlite3_finalize(stmt);
	return error == -EINTR ? 0 : error;
}

static errint_t open_and_check(struct journal_db *db)
{
	errint_t error = journal_db_result(
	    db, sqlite3_open_v2(db->path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));

	if (error < 0 || !db->sql)
		return error < 0 ? error : -ENOMEM;
	distrust(db->sql);
	sqlite3_progress_handler(db->sql, PROGRESS_STEPS, took_too_long, db);
	error = journal_db_result(db, sqlite3_busy_timeout(db->sql, (int)db->busy_ms));
	if (error == 0)
		error = journal_schema(db);
	if (error == 0 && sqlite3_db_readonly(db->sql, "main") == 1)
		error = open_failed(db, JOURNAL_FILE, EROFS);
	if (error == 0)
		error = quick_check(db);
	return error < 0 ? error : journal_prepare_writing(db);
}

static errint_t make_directory(struct journal_db *db)
{
	errint_t error = fd_mkdir_parents(db->directory, 0700);
	struct stat st;

	/* A directory may exist where none can be made. */
	if (stat(db->directory, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	(void)open_failed(db, db->directory, error < 0 ? -error : ENOTDIR);
	return -ENODEV;
}

void journal_db_wait_for_disk(const struct journal_db *db)
{
	char path[sizeof(db->path) + 8];
	CLEANUP_FD int fd = -1;

	/* Not the database: closing that would release sqlite's locks. */
	snprintf(path, sizeof(path), "%s.disk", db->path);
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	/* sqlite meets and reports the same error. */
	if (fd >= 0 && pwrite(fd, "\n", 1, 0) == 1)
		(void)fdatasync(fd);
}

errint_t journal_db_open(struct journal_db *db)
{
	errint_t error;

	error = make_directory(db);
	if (error == 0)
		error = look_at_file(db);
	if (error == 0)
		error = open_and_check(db);
	/* Refused ones stay unchanged. */
	if (error < 0)
		journal_db_close(db, true);
	return error;
}

void journal_db_close(struct journal_db *db, bool as_it_is)
{
	if (!db->sql)
		return;
	journal_db_rollback(db);
	for (unsigned i = 0; i < ITEM_TYPE_COUNT; i++) {
		sqlite3_finalize(db->write[i]);
		db->write[i] = NULL;
	}
	if (as_it_is)
		(void)sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_close_v2(db->sql);
	db->sql = NULL;
}
