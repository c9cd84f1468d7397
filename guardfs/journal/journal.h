/* journal.h: history in sqlite: incidents, events, samples, memory. docs/HISTORY.md has the schema and the
 * states.
 *
 * One thread of its own does everything that touches the database. The functions here are called by keeper's
 * only other thread, never wait for the disk and never fail loudly: guarding goes on without history. */
#ifndef GUARDFS_JOURNAL_JOURNAL_H
#define GUARDFS_JOURNAL_JOURNAL_H

#include "base/base.h"

#define JOURNAL_QUEUE_MAX 1024
#define JOURNAL_TEXT_MAX  8192 /* of an event: output of a hook; longer ones are cut, in the middle */

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
	char directory[1024]; /* STATE_DIR; made if missing */
	uint32_t keep_days;
	uint32_t keep_mib;
};

/* Starts the thread. Never NULL unless memory is short; a database that cannot be had shows in the state. The
 * thread never takes the lock of the allocator's arena that the caller's thread uses, so that the caller may
 * clone children (base/child.h). */
struct journal *journal_start(const struct journal_options *options);

/* Writes what is queued, for at most timeout_ms, and ends the thread. A thread that does not end (hung disk)
 * is left behind: then nothing is freed. */
void journal_stop(struct journal *journal, uint32_t timeout_ms);

/* State, and (size bytes) what is worth telling about it: the damaged file, the error, events lost. */
enum journal_state journal_state(struct journal *journal, char *detail, size_t size);

/* eventfd that becomes readable when the state has changed or an answer (journal_ask) is there. Owned by the
 * journal. journal_take_answer resets it once it has nothing left: take answers first, then look at the
 * state. */
int journal_event_fd(const struct journal *journal);

/* ---- writing; strings are copied, NULL counts as "" ----
 *
 * Strings may hold any bytes; what is not UTF-8 becomes U+FFFD. Those above 256 bytes (detail: 2,048, text:
 * JOURNAL_TEXT_MAX) are cut in the middle. Routes, keys and values of memory above 64 KiB are not kept, but
 * counted as lost. When the queue is full, samples are lost first, the oldest of them first, then the newest
 * events. */

struct journal_incident {
	uint64_t id; /* chosen by keeper, above journal_recall's highest_incident; > 0 */
	const char *kind, *scope, *backend, *class, *detail, *detected_by;
	uint64_t began_ns, detected_ns, first_error_ns, first_fast_ns, recovered_ns, closed_ns;
	uint64_t callers, failed, bytes_at_risk, tries;
	const char *routes; /* JSON array; NULL: leave as it is */
};

/* Inserts the incident, or replaces what is known of it. To be put before its first event. If the journal was
 * not usable when keeper recalled, its id may be taken by another incident (one that began at another time):
 * then the journal keeps this one, and all its events, under the next free id, and says so in a note. */
void journal_put_incident(struct journal *journal, const struct journal_incident *incident);

struct journal_event {
	uint64_t time_ns, incident; /* 0: none */
	const char *kind, *backend, *from_state, *to_state, *class, *name, *outcome, *text;
	uint64_t duration_ms;
};

void journal_put_event(struct journal *journal, const struct journal_event *event);

struct journal_sample {
	uint64_t time_ns;
	const char *backend, *state;
	uint64_t ops, errors, p50_us, p99_us;
};

void journal_put_sample(struct journal *journal, const struct journal_sample *sample);

/* value NULL: forget the key. */
void journal_put_memory(struct journal *journal, const char *key, const char *value);

/* ---- reading ---- */

struct journal_recalled {
	uint64_t highest_incident;
	struct json_t *memory; /* object: key -> string; the caller releases it */
	struct json_t *open;   /* array of INCIDENT objects (docs/PROTOCOL.control.md) not closed */
};

/* What the journal knew when it was opened. Waits for the thread, at most timeout_ms (keeper's start is the
 * one moment that may wait). 0, -ETIMEDOUT, or -EIO (there is no usable database): *recalled is then empty
 * but valid (highest_incident 0, empty object and array). May be called again; the caller releases what every
 * call returned. */
errint_t journal_recall(struct journal *journal, uint32_t timeout_ms, struct journal_recalled *recalled);

enum journal_question { JOURNAL_ASK_INCIDENTS, JOURNAL_ASK_INCIDENT };

struct journal_query {
	enum journal_question question;
	uint64_t id;	   /* INCIDENT */
	uint64_t since_ns; /* INCIDENTS: those that were not over by then */
	char backend[32];  /* INCIDENTS: "" all */
	uint32_t limit;	   /* INCIDENTS: newest first; 0: 100; at most 1000 */
};

/* Puts a question. *ticket identifies the answer. 0, -EAGAIN (too many questions wait), -EIO (no database).
 */
errint_t journal_ask(struct journal *journal, const struct journal_query *query,
		     uint64_t *ticket) WARN_UNUSED;

/* Takes one answer if there is one: returns 1, its ticket, and *result, the members of the reply as
 * docs/PROTOCOL.control.md has them, without "journal" (the caller releases it), or *result = NULL and *error
 * (-ENOENT: no such incident; -EIO). Returns 0 if there is none. */
int journal_take_answer(struct journal *journal, uint64_t *ticket, struct json_t **result, errint_t *error);

#endif
