/* suspects.h (keeper): files that may lack what was acknowledged of them: taken from worker's notes into the
 * table of the arena (shm/suspect.h), written into the journal, and settled: by a look (keeper/settle.h), by
 * what becomes of the file, or by an operator. docs/INTEGRITY.md. Keeper only. */
#ifndef GUARDFS_KEEPER_SUSPECTS_H
#define GUARDFS_KEEPER_SUSPECTS_H

#include "base/base.h"
#include "shm/suspect.h"

struct json_t;
struct keeper;

struct suspects {
	bool recalled; /* what the journal knew is in the table */
	/* By place: it was given to the journal, which may not have written it yet. */
	bool given[SUSPECTS_MAX];
};

/* Puts into the table what the journal knows of former sessions. */
void suspects_start(struct keeper *k);

/* Takes one note that keeper itself has made. */
void suspects_take(struct keeper *k, const struct suspect_note *note);

/* Takes notes, and gives the journal what it does not have. Each time round the loop. */
void suspects_step(struct keeper *k);

/* What was found of the suspect in a place: stored, written down and told. */
void suspects_found(struct keeper *k, uint32_t place, const struct suspect *found);

/* The same for a look that has not come to its end: stored, to be gone on with. */
void suspects_progressed(struct keeper *k, uint32_t place, const struct suspect *seen);

/* The suspects that need a look, as an array of SUSPECT (docs/PROTOCOL.control.md), of one backend or job
 * (NULL, "": all). NULL: short of memory. */
struct json_t *suspects_json(const struct keeper *k, const char *backend, const char *job);

/* An operator accepts those at or below a path (relative to the mount, escaped as in .guardfs/suspects), of a
 * job, or (both "") all of them. Returns how many. */
uint32_t suspects_accept(struct keeper *k, const char *path, const char *job);

/* suspects-json.c: the suspect of a record that report_suspect_json has made. False: it makes no sense. */
bool suspects_from_json(const struct keeper *k, const struct json_t *record, struct suspect *s);

/* The bytes of what utf8_print_escaped has written. False: they do not fit. */
bool suspects_unescape(const char *text, char *bytes, size_t size);

/* What was found, in words: "truncated at byte 6; whole to 0". */
void suspects_describe(const struct suspect *s, char *text, size_t size);

#endif
