/* The probes of a serving backend and their consequences. */
#ifndef GUARDFS_KEEPER_MONITOR_H
#define GUARDFS_KEEPER_MONITOR_H

#include <stdint.h>

struct supervised;

uint64_t monitor_step(struct supervised *s, uint64_t now_ns);

#endif
