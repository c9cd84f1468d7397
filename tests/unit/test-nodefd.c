/* The cache of node descriptors: never more than the limit, never closed under somebody's hands, found again
 * by a successor. */
#include "backend-util.h"

#include "backend/nodefd.h"

#include <pthread.h>

static struct place *place;

static int open_some(void)
{
	int fd = open("/", O_PATH);

	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static uint32_t fresh_node(uint8_t backend, uint8_t fh_length)
{
	uint32_t index = place_node(place, backend, NODE_NONE, "", S_IFDIR | 0755);

	place->arena->nodes[index].fh_length = fh_length;
	return index;
}

static int setup(void **state)
{
	(void)state;
	place = place_new();
	return nodefd_init(place->arena, 4);
}

static int teardown(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < place->arena->nodes_used; i++)
		nodefd_drop(place->arena, i);
	place_free(place);
	return 0;
}

static void test_hit_after_offer(void **state)
{
	uint32_t n = fresh_node(NODE_LOCAL, 8);
	int fd = open_some();

	(void)state;
	assert_int_equal(nodefd_pin(place->arena, n, 0), -ENOENT);
	nodefd_offer(place->arena, n, 0, fd);
	assert_int_equal(nodefd_pin(place->arena, n, 0), fd);
	nodefd_unpin(place->arena, n);
	assert_true(is_open(fd));
}

static void test_shed(void **state)
{
	uint32_t used = fresh_node(NODE_LOCAL, 8), idle = fresh_node(NODE_LOCAL, 8),
		 kept = fresh_node(NODE_LOCAL, 0);
	int fds[3] = {open_some(), open_some(), open_some()};

	(void)state;
	nodefd_offer(place->arena, used, 0, fds[0]);
	nodefd_offer(place->arena, idle, 0, fds[1]);
	nodefd_offer(place->arena, kept, 0, fds[2]);
	assert_int_equal(nodefd_pin(place->arena, used, 0), fds[0]);
	assert_false(nodefd_shed(ENOENT));
	assert_true(nodefd_shed(EMFILE));
	assert_true(is_open(fds[0]) && is_open(fds[2]));
	assert_false(is_open(fds[1]));
	assert_false(nodefd_shed(ENFILE));
	nodefd_unpin(place->arena, used);
	assert_true(nodefd_shed(ENFILE));
	assert_false(is_open(fds[0]));
}

static void test_second_offer_is_closed(void **state)
{
	uint32_t n = fresh_node(NODE_LOCAL, 8);
	int first = open_some(), second = open_some();

	(void)state;
	nodefd_offer(place->arena, n, 0, first);
	nodefd_offer(place->arena, n, 0, second);
	assert_true(is_open(first));
	assert_false(is_open(second));
}

static void test_limit_holds(void **state)
{
	unsigned before = count_descriptors();

	(void)state;
	for (int i = 0; i < 100; i++)
		nodefd_offer(place->arena, fresh_node(NODE_LOCAL, 8), 0, open_some());
	assert_int_equal(count_descriptors(), before + 4);
}

static void test_recently_used_survives(void **state)
{
	uint32_t n = fresh_node(NODE_LOCAL, 8);

	(void)state;
	nodefd_offer(place->arena, n, 0, open_some());
	for (int i = 0; i < 3; i++)
		nodefd_offer(place->arena, fresh_node(NODE_LOCAL, 8), 0, open_some());
	assert_true(nodefd_pin(place->arena, n, 0) >= 0);
	nodefd_unpin(place->arena, n);
	nodefd_offer(place->arena, fresh_node(NODE_LOCAL, 8), 0, open_some());
	assert_true(nodefd_pin(place->arena, n, 0) >= 0);
	nodefd_unpin(place->arena, n);
}

static void test_pinned_is_never_evicted(void **state)
{
	uint32_t nodes[4];
	int extra = open_some();

	(void)state;
	for (int i = 0; i < 4; i++) {
		nodes[i] = fresh_node(NODE_LOCAL, 8);
		assert_true(nodefd_adopt(place->arena, nodes[i], 0, open_some()));
	}
	nodefd_offer(place->arena, fresh_node(NODE_LOCAL, 8), 0, extra);
	assert_false(is_open(extra));
	for (int i = 0; i < 4; i++) {
		assert_true(nodefd_pin(place->arena, nodes[i], 0) >= 0);
		nodefd_unpin(place->arena, nodes[i]);
		nodefd_unpin(place->arena, nodes[i]);
	}
}

/* Adopted while there is no room: in use until it is unpinned, then gone. */
static void test_no_room_ends_with_unpin(void **state)
{
	uint32_t n;
	int fd = open_some();

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(nodefd_adopt(place->arena, fresh_node(NODE_LOCAL, 8), 0, open_some()));
	n = fresh_node(NODE_LOCAL, 8);
	assert_true(nodefd_adopt(place->arena, n, 0, fd));
	assert_true(is_open(fd));
	nodefd_unpin(place->arena, n);
	assert_false(is_open(fd));
	assert_int_equal(place->arena->nodes[n].fd, 0);
	for (uint32_t i = n - 4; i < n; i++)
		nodefd_unpin(place->arena, i);
}

static void test_drop_waits_for_last_user(void **state)
{
	uint32_t n = fresh_node(NODE_LOCAL, 8);
	int fd = open_some();

	(void)state;
	assert_true(nodefd_adopt(place->arena, n, 0, fd));
	assert_int_equal(nodefd_pin(place->arena, n, 0), fd);
	nodefd_drop(place->arena, n);
	assert_int_equal(nodefd_pin(place->arena, n, 0), -ENOENT);
	nodefd_unpin(place->arena, n);
	assert_true(is_open(fd));
	nodefd_unpin(place->arena, n);
	assert_false(is_open(fd));
}

static void test_other_epoch_is_replaced(void **state)
{
	uint32_t n = fresh_node(0, 0);
	int old = open_some(), new = open_some();

	(void)state;
	nodefd_offer(place->arena, n, 7, old);
	assert_int_equal(nodefd_pin(place->arena, n, 8), -ENOENT);
	nodefd_offer(place->arena, n, 8, new);
	assert_false(is_open(old));
	assert_int_equal(nodefd_pin(place->arena, n, 8), new);
	nodefd_unpin(place->arena, n);
}

/* A task stuck in the old epoch keeps its descriptor; newcomers have to use one of their own. */
static void test_stale_in_use_stays(void **state)
{
	uint32_t n = fresh_node(0, 0);
	int old = open_some(), new = open_some();

	(void)state;
	assert_true(nodefd_adopt(place->arena, n, 7, old));
	assert_false(nodefd_adopt(place->arena, n, 8, new));
	assert_true(is_open(old));
	assert_true(is_open(new));
	nodefd_unpin(place->arena, n);
	assert_true(nodefd_adopt(place->arena, n, 8, new));
	nodefd_unpin(place->arena, n);
}

static void test_only_handle_is_kept(void **state)
{
	uint32_t kept = fresh_node(NODE_LOCAL, 0);
	int fd = open_some();

	(void)state;
	nodefd_offer(place->arena, kept, 0, fd);
	for (int i = 0; i < 100; i++)
		nodefd_offer(place->arena, fresh_node(NODE_LOCAL, 8), 0, open_some());
	assert_int_equal(nodefd_pin(place->arena, kept, 0), fd);
	nodefd_unpin(place->arena, kept);
}

static void test_successor_inherits(void **state)
{
	uint32_t n = fresh_node(NODE_LOCAL, 8), freed = fresh_node(NODE_LOCAL, 8);
	int fd = open_some(), leaked = open_some();
	unsigned open_before;

	(void)state;
	assert_true(nodefd_adopt(place->arena, n, 0, fd)); /* its user died */
	nodefd_offer(place->arena, freed, 0, leaked);
	atomic_store(&place->arena->nodes[freed].state, NODE_FREE);
	assert_int_equal(nodefd_init(place->arena, 4), 0);
	assert_true(is_open(fd));
	assert_false(is_open(leaked));
	assert_int_equal(nodefd_pin(place->arena, n, 0), fd);
	nodefd_unpin(place->arena, n);
	open_before = count_descriptors();
	for (int i = 0; i < 100; i++)
		nodefd_offer(place->arena, fresh_node(NODE_LOCAL, 8), 0, open_some());
	assert_int_equal(count_descriptors(), open_before + 3);
}

/* A damaged word must not make us close guardian's descriptors. */
static void test_successor_spares_reserved(void **state)
{
	uint32_t n = fresh_node(NODE_LOCAL, 8);

	(void)state;
	atomic_store(&place->arena->nodes[n].fd, (uint64_t)(3 + 1) << 40);
	assert_int_equal(nodefd_init(place->arena, 4), 0);
	assert_true(is_open(3));
	assert_int_equal(place->arena->nodes[n].fd, 0);
}

#define STORM_NODES  16
#define STORM_ROUNDS 20000

static void *storm(void *arg)
{
	uint32_t first = *(uint32_t *)arg;
	unsigned seed = (unsigned)(uintptr_t)pthread_self();

	for (int i = 0; i < STORM_ROUNDS; i++) {
		uint32_t n = first + (uint32_t)rand_r(&seed) % STORM_NODES;
		int fd = nodefd_pin(place->arena, n, 0);

		if (fd < 0) {
			fd = open("/", O_PATH);
			if (!nodefd_adopt(place->arena, n, 0, fd)) {
				close(fd);
				continue;
			}
		}
		if (fcntl(fd, F_GETFD) < 0)
			return (void *)1;
		nodefd_unpin(place->arena, n);
	}
	return NULL;
}

static void test_storm(void **state)
{
	unsigned before = count_descriptors();
	uint32_t first = place->arena->nodes_used;
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < STORM_NODES; i++)
		fresh_node(NODE_LOCAL, 8);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, storm, &first), 0);
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_in_range(count_descriptors(), before, before + 4);
}

static uint32_t mounted_node(void)
{
	uint32_t n = fresh_node(NODE_LOCAL, 0);

	atomic_fetch_or(&place->arena->nodes[n].flags, NODE_MOUNTED);
	return n;
}

static void test_unused_on_a_mount_is_closed(void **state)
{
	uint32_t unused = mounted_node(), used = mounted_node(), inside = mounted_node(),
		 other = fresh_node(NODE_LOCAL, 8);
	int fds[] = {open_some(), open_some(), open_some(), open_some()};

	(void)state;
	assert_false(nodefd_has_mounted());
	nodefd_offer(place->arena, other, 0, fds[0]);
	assert_false(nodefd_has_mounted());
	nodefd_offer(place->arena, unused, 0, fds[1]);
	nodefd_offer(place->arena, used, 0, fds[2]);
	assert_true(nodefd_adopt(place->arena, inside, 0, fds[3]));
	assert_true(nodefd_has_mounted());
	assert_int_equal(nodefd_pin(place->arena, used, 0), fds[2]);
	nodefd_unpin(place->arena, used);
	nodefd_close_mounted(place->arena);
	assert_false(is_open(fds[1]));
	assert_true(is_open(fds[2]) && is_open(fds[3]) && is_open(fds[0]));
	nodefd_close_mounted(place->arena);
	assert_false(is_open(fds[2]));
	assert_true(is_open(fds[3]));
	nodefd_unpin(place->arena, inside);
	assert_true(nodefd_has_mounted());
	nodefd_close_mounted(place->arena);
	assert_false(is_open(fds[3]));
	assert_true(is_open(fds[0]));
	assert_false(nodefd_has_mounted());
}

static void test_what_has_no_name_left_stays(void **state)
{
	uint32_t n = mounted_node();
	int fd = open_some();

	(void)state;
	nodefd_offer(place->arena, n, 0, fd);
	atomic_fetch_or(&place->arena->nodes[n].flags, NODE_KEEPS_FD);
	nodefd_close_mounted(place->arena);
	nodefd_close_mounted(place->arena);
	assert_true(is_open(fd));
}

static void test_room_is_given_back(void **state)
{
	unsigned before = count_descriptors();

	(void)state;
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 6; i++)
			nodefd_offer(place->arena, mounted_node(), 0, open_some());
		nodefd_close_mounted(place->arena);
		assert_int_equal(count_descriptors(), before);
	}
	for (int i = 0; i < 6; i++)
		nodefd_offer(place->arena, fresh_node(NODE_LOCAL, 8), 0, open_some());
	assert_int_equal(count_descriptors(), before + 4);
}

static void test_a_successor_closes_them_too(void **state)
{
	uint32_t n = mounted_node();
	int fd = open_some();

	(void)state;
	assert_true(nodefd_adopt(place->arena, n, 0, fd)); /* never unpinned: its worker dies */
	assert_int_equal(nodefd_init(place->arena, 4), 0);
	assert_true(is_open(fd));
	nodefd_close_mounted(place->arena);
	assert_false(is_open(fd));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_hit_after_offer),
	    TEST(test_second_offer_is_closed),
	    TEST(test_shed),
	    TEST(test_limit_holds),
	    TEST(test_recently_used_survives),
	    TEST(test_pinned_is_never_evicted),
	    TEST(test_no_room_ends_with_unpin),
	    TEST(test_drop_waits_for_last_user),
	    TEST(test_other_epoch_is_replaced),
	    TEST(test_stale_in_use_stays),
	    TEST(test_only_handle_is_kept),
	    TEST(test_successor_inherits),
	    TEST(test_successor_spares_reserved),
	    TEST(test_storm),
	    TEST(test_unused_on_a_mount_is_closed),
	    TEST(test_what_has_no_name_left_stays),
	    TEST(test_room_is_given_back),
	    TEST(test_a_successor_closes_them_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
