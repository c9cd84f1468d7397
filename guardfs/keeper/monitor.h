/* monitor.h: the probes of a serving backend and their consequences. Keeper only. */
#ifndef GUARDFS_KEEPER_MONITOR_H
#define GUARDFS_KEEPER_MONITOR_H

#include <stdint.h>

struct supervised;

/* Judges the probe that has ended, begins one that is due. now_ns: CLOCK_MONOTONIC. Returns when to call
 * again. */
uint64_t monitor_step(struct supervised *s, uint64_t now_ns);

#endif
