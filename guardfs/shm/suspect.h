/* Files that may lack acknowledged bytes (docs/INTEGRITY.md). Worker files a *note* in a ring before the
 * caller sees the error; keeper makes it a *suspect* in its table. Times are CLOCK_REALTIME. */
#ifndef GUARDFS_SHM_SUSPECT_H
#define GUARDFS_SHM_SUSPECT_H

#include "base/base.h"
#include "policy/ledger.h"
#include "shm/job.h"
#include <stdatomic.h>

#define SUSPECT_PATH_MAX  4096u
#define SUSPECTS_MAX	  512u
#define SUSPECT_HOLES_MAX 8u

enum suspect_news {
	/* A file is suspect. */
	SUSPECT_LOST,	  /* acknowledged bytes were given up: storage never had them, or did not confirm */
	SUSPECT_POISONED, /* an open file that could not go on after a reconnect */
	SUSPECT_FAILED,	  /* a write met an error, perhaps made in part */
	SUSPECT_CRASHED,  /* guardfs ended while it was open for writing */
	/* No suspect: a file that was only read has changed. */
	SUSPECT_READ,
	/* News of a suspect file, or of a directory above some, through the mount. */
	SUSPECT_RENAMED,   /* object -> to_object */
	SUSPECT_EXCHANGED, /* object <-> to_object */
	SUSPECT_LINKED,	   /* object has another name, to_object */
	SUSPECT_REMOVED,
	SUSPECT_EMPTIED, /* cut to nothing */
	SUSPECT_WRITTEN, /* opened for writing again */
	SUSPECT_CLOSED,	 /* closed by a writer that was not given up; size: acknowledged by then */
	SUSPECT_NEWS_COUNT
};

const char *suspect_news_name(enum suspect_news news);
enum suspect_news suspect_news_from_name(const char *name); /* SUSPECT_NEWS_COUNT: none */

/* As worker files it. Texts: NULL is "". */
struct suspect_report {
	uint64_t real_ns;
	enum suspect_news news;
	uint32_t backend;
	uint32_t error;		     /* as suspect_note's */
	uint64_t size;		     /* likewise */
	bool overwrote;		     /* likewise */
	const struct ledger *ranges; /* NULL: none */
	/* As suspect_note's, each shorter than SUSPECT_PATH_MAX. */
	const char *path, *object, *to_path, *to_object;
};

/* As keeper gets it. */
struct suspect_note {
	uint64_t real_ns;
	uint32_t news; /* enum suspect_news */
	uint32_t backend;
	uint32_t error; /* positive errno that callers got */
	uint64_t size;	/* that the file must have at least; 0: not known */
	bool overwrote; /* some ranges held other bytes before, which may have come back */
	/* In the file. Nothing: all that was acknowledged was synced. */
	struct ledger ranges;
	/* Below the mount, "" if not known; below the backend's root. */
	char path[SUSPECT_PATH_MAX], object[SUSPECT_PATH_MAX];
	char to_path[SUSPECT_PATH_MAX], to_object[SUSPECT_PATH_MAX];
};

enum suspect_verdict {
	SUSPECT_PENDING,
	/* Needs a look by a person. */
	SUSPECT_TRUNCATED, /* at byte `at`; last whole record ends at whole_to */
	SUSPECT_HOLE,	   /* zeros in the place of data */
	SUSPECT_DAMAGED,   /* at byte `at`; whole up to whole_to */
	SUSPECT_MISSING,
	SUSPECT_CHANGED, /* by somebody else */
	SUSPECT_UNKNOWN, /* nobody can tell; error if unreadable */
	/* Settled: needs none. */
	SUSPECT_WHOLE,
	SUSPECT_ACCEPTED, /* by an operator */
	SUSPECT_GONE,	  /* removed through the mount */
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

struct suspect {
	uint64_t filed_ns; /* at first; in the journal the suspect's name; 0: free place */
	uint64_t told_ns;  /* when last */
	uint64_t incident;
	uint64_t checked_ns;
	uint32_t backend;
	uint32_t cause; /* enum suspect_news */
	uint32_t error;
	uint32_t verdict; /* enum suspect_verdict */
	bool overwrote;	  /* as note.overwrote */
	bool again;	  /* opened for writing since: its size says nothing */
	bool unwritten;	  /* the journal lacks its present state */
	uint32_t tries;	  /* looks that came to nothing */
	/* Last note carried out on it, for the next keeper not to repeat: place in the ring + 1; 0: none. */
	uint32_t note;
	uint64_t size; /* as note.size */
	struct ledger ranges;
	/* As found. */
	uint64_t found_size, at, whole_to;
	int64_t found_mtime_s;
	uint32_t found_error;
	uint32_t n_holes;
	struct suspect_range holes[SUSPECT_HOLES_MAX];
	char why[160];
	char job[JOB_NAME_MAX]; /* path relative to the mount, or "" */
	char path[SUSPECT_PATH_MAX], object[SUSPECT_PATH_MAX];
};

/* Keeper writes; others read by suspect_copy. */
struct suspect_place {
	_Atomic uint32_t sequence; /* odd during a change */
	struct suspect suspect;
};

/* A note takes as many units as it needs: some 250 bytes, SUSPECT_RECORD_MAX at most. Thousands must find room
 * without keeper: on a full disk every write of every file makes one. */
#define SUSPECT_UNIT	   8u
#define SUSPECT_UNITS	   (1u << 19)
#define SUSPECT_RECORD_MAX (256u + 4 * SUSPECT_PATH_MAX)

struct suspect_table {
	/* End of the newest note, in units. Unit n is at n % SUSPECT_UNITS. Worker, when the note is complete. */
	_Atomic uint32_t filed;
	/* Begin of the oldest note not taken, likewise. Keeper. */
	_Atomic uint32_t taken;
	/* A keeper has looked at what a former session left open. Keeper. */
	_Atomic uint32_t begun;
	/* Notes that found no room. Worker. */
	_Atomic uint32_t missed;
	/* Suspects that need a look. Keeper, down to came. */
	_Atomic uint32_t open;
	/* Places from here on were never used. */
	_Atomic uint32_t used;
	/* Verdicts since the arena was made. */
	_Atomic uint64_t found[SUSPECT_VERDICT_COUNT];
	/* Suspects since then, by cause. */
	_Atomic uint64_t came[SUSPECT_NEWS_COUNT];
	/* Place that `put` is for, plus 1; 0: none. Stored when `put` is whole. Keeper. */
	_Atomic uint32_t putting;
	struct suspect put;
	/* A note that begins before the end of the ring goes on behind it, in one piece. */
	_Alignas(8) uint8_t notes[SUSPECT_UNITS * SUSPECT_UNIT + SUSPECT_RECORD_MAX];
	struct suspect_place places[SUSPECTS_MAX];
};

/* False: no room. Worker, one caller at a time. */
bool suspect_file(struct suspect_table *table, const struct suspect_report *report);

/* The oldest note. It stays until suspect_taken. False: none. Keeper. */
bool suspect_peek(const struct suspect_table *table, struct suspect_note *note);
void suspect_taken(struct suspect_table *table);

/* Goes through the notes not taken, oldest first; *at: SUSPECT_FIRST at first. False: no more. One taken meanwhile
 * may be left out. Any process. */
#define SUSPECT_FIRST UINT64_MAX
bool suspect_next_note(const struct suspect_table *table, uint64_t *at, struct suspect_note *note);

/* False: free, or always changing. Any process. */
bool suspect_copy(const struct suspect_table *table, uint32_t place, struct suspect *copy);

/* Also recounts those that need a look. Keeper; if it dies, suspect_complete leaves the old or the new. */
void suspect_put(struct suspect_table *table, uint32_t place, const struct suspect *suspect);

/* A starting keeper completes what a dead one has left half put. */
void suspect_complete(struct suspect_table *table);

/* Does a suspect at or below this object need a look? True also if unknown now. Cheap while there is none. Any
 * process. */
bool suspect_concerns(const struct suspect_table *table, uint32_t backend, const char *object);
static inline bool suspect_is_any(const struct suspect_table *table)
{
	return atomic_load_explicit(&table->open, memory_order_relaxed) ||
	       atomic_load_explicit(&table->filed, memory_order_relaxed) !=
		   atomic_load_explicit(&table->taken, memory_order_relaxed);
}

/* Is path below above, or the same? */
bool suspect_path_is_below(const char *path, const char *above);

/* Suspects that need a look: at or below a path of the mount; of a job. Any process. */
uint32_t suspect_count_below(const struct suspect_table *table, const char *path);
uint32_t suspect_count_of_job(const struct suspect_table *table, const char *job);

/* Its part for the notes: those from the first nonsense on are dropped. */
uint32_t suspect_check_notes(struct suspect_table *table);

/* Repairs what a crash left. Returns how many values. Guardian, on resume. */
uint32_t suspect_check(struct suspect_table *table, uint32_t n_backends);

#endif
