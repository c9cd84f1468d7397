/* The heap of names: sizes, reuse, rebuild after a crash, and content that makes no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shm/name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define REFERENCES_PER_PAGE (NAME_PAGE_SIZE / 16)

static struct name_heap *heap;

static int setup(void **state)
{
	(void)state;
	heap = mmap(NULL, sizeof(*heap), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	return heap == MAP_FAILED;
}

static int teardown(void **state)
{
	(void)state;
	return munmap(heap, sizeof(*heap));
}

static void stores_every_length(void **state)
{
	struct name_allocator *a = name_allocator_new(heap);
	uint32_t refs[NAME_LENGTH_MAX + 1];
	char name[NAME_LENGTH_MAX + 1];

	(void)state;
	for (size_t n = 1; n <= NAME_LENGTH_MAX; n++) {
		memset(name, 'a' + (int)(n % 26), n);
		refs[n] = name_store(a, name, n);
		assert_int_not_equal(refs[n], 0);
	}
	for (size_t n = 1; n <= NAME_LENGTH_MAX; n++) {
		const char *got = name_get(heap, refs[n]);

		assert_int_equal(strlen(got), n);
		assert_int_equal(got[0], 'a' + (int)(n % 26));
		assert_true(name_is_valid(heap, refs[n]));
	}
	assert_int_equal(name_store(a, "", 0), 0);
	assert_int_equal(name_store(a, name, NAME_LENGTH_MAX + 1), 0);
	assert_int_equal(name_store(a, "a\0b", 3), 0);
	name_allocator_free(a);
	name_allocator_free(NULL);
}

static void reuses_what_is_released(void **state)
{
	struct name_allocator *a = name_allocator_new(heap);
	uint32_t first = name_store(a, "one", 3);

	(void)state;
	assert_int_not_equal(name_store(a, "two", 3), first);
	name_release(a, first);
	assert_int_equal(name_store(a, "three", 5), first);
	name_release(a, first);
	name_release(a, first); /* twice is harmless */
	name_release(a, 0);
	name_release(a, UINT32_MAX);
	assert_int_equal(name_store(a, "four", 4), first);
	assert_int_not_equal(name_store(a, "five", 4), first);
	name_allocator_free(a);
}

/* More names than a page holds, released in part, stored again: pages must be found again after having been
 * full. */
static void fills_and_refills_pages(void **state)
{
	enum { COUNT = 10000 };
	struct name_allocator *a = name_allocator_new(heap);
	uint32_t *refs = calloc(COUNT, sizeof(*refs));
	char name[16];
	uint32_t pages;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		refs[i] = name_store(a, name, (size_t)snprintf(name, sizeof(name), "n%d", i));
		assert_int_not_equal(refs[i], 0);
	}
	pages = heap->pages_used;
	assert_int_equal(pages, (COUNT + REFERENCES_PER_PAGE - 1) / REFERENCES_PER_PAGE);
	for (int i = 0; i < COUNT; i += 3)
		name_release(a, refs[i]);
	for (int i = 0; i < COUNT; i += 3)
		refs[i] = name_store(a, name, (size_t)snprintf(name, sizeof(name), "n%d", i));
	assert_int_equal(heap->pages_used, pages);
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_string_equal(name_get(heap, refs[i]), name);
	}
	free(refs);
	name_allocator_free(a);
}

static void rebuilds_from_references(void **state)
{
	struct name_allocator *a = name_allocator_new(heap);
	uint32_t kept = name_store(a, "kept", 4);
	uint32_t lost = name_store(a, "lost", 4);

	(void)state;
	name_allocator_free(a);
	a = name_allocator_new(heap);
	assert_int_equal(name_mark_used(a, kept), 0);
	assert_int_equal(name_mark_used(a, kept), -EINVAL);
	assert_int_equal(name_mark_used(a, 0), -EINVAL);
	assert_int_equal(name_mark_used(a, UINT32_MAX), -EINVAL);
	assert_int_equal(name_mark_used(a, REFERENCES_PER_PAGE + 1), -EINVAL); /* a page never used */
	assert_int_equal(name_store(a, "new", 3), lost);
	assert_string_equal(name_get(heap, kept), "kept");
	name_allocator_free(a);
}

static void rejects_references_between_chunks(void **state)
{
	struct name_allocator *a = name_allocator_new(heap);
	uint32_t ref = name_store(a,
				  "a name that needs thirty-two bytes"
				  "... or even more than that, indeed",
				  68);

	(void)state;
	assert_int_equal(name_mark_used(a, ref + 1), -EINVAL);
	assert_string_equal(name_get(heap, ref + 1), "");
	name_allocator_free(a);
}

static void survives_damage(void **state)
{
	struct name_allocator *a = name_allocator_new(heap);
	uint32_t ref = name_store(a, "name", 4);

	(void)state;
	heap->bytes[0][0] = 200; /* longer than its chunk */
	assert_string_equal(name_get(heap, ref), "");
	heap->bytes[0][0] = 4;
	heap->bytes[0][2] = '\0';
	assert_false(name_is_valid(heap, ref));
	heap->bytes[0][5] = 'x';
	assert_string_equal(name_get(heap, ref), "");
	heap->page_class[0] = 77;
	assert_string_equal(name_get(heap, ref), "");
	name_allocator_free(a);
	a = name_allocator_new(heap);
	assert_int_equal(name_mark_used(a, ref), -EINVAL);
	assert_int_equal(name_store(a, "name", 4), REFERENCES_PER_PAGE + 1);
	heap->pages_used = UINT32_MAX;
	assert_string_equal(name_get(heap, UINT32_MAX), "");
	name_allocator_free(a);
}

static void says_when_full(void **state)
{
	struct name_allocator *a = name_allocator_new(heap);

	(void)state;
	heap->pages_used = NAME_PAGES;
	assert_int_equal(name_store(a, "name", 4), 0);
	name_allocator_free(a);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(stores_every_length),
	    TEST(reuses_what_is_released),
	    TEST(fills_and_refills_pages),
	    TEST(rebuilds_from_references),
	    TEST(rejects_references_between_chunks),
	    TEST(survives_damage),
	    TEST(says_when_full),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
