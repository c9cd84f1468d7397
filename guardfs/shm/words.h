/* Copying what other processes may be reading or writing. Private to shm/. */
#ifndef GUARDFS_SHM_WORDS_H
#define GUARDFS_SHM_WORDS_H

#include "base/base.h"

/* A word must not be torn, nor read twice by an optimiser. The generation tells afterwards whether the copy
 * is whole. */
typedef uint32_t __attribute__((may_alias)) word_t;

static inline void load_words(void *private, const void *shared, size_t n)
{
	const word_t *from = shared;
	word_t *to = private;

	for (size_t i = 0; i < n / sizeof(word_t); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

static inline void store_words(void *shared, const void *private, size_t n)
{
	const word_t *from = private;
	word_t *to = shared;

	for (size_t i = 0; i < n / sizeof(word_t); i++)
		__atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
}

#endif
