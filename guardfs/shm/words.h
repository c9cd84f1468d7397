/* words.h: copying what other processes may be writing or reading at the same time. Private to shm/. */
#ifndef GUARDFS_SHM_WORDS_H
#define GUARDFS_SHM_WORDS_H

#include "base/base.h"

/* Copies between private memory and the board's that others may be reading or writing at the same time;
 * whether they did is seen from the generation afterwards. Word by word and atomically, for a word itself
 * must never be torn, nor read twice by an optimiser. */
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
