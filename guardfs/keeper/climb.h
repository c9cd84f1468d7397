/* The try under way climbs the ladder. */
#ifndef GUARDFS_KEEPER_CLIMB_H
#define GUARDFS_KEEPER_CLIMB_H

#include <stdint.h>

struct supervised;

void climb_step(struct supervised *s, uint64_t now_ns);

uint64_t climb_wake_ns(const struct supervised *s, uint64_t now_ns);

#endif
