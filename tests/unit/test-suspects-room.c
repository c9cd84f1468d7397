/* A note of a suspect file waits for room while keeper is away, and not for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/suspects.h"
#include "worker-util.h"

#include <pthread.h>

#define ROOM_MS 2000u

static struct suspect_table *table;

static const struct suspected lost = {.news = SUSPECT_LOST, .error = EIO, .size = 5};

static void file_one(void)
{
	suspects_file(&fs.guarded[0], 0, &lost);
}

static void fill_the_ring(void)
{
	table = &fs.arena->suspects;
	while (suspect_file(table, &(struct suspect_report){.news = SUSPECT_FAILED, .object = "f"}))
		;
}

static uint32_t n_missed(void)
{
	return atomic_load(&table->missed);
}

/* Keeper, once somebody waits. */
static void *take_one(void *arg)
{
	const struct timespec pause = {.tv_nsec = 50000000};

	(void)arg;
	nanosleep(&pause, NULL); /* sleep-ok: whoever does not wait has given up by then */
	suspect_taken(table);
	suspect_taken(table);
	return NULL;
}

static bool finds_room(void)
{
	uint32_t filed = atomic_load(&table->filed);
	pthread_t keeper;

	CHECK(pthread_create(&keeper, NULL, take_one, NULL) == 0);
	file_one();
	CHECK(pthread_join(keeper, NULL) == 0);
	return atomic_load(&table->filed) != filed;
}

static uint64_t ms_to_file_one(void)
{
	uint64_t begun_ns = clock_mono_ns();

	file_one();
	return (clock_mono_ns() - begun_ns) / NSEC_PER_MSEC;
}

static void a_note_waits_for_room(void)
{
	fill_the_ring();
	CHECK(finds_room() && n_missed() == 0);
}

static void many_that_find_none_wait_once(void)
{
	fill_the_ring();
	CHECK(ms_to_file_one() >= ROOM_MS && n_missed() == 1);
	for (int i = 0; i < 1000; i++)
		file_one();
	CHECK(n_missed() == 1001);
	/* Once there was room they wait again. */
	suspect_taken(table);
	suspect_taken(table);
	file_one();
	CHECK(n_missed() == 1001);
	fill_the_ring();
	CHECK(finds_room() && n_missed() == 1001);
}

/* Nobody but guardian would look after a silent worker, and it would kill it. */
static void the_heartbeat_does_not_wait(void)
{
	fill_the_ring();
	atomic_store(&fs.board->heartbeat_tid, gettid());
	for (int i = 0; i < 1000; i++)
		file_one();
	CHECK(n_missed() == 1000);
	atomic_store(&fs.board->heartbeat_tid, 0);
	CHECK(finds_room());
}

static void a_worker_that_leaves_does_not_wait(void)
{
	fill_the_ring();
	suspects_leave();
	for (int i = 0; i < 1000; i++)
		file_one();
	CHECK(n_missed() == 1000);
}

#define WORKER(fn)                                  \
	static void test_##fn(void **state)         \
	{                                           \
		(void)state;                        \
		assert_int_equal(as_worker(fn), 0); \
	}

WORKER(a_note_waits_for_room)
WORKER(many_that_find_none_wait_once)
WORKER(the_heartbeat_does_not_wait)
WORKER(a_worker_that_leaves_does_not_wait)

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_arena, teardown_arena)
	const struct CMUnitTest tests[] = {
	    TEST(test_a_note_waits_for_room),
	    TEST(test_many_that_find_none_wait_once),
	    TEST(test_the_heartbeat_does_not_wait),
	    TEST(test_a_worker_that_leaves_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
