#include "policy/readahead.h"

#define WITHIN_MS 250u

uint32_t readahead_kib(uint64_t rate, uint32_t least_kib, uint32_t most_kib)
{
	uint64_t wanted = rate / MSEC_PER_SEC * WITHIN_MS / 1024, kib = 1;

	while (kib * 2 <= MIN(wanted, (uint64_t)most_kib))
		kib *= 2;
	return (uint32_t)MAX(kib, (uint64_t)least_kib);
}
