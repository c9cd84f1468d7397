/* pattern.h: blocks whose every word tells which thread, which place and which version it was written for, so
 * that a wrong block can be told apart: old, torn, from elsewhere, or nothing that was ever written. */
#ifndef TESTS_PATTERN_H
#define TESTS_PATTERN_H

#include <stdio.h>
#include <string.h>
#include "base/base.h"

#define BLOCK 4096

#define SCATTER	  0x9e3779b97f4a7c15ull
#define UNSCATTER 0xf1de83e19937733dull /* its inverse modulo 2^64 */

#define STEP	 6364136223846793005ull
#define UNSTEP	 0xc097ef87329e28a5ull
#define STEP_ADD 1442695040888963407ull

static inline void fill_block(unsigned char *block, unsigned thread, unsigned index, uint64_t version)
{
	uint64_t x = (version << 16 ^ (uint64_t)thread << 8 ^ index) * SCATTER;

	for (size_t i = 0; i < BLOCK; i += sizeof(x)) {
		memcpy(block + i, &x, sizeof(x));
		x = x * STEP + STEP_ADD;
	}
}

/* The version that word k of a block belongs to; 0 if to none of this place. */
static inline uint64_t word_version(const unsigned char *block, size_t k, unsigned thread, unsigned index)
{
	uint64_t x;

	memcpy(&x, block + k * sizeof(x), sizeof(x));
	while (k-- > 0)
		x = (x - STEP_ADD) * UNSTEP;
	x = x * UNSCATTER ^ ((uint64_t)thread << 8 ^ index);
	return x & 0xffff ? 0 : x >> 16;
}

/* Which versions lie where in a block: "bytes 0-1023 of 12, 1024-4095 of 11". */
static inline void describe_block(const unsigned char *block, unsigned thread, unsigned index, char *text,
				  size_t size)
{
	size_t words = BLOCK / sizeof(uint64_t), used = 0;

	for (size_t k = 0, first = 0; k < words && used < size; k++) {
		uint64_t version = word_version(block, k, thread, index);

		if (k + 1 < words && word_version(block, k + 1, thread, index) == version)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%zu-%zu of %llu",
					 used ? ", " : "bytes ", first * sizeof(uint64_t),
					 k * sizeof(uint64_t) + 7, (unsigned long long)version);
		first = k + 1;
	}
}

#endif
