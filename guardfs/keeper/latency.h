/* Callers' waits by windows: samples for the journal, and slowness. */
#ifndef GUARDFS_KEEPER_LATENCY_H
#define GUARDFS_KEEPER_LATENCY_H

#include "policy/deadline.h"
#include "policy/histogram.h"
#include "policy/slowness.h"

struct supervised;

struct latency_watch {
	struct histogram_copy last[OP_CLASS_COUNT];
	struct slowness slowness;
	uint64_t next_ns;
	uint64_t ops_before, errors_before;
	/* Since a healthy backend's last sample. */
	uint32_t quiet_windows;
	bool slow;
};

void latency_init(struct supervised *s, uint64_t now_ns);

uint64_t latency_step(struct supervised *s, uint64_t now_ns);

#endif
