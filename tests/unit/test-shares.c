/* What users have of the worker's tables, and that a new worker counts the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker-util.h"
#include "fs/context.h"

#include <fcntl.h>

#define NOFILE 1024u
#define KEPT   (NOFILE / 4) /* of a local tier without file handles */

static uint64_t used(enum share_kind kind)
{
	return atomic_load(&fs.board->shares[kind].used);
}

static struct node *without_handle(uint64_t ino)
{
	struct found found = {.st = {.st_mode = S_IFREG | 0644, .st_dev = 1, .st_ino = ino}};
	char name[32];

	snprintf(name, sizeof(name), "%llu", (unsigned long long)ino);
	return node_intern_local(0, name, &found, true);
}

/* Looks new names up until there is no more. Returns how many. */
static uint32_t look_up_all(uid_t uid, uint64_t from)
{
	uint32_t n = 0;

	call.uid = uid;
	while (n < KEPT * 2 && without_handle(from + n))
		n++;
	return n;
}

static void names_of_one_and_another(void)
{
	shares_init(NOFILE, 16, false, room_whole());
	CHECK(look_up_all(1001, 1000) == (KEPT - KEPT / 8) / 2);
	CHECK(atomic_load(&fs.board->shares[SHARE_KEPT].refused) == 1);
	CHECK(atomic_load(&fs.board->shares[SHARE_KEPT].refused_uid) == 1001);
	CHECK(without_handle(1000) != NULL); /* what is known stays known */
	CHECK(look_up_all(1002, 5000) == (KEPT - KEPT / 8) / 4);
	CHECK(look_up_all(0, 9000) > KEPT / 8);
	CHECK(used(SHARE_KEPT) == KEPT);
}

static void what_is_forgotten_comes_back(void)
{
	struct node *first;
	uint64_t before;

	shares_init(NOFILE, 16, false, room_whole());
	call.uid = 1001;
	first = without_handle(1);
	CHECK(first && first->taker == 1001);
	before = used(SHARE_NODES);
	node_forget(first, 1);
	CHECK(used(SHARE_NODES) == before - 1);
	CHECK(used(SHARE_KEPT) == 0);
}

static struct handle *open_one(void)
{
	if (!handle_admit())
		return NULL;
	return handle_new(0, HANDLE_DIRECTORY, NODE_LOCAL, O_RDONLY, -1, 0, HANDLE_NAMED);
}

static uint32_t open_all(uid_t uid)
{
	uint32_t n = 0;

	call.uid = uid;
	while (n < NOFILE && open_one())
		n++;
	handle_end_request();
	return n;
}

static void open_files_of_one_and_another(void)
{
	uint64_t capacity, first;

	shares_init(NOFILE, 16, true, room_whole());
	capacity = atomic_load(&fs.board->shares[SHARE_OPEN_FILES].capacity);
	CHECK(capacity * 2 + 16 < NOFILE);
	first = open_all(1001);
	CHECK(first == (capacity - capacity / 8) / 2);
	CHECK(open_all(1001) == 0);
	CHECK(open_all(1002) >= first / 2 - 1);
	CHECK(open_all(0) >= capacity / 8);
	CHECK(used(SHARE_OPEN_FILES) == capacity);
	CHECK(!handle_admit());
}

/* The next worker, which has the same limit. */
static void counted_again(void)
{
	uint64_t taken = used(SHARE_OPEN_FILES);

	shares_init(NOFILE, 16, true, room_whole());
	CHECK(handle_init() == 0);
	CHECK(used(SHARE_OPEN_FILES) == taken);
	CHECK(open_all(1001) == 0);
	for (uint32_t i = 0; i < atomic_load(&fs.arena->handles_used); i++)
		if (fs.arena->handles[i].uid == 1001)
			handle_release(&fs.arena->handles[i]);
	CHECK(open_all(1001) > 0);
}

static void an_open_that_fails(void)
{
	shares_init(NOFILE, 16, true, room_whole());
	call.uid = 1001;
	CHECK(handle_admit());
	CHECK(handle_admit()); /* once for a request, however often it is asked */
	CHECK(used(SHARE_OPEN_FILES) == 1);
	handle_end_request();
	CHECK(used(SHARE_OPEN_FILES) == 0);
}

static void memory_of_listings(void)
{
	struct handle *h;
	uint64_t capacity;

	shares_init(NOFILE, 16, true, room_whole());
	capacity = atomic_load(&fs.board->shares[SHARE_LISTING_KIB].capacity);
	call.uid = 1001;
	h = open_one();
	CHECK(h != NULL);
	CHECK(handle_count_listing(h, 100));
	CHECK(handle_count_listing(h, 40));
	CHECK(used(SHARE_LISTING_KIB) == 40);
	CHECK(!handle_count_listing(h, (uint32_t)(capacity * 2 / 3)));
	CHECK(used(SHARE_LISTING_KIB) == 40);
	/* What it has counts for what it is to have. */
	CHECK(handle_count_listing(h, (uint32_t)(capacity * 2 / 5)));
	CHECK(handle_count_listing(h, (uint32_t)(capacity * 21 / 50)));
	CHECK(used(SHARE_LISTING_KIB) == (uint32_t)(capacity * 21 / 50));
	CHECK(handle_count_listing(h, 40) && used(SHARE_LISTING_KIB) == 40);
	handle_release(h);
	CHECK(used(SHARE_LISTING_KIB) == 0);
	CHECK(used(SHARE_OPEN_FILES) == 0);
}

static uint32_t enter_all(uid_t uid)
{
	uint32_t n = 0;

	while (shares_enter(0, uid, false))
		n++;
	return n;
}

static void places_in_a_backend(void)
{
	fs.board->config.backends[0].max_inflight = 128;
	shares_init(NOFILE, 16, true, room_whole());
	CHECK(enter_all(1001) == 56);
	CHECK(!shares_has_place(0, 1001) && shares_has_place(0, 1002));
	CHECK(enter_all(1002) == 28);
	CHECK(enter_all(0) == 44);
	CHECK(atomic_load(&fs.board->backends[0].inflight) == 128);
	CHECK(!shares_enter(0, 1003, false) && shares_enter(0, 1003, true));
	shares_leave(0, 1003);
	for (uint32_t i = 0; i < 44; i++)
		shares_leave(0, 0);
	CHECK(enter_all(1001) == 0);
	for (uint32_t i = 0; i < 28; i++)
		shares_leave(0, 1002);
	CHECK(shares_enter(0, 1003, false));
	shares_leave(0, 1001);
	shares_leave(0, 1001);
	CHECK(enter_all(1001) == 1); /* he had more than is his beside another */
}

static void many_users_are_one(void)
{
	shares_init(NOFILE, 16, true, room_whole());
	for (uid_t uid = 1; uid < 5000; uid++)
		if (shares_take(SHARE_LISTING_KIB, uid, 1))
			shares_give_back(SHARE_LISTING_KIB, uid, 1);
	CHECK(used(SHARE_LISTING_KIB) == 0);
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(names_of_one_and_another)
WORKER_TEST(what_is_forgotten_comes_back)
WORKER_TEST(an_open_that_fails)
WORKER_TEST(memory_of_listings)
WORKER_TEST(places_in_a_backend)
WORKER_TEST(many_users_are_one)

static void test_open_files(void **state)
{
	(void)state;
	assert_int_equal(as_worker(open_files_of_one_and_another), 0);
	assert_int_equal(as_worker(counted_again), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_names_of_one_and_another),
	    TEST(test_what_is_forgotten_comes_back),
	    TEST(test_open_files),
	    TEST(test_an_open_that_fails),
	    TEST(test_memory_of_listings),
	    TEST(test_places_in_a_backend),
	    TEST(test_many_users_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
