/* monitor.h: a backend that serves: its probes, and what follows from them. Keeper only. */
#ifndef GUARDFS_KEEPER_MONITOR_H
#define GUARDFS_KEEPER_MONITOR_H

#include <stdint.h>

struct supervised;

/* Judges the probe that has ended, begins the next if one is due. now_ns: CLOCK_MONOTONIC. Returns when to
 * call again. */
uint64_t monitor_step(struct supervised *s, uint64_t now_ns);

#endif
