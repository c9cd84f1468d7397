/* suspects.h (keeper): suspect files: from worker's notes into the arena's table (shm/suspect.h) and the journal;
 * settled by a look (settle.h), the file's fate, or an operator. docs/INTEGRITY.md. */
#ifndef GUARDFS_KEEPER_SUSPECTS_H
#define GUARDFS_KEEPER_SUSPECTS_H

#include "base/base.h"
#include "shm/suspect.h"

struct json_t;
struct keeper;

struct suspects {
	bool recalled;
	/* Number of the note being carried out; 0: none. */
	uint32_t note;
	/* By place: given to the journal, perhaps not written yet. */
	bool given[SUSPECTS_MAX];
};

/* Takes former sessions' suspects from the journal. */
void suspects_start(struct keeper *k);

/* Takes a note of keeper's own. */
void suspects_take(struct keeper *k, const struct suspect_note *note);

/* Also gives the journal what it lacks. Each time round the loop. */
void suspects_step(struct keeper *k);

/* Stores, writes down and tells a finding. */
void suspects_found(struct keeper *k, uint32_t place, const struct suspect *found);

/* Stores an unfinished one. */
void suspects_progressed(struct keeper *k, uint32_t place, const struct suspect *seen);

/* Those of one backend or job (NULL, "": all) that need a look, as an array of SUSPECT (docs/PROTOCOL.control.md).
 * NULL: short of memory. */
struct json_t *suspects_json(const struct keeper *k, const char *backend, const char *job);

/* Accepts those at or below path (relative to the mount, escaped as in .guardfs/suspects), of a job, or (both "")
 * all. Returns how many. */
uint32_t suspects_accept(struct keeper *k, const char *path, const char *job);

/* suspects-json.c: from report_suspect_json's record. False: it makes no sense. */
bool suspects_from_json(const struct keeper *k, const struct json_t *record, struct suspect *s);

/* Undoes utf8_print_escaped. False: does not fit. */
bool suspects_unescape(const char *text, char *bytes, size_t size);

/* In words: "truncated at byte 6; whole to 0". */
void suspects_describe(const struct suspect *s, char *text, size_t size);

#endif
