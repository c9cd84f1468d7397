#include "policy/grain.h"
#include "base/clock.h"

/* About a hundredth of what lies between the bucket and the last change. */
#define SHARE 100

void grain_init(struct grain *g, bool serves, uint64_t now_ns)
{
	*g = (struct grain){.serves = serves, .fine_left = GRAIN_FINE_MAX, .refilled_ns = now_ns};
}

static void refill(struct grain *g, uint64_t now_ns)
{
	uint64_t more = (now_ns - g->refilled_ns) / (GRAIN_COARSE_MS * NSEC_PER_MSEC);

	g->refilled_ns += more * GRAIN_COARSE_MS * NSEC_PER_MSEC;
	g->fine_left = (uint32_t)MIN(g->fine_left + more, (uint64_t)GRAIN_FINE_MAX);
}

bool grain_take(struct grain *g, bool trouble, bool serves, uint64_t now_ns)
{
	bool fine = grain_length_ms(g, now_ns) < GRAIN_COARSE_MS, changed = serves != g->serves;

	refill(g, now_ns);
	g->serves = serves;
	if (trouble || changed)
		g->trouble_ns = now_ns;
	if (changed || (trouble && !g->changed_ns))
		g->changed_ns = now_ns;
	else if (g->changed_ns && now_ns - g->trouble_ns >= GRAIN_AFTER_MS * NSEC_PER_MSEC)
		g->changed_ns = 0;
	if (g->changed_ns && fine && g->fine_left)
		g->fine_left--;
	return g->changed_ns != 0;
}

uint32_t grain_length_ms(const struct grain *g, uint64_t now_ns)
{
	static const uint32_t lengths[] = {GRAIN_FINEST_MS, 500, 1000, 2000, 5000, GRAIN_COARSE_MS};
	uint64_t share_ms = (now_ns - g->changed_ns) / NSEC_PER_MSEC / SHARE;
	uint32_t length = GRAIN_FINEST_MS;

	if (!g->changed_ns)
		return GRAIN_QUIET_MS;
	if (!g->fine_left)
		return GRAIN_COARSE_MS;
	for (size_t i = 0; i < ARRAY_SIZE(lengths) && lengths[i] <= share_ms; i++)
		length = lengths[i];
	return length;
}
