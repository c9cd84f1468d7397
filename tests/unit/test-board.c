/* The board: breaker, details, and the tier map under readers, writers and writers that die. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shm/board.h"
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct board *board;
static struct tiermap copy;

static int setup(void **state)
{
	(void)state;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
		     -1, 0);
	return board == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	return munmap(board, sizeof(*board));
}

static struct route make_route(const char *path, uint8_t backend)
{
	struct route route = {.backend = backend};

	assert_int_equal(copy_string(route.path, sizeof(route.path), path), 0);
	assert_int_equal(copy_string(route.target, sizeof(route.target), path), 0);
	return route;
}

static void add(const char *path, uint8_t backend)
{
	struct route route = make_route(path, backend);

	assert_int_equal(tiermap_add(board_map_begin(board), &route), 0);
	board_map_commit(board);
}

static void gate_opens_once_per_epoch(void **state)
{
	(void)state;
	atomic_store(&board->backends[2].breaker, breaker_word(7, true));
	assert_false(board_trip_breaker(board, 2, 6, ERRCLASS_TIMEOUT, DETECTOR_PROBE));
	assert_false(board_trip_breaker(board, CONFIG_BACKENDS_MAX, 7, ERRCLASS_TIMEOUT, DETECTOR_PROBE));
	assert_true(breaker_is_closed(atomic_load(&board->backends[2].breaker)));
	assert_true(board_trip_breaker(board, 2, 7, ERRCLASS_ABORTED, DETECTOR_PROBE));
	assert_false(board_trip_breaker(board, 2, 7, ERRCLASS_TIMEOUT, DETECTOR_PROBE));
	assert_int_equal(atomic_load(&board->backends[2].opened_class), ERRCLASS_ABORTED);
	assert_false(breaker_is_closed(atomic_load(&board->backends[2].breaker)));
	assert_int_equal(breaker_epoch(atomic_load(&board->backends[2].breaker)), 7);
}

static bool is_young_in(uint64_t ms)
{
	return board_is_outage_young(&board->backends[2], clock_mono_ns() + ms * NSEC_PER_MSEC);
}

static void an_outage_is_young_once(void **state)
{
	struct board_backend *b = &board->backends[2];

	(void)state;
	board->config.patience_ms = 10000;
	atomic_store(&b->state, HEALTH_HEALTHY);
	atomic_store(&b->breaker, breaker_word(7, true));
	assert_true(board_trip_breaker(board, 2, 7, ERRCLASS_SERVER_GONE, DETECTOR_WORKER));
	assert_true(is_young_in(0) && is_young_in(9000) && !is_young_in(10000));
	/* Opened again while its incident is open: as old as that. */
	atomic_store(&b->young_until_ns, 1);
	atomic_store(&b->incident, 5);
	atomic_store(&b->breaker, breaker_word(8, true));
	assert_true(board_trip_breaker(board, 2, 8, ERRCLASS_SERVER_GONE, DETECTOR_WORKER));
	assert_false(is_young_in(0));
	/* Another incident. */
	atomic_store(&b->incident, 0);
	assert_false(board_trip_breaker(board, 2, 8, ERRCLASS_SERVER_GONE, DETECTOR_WORKER));
	assert_false(is_young_in(0));
	atomic_store(&b->breaker, breaker_word(9, true));
	assert_false(board_trip_breaker(board, 2, 8, ERRCLASS_SERVER_GONE, DETECTOR_WORKER));
	assert_false(is_young_in(0));
	assert_true(board_trip_breaker(board, 2, 9, ERRCLASS_SERVER_GONE, DETECTOR_WORKER));
	assert_true(is_young_in(0));
	atomic_store(&b->young_until_ns, 1);
	board_be_patient(board, 2);
	assert_true(is_young_in(0));
	board_be_patient(board, CONFIG_BACKENDS_MAX);
	board->config.patience_ms = 0;
	board_be_patient(board, 2);
	assert_false(is_young_in(0));
}

/* What no time will mend, or an operator has decided, is not waited for. */
static void some_outages_are_never_young(void **state)
{
	struct board_backend *b = &board->backends[2];

	(void)state;
	board->config.patience_ms = 10000;
	board_be_patient(board, 2);
	atomic_store(&b->state, HEALTH_CONNECTING);
	assert_true(is_young_in(0));
	/* While keeper has not seen yet that it is down, the opener's word counts, then keeper's. */
	atomic_store(&b->state, HEALTH_DEGRADED);
	atomic_store(&b->errclass, ERRCLASS_FLAPPING);
	atomic_store(&b->opened_class, ERRCLASS_IDENTITY_MISMATCH);
	assert_false(is_young_in(0));
	board_set_state(b, HEALTH_DOWN, ERRCLASS_SERVER_GONE, 1);
	assert_true(is_young_in(0));
	board_set_state(b, HEALTH_RECOVERING, ERRCLASS_AUTH_FAILED, 1);
	assert_false(is_young_in(0));
	board_set_state(b, HEALTH_EXHAUSTED, ERRCLASS_SERVER_GONE, 1);
	assert_false(is_young_in(0));
	board_set_state(b, HEALTH_HELD, ERRCLASS_NONE, 1);
	assert_false(is_young_in(0));
	atomic_store(&b->state, HEALTH_HEALTHY);
	atomic_store(&b->opened_class, 999); /* of a damaged arena */
	assert_true(is_young_in(0));
}

static void details_are_tame(void **state)
{
	struct board_backend *b = &board->backends[0];
	char text[sizeof(b->detail)], longer[400], tiny[4];

	(void)state;
	board_get_detail(b, text, sizeof(text));
	assert_string_equal(text, "");
	board_set_detail(b, "line\n\033[2Jand more\x7f");
	board_get_detail(b, text, sizeof(text));
	assert_string_equal(text, "line  [2Jand more ");
	board_get_detail(b, tiny, sizeof(tiny));
	assert_string_equal(tiny, "lin");
	/* Cut at 255 bytes, but not within a character of two bytes. */
	memset(longer, 'x', sizeof(longer));
	memcpy(longer + 254, "\xc3\xa4", 2);
	longer[399] = '\0';
	board_set_detail(b, longer);
	board_get_detail(b, text, sizeof(text));
	assert_int_equal(strlen(text), 254);
}

static void details_of_a_dead_writer_are_shown(void **state)
{
	struct board_backend *b = &board->backends[0];
	char text[sizeof(b->detail)];

	(void)state;
	board_set_detail(b, "before");
	atomic_fetch_add(&b->detail_sequence, 1);
	board_get_detail(b, text, sizeof(text));
	assert_string_equal(text, "before");
	board_set_detail(b, "after");
	assert_int_equal(atomic_load(&b->detail_sequence) & 1, 0);
}

static void state_is_published_and_bounded(void **state)
{
	struct board_backend *b = &board->backends[0];

	(void)state;
	board_set_state(b, HEALTH_RECOVERING, ERRCLASS_REFUSED, 12345);
	assert_int_equal(board_state(b), HEALTH_RECOVERING);
	assert_int_equal(board_class(b), ERRCLASS_REFUSED);
	assert_int_equal(atomic_load(&b->since_real_ns), 12345);
	atomic_store(&b->state, 1000);
	atomic_store(&b->errclass, 1000);
	assert_int_equal(board_state(b), HEALTH_DOWN);
	assert_int_equal(board_class(b), ERRCLASS_IO_ERROR);
}

static void map_changes_are_seen(void **state)
{
	uint32_t generation = board_copy_map(board, NULL);

	(void)state;
	add("b", 0);
	add("a", 1);
	assert_int_equal(board_copy_map(board, &copy), generation + 4);
	assert_int_equal(copy.n_routes, 2);
	assert_string_equal(copy.routes[0].path, "a");
	assert_string_equal(copy.routes[1].path, "b");
	assert_int_equal(atomic_load(&board->map_lock), 0);
}

static void states_move_with_their_routes(void **state)
{
	(void)state;
	board_set_state(&board->backends[0], HEALTH_HEALTHY, ERRCLASS_NONE, 1);
	board_set_state(&board->backends[1], HEALTH_DOWN, ERRCLASS_REFUSED, 1);
	add("m", 0);
	assert_int_equal(atomic_load(&board->routes[0].state), HEALTH_HEALTHY);
	atomic_store(&board->routes[0].state, HEALTH_DEGRADED);
	atomic_store(&board->routes[0].error, EIO);
	atomic_store(&board->routes[0].since_real_ns, 77);
	add("a", 1); /* sorts before it */
	assert_int_equal(atomic_load(&board->routes[0].state), HEALTH_DOWN);
	assert_int_equal(atomic_load(&board->routes[0].errclass), ERRCLASS_REFUSED);
	assert_int_equal(atomic_load(&board->routes[0].error), 0);
	assert_int_equal(atomic_load(&board->routes[1].state), HEALTH_DEGRADED);
	assert_int_equal(atomic_load(&board->routes[1].error), EIO);
	assert_int_equal(atomic_load(&board->routes[1].since_real_ns), 77);
	assert_int_equal(tiermap_remove(board_map_begin(board), "a"), 0);
	board_map_commit(board);
	assert_int_equal(atomic_load(&board->routes[0].since_real_ns), 77);
}

/* A process that takes the lock, changes its draft and is killed before it commits. */
static pid_t start_holder(void)
{
	pid_t pid;
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct route route = make_route("never", 0);

		(void)!tiermap_add(board_map_begin(board), &route);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void a_dead_holder_is_overtaken(void **state)
{
	pid_t pid = start_holder();
	uint64_t start;

	(void)state;
	assert_int_equal(atomic_load(&board->map_lock), pid);
	kill(pid, SIGKILL);
	/* As guardian's child it would be a zombie for a while; it is dead all the same. */
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	start = clock_mono_ns();
	add("a", 0);
	assert_true(clock_mono_ns() - start < NSEC_PER_SEC);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	board_copy_map(board, &copy);
	assert_int_equal(copy.n_routes, 1);
	assert_string_equal(copy.routes[0].path, "a");
}

static void a_stopped_holder_is_overtaken_and_its_change_void(void **state)
{
	pid_t pid = start_holder();
	uint64_t start = clock_mono_ns();

	(void)state;
	add("a", 0);
	assert_true(clock_mono_ns() - start > NSEC_PER_SEC);
	assert_int_equal(atomic_load(&board->map_lock), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void our_own_number_holds_nothing(void **state)
{
	(void)state;
	atomic_store(&board->map_lock, (int32_t)getpid());
	add("a", 0);
	assert_int_equal(atomic_load(&board->map_lock), 0);
}

/* What a writer leaves that dies while it publishes: an odd generation and a route half written. */
static void a_torn_map_is_used_and_repaired(void **state)
{
	uint32_t generation;
	uint64_t start;

	(void)state;
	add("a", 0);
	add("b", 0);
	add("c", 0);
	atomic_fetch_add(&board->map_generation, 1);
	strcpy(board->map.routes[1].path, "//");
	start = clock_mono_ns();
	generation = board_copy_map(board, &copy);
	assert_true(clock_mono_ns() - start < NSEC_PER_SEC);
	assert_int_equal(generation & 1, 1);
	assert_int_equal(copy.n_routes, 2);
	assert_string_equal(copy.routes[1].path, "c");
	add("d", 0);
	assert_true(board_copy_map(board, &copy) > generation);
	assert_int_equal(board_copy_map(board, &copy) & 1, 0);
	assert_int_equal(copy.n_routes, 3);
}

#define WRITES 200

static atomic_bool stop_reading;

/* Routes "rN" and "sN" come and go together, so that a torn copy shows. */
static void *read_maps(void *arg)
{
	struct tiermap *map = malloc(sizeof(*map));

	(void)arg;
	while (!atomic_load(&stop_reading)) {
		uint32_t generation = board_copy_map(board, map);

		if (!(generation & 1) && (map->n_routes % 2 || tiermap_repair(map, CONFIG_BACKENDS_MAX) > 0))
			atomic_fetch_add((atomic_int *)arg, 1);
	}
	free(map);
	return NULL;
}

static void write_maps(char prefix)
{
	for (int i = 0; i < WRITES; i++) {
		struct tiermap *map = board_map_begin(board);
		char path[32];

		for (int k = 0; k < 2; k++) {
			struct route route;

			snprintf(path, sizeof(path), "%c%d-%d", prefix, i % 7, k);
			route = make_route(path, (uint8_t)(i % 3));
			if (tiermap_remove(map, path) < 0)
				assert_int_equal(tiermap_add(map, &route), 0);
		}
		board_map_commit(board);
	}
}

static void *write_in_thread(void *arg)
{
	write_maps(*(const char *)arg);
	return NULL;
}

static void readers_and_writers_agree(void **state)
{
	pthread_t reader, writer;
	atomic_int torn = 0;
	int status;
	pid_t pid;

	(void)state;
	atomic_store(&stop_reading, false);
	pid = fork();
	if (pid == 0) {
		write_maps('p');
		_exit(0);
	}
	pthread_create(&reader, NULL, read_maps, &torn);
	pthread_create(&writer, NULL, write_in_thread, (char[]){'t'});
	write_maps('m');
	pthread_join(writer, NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	atomic_store(&stop_reading, true);
	pthread_join(reader, NULL);
	assert_int_equal(status, 0);
	assert_int_equal(atomic_load(&torn), 0);
	assert_int_equal(board_copy_map(board, &copy), 2 * 3 * WRITES);
}

/* Only another session's name says that a keeper's time is over: not an empty lock, nor what others write there. */
static void a_lock_names_its_session(void **state)
{
	char own[BOARD_SESSION_MAX], other[BOARD_SESSION_MAX];
	size_t n;

	(void)state;
	atomic_store(&board->started_real_ns, 1796142160123456789u);
	n = board_session_text(board, own);
	assert_int_equal(n, strlen(own));
	assert_false(board_is_other_session(board, own));
	assert_false(board_is_other_session(board, ""));
	assert_false(board_is_other_session(board, "4711\n"));
	atomic_store(&board->started_real_ns, UINT64_MAX);
	assert_true(board_is_other_session(board, own));
	n = board_session_text(board, other);
	assert_in_range(n, 1, BOARD_SESSION_MAX - 1);
	/* Half of it is written over the former one's. */
	memcpy(own, other, 12);
	assert_true(board_is_other_session(board, own));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(gate_opens_once_per_epoch),
	    TEST(an_outage_is_young_once),
	    TEST(some_outages_are_never_young),
	    TEST(details_are_tame),
	    TEST(details_of_a_dead_writer_are_shown),
	    TEST(state_is_published_and_bounded),
	    TEST(map_changes_are_seen),
	    TEST(states_move_with_their_routes),
	    TEST(a_dead_holder_is_overtaken),
	    TEST(a_stopped_holder_is_overtaken_and_its_change_void),
	    TEST(our_own_number_holds_nothing),
	    TEST(a_torn_map_is_used_and_repaired),
	    TEST(readers_and_writers_agree),
	    TEST(a_lock_names_its_session),
	};

	return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
