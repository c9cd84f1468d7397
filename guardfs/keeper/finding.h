/* Results of diagnoses (inquiry.h), for client, journal, incident and course. */
#ifndef GUARDFS_KEEPER_FINDING_H
#define GUARDFS_KEEPER_FINDING_H

#include <stdint.h>

struct keeper;

/* Takes a complete result, and begins the next diagnosis. */
uint64_t finding_step(struct keeper *k, uint64_t now_ns);

#endif
