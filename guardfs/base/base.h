/* base.h: what every module of guardfs may assume: libc only, no domain words. */
#ifndef GUARDFS_BASE_H
#define GUARDFS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A function that returns errint_t returns 0, or a negative errno; never anything else. */
typedef int errint_t;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Their arguments are evaluated twice: nothing with an effect in them (make lint looks for some). */
#define MIN(a, b)	  ((a) < (b) ? (a) : (b))
#define MAX(a, b)	  ((a) > (b) ? (a) : (b))
#define NSEC_PER_SEC	  1000000000ull
#define NSEC_PER_MSEC	  1000000ull
#define MSEC_PER_SEC	  1000ull
#define CACHE_LINE	  64
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define WARN_UNUSED	  __attribute__((warn_unused_result))

/* Copies src into dst of the given size, always terminated. Returns 0, or -ENAMETOOLONG when it did not fit
 * (dst then holds what did). Any thread. */
errint_t copy_string(char *dst, size_t size, const char *src);

/* "500K", "20M", "1G" to bytes per second. 0, or -EINVAL (also for 0 of them). Any thread. */
errint_t parse_rate(const char *text, uint64_t *rate) WARN_UNUSED;

/* 64-bit FNV-1a over n bytes, continuing from seed. Not for hostile keys in unbounded tables without a random
 * seed. */
static inline uint64_t hash_bytes(uint64_t seed, const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = seed ^ 0xcbf29ce484222325ull;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h ^ (h >> 29);
}

#endif
