/* name.h: the heap of names in the arena. A 64 KiB page has chunks of one of five sizes. The worker alone
 * knows which chunks are free, and rebuilds that from the live nodes: no crash can damage a free list. */
#ifndef GUARDFS_SHM_NAME_H
#define GUARDFS_SHM_NAME_H

#include "base/base.h"
#include <stdatomic.h>

#define NAME_LENGTH_MAX 255
#define NAME_PAGE_SIZE	(64u << 10)
#define NAME_PAGES	8192u /* 512 MiB of address space */

/* A reference is the chunk's offset in the heap / 16 + 1; 0: no name. A chunk holds a length byte, the
 * bytes, and NUL. */
struct name_heap {
	_Atomic uint32_t pages_used;
	/* Size class of each used page. */
	uint8_t page_class[NAME_PAGES];
	_Alignas(4096) uint8_t bytes[NAME_PAGES][NAME_PAGE_SIZE];
};

/* The name, NUL-terminated; "" for 0 or a reference out of range. */
const char *name_get(const struct name_heap *heap, uint32_t ref);

/* Is ref a whole, non-empty name in a used page? Survives any content of the heap. */
bool name_is_valid(const struct name_heap *heap, uint32_t ref);

/* Allocator over a heap, in private memory. One caller at a time (fs/node.c holds its lock). */
struct name_allocator;

/* Takes every chunk of the used pages for free until name_mark_used. NULL: out of memory. */
struct name_allocator *name_allocator_new(struct name_heap *heap);
void name_allocator_free(struct name_allocator *a);

/* Declares a reference used (rebuild). -EINVAL: no chunk, or marked twice. */
errint_t name_mark_used(struct name_allocator *a, uint32_t ref);

/* Stores a name of 1..255 bytes without NUL. Returns its reference; 0: heap full, or out of memory. */
uint32_t name_store(struct name_allocator *a, const char *name, size_t length);
void name_release(struct name_allocator *a, uint32_t ref);

#endif
