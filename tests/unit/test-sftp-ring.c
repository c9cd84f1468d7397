/* The ring between worker and transport, both sides in one process: each state, each death in it, and what the other
 * side may write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "sftp/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWNER RING_OWNER_WORKER(7)
#define HEIR  RING_OWNER_WORKER(8)

static int users_end, transports_end, memory;
static struct ring_user user;
static struct ring_server server;

static int begin_ring(void **state)
{
	(void)state;
	assert_int_equal(ring_make(3, &users_end, &transports_end, &memory), 0);
	assert_int_equal(ring_serve(transports_end, memory, &server), 0);
	assert_int_equal(ring_attach(users_end, OWNER, &user), 0);
	return 0;
}

static int end_ring(void **state)
{
	(void)state;
	ring_detach(&user);
	munmap(server.ring, sizeof(*server.ring));
	close(users_end);
	close(transports_end);
	close(memory);
	return 0;
}

static int claim(void)
{
	int i = ring_claim(&user);

	assert_in_range(i, 0, RING_RECORDS - 1);
	*ring_request_of(&user, i) =
	    (struct ring_request){.operation = RING_LSTAT, .deadline_ns = UINT64_MAX};
	return i;
}

static int submit(void)
{
	int i = claim();

	ring_submit(&user, i);
	return i;
}

static int take(void)
{
	struct ring_request request;

	return ring_take(&server, &request);
}

/* Is every record free, and nothing submitted? */
static void assert_empty(void)
{
	for (unsigned i = 0; i < RING_RECORDS; i++)
		assert_int_equal(atomic_load(&user.ring->record[i].word), 0);
	assert_int_equal(take(), -1);
}

static bool rings(void)
{
	struct pollfd p = {.fd = transports_end, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* ---- there and back ---- */

static void a_request_and_its_answer(void **state)
{
	struct ring_result answer = {.error = -ENOENT, .size = 5, .attrs = {.size = 9, .has = 1}}, got;
	struct ring_request request;
	int i = claim();

	(void)state;
	ring_request_of(&user, i)->operation = RING_OPEN;
	ring_request_of(&user, i)->name_length[0] = 4;
	memcpy(ring_name_of(&user, i, 0), "name", 4);
	assert_int_equal(take(), -1);
	ring_submit(&user, i);
	assert_int_equal(ring_take(&server, &request), i);
	assert_int_equal(request.operation, RING_OPEN);
	assert_memory_equal(server.ring->room[i].names[0], "name", 4);
	assert_int_equal(take(), -1);
	memcpy(server.ring->room[i].data, "bytes", 5);
	ring_finish(&server, i, &answer);
	assert_int_equal(ring_wait(&user, i, &got), 0);
	assert_memory_equal(&got, &answer, sizeof(got));
	assert_memory_equal(ring_data_of(&user, i), "bytes", 5);
	ring_release(&user, i);
	assert_empty();
}

/* Its keeper was killed, or it was itself: nobody else would give back what it had. */
static void what_a_dead_probe_had(void **state)
{
	struct ring_user probe = user;
	pid_t pid = fork();
	int own;

	(void)state;
	if (pid == 0) {
		user.owner = RING_OWNER_PROBE(getpid());
		submit();
		_exit(claim() >= 0 ? 0 : 1);
	}
	assert_true(pid > 0);
	probe.owner = RING_OWNER_PROBE(getpid());
	own = ring_claim(&probe);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(ring_inherit_probes(&probe, NULL, NULL), 0);
	assert_true(atomic_load(&user.ring->record[own].word) != 0);
	ring_release(&probe, own);
	assert_empty();
}

/* However many callers there are, a probe finds a record. */
static void records_kept_for_probes(void **state)
{
	struct ring_user probe = user;

	(void)state;
	probe.owner = RING_OWNER_PROBE(getpid());
	while (ring_claim(&user) >= 0)
		;
	for (unsigned i = 0; i < RING_RESERVED; i++)
		assert_in_range(ring_claim(&probe), RING_RECORDS - RING_RESERVED, RING_RECORDS - 1);
	assert_int_equal(ring_claim(&probe), -EAGAIN);
	for (int i = 0; i < (int)RING_RECORDS; i++)
		ring_release(&user, i);
	assert_empty();
}

static void *claim_and_release(void *arg)
{
	int i = ring_claim_waiting(&user);

	*(int *)arg = i;
	if (i >= 0)
		ring_release(&user, i);
	return NULL;
}

/* Each one that is freed serves another waiter. */
static void many_who_wait_for_a_record(void **state)
{
	pthread_t waiters[16];
	int got[16];

	(void)state;
	while (ring_claim(&user) >= 0)
		;
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(pthread_create(&waiters[i], NULL, claim_and_release, &got[i]), 0);
	while (!atomic_load(&user.ring->wanted))
		poll(NULL, 0, 1);
	ring_release(&user, 7);
	for (unsigned i = 0; i < 16; i++) {
		pthread_join(waiters[i], NULL);
		assert_int_equal(got[i], 7);
	}
	/* Of those that wait the end lets go. */
	assert_int_equal(ring_claim(&user), 7);
	assert_int_equal(pthread_create(&waiters[0], NULL, claim_and_release, &got[0]), 0);
	ring_end(user.ring);
	pthread_join(waiters[0], NULL);
	assert_int_equal(got[0], -ENOTCONN);
}

static void all_records_at_once(void **state)
{
	const struct ring_result done = {0};
	struct ring_result got;

	(void)state;
	for (unsigned i = 0; i < RING_RECORDS - RING_RESERVED; i++)
		submit();
	assert_int_equal(ring_claim(&user), -EAGAIN);
	for (unsigned i = 0; i < RING_RECORDS - RING_RESERVED; i++) {
		int taken = take();

		assert_true(taken >= 0);
		ring_finish(&server, taken, &done);
		assert_int_equal(ring_wait(&user, taken, &got), 0);
		ring_release(&user, taken);
	}
	assert_empty();
}

/* Whatever records they have got. */
static void requests_are_taken_in_order(void **state)
{
	int records[RING_RECORDS - RING_RESERVED];

	(void)state;
	for (unsigned i = 0; i < RING_RECORDS - RING_RESERVED; i++)
		records[i] = claim();
	for (unsigned i = RING_RECORDS - RING_RESERVED; i-- > 0;)
		ring_submit(&user, records[i]);
	for (unsigned i = RING_RECORDS - RING_RESERVED; i-- > 1;)
		assert_int_equal(take(), records[i]);
	/* What comes while some are pending comes after them. */
	ring_release(&user, records[1]);
	assert_int_equal(submit(), records[1]);
	assert_int_equal(take(), records[0]);
	assert_int_equal(take(), records[1]);
}

/* The memory stays in the socket for the next worker. */
static void every_worker_finds_the_ring(void **state)
{
	struct ring_user next;
	int i = submit();

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		assert_int_equal(ring_attach(users_end, HEIR, &next), 0);
		assert_int_equal(next.ring->epoch, 3);
		assert_true(atomic_load(&next.ring->record[i].word) != 0);
		ring_detach(&next);
	}
}

static void what_is_no_ring_is_not_attached(void **state)
{
	struct ring_user u;
	int ends[2], other = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(ring_attach(ends[0], OWNER, &u), -EAGAIN);
	/* Of the right size, but somebody could make it smaller. */
	assert_int_equal(ftruncate(other, sizeof(struct ring)), 0);
	assert_int_equal(fd_send_message(ends[1], "ring", 4, other), 0);
	assert_int_equal(ring_attach(ends[0], OWNER, &u), -EPROTO);
	/* Sealed, and empty. */
	assert_int_equal(fcntl(other, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	assert_int_equal(ring_attach(ends[0], OWNER, &u), -EPROTO);
	close(ends[0]);
	close(ends[1]);
	close(other);
}

static void taken_back_in_time(void **state)
{
	struct ring_result got;
	int i = submit();

	(void)state;
	assert_true(ring_take_back(&user, i));
	assert_empty();
	i = submit();
	assert_int_equal(take(), i);
	assert_false(ring_take_back(&user, i));
	ring_finish(&server, i, &(struct ring_result){0});
	assert_int_equal(ring_wait(&user, i, &got), 0);
	ring_release(&user, i);
	assert_empty();
}

/* ---- the other side ---- */

static void requests_out_of_bounds(void **state)
{
	static const struct ring_request insane[] = {
	    {.operation = RING_OPERATION_COUNT},
	    {.operation = UINT32_MAX},
	    {.operation = RING_READ, .size = RING_DATA_MAX + 1},
	    {.operation = RING_LSTAT, .name_length = {RING_NAME_MAX + 1}},
	    {.operation = RING_RENAME, .name_length = {1, UINT32_MAX}},
	};
	struct ring_result got;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(insane); k++) {
		int i = claim();

		*ring_request_of(&user, i) = insane[k];
		ring_submit(&user, i);
		assert_int_equal(take(), -1);
		assert_int_equal(ring_wait(&user, i, &got), 0);
		assert_int_equal(got.error, -EINVAL);
		ring_release(&user, i);
	}
	assert_empty();
}

static void results_out_of_bounds(void **state)
{
	static const struct ring_result insane[] = {
	    {.error = 1}, {.error = -4096}, {.error = INT32_MIN}, {.size = RING_DATA_MAX + 1}};
	struct ring_result got;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(insane); k++) {
		int i = submit();

		assert_int_equal(take(), i);
		ring_finish(&server, i, &insane[k]);
		assert_int_equal(ring_wait(&user, i, &got), -EIO);
	}
}

static void a_word_that_is_not_ours(void **state)
{
	static const uint32_t words[] = {0, UINT32_MAX, HEIR << 4 | RING_DONE, OWNER << 4 | RING_CLAIMED};
	struct ring_result got;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(words); k++) {
		int i = submit();

		atomic_store(&server.ring->record[i].word, words[k]);
		assert_int_equal(ring_wait(&user, i, &got), -EIO);
	}
}

/* ---- ringing ---- */

static void only_a_sleeper_is_woken(void **state)
{
	(void)state;
	submit();
	assert_false(rings());
	assert_false(ring_fall_asleep(&server));
	assert_true(take() >= 0);
	assert_true(ring_fall_asleep(&server));
	submit();
	submit();
	assert_true(rings());
	assert_true(ring_wake_up(&server));
	assert_false(rings());
	assert_true(take() >= 0);
	assert_true(take() >= 0);
	/* A bit that was fetched and not looked at yet counts. */
	submit();
	submit();
	assert_true(take() >= 0);
	assert_false(ring_fall_asleep(&server));
}

static void nobody_is_left(void **state)
{
	(void)state;
	assert_true(ring_wake_up(&server));
	close(users_end);
	assert_false(ring_wake_up(&server));
	users_end = dup(transports_end);
}

/* ---- deaths ---- */

struct waiter {
	pthread_t thread;
	int record;
	errint_t rc;
};

static void *wait_for_answer(void *arg)
{
	struct waiter *w = arg;
	struct ring_result got;

	w->rc = ring_wait(&user, w->record, &got);
	return NULL;
}

static void assert_all_let_go(void (*happen)(void))
{
	struct waiter w[8];

	for (unsigned i = 0; i < ARRAY_SIZE(w); i++) {
		w[i].record = submit();
		assert_int_equal(pthread_create(&w[i].thread, NULL, wait_for_answer, &w[i]), 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(w) / 2; i++)
		assert_true(take() >= 0);
	happen();
	for (unsigned i = 0; i < ARRAY_SIZE(w); i++) {
		pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].rc, -ENOTCONN);
	}
	assert_true(ring_is_over(&user));
}

static void end_it(void)
{
	ring_end(server.ring);
}

static void close_transports_end(void)
{
	close(transports_end);
	transports_end = dup(memory);
}

static void an_end_lets_everybody_go(void **state)
{
	(void)state;
	assert_false(ring_is_over(&user));
	assert_all_let_go(end_it);
	assert_int_equal(ring_claim(&user), -ENOTCONN);
}

/* Killed: nobody has stored that it ended. */
static void the_transports_death_lets_everybody_go(void **state)
{
	(void)state;
	assert_all_let_go(close_transports_end);
}

static void an_answer_may_be_its_last_deed(void **state)
{
	struct ring_result got;
	int i = submit();

	(void)state;
	assert_int_equal(take(), i);
	ring_finish(&server, i, &(struct ring_result){.error = -ENOSPC});
	end_it();
	close_transports_end();
	assert_int_equal(ring_wait(&user, i, &got), 0);
	assert_int_equal(got.error, -ENOSPC);
}

static unsigned forgotten;

static void count_forgotten(void *arg, const struct ring_request *request, const struct ring_result *result)
{
	assert_ptr_equal(arg, &forgotten);
	assert_int_equal(request->operation, RING_LSTAT);
	assert_int_equal(result->ref, 42);
	forgotten++;
}

/* The records of a worker that died, one in each state; another's are left alone. */
static void a_successor_inherits(void **state)
{
	const struct ring_result answer = {.ref = 42};
	struct ring_user heir = user;
	int taken, done, silent, others;

	(void)state;
	forgotten = 0;
	heir.owner = HEIR;
	taken = submit();
	done = submit();
	assert_int_equal(take(), taken);
	assert_int_equal(take(), done);
	ring_finish(&server, done, &answer);
	claim();
	submit();
	silent = claim(); /* died between the state and the bit */
	atomic_store(&user.ring->record[silent].word, OWNER << 4 | RING_SUBMITTED);
	others = ring_claim(&heir);
	assert_true(others >= 0);

	assert_int_equal(ring_inherit(&heir, OWNER, count_forgotten, &forgotten), 1);
	assert_int_equal(forgotten, 1);
	assert_int_equal(take(), -1);
	assert_int_equal(ring_inherit(&heir, OWNER, count_forgotten, &forgotten), 1);
	ring_finish(&server, taken, &answer);
	assert_int_equal(ring_inherit(&heir, OWNER, count_forgotten, &forgotten), 0);
	assert_int_equal(forgotten, 2);
	assert_true(atomic_load(&user.ring->record[others].word) != 0);
	ring_release(&heir, others);
	assert_empty();
}

/* Memory of free records goes, what somebody has stays. */
static void unused_memory_is_given_back(void **state)
{
	int i = claim(), k = claim();

	(void)state;
	memset(ring_data_of(&user, i), 1, RING_DATA_MAX);
	memset(ring_data_of(&user, k), 2, RING_DATA_MAX);
	ring_release(&user, i);
	ring_trim(&server);
	assert_int_equal(ring_data_of(&user, i)[RING_DATA_MAX - 1], 0);
	assert_int_equal(ring_data_of(&user, k)[RING_DATA_MAX - 1], 2);
	ring_release(&user, k);
	assert_empty();
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin_ring, end_ring)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_request_and_its_answer),
	    CASE(all_records_at_once),
	    CASE(requests_are_taken_in_order),
	    CASE(what_a_dead_probe_had),
	    CASE(records_kept_for_probes),
	    CASE(many_who_wait_for_a_record),
	    CASE(every_worker_finds_the_ring),
	    CASE(what_is_no_ring_is_not_attached),
	    CASE(taken_back_in_time),
	    CASE(requests_out_of_bounds),
	    CASE(results_out_of_bounds),
	    CASE(a_word_that_is_not_ours),
	    CASE(only_a_sleeper_is_woken),
	    CASE(nobody_is_left),
	    CASE(an_end_lets_everybody_go),
	    CASE(the_transports_death_lets_everybody_go),
	    CASE(an_answer_may_be_its_last_deed),
	    CASE(a_successor_inherits),
	    CASE(unused_memory_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
