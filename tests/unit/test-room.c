/* How many requests may wait, for one backend and for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/room.h"
#include "worker-util.h"

static uint32_t parked(unsigned backend)
{
	return atomic_load(&fs.board->backends[backend].parked);
}

static uint32_t fill(unsigned backend)
{
	uint32_t before = parked(backend);

	while (room_take(backend, 0))
		;
	return parked(backend) - before;
}

static void configure(uint32_t n, uint32_t max_inflight)
{
	fs.board->config.n_backends = n;
	for (uint32_t i = 0; i < n; i++) {
		fs.board->config.backends[i].max_inflight = max_inflight;
		atomic_store(&fs.board->backends[i].parked, 0);
	}
	shares_init(1 << 20, 16, true, room_whole());
	room_restore();
}

static void one_backend_may_have_all(void **state)
{
	(void)state;
	configure(1, 128);
	assert_int_equal(fill(0), SLOT_MAX - 128 - 128);
}

static void one_user_leaves_room_for_another(void **state)
{
	uint32_t whole, first = 0, second = 0;

	(void)state;
	configure(1, 128);
	whole = room_whole();
	while (room_take(0, 1001))
		first++;
	assert_int_equal(first, whole / 2);
	while (room_take(0, 1002))
		second++;
	assert_int_equal(second, whole / 4);
	assert_int_equal(fill(0), whole - first - second);
	assert_false(room_take(0, 0));
	room_give_back(0, 1001);
	assert_int_equal(parked(0), whole - 1);
}

static void a_crowd_leaves_the_shares_of_others(void **state)
{
	uint32_t whole = SLOT_MAX - 128 - 3 * 128, share = whole / 12, first;

	(void)state;
	configure(3, 128);
	first = fill(1);
	assert_int_equal(first, whole - 2 * share);
	assert_int_equal(fill(0), share);
	assert_int_equal(fill(2), share);
	/* What is given back is lent to whoever comes first, beyond the shares. */
	room_give_back(1, 0);
	assert_int_equal(fill(0), 1);
	assert_int_equal(fill(1), 0);
	room_give_back(2, 0);
	assert_int_equal(fill(0), 0);
	assert_int_equal(fill(2), 1);
}

static void limits_that_leave_nothing_leave_something(void **state)
{
	(void)state;
	configure(2, 512);
	assert_int_equal(fill(0), 64 - 8);
	assert_int_equal(fill(1), 8);
}

static void a_successor_counts_what_was_parked(void **state)
{
	uint32_t whole = SLOT_MAX - 128 - 2 * 128, share = whole / 8;

	(void)state;
	configure(2, 128);
	atomic_store(&fs.board->backends[0].parked, whole - share - 1);
	room_restore();
	assert_int_equal(fill(0), 1);
	assert_int_equal(fill(1), share);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_backend_may_have_all),
	    TEST(one_user_leaves_room_for_another),
	    TEST(a_crowd_leaves_the_shares_of_others),
	    TEST(limits_that_leave_nothing_leave_something),
	    TEST(a_successor_counts_what_was_parked),
	};

	return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
