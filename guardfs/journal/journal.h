/* History in sqlite. docs/HISTORY.md.
 *
 * Its own thread touches the database. These functions, called by keeper's only other thread, never wait for the
 * disk. Errors show only in the state: guarding goes on without history. */
#ifndef GUARDFS_JOURNAL_JOURNAL_H
#define GUARDFS_JOURNAL_JOURNAL_H

#include "base/base.h"

#define JOURNAL_QUEUE_MAX 1024
#define JOURNAL_TEXT_MAX  8192 /* longer texts (a hook's output) are cut in the middle */

struct json_t;
struct journal;

enum journal_state {
	JOURNAL_STARTING,
	JOURNAL_OK,
	JOURNAL_FULL,
	JOURNAL_LOCKED,
	JOURNAL_NEWER,
	JOURNAL_FAILED,
	JOURNAL_OFF,
	JOURNAL_STATE_COUNT
};

const char *journal_state_name(enum journal_state state);

struct journal_options {
	/* STATE_DIR; made if missing. */
	char directory[1024];
	uint32_t keep_days;
	uint32_t keep_mib;
};

/* NULL: out of memory; an unusable database shows in the state. The caller may clone children (base/child.h): the
 * thread never locks the caller's allocator arena. */
struct journal *journal_start(const struct journal_options *options);

/* Writes the queue within timeout_ms, and ends the thread. A hung thread is left, nothing freed. */
void journal_stop(struct journal *journal, uint32_t timeout_ms);

/* detail (size bytes): damaged file, error, lost events. */
enum journal_state journal_state(struct journal *journal, char *detail, size_t size);

/* Readable at news. journal_take_answer resets it when it has no more: take answers first, then
 * look at the state. */
int journal_event_fd(const struct journal *journal);

/* ---- writing; strings are copied, NULL is "" ----
 *
 * Bytes that are not UTF-8 become U+FFFD. Strings above 256 bytes (detail: 2,048, text: JOURNAL_TEXT_MAX) are
 * cut in the middle. Routes, keys and memory values above 64 KiB are lost, and counted. A full queue loses
 * oldest samples, then newest events. */

struct journal_incident {
	/* > 0 and above journal_recall's highest_incident. */
	uint64_t id;
	const char *kind, *scope, *backend, *class, *detail, *detected_by;
	uint64_t began_ns, detected_ns, first_error_ns, first_fast_ns, recovered_ns, closed_ns;
	uint64_t callers, failed, bytes_at_risk, tries;
	/* JSON array; NULL: unchanged. */
	const char *routes;
};

/* Inserts or replaces; before its first event. If keeper could not recall, the id may be another incident's (with
 * another beginning): then this one and its events go under the next free id, with a note. */
void journal_put_incident(struct journal *journal, const struct journal_incident *incident);

struct journal_event {
	/* 0: none. */
	uint64_t time_ns, incident;
	const char *kind, *backend, *from_state, *to_state, *class, *name, *outcome, *text;
	uint64_t duration_ms;
};

void journal_put_event(struct journal *journal, const struct journal_event *event);

struct journal_sample {
	/* Its end. */
	uint64_t time_ns;
	const char *backend, *state;
	uint64_t ops, errors, p50_us, p99_us, span_ms;
};

void journal_put_sample(struct journal *journal, const struct journal_sample *sample);

/* A suspect file (shm/suspect.h), identified by filed_ns: inserted or replaced. */
struct journal_suspect {
	uint64_t filed_ns, changed_ns; /* when this was found */
	bool settled;
	const char *backend, *job;
	const char *record; /* JSON object of at most 64 KiB, for keeper */
};

/* False: no room, or no database; to be tried again. */
bool journal_put_suspect(struct journal *journal, const struct journal_suspect *suspect) WARN_UNUSED;

bool journal_is_written(struct journal *journal);

/* value NULL: forget. */
void journal_put_memory(struct journal *journal, const char *key, const char *value);

/* ---- reading ---- */

struct journal_recalled {
	uint64_t highest_incident;
	/* Object: key -> string; the caller's. */
	struct json_t *memory;
	/* Of open INCIDENTs (docs/PROTOCOL.control.md). */
	struct json_t *open;
	/* Unsettled suspects' records. */
	struct json_t *suspects;
};

/* Waits at most timeout_ms, at keeper's start alone. 0, -ETIMEDOUT, or -EIO (no usable database): *recalled is
 * then empty but valid. The caller releases each result. */
errint_t journal_recall(struct journal *journal, uint32_t timeout_ms, struct journal_recalled *recalled);

enum journal_question { JOURNAL_ASK_INCIDENTS, JOURNAL_ASK_INCIDENT, JOURNAL_ASK_SETTLED };

struct journal_query {
	enum journal_question question;
	/* INCIDENT. INCIDENTS: those that follow it in the list, 0: from the newest on. */
	uint64_t id;
	/* INCIDENTS: not over by then. SETTLED: since then. */
	uint64_t since_ns;
	/* INCIDENTS, SETTLED; "": all. */
	char backend[32];
	/* SETTLED; "": all. */
	char job[512];
	/* INCIDENTS, SETTLED: newest; 0: 100; at most 1000. */
	uint32_t limit;
};

/* *ticket identifies the answer. 0, -EAGAIN (too many wait), -EIO (no database). */
errint_t journal_ask(struct journal *journal, const struct journal_query *query,
		     uint64_t *ticket) WARN_UNUSED;

/* 1: *result is the reply by docs/PROTOCOL.control.md without "journal" (the caller's), or NULL with *error
 * (-ENOENT: no such incident; -EIO). 0: none. */
int journal_take_answer(struct journal *journal, uint64_t *ticket, struct json_t **result, errint_t *error);

#endif
