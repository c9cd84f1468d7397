/* internal.h: what the parts of the journal share; nobody else includes it but the journal's own tests.
 *
 * Two threads. The caller's: journal_put.c, journal_ask.c, and starting and stopping in journal.c. The
 * journal's own: the loop in journal.c, and everything that touches the database (journal_db.c,
 * journal_schema.c, journal_damage.c, journal_write.c, journal_read.c, journal_retain.c). They meet in struct
 * journal under its lock, which is never held across anything that may wait.
 *
 * Keeper clones children without fork(3)'s care for malloc, so the journal's thread must not hold the lock of
 * the allocator's arena that keeper's thread uses: it never frees what that thread has allocated. Written
 * items therefore go back (journal_queue.done) and are freed by the caller's thread. */
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
#define JOURNAL_QUEUE_BYTES    (4u << 20) /* of all items together: long texts must not fill the memory */
#define JOURNAL_QUESTIONS_MAX  16

/* ---- items: one thing to be written each (journal_put.c makes them) ---- */

enum journal_item_type {
	ITEM_INCIDENT,
	ITEM_EVENT,
	ITEM_SAMPLE,
	ITEM_REMEMBER,
	ITEM_FORGET,
	ITEM_TYPE_COUNT
};

#define ITEM_NUMBERS_MAX 11
#define ITEM_TEXTS_MAX	 8

/* Which number and text is which, for those that are more than a value to be written. */
enum { INCIDENT_ID, INCIDENT_BEGAN };
enum { INCIDENT_BACKEND = 2, INCIDENT_ROUTES = 6 };
enum { EVENT_TIME, EVENT_INCIDENT };
enum { EVENT_KIND, EVENT_BACKEND, EVENT_TEXT = 7 };
enum { MEMORY_KEY, MEMORY_VALUE };

struct journal_item {
	struct journal_item *next;
	enum journal_item_type type;
	size_t size; /* of the allocation */
	uint64_t numbers[ITEM_NUMBERS_MAX];
	const char *texts[ITEM_TEXTS_MAX]; /* into bytes, or NULL; any bytes but NUL */
	char bytes[];
};

/* How many numbers and texts an item has; they are the parameters of its statement, numbers first. */
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
	size_t count, bytes;		   /* items waiting and items taken */
	size_t taken, taken_bytes;	   /* of these: being written just now */
	struct journal_item *done;	   /* written; for the caller's thread to free */
	struct journal_lost lost;	   /* not yet written down */
	struct journal_lost lost_for_ever; /* since the start, for people */
};

/* Adds the item, which the queue owns from now on. Makes room, if need be, by dropping the oldest sample,
 * else the newest event, else the item itself. Frees dropped and written items: caller's thread only. */
void journal_queue_put(struct journal_queue *queue, struct journal_item *item);

/* All that waits, oldest first, to be written. One of the two below must follow. */
struct journal_item *journal_queue_take(struct journal_queue *queue);

/* Not written: back to the head. */
void journal_queue_return(struct journal_queue *queue, struct journal_item *items);

/* Written. */
void journal_queue_written(struct journal_queue *queue, struct journal_item *items);

/* Counts something that could not even be queued. */
void journal_queue_count_lost(struct journal_queue *queue, enum journal_item_type type);

/* Takes off what has been written down. */
void journal_queue_noted(struct journal_queue *queue, const struct journal_lost *noted);

/* Throws everything away. all = false: only puts it onto the done list (journal's thread). */
void journal_queue_clear(struct journal_queue *queue, bool all);

/* ---- database: the journal's thread ---- */

/* Errors of the database's functions: -ENOSPC full, -EBUSY locked, -EUCLEAN damaged, -ENOTSUP newer,
 * -ENODEV no directory, -EINTR took too long or is being stopped, -EINVAL this item or question cannot be
 * done, anything else failed. */

/* An incident's number as keeper gave it, and the one it has in the database. */
struct journal_number {
	uint64_t given, actual;
};

struct journal_db {
	char directory[1024];
	char path[1024 + 32];
	sqlite3 *sql; /* NULL: not open */
	sqlite3_stmt *write[ITEM_TYPE_COUNT];
	dev_t device; /* of the file that was opened */
	ino_t inode;
	uint32_t busy_ms, max_pages; /* max_pages 0: no limit */
	const atomic_bool *stopping;
	uint64_t
	    deadline_ns; /* CLOCK_MONOTONIC: what runs then is interrupted; 0: never, not even by stopping */
	char error[256]; /* why the last function failed */
	char aside[64];	 /* name of the file set aside last, "" none */
	json_t *memory;	 /* what the memory table holds: written again should it be lost; NULL: unknown */
	struct journal_number *numbers; /* of the incidents seen since the start */
	size_t n_numbers;
};

/* Opens, makes, migrates and checks the database. */
errint_t journal_db_open(struct journal_db *db) WARN_UNUSED;

/* Waits until the disk takes a write, before sqlite is asked for anything. sqlite maps its index of the WAL:
 * a thread that meets a hanging disk in there waits inside a page fault, and holds what every fork of
 * keeper's needs, so that no probe and no sshfs could be started. A thread that waits here holds nothing. */
void journal_db_wait_for_disk(const struct journal_db *db);

/* Closes it if it is open. as_it_is: the WAL stays beside it, unmerged. */
void journal_db_close(struct journal_db *db, bool as_it_is);

/* Is the file that is open still the one at its path? */
bool journal_db_in_place(const struct journal_db *db);

/* The errno for a result of sqlite, with db->error set. 0 for SQLITE_OK, ROW, DONE. */
errint_t journal_db_result(struct journal_db *db, int rc);

errint_t journal_db_exec(struct journal_db *db, const char *sql) WARN_UNUSED;
errint_t journal_db_prepare(struct journal_db *db, const char *sql, sqlite3_stmt **stmt) WARN_UNUSED;

/* Sets what must be set before the first table is made and at every opening. */
errint_t journal_db_configure(struct journal_db *db) WARN_UNUSED;

/* The first column of the first row, 0 if there is none. */
errint_t journal_db_number(struct journal_db *db, const char *sql, int64_t *number) WARN_UNUSED;

/* Ends a transaction that failed. */
void journal_db_rollback(struct journal_db *db);

/* journal_schema.c: brings the database to schema n; steps[v] makes v + 1 of v. Refuses a newer one and one
 * that is not guardfs's without having changed anything. */
errint_t journal_migrate(struct journal_db *db, const char *const *steps, unsigned n) WARN_UNUSED;
errint_t journal_schema(struct journal_db *db) WARN_UNUSED;
extern const unsigned journal_schema_version;

/* Can this number of schema and application be ours to write? 0, -ENOTSUP, -EPERM (another program's). */
errint_t journal_schema_acceptable(struct journal_db *db, int64_t application, int64_t version);

/* journal_damage.c: renames the closed database and what belongs to it, and removes the oldest such. Sets
 * db->aside. */
errint_t journal_set_aside(struct journal_db *db) WARN_UNUSED;

/* journal_write.c: all items in one transaction, and a note about what was lost. */
errint_t journal_write(struct journal_db *db, const struct journal_item *items,
		       const struct journal_lost *lost) WARN_UNUSED;
errint_t journal_prepare_writing(struct journal_db *db) WARN_UNUSED;

/* Writes db->memory into a database that was just made. */
errint_t journal_write_memory(struct journal_db *db) WARN_UNUSED;

/* journal_read.c */
errint_t journal_read_recalled(struct journal_db *db, struct journal_recalled *recalled) WARN_UNUSED;
errint_t journal_read_answer(struct journal_db *db, const struct journal_query *query,
			     json_t **result) WARN_UNUSED;

/* journal_retain.c: one step of deleting what is too old or too much. *more: there is more to delete. */
errint_t journal_retain(struct journal_db *db, const struct journal_options *options, bool *more) WARN_UNUSED;

/* ---- the journal ---- */

/* Times and limits, for tests. May be changed while the journal runs. */
struct journal_tuning {
	_Atomic uint32_t retry_ms;  /* between tries after trouble */
	_Atomic uint32_t retain_ms; /* between deletions */
	_Atomic uint32_t busy_ms;   /* to wait for a lock at a time */
	_Atomic uint32_t max_pages; /* size limit of the database, as a full disk would be; 0: none */
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
	pthread_cond_t wake; /* for the journal's thread */
	pthread_cond_t told; /* for a caller that waits: started, finished */
	/* Under lock: */
	enum journal_state state;
	bool open;     /* questions can be answered */
	bool hopeless; /* nothing will ever be written */
	bool started;  /* opening has been tried */
	bool finished; /* the thread touches nothing any more */
	char error[256];
	char aside[64];
	struct journal_queue queue;
	bool recalled_valid;
	struct journal_recalled recalled;
	uint64_t last_ticket;
	struct journal_waiting_question questions[JOURNAL_QUESTIONS_MAX]; /* oldest first */
	struct journal_answer answers[JOURNAL_QUESTIONS_MAX];
	unsigned n_questions, n_answers, n_answering; /* together at most JOURNAL_QUESTIONS_MAX */

	/* The journal's thread only: */
	struct journal_db db;
	uint64_t retry_ns;   /* CLOCK_MONOTONIC; 0: no trouble; UINT64_MAX: never */
	uint64_t retain_ns;  /* when to delete next */
	uint64_t damaged_ns; /* when a database was set aside last */
};

/* As journal_start; tuning is borrowed until the thread has ended. */
struct journal *journal_start_tuned(const struct journal_options *options, struct journal_tuning *tuning);

/* Makes journal_event_fd readable. */
void journal_signal(const struct journal *journal);

/* The journal's thread: takes the oldest question (false: none), and answers it. */
bool journal_next_question(struct journal *journal, struct journal_waiting_question *question);
void journal_answer(struct journal *journal, uint64_t ticket, json_t *result, errint_t error);

/* CLOCK_MONOTONIC now + ms as cond_timedwait wants it. Both condition variables use that clock. */
struct timespec journal_timespec(uint64_t mono_ns);

#endif
