#include "policy/restart.h"
#include "base/clock.h"
#include "policy/backoff.h"

#define EARLY_MS 2000u
/* One that falls silent costs seconds of recovery each time: it must have shown more. */
#define EARLY_SILENT_MS 10000u
#define DELAY_MIN_MS	100u
#define DELAY_MAX_MS	5000u

/* Guardian's patience with a silent one is not life. */
static uint64_t life_ns(const struct restart_end *end)
{
	uint64_t last_ns = end->silent ? MIN(end->heartbeat_ns, end->ended_ns) : end->ended_ns;

	return last_ns > end->started_ns ? last_ns - end->started_ns : 0;
}

uint64_t restart_keeper_delay_ms(uint32_t *early, const struct restart_end *end, uint32_t random)
{
	uint64_t least_ns = (end->silent ? EARLY_SILENT_MS : EARLY_MS) * NSEC_PER_MSEC;

	if (end->planned || life_ns(end) >= least_ns) {
		*early = 0;
		return 0;
	}
	if (*early < UINT32_MAX)
		++*early;
	return *early > 1 ? backoff_delay_ms(*early - 2, DELAY_MIN_MS, DELAY_MAX_MS, random) : 0;
}
