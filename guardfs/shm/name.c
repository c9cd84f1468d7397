/* name.c: see name.h. A chunk's size follows from its page, so nothing in the heap is trusted for it. */
#include "shm/name.h"

#include <errno.h>
#include <stdlib.h>

#define UNIT	    16u /* references count these */
#define PAGE_UNITS  (NAME_PAGE_SIZE / UNIT)
#define CHUNKS_MAX  PAGE_UNITS
#define NO_PAGE	    UINT32_MAX
#define CLASS_COUNT ARRAY_SIZE(class_size)

/* Chunk sizes; the last holds the longest name with length byte and NUL. */
static const uint16_t class_size[] = {16, 32, 64, 128, 272};

_Static_assert(272 >= NAME_LENGTH_MAX + 2, "the longest name must fit the largest chunk");
_Static_assert((uint64_t)NAME_PAGES *PAGE_UNITS < UINT32_MAX, "references must fit 32 bits");

struct page {
	uint64_t *used;
	uint32_t n_used;
	/* The lowest word of used with a free bit, or lower. */
	uint32_t low_word;
	/* In the list of its size; NO_PAGE at the end. */
	uint32_t next;
	bool listed;
};

struct name_allocator {
	struct name_heap *heap;
	/* Pages that may have free chunks. */
	uint32_t open_pages[CLASS_COUNT];
	struct page pages[NAME_PAGES];
};

struct place {
	uint32_t page, chunk;
	unsigned size_class;
};

static uint32_t pages_used(const struct name_heap *heap)
{
	uint32_t n = atomic_load_explicit(&heap->pages_used, memory_order_acquire);

	return MIN(n, NAME_PAGES);
}

static uint32_t chunks_per_page(unsigned size_class)
{
	return NAME_PAGE_SIZE / class_size[size_class];
}

static bool locate(const struct name_heap *heap, uint32_t ref, struct place *at)
{
	uint32_t unit = ref - 1;
	uint32_t offset = unit % PAGE_UNITS * UNIT;

	if (ref == 0 || unit / PAGE_UNITS >= pages_used(heap))
		return false;
	at->page = unit / PAGE_UNITS;
	at->size_class = heap->page_class[at->page];
	if (at->size_class >= CLASS_COUNT || offset % class_size[at->size_class] != 0)
		return false;
	at->chunk = offset / class_size[at->size_class];
	return at->chunk < chunks_per_page(at->size_class);
}

static uint32_t reference(const struct place *at)
{
	return at->page * PAGE_UNITS + at->chunk * class_size[at->size_class] / UNIT + 1;
}

static const uint8_t *chunk_bytes(const struct name_heap *heap, const struct place *at)
{
	return heap->bytes[at->page] + at->chunk * class_size[at->size_class];
}

const char *name_get(const struct name_heap *heap, uint32_t ref)
{
	struct place at;
	const uint8_t *chunk;

	if (!locate(heap, ref, &at))
		return "";
	chunk = chunk_bytes(heap, &at);
	/* Damage, at which a reader would leave the heap. */
	if (chunk[0] + 2u > class_size[at.size_class] || chunk[chunk[0] + 1] != '\0')
		return "";
	return (const char *)chunk + 1;
}

bool name_is_valid(const struct name_heap *heap, uint32_t ref)
{
	const char *name = name_get(heap, ref);

	/* The length byte before the first character; "" has none. */
	return *name && strlen(name) == (uint8_t)name[-1];
}

static void list_page(struct name_allocator *a, uint32_t index)
{
	unsigned size_class = a->heap->page_class[index];

	a->pages[index].next = a->open_pages[size_class];
	a->pages[index].listed = true;
	a->open_pages[size_class] = index;
}

static errint_t track_page(struct name_allocator *a, uint32_t index)
{
	unsigned size_class = a->heap->page_class[index];

	if (size_class >= CLASS_COUNT)
		return 0; /* damaged: no reference into it is valid */
	a->pages[index].used = calloc((chunks_per_page(size_class) + 63) / 64, sizeof(uint64_t));
	if (!a->pages[index].used)
		return -ENOMEM;
	list_page(a, index);
	return 0;
}

struct name_allocator *name_allocator_new(struct name_heap *heap)
{
	struct name_allocator *a = calloc(1, sizeof(*a));
	uint32_t n = pages_used(heap);

	if (!a)
		return NULL;
	a->heap = heap;
	for (size_t size_class = 0; size_class < CLASS_COUNT; size_class++)
		a->open_pages[size_class] = NO_PAGE;
	/* Backwards: lists begin with the lowest pages, and the heap stays dense. */
	while (n-- > 0) {
		if (track_page(a, n) < 0) {
			name_allocator_free(a);
			return NULL;
		}
	}
	return a;
}

void name_allocator_free(struct name_allocator *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < NAME_PAGES; i++)
		free(a->pages[i].used);
	free(a);
}

errint_t name_mark_used(struct name_allocator *a, uint32_t ref)
{
	struct place at;
	struct page *page;
	uint64_t bit;

	if (!locate(a->heap, ref, &at))
		return -EINVAL;
	page = &a->pages[at.page];
	bit = 1ull << at.chunk % 64;
	if (!page->used || page->used[at.chunk / 64] & bit)
		return -EINVAL;
	page->used[at.chunk / 64] |= bit;
	page->n_used++;
	return 0;
}

static unsigned class_for(size_t length)
{
	unsigned size_class = 0;

	while (length + 2 > class_size[size_class])
		size_class++;
	return size_class;
}

static errint_t add_page(struct name_allocator *a, unsigned size_class)
{
	uint32_t index = pages_used(a->heap);
	errint_t rc;

	if (index == NAME_PAGES)
		return -ENOSPC;
	a->heap->page_class[index] = (uint8_t)size_class;
	rc = track_page(a, index);
	if (rc == 0)
		atomic_store_explicit(&a->heap->pages_used, index + 1, memory_order_release);
	return rc;
}

/* NO_PAGE: none. Full pages leave the list here: marking, in any order, would have to search it. */
static uint32_t page_with_room(struct name_allocator *a, unsigned size_class)
{
	uint32_t index;

	while ((index = a->open_pages[size_class]) != NO_PAGE) {
		struct page *page = &a->pages[index];

		if (page->n_used < chunks_per_page(size_class))
			break;
		a->open_pages[size_class] = page->next;
		page->listed = false;
	}
	return index;
}

static uint32_t take_chunk(struct page *page)
{
	uint32_t word = page->low_word;
	uint32_t bit;

	while (page->used[word] == UINT64_MAX)
		word++;
	bit = (uint32_t)__builtin_ctzll(~page->used[word]);
	page->used[word] |= 1ull << bit;
	page->low_word = word;
	page->n_used++;
	return word * 64 + bit;
}

uint32_t name_store(struct name_allocator *a, const char *name, size_t length)
{
	struct place at;
	uint8_t *chunk;

	if (length == 0 || length > NAME_LENGTH_MAX || memchr(name, '\0', length))
		return 0;
	at.size_class = class_for(length);
	at.page = page_with_room(a, at.size_class);
	if (at.page == NO_PAGE) {
		if (add_page(a, at.size_class) < 0)
			return 0;
		at.page = page_with_room(a, at.size_class);
	}
	at.chunk = take_chunk(&a->pages[at.page]);
	chunk = a->heap->bytes[at.page] + at.chunk * class_size[at.size_class];
	chunk[0] = (uint8_t)length;
	memcpy(chunk + 1, name, length);
	chunk[length + 1] = '\0';
	return reference(&at);
}

void name_release(struct name_allocator *a, uint32_t ref)
{
	struct place at;
	struct page *page;
	uint64_t bit;

	if (!locate(a->heap, ref, &at))
		return;
	page = &a->pages[at.page];
	bit = 1ull << at.chunk % 64;
	if (!page->used || !(page->used[at.chunk / 64] & bit))
		return;
	page->used[at.chunk / 64] &= ~bit;
	page->n_used--;
	page->low_word = MIN(page->low_word, at.chunk / 64);
	if (!page->listed)
		list_page(a, at.page);
}
