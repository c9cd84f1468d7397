/* Carrying out a course's decisions (docs/RECOVERY.md). */
#ifndef GUARDFS_KEEPER_EFFECTS_H
#define GUARDFS_KEEPER_EFFECTS_H

#include <stdint.h>

struct supervised;

/* Call after every course_* function. detail: the reason, for people. */
void effects_drain(struct supervised *s, const char *detail, uint64_t now_ns);

#endif
