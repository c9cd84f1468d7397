/* slowness.h: from windows of latencies to "slow" and back, with hysteresis. Pure. */
#ifndef GUARDFS_POLICY_SLOWNESS_H
#define GUARDFS_POLICY_SLOWNESS_H

#include "base/base.h"

#define SLOWNESS_WINDOW_MS 10000u
#define SLOWNESS_OPS_MIN   5u	/* fewer operations in a window say nothing */
#define SLOWNESS_EASE	   800u /* thousandths of the bound below which it is quick again */

struct slowness {
	bool slow;
	/* Start of the present run of opposite windows; 0: none. */
	uint64_t since_ns;
	/* Last window for the change. */
	uint64_t last_ns;
};

/* Too few operations; below SLOWNESS_EASE of the bound; up to the bound; above. */
enum slowness_verdict { SLOWNESS_SILENT, SLOWNESS_QUICK, SLOWNESS_BETWEEN, SLOWNESS_SLOW };

/* One operation class in one window: 99th percentile of n_ops operations. bound_ns 0: no bound, silent. */
enum slowness_verdict slowness_window(uint64_t p99_ns, uint64_t n_ops, uint64_t bound_ns);

/* Takes the worst verdict of a window's classes. for_ns: how long it must last. Returns: slow now? A run
 * of slow windows is broken by a quick one, and by for_ns plus two windows without any; a run of quick (or
 * silent) ones by any other. */
bool slowness_take(struct slowness *s, enum slowness_verdict verdict, uint64_t for_ns, uint64_t now_ns);

#endif
