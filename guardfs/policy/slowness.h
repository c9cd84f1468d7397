/* From windows of latencies to "slow" and back, with hysteresis. */
#ifndef GUARDFS_POLICY_SLOWNESS_H
#define GUARDFS_POLICY_SLOWNESS_H

#include "base/base.h"

#define SLOWNESS_WINDOW_MS 10000u
#define SLOWNESS_OPS_MIN   5u	/* fewer operations say nothing */
#define SLOWNESS_EASE	   800u /* quick is below these thousandths of the bound */

struct slowness {
	bool slow;
	/* Start of the present run of opposite windows; 0: none. */
	uint64_t since_ns;
	/* Last window for the change. */
	uint64_t last_ns;
};

/* Too few operations; below SLOWNESS_EASE of the bound; up to the bound; above. */
enum slowness_verdict { SLOWNESS_SILENT, SLOWNESS_QUICK, SLOWNESS_BETWEEN, SLOWNESS_SLOW };

/* One class in one window. bound_ns 0: SILENT. */
enum slowness_verdict slowness_window(uint64_t p99_ns, uint64_t n_ops, uint64_t bound_ns);

/* Takes the worst verdict of a window's classes. for_ns: how long it must last. Returns: slow now? A quick
 * window, or for_ns plus two windows without a verdict, ends a run of slow ones; any other ends a run of
 * quick (or silent) ones. */
bool slowness_take(struct slowness *s, enum slowness_verdict verdict, uint64_t for_ns, uint64_t now_ns);

#endif
