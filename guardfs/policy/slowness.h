/* slowness.h: from windows of latencies to "slow" and back, with hysteresis. Pure. */
#ifndef GUARDFS_POLICY_SLOWNESS_H
#define GUARDFS_POLICY_SLOWNESS_H

#include "base/base.h"

#define SLOWNESS_WINDOW_MS 10000u
#define SLOWNESS_OPS_MIN   5u	/* fewer operations in a window say nothing */
#define SLOWNESS_EASE	   800u /* thousandths of the bound below which it counts as quick again */

struct slowness {
	bool slow;
	uint64_t since_ns; /* when the present run of opposite windows began; 0: none */
};

/* One operation class in one window. p99_ns: of n_ops operations; bound_ns 0: no bound.
 * Returns 1 slow, -1 quick, 0 neither (too few operations, or between the two bounds). */
int slowness_window(uint64_t p99_ns, uint64_t n_ops, uint64_t bound_ns);

/* Takes the worst verdict of a window. for_ns: how long it must last. Returns whether it is slow now. Windows without a
 * verdict leave a run going when slow is awaited, and count as quick when quickness is. */
bool slowness_take(struct slowness *s, int verdict, uint64_t for_ns, uint64_t now_ns);

#endif
