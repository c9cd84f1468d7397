/* suspect.h: files that may lack what was acknowledged of them. docs/INTEGRITY.md has the whole.
 *
 * Worker files a *note* before the caller sees the error: into a ring from which keeper takes it. A note stays
 * until it is taken. Keeper makes of it a *suspect* in a table of its own, which it writes into the journal,
 * and has a child find out what has become of the file. Both lie in the arena, and outlive either process. */
#ifndef GUARDFS_SHM_SUSPECT_H
#define GUARDFS_SHM_SUSPECT_H

#include "base/base.h"
#include "policy/ledger.h"
#include "shm/job.h"
#include <stdatomic.h>

#define SUSPECT_PATH_MAX  4096u
#define SUSPECT_NOTES_MAX 256u
#define SUSPECTS_MAX	  512u
#define SUSPECT_HOLES_MAX 8u

/* What a note tells. */
enum suspect_news {
	/* A file is suspect. */
	SUSPECT_LOST, /* what was acknowledged was given up: storage never had it, or did not confirm it */
	SUSPECT_POISONED, /* an open file could not be gone on with after a reconnect */
	SUSPECT_FAILED,	  /* a write met an error, and may have been made in part */
	SUSPECT_CRASHED,  /* guardfs ended while it was open for writing */
	/* No suspect: a file that was only read is not what it was. */
	SUSPECT_READ,
	/* What has become of a file that is suspect, or of a directory above some, through the mount. */
	SUSPECT_RENAMED,   /* object -> to_object */
	SUSPECT_EXCHANGED, /* object <-> to_object */
	SUSPECT_LINKED,	   /* object has another name: to_object */
	SUSPECT_REMOVED,
	SUSPECT_EMPTIED, /* it was cut off to nothing: what was lost is no part of it any more */
	SUSPECT_WRITTEN, /* it was opened for writing again */
	SUSPECT_NEWS_COUNT
};

/* "lost", "poisoned", ... */
const char *suspect_news_name(enum suspect_news news);
enum suspect_news suspect_news_from_name(const char *name); /* SUSPECT_NEWS_COUNT: none */

struct suspect_note {
	uint64_t real_ns;
	uint32_t news; /* enum suspect_news */
	uint32_t backend;
	uint32_t error; /* positive errno that callers got */
	uint64_t size;	/* that the file must have at least, by what was acknowledged; 0: not known */
	bool overwrote; /* some of the ranges held something else before: it may have come back */
	/* Where in the file. Nothing: all that was acknowledged was synced. */
	struct ledger ranges;
	/* Path below the mount, "" if not known; and below the backend's root. */
	char path[SUSPECT_PATH_MAX], object[SUSPECT_PATH_MAX];
	char to_path[SUSPECT_PATH_MAX], to_object[SUSPECT_PATH_MAX];
};

/* What is known of a suspect, and what was found. */
enum suspect_verdict {
	SUSPECT_PENDING, /* nobody has looked yet */
	/* It needs a look by a person. */
	SUSPECT_TRUNCATED, /* at byte `at`; the last whole record ends at whole_to */
	SUSPECT_HOLE,	   /* zeros in the place of data: holes */
	SUSPECT_DAMAGED,   /* at byte `at`; whole up to whole_to */
	SUSPECT_MISSING,
	SUSPECT_CHANGED, /* by somebody else */
	SUSPECT_UNKNOWN, /* nobody can tell, or it could not be read: error */
	/* It needs none: it is settled. */
	SUSPECT_WHOLE,
	SUSPECT_ACCEPTED, /* an operator has said so */
	SUSPECT_GONE,	  /* it was removed through the mount */
	SUSPECT_REPLACED, /* by a new file through the mount, or emptied */
	SUSPECT_VERDICT_COUNT
};

const char *suspect_verdict_name(enum suspect_verdict verdict);
enum suspect_verdict suspect_verdict_from_name(const char *name); /* SUSPECT_VERDICT_COUNT: none */

static inline bool suspect_is_settled(enum suspect_verdict verdict)
{
	return verdict >= SUSPECT_WHOLE;
}

struct suspect_range {
	uint64_t from, to;
};

/* Times are CLOCK_REALTIME, 0: never. */
struct suspect {
	uint64_t filed_ns; /* when first, in the journal too the suspect's name; 0: the place is free */
	uint64_t told_ns;  /* when last */
	uint64_t incident;
	uint64_t checked_ns; /* when the verdict was found */
	uint32_t backend;
	uint32_t cause; /* enum suspect_news, of those that make a suspect */
	uint32_t error;
	uint32_t verdict; /* enum suspect_verdict */
	bool overwrote;	  /* as note.overwrote */
	bool again;	  /* it was opened for writing since: its size says nothing */
	bool unwritten;	  /* the journal does not have it as it is now */
	uint32_t tries;	  /* of finding out that came to nothing */
	uint64_t size;	  /* as note.size */
	struct ledger ranges;
	/* As found. */
	uint64_t found_size, at, whole_to;
	int64_t found_mtime_s;
	uint32_t found_error;
	uint32_t n_holes;
	struct suspect_range holes[SUSPECT_HOLES_MAX];
	char why[160];
	char job[JOB_NAME_MAX]; /* path relative to the mount, "" none */
	char path[SUSPECT_PATH_MAX], object[SUSPECT_PATH_MAX];
};

/* Keeper's, read by any process through suspect_copy. */
struct suspect_place {
	_Atomic uint32_t sequence; /* odd while it changes */
	struct suspect suspect;
};

struct suspect_table {
	/* Number n of the notes is at n % SUSPECT_NOTES_MAX. Raised by worker when the note is complete. */
	_Atomic uint32_t filed;
	/* Up to here keeper has taken them. */
	_Atomic uint32_t taken;
	/* 1: a keeper has looked what a former session had left open for writing. Keeper. */
	_Atomic uint32_t begun;
	/* Notes for which there was no room. Worker. */
	_Atomic uint32_t missed;
	/* Suspects that need a look. Keeper. */
	_Atomic uint32_t open;
	/* Places from this number on were never used. Keeper. */
	_Atomic uint32_t used;
	/* Suspects settled since the arena was made, by verdict; and found to be something that needs a look. Keeper. */
	_Atomic uint64_t found[SUSPECT_VERDICT_COUNT];
	/* The same for suspects that came, by cause. Keeper. */
	_Atomic uint64_t came[SUSPECT_NEWS_COUNT];
	struct suspect_note notes[SUSPECT_NOTES_MAX];
	struct suspect_place places[SUSPECTS_MAX];
};

/* The place of the next note, to be filled and then filed; NULL: there is none, which is counted. The caller
 * sees to it that there is one caller at a time. Worker. */
struct suspect_note *suspect_next_note(struct suspect_table *table);
void suspect_file(struct suspect_table *table);

/* The oldest note that was not taken; NULL: none. It stays until suspect_taken. Keeper. */
const struct suspect_note *suspect_peek(const struct suspect_table *table);
void suspect_taken(struct suspect_table *table);

/* Copies the suspect in a place. False: it is free, or changes all the time. Any process. */
bool suspect_copy(const struct suspect_table *table, uint32_t place, struct suspect *copy);

/* Puts a suspect into a place, and counts anew how many need a look. Keeper. */
void suspect_put(struct suspect_table *table, uint32_t place, const struct suspect *suspect);

/* Is there a suspect that needs a look at this object of the backend, or below it? Also true if that cannot be
 * told at this moment. Costs two loads while there is none at all. Any process. */
bool suspect_concerns(const struct suspect_table *table, uint32_t backend, const char *object);
static inline bool suspect_is_any(const struct suspect_table *table)
{
	return atomic_load_explicit(&table->open, memory_order_relaxed) ||
	       atomic_load_explicit(&table->filed, memory_order_relaxed) !=
		   atomic_load_explicit(&table->taken, memory_order_relaxed);
}

/* Is path the same as above, or below it? */
bool suspect_path_is_below(const char *path, const char *above);

/* How many suspects at or below a path of the mount need a look; of a job. Any process. */
uint32_t suspect_count_below(const struct suspect_table *table, const char *path);
uint32_t suspect_count_of_job(const struct suspect_table *table, const char *job);

/* Forces what a crash has left into its range. Returns how much was changed. Guardian, on resume. */
uint32_t suspect_check(struct suspect_table *table, uint32_t n_backends);

#endif
