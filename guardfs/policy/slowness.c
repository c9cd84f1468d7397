#include "policy/slowness.h"

/* Two windows with a silent one between are no gap, however short for_ns. */
#define SILENCE_NS (2 * SLOWNESS_WINDOW_MS * NSEC_PER_MSEC)

enum slowness_verdict slowness_window(uint64_t p99_ns, uint64_t n_ops, uint64_t bound_ns)
{
	if (bound_ns == 0 || n_ops < SLOWNESS_OPS_MIN)
		return SLOWNESS_SILENT;
	if (p99_ns > bound_ns)
		return SLOWNESS_SLOW;
	return p99_ns < bound_ns / 1000 * SLOWNESS_EASE ? SLOWNESS_QUICK : SLOWNESS_BETWEEN;
}

/* A window that is neither for nor against a change lets the run go on. */
static bool speaks_for(bool slow, enum slowness_verdict v)
{
	return slow ? v == SLOWNESS_QUICK || v == SLOWNESS_SILENT : v == SLOWNESS_SLOW;
}

static bool speaks_against(bool slow, enum slowness_verdict v)
{
	return slow ? !speaks_for(slow, v) : v == SLOWNESS_QUICK;
}

bool slowness_take(struct slowness *s, enum slowness_verdict verdict, uint64_t for_ns, uint64_t now_ns)
{
	if (speaks_against(s->slow, verdict))
		s->since_ns = 0;
	if (!speaks_for(s->slow, verdict))
		return s->slow;
	if (s->since_ns == 0 || now_ns - s->last_ns > for_ns + SILENCE_NS)
		s->since_ns = now_ns;
	s->last_ns = now_ns;
	if (now_ns - s->since_ns >= for_ns) {
		s->slow = !s->slow;
		s->since_ns = 0;
	}
	return s->slow;
}
