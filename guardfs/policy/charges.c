#include "policy/charges.h"
#include "base/clock.h"
#include "policy/share.h"

#define HOUR_MS (3600 * MSEC_PER_SEC)
#define DAY_MS	(24 * HOUR_MS)

static bool is_within(const struct charge *c, uint64_t window_ms, int64_t now_ns)
{
	return c->at_ns > now_ns - (int64_t)(window_ms * NSEC_PER_MSEC) && c->at_ns <= now_ns;
}

uint32_t charges_count(const struct charges *charges, uint32_t uid, uint64_t window_ms, int64_t now_ns)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < charges->n; i++)
		n += charges->of[i].uid == uid && is_within(&charges->of[i], window_ms, now_ns);
	return n;
}

static uint32_t refusals(const struct charges *charges, uint32_t uid, int64_t now_ns)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < charges->n; i++)
		n += charges->of[i].uid == uid && charges->of[i].refused &&
		     is_within(&charges->of[i], DAY_MS, now_ns);
	return n;
}

void charges_put(struct charges *charges, const struct charge *charge)
{
	charges->of[charges->next] = *charge;
	charges->next = (charges->next + 1) % CHARGES_MAX;
	charges->n += charges->n < CHARGES_MAX;
}

/* Would one more exceed the user's share and CHARGES_MIN? */
static bool has_his_share(const struct charges_budget *budget, uint32_t mine, uint32_t percent)
{
	const struct share_pool pool = {
	    .capacity = budget->cap, .reserve = budget->cap / 8, .percent = percent};

	if (budget->cap == 0 || mine < MAX(MIN((uint32_t)CHARGES_MIN, budget->cap - 1), 1u))
		return false;
	return !share_allows(&pool, MAX(budget->used, mine), mine, 1, false);
}

uint64_t charges_note(struct charges *charges, uint32_t uid, const struct charges_budget *hour,
		      const struct charges_budget *day, uint32_t percent, int64_t now_ns)
{
	struct charge charge = {.at_ns = now_ns, .uid = uid};
	uint32_t in_hour = charges_count(charges, uid, HOUR_MS, now_ns) + 1;
	uint32_t in_day = charges_count(charges, uid, DAY_MS, now_ns) + 1;
	uint32_t doublings = MIN(refusals(charges, uid, now_ns), 16u);

	charge.refused = has_his_share(hour, in_hour, percent) || has_his_share(day, in_day, percent);
	charges_put(charges, &charge);
	return charge.refused ? MIN((uint64_t)CHARGES_FIRST_MS << doublings, (uint64_t)CHARGES_LONGEST_MS)
			      : 0;
}
