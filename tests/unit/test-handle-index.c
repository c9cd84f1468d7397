/* The open files of a node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker-util.h"
#include "fs/handle_index.h"

#include <fcntl.h>

static struct handle *open_of(uint32_t node)
{
	return handle_new(node, HANDLE_FILE, NODE_LOCAL, O_RDONLY, open("/dev/null", O_RDONLY), 0,
			  HANDLE_NAMED);
}

static bool count(struct handle *h, void *arg)
{
	uint32_t *n = arg;

	CHECK(h->node < NODE_MAX);
	++*n;
	return true;
}

static uint32_t open_files_of(uint32_t node)
{
	uint32_t n = 0;

	CHECK(handle_index_each(node, count, &n));
	return n;
}

static bool stop(struct handle *h, void *arg)
{
	*(struct handle **)arg = h;
	return false;
}

/* Of two nodes that share a chain as well. */
static void each_has_its_own(void)
{
	struct handle *h[6], *seen = NULL;
	const uint32_t a = 5, b = 5 + HANDLE_MAX;

	for (unsigned i = 0; i < 6; i++)
		h[i] = open_of(i % 2 ? a : b);
	CHECK(open_files_of(a) == 3 && open_files_of(b) == 3);
	CHECK(open_files_of(6) == 0);
	CHECK(!handle_index_each(a, stop, &seen) && seen->node == a);
	handle_release(h[3]); /* from the middle, the end, the beginning */
	handle_release(h[0]);
	handle_release(h[5]);
	CHECK(open_files_of(a) == 1 && open_files_of(b) == 2);
	handle_release(h[1]);
	handle_release(h[2]);
	handle_release(h[4]);
	CHECK(open_files_of(a) == 0 && open_files_of(b) == 0);
	CHECK(handle_find(a, false) == NULL);
}

/* A draft, or a version that a reader keeps, is no way to the file: its descriptor may be closed at any moment. */
static void a_draft_is_not_found(void)
{
	struct handle *h = open_of(5);

	atomic_store(&h->draft, DRAFT_KEPT);
	CHECK(handle_find(5, false) == NULL && atomic_load(&h->users) == 0);
	atomic_store(&h->draft, DRAFT_NONE);
	CHECK(handle_find(5, false) == h);
	handle_put(h);
}

/* Its last descriptor is closed, and it is not published yet: nobody frees it, whoever sweeps. */
static void what_is_to_be_published_stays(void)
{
	struct handle *h = open_of(5);

	atomic_store(&h->draft, DRAFT_NEW);
	atomic_store(&h->draft_last, LAST_DUE);
	handle_retire(h);
	handle_finish(h);
	handle_sweep(h->backend);
	CHECK(handle_get(handle_id(h, handle_number(h))) == h);
	handle_put(h);
	CHECK(atomic_load(&h->state) == HANDLE_LIVE && open_files_of(5) == 1);
	atomic_store(&h->draft_last, LAST_NONE);
	handle_sweep(h->backend);
	CHECK(atomic_load(&h->state) == HANDLE_FREE && open_files_of(5) == 0);
}

/* A RELEASE that is run again meets the thread that frees the handle: two opens would get the same one. */
static void what_is_freed_is_freed_once(void)
{
	struct handle *h = open_of(5);

	handle_retire(h);
	handle_finish(h);
	CHECK(atomic_load(&h->state) == HANDLE_FREE);
	handle_retire(h);
	handle_finish(h);
	CHECK(open_of(6) != open_of(7));
}

static void left_open(void)
{
	CHECK(open_of(5) && open_of(5) && open_of(7));
}

static void found_again(void)
{
	struct handle *h = handle_find(5, false);

	CHECK(open_files_of(5) == 2 && open_files_of(7) == 1);
	CHECK(h && h->node == 5 && atomic_load(&h->users) == 1);
	handle_retire(h);
	CHECK(handle_find(5, false) != h);
	handle_put(h);
	CHECK(open_files_of(5) == 1);
}

static void test_each_has_its_own(void **state)
{
	(void)state;
	assert_int_equal(as_worker(each_has_its_own), 0);
}

static void test_the_next_worker_finds_them(void **state)
{
	(void)state;
	assert_int_equal(as_worker(left_open), 0);
	assert_int_equal(as_worker(found_again), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_arena, teardown_arena)

static void test_a_draft_is_not_found(void **state)
{
	(void)state;
	assert_int_equal(as_worker(a_draft_is_not_found), 0);
}

static void test_what_is_to_be_published_stays(void **state)
{
	(void)state;
	assert_int_equal(as_worker(what_is_to_be_published_stays), 0);
}

static void test_what_is_freed_is_freed_once(void **state)
{
	(void)state;
	assert_int_equal(as_worker(what_is_freed_is_freed_once), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_each_has_its_own),
	    TEST(test_a_draft_is_not_found),
	    TEST(test_what_is_to_be_published_stays),
	    TEST(test_what_is_freed_is_freed_once),
	    TEST(test_the_next_worker_finds_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
