/* effects.h: carrying out what the course of a backend has decided. docs/RECOVERY.md has the table. Keeper
 * only. */
#ifndef GUARDFS_KEEPER_EFFECTS_H
#define GUARDFS_KEEPER_EFFECTS_H

#include <stdint.h>

struct supervised;

/* Carries out all effects that wait in s's course: to be called after every call of a course_* function.
 * detail: why, for people; it goes with the transitions. now_ns: CLOCK_MONOTONIC. */
void effects_drain(struct supervised *s, const char *detail, uint64_t now_ns);

#endif
