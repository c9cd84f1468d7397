/* The heap of names in the arena. A 64 KiB page has chunks of one size. Free chunks are known in private
 * memory, rebuilt by each worker: no crash damages a free list. */
#ifndef GUARDFS_SHM_NAME_H
#define GUARDFS_SHM_NAME_H

#include "base/base.h"
#include <stdatomic.h>

#define NAME_LENGTH_MAX 255
#define NAME_PAGE_SIZE	(64u << 10)
#define NAME_PAGES	8192u /* address space: 512 MiB */

/* A reference is the chunk's offset / 16 + 1; 0: no name. A chunk holds a length byte, the bytes, and NUL. */
struct name_heap {
	_Atomic uint32_t pages_used;
	uint8_t page_class[NAME_PAGES];
	_Alignas(4096) uint8_t bytes[NAME_PAGES][NAME_PAGE_SIZE];
};

/* "" for 0 or a reference out of range. */
const char *name_get(const struct name_heap *heap, uint32_t ref);

/* Is ref a whole, non-empty name? Survives any content. */
bool name_is_valid(const struct name_heap *heap, uint32_t ref);

/* In private memory. One caller at a time. */
struct name_allocator;

/* All chunks are free until name_mark_used. NULL: out of memory. */
struct name_allocator *name_allocator_new(struct name_heap *heap);
void name_allocator_free(struct name_allocator *a);

/* For rebuilding. -EINVAL: no chunk, or marked twice. */
errint_t name_mark_used(struct name_allocator *a, uint32_t ref);

/* 1..255 bytes without NUL. Returns the reference; 0: heap full, or out of memory. */
uint32_t name_store(struct name_allocator *a, const char *name, size_t length);
void name_release(struct name_allocator *a, uint32_t ref);

#endif
