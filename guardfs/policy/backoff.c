#include "policy/backoff.h"

/* Stays within max_ms, so never overflows. */
static uint64_t doubled(uint32_t attempt, uint64_t min_ms, uint64_t max_ms)
{
	uint64_t ms = min_ms;

	while (attempt-- > 0 && ms < max_ms) {
		if (ms > max_ms / 2)
			return max_ms;
		ms = ms ? ms * 2 : 1;
	}
	return MIN(ms, max_ms);
}

uint64_t backoff_delay_ms(uint32_t attempt, uint64_t min_ms, uint64_t max_ms, uint32_t random)
{
	uint64_t ms = doubled(attempt, min_ms, max_ms);
	uint64_t quarter = ms / 4;

	/* 3/4 plus up to half, from the product's upper part: width is below 2^63. */
	uint64_t width = quarter * 2;
	uint64_t spread = (width >> 32) * random + (((width & 0xffffffffu) * random) >> 32);

	ms = ms - quarter + spread;
	ms = MIN(ms, max_ms);
	return MAX(ms, 1u);
}
