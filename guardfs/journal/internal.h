/* For the journal's parts and tests.
 *
 * journal_put.c, journal_ask.c, start and stop run in the caller's thread, the loop in journal.c and all that
 * touches the database in the journal's. They meet in struct journal, whose lock is never held across a wait.
 *
 * Keeper clones children without fork(3)'s care for malloc. So the journal's thread must not lock keeper's
 * allocator arena: it returns written items (journal_queue.done) for keeper's thread to free. */
#ifndef GUARDFS_JOURNAL_INTERNAL_H
#define GUARDFS_JOURNAL_INTERNAL_H

#include "base/utf8.h"
#include "journal/journal.h"

#include <jansson.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/types.h>

#define JOURNAL_FILE	       "history.sqlite"
#define JOURNAL_APPLICATION_ID 0x67664a31
#define JOURNAL_ASIDE_KEPT     3
#define JOURNAL_QUEUE_BYTES    (4u << 20) /* of all items */
#define JOURNAL_QUESTIONS_MAX  16

/* ---- items to write (journal_put.c) ---- */

enum journal_item_type {
	ITEM_INCIDENT,
	ITEM_EVENT,
	ITEM_SAMPLE,
	ITEM_REMEMBER,
	ITEM_FORGET,
	ITEM_SUSPECT,
	ITEM_TYPE_COUNT
};

#define ITEM_NUMBERS_MAX 11
#define ITEM_TEXTS_MAX	 8

enum { INCIDENT_ID, INCIDENT_BEGAN };
enum { INCIDENT_BACKEND = 2, INCIDENT_ROUTES = 6 };
enum { EVENT_TIME, EVENT_INCIDENT };
enum { EVENT_KIND, EVENT_BACKEND, EVENT_TEXT = 7 };
enum { MEMORY_KEY, MEMORY_VALUE };
enum { SUSPECT_ITEM_FILED, SUSPECT_ITEM_CHANGED, SUSPECT_ITEM_SETTLED };

struct journal_item {
	struct journal_item *next;
	enum journal_item_type type;
	/* Of the allocation. */
	size_t size;
	uint64_t numbers[ITEM_NUMBERS_MAX];
	/* Into bytes, or NULL; no NUL inside. */
	const char *texts[ITEM_TEXTS_MAX];
	char bytes[];
};

/* Parameters of an item's statement, numbers first. */
struct journal_item_shape {
	unsigned n_numbers, n_texts;
};
extern const struct journal_item_shape journal_item_shapes[ITEM_TYPE_COUNT];

/* ---- queue (journal_queue.c): under the lock ---- */

struct journal_lost {
	uint64_t samples, events, others;
};

struct journal_queue {
	struct journal_item *head, *tail;
	/* Waiting and taken. */
	size_t count, bytes;
	/* Being written. */
	size_t taken, taken_bytes;
	/* For the caller's thread to free. */
	struct journal_item *done;
	/* Not noted in the database yet. */
	struct journal_lost lost;
	/* Since the start, for people. */
	struct journal_lost lost_for_ever;
};

/* Drops the oldest sample, the newest event, or the item (false). A suspect is not counted as lost then: keeper
 * has it. Caller's thread: frees dropped and written items. */
bool journal_queue_put(struct journal_queue *queue, struct journal_item *item);

/* All waiting, oldest first. Then call one of the next two. */
struct journal_item *journal_queue_take(struct journal_queue *queue);

/* Not written: back to the head. */
void journal_queue_return(struct journal_queue *queue, struct journal_item *items);

void journal_queue_written(struct journal_queue *queue, struct journal_item *items);

void journal_queue_count_lost(struct journal_queue *queue, enum journal_item_type type);

void journal_queue_noted(struct journal_queue *queue, const struct journal_lost *noted);

/* all = false: onto the done list (journal's thread). */
void journal_queue_clear(struct journal_queue *queue, bool all);

/* ---- database: the journal's thread ---- */

/* Errors below: -ENOSPC full, -EBUSY locked, -EUCLEAN damaged, -ENOTSUP newer, -ENODEV no directory, -EINTR
 * too long or stopped, -EINVAL impossible item or question; else any failure. */

/* Keeper's and the database's number of an incident. */
struct journal_number {
	uint64_t given, actual;
};

struct journal_db {
	char directory[1024];
	char path[1024 + 32];
	/* NULL: closed. */
	sqlite3 *sql;
	sqlite3_stmt *write[ITEM_TYPE_COUNT];
	/* Of the opened file. */
	dev_t device;
	ino_t inode;
	/* max_pages 0: no limit. */
	uint32_t busy_ms, max_pages;
	const atomic_bool *stopping;
	uint64_t
	    /* CLOCK_MONOTONIC, interrupts the work; 0: never, not even by stopping. */
	    deadline_ns;
	char error[256];
	/* File set aside last; "": none. */
	char aside[64];
	/* Copy to restore after a loss; NULL: unknown. */
	json_t *memory;
	/* Of incidents seen. */
	struct journal_number *numbers;
	size_t n_numbers;
};

errint_t journal_db_open(struct journal_db *db) WARN_UNUSED;

/* Waits until the disk takes a write, holding nothing. Before sqlite: in its mapped WAL index a hanging disk is a
 * page fault under a lock that keeper's forks need, and no probe or sshfs could start. */
void journal_db_wait_for_disk(const struct journal_db *db);

/* as_it_is: the WAL stays unmerged. */
void journal_db_close(struct journal_db *db, bool as_it_is);

/* Does the path still lead to the open file? */
bool journal_db_in_place(const struct journal_db *db);

/* Sets db->error. 0: SQLITE_OK, ROW, DONE. */
errint_t journal_db_result(struct journal_db *db, int rc);

errint_t journal_db_exec(struct journal_db *db, const char *sql) WARN_UNUSED;
errint_t journal_db_prepare(struct journal_db *db, const char *sql, sqlite3_stmt **stmt) WARN_UNUSED;

/* At every opening, before the first table. */
errint_t journal_db_configure(struct journal_db *db) WARN_UNUSED;

/* First row's first column; 0: none. */
errint_t journal_db_number(struct journal_db *db, const char *sql, int64_t *number) WARN_UNUSED;

void journal_db_rollback(struct journal_db *db);

/* journal_schema.c: brings the database to schema n; steps[v] makes v + 1 of v. Leaves a newer or foreign one
 * unchanged. */
errint_t journal_migrate(struct journal_db *db, const char *const *steps, unsigned n) WARN_UNUSED;
errint_t journal_schema(struct journal_db *db) WARN_UNUSED;
extern const unsigned journal_schema_version;

/* May it be written to? 0, -ENOTSUP, -EPERM (another program's). */
errint_t journal_schema_acceptable(struct journal_db *db, int64_t application, int64_t version);

/* journal_damage.c: renames the closed database's files, removes the oldest such. Sets db->aside. */
errint_t journal_set_aside(struct journal_db *db) WARN_UNUSED;

/* journal_write.c: all items in one transaction, with a note about lost ones. */
errint_t journal_write(struct journal_db *db, const struct journal_item *items,
		       const struct journal_lost *lost) WARN_UNUSED;
errint_t journal_prepare_writing(struct journal_db *db) WARN_UNUSED;

/* Writes db->memory into a new database. */
errint_t journal_write_memory(struct journal_db *db) WARN_UNUSED;

/* journal_read.c */
errint_t journal_read_recalled(struct journal_db *db, struct journal_recalled *recalled) WARN_UNUSED;
errint_t journal_read_open_suspects(struct journal_db *db, json_t *suspects) WARN_UNUSED;
errint_t journal_read_suspects(struct journal_db *db, const struct journal_query *query,
			       json_t *result) WARN_UNUSED;
errint_t journal_read_answer(struct journal_db *db, const struct journal_query *query,
			     json_t **result) WARN_UNUSED;

/* journal_retain.c: one step of deleting. *more: call again. */
errint_t journal_retain(struct journal_db *db, const struct journal_options *options, bool *more) WARN_UNUSED;

/* For tests; may change while running. */
struct journal_tuning {
	/* Between tries. */
	_Atomic uint32_t retry_ms;
	/* Between deletions. */
	_Atomic uint32_t retain_ms;
	/* Longest wait for a lock. */
	_Atomic uint32_t busy_ms;
	/* Like a full disk; 0: none. */
	_Atomic uint32_t max_pages;
};

struct journal_waiting_question {
	uint64_t ticket;
	struct journal_query query;
};

struct journal_answer {
	uint64_t ticket;
	json_t *result;
	errint_t error;
};

struct journal {
	struct journal_options options;
	struct journal_tuning *tuning;
	pthread_t thread;
	int event_fd;
	atomic_bool stopping;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* For waiting callers: started, finished. */
	pthread_cond_t told;
	/* Under lock: */
	enum journal_state state;
	/* Questions can be answered. */
	bool open;
	/* Nothing will be written. */
	bool hopeless;
	/* Opening was tried. */
	bool started;
	/* The thread touches nothing any more. */
	bool finished;
	char error[256];
	char aside[64];
	struct journal_queue queue;
	bool recalled_valid;
	struct journal_recalled recalled;
	uint64_t last_ticket;
	/* Oldest first. */
	struct journal_waiting_question questions[JOURNAL_QUESTIONS_MAX];
	struct journal_answer answers[JOURNAL_QUESTIONS_MAX];
	/* Together at most JOURNAL_QUESTIONS_MAX. */
	unsigned n_questions, n_answers, n_answering;

	/* Journal's thread alone: */
	struct journal_db db;
	/* CLOCK_MONOTONIC; 0: no trouble; UINT64_MAX: never. */
	uint64_t retry_ns;
	/* Next deletion. */
	uint64_t retain_ns;
	uint64_t damaged_ns;
};

/* tuning: borrowed to the thread's end. */
struct journal *journal_start_tuned(const struct journal_options *options, struct journal_tuning *tuning);

/* Makes journal_event_fd readable. */
void journal_signal(const struct journal *journal);

/* Journal's thread: the oldest. False: none. */
bool journal_next_question(struct journal *journal, struct journal_waiting_question *question);
void journal_answer(struct journal *journal, uint64_t ticket, json_t *result, errint_t error);

/* Both condition variables use CLOCK_MONOTONIC. */
struct timespec journal_timespec(uint64_t mono_ns);

#endif
