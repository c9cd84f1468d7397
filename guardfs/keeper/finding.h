/* finding.h: the results of diagnoses (keeper/inquiry.h): to the client that asked, the journal, the incident
 * and the course of the backend. Keeper only. */
#ifndef GUARDFS_KEEPER_FINDING_H
#define GUARDFS_KEEPER_FINDING_H

#include <stdint.h>

struct keeper;

/* Takes the result of the diagnosis under way, if it is there, and begins the next. now_ns: CLOCK_MONOTONIC.
 * Returns when to call again at the latest. */
uint64_t finding_step(struct keeper *k, uint64_t now_ns);

#endif
