/* finding.h: results of diagnoses (keeper/inquiry.h), for the asking client, the journal, the incident and
 * the course. Keeper only. */
#ifndef GUARDFS_KEEPER_FINDING_H
#define GUARDFS_KEEPER_FINDING_H

#include <stdint.h>

struct keeper;

/* Takes the result of the diagnosis under way, if complete, and begins the next. now_ns: CLOCK_MONOTONIC.
 * Returns when to call again at the latest. */
uint64_t finding_step(struct keeper *k, uint64_t now_ns);

#endif
