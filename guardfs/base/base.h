/* For every module and thread: libc only, no domain words. */
#ifndef GUARDFS_BASE_H
#define GUARDFS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 0 or a negative errno. */
typedef int errint_t;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Arguments are evaluated twice: make lint refuses effects. */
#define MIN(a, b)	  ((a) < (b) ? (a) : (b))
#define MAX(a, b)	  ((a) > (b) ? (a) : (b))
#define NSEC_PER_SEC	  1000000000ull
#define NSEC_PER_MSEC	  1000000ull
#define MSEC_PER_SEC	  1000ull
#define CACHE_LINE	  64
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define WARN_UNUSED	  __attribute__((warn_unused_result))

/* Copies src, terminated. -ENAMETOOLONG: dst holds what fits. */
errint_t copy_string(char *dst, size_t size, const char *src);

/* "500K", "20M", "1G" to bytes per second. -EINVAL: also 0 bytes. */
errint_t parse_rate(const char *text, uint64_t *rate) WARN_UNUSED;

/* 64-bit FNV-1a, continuing from seed. Hostile keys in unbounded tables need a random seed. */
static inline uint64_t hash_bytes(uint64_t seed, const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = seed ^ 0xcbf29ce484222325ull;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h ^ (h >> 29);
}

#endif
