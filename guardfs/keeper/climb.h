/* climb.h: the try under way climbs the ladder. Keeper only. */
#ifndef GUARDFS_KEEPER_CLIMB_H
#define GUARDFS_KEEPER_CLIMB_H

#include <stdint.h>

struct supervised;

/* Climbs the rungs of s's try, if there is one. now_ns: CLOCK_MONOTONIC. */
void climb_step(struct supervised *s, uint64_t now_ns);

/* When to call climb_step again at the latest (CLOCK_MONOTONIC); UINT64_MAX: no try. */
uint64_t climb_wake_ns(const struct supervised *s, uint64_t now_ns);

#endif
