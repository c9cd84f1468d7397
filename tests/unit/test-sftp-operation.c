/* What a transport makes of a ring's requests, with a false server: listings whose end is met. */
#include "sftp-util.h"

#include "sftp/operation.h"

#include <unistd.h>

static struct ring_user user;
static struct ring_server ring_server;
static struct operations *operations;
static int users_end, transports_end, memory;

static int begin(void **state)
{
	(void)state;
	agree();
	assert_int_equal(ring_make(1, &users_end, &transports_end, &memory), 0);
	assert_int_equal(ring_attach(users_end, RING_OWNER_WORKER(1), &user), 0);
	assert_int_equal(ring_serve(transports_end, memory, &ring_server), 0);
	operations = operations_new(&ring_server, client, client);
	assert_non_null(operations);
	return 0;
}

static int end(void **state)
{
	(void)state;
	end_server();
	operations_free(operations);
	ring_detach(&user);
	close(users_end);
	close(transports_end);
	close(memory);
	return 0;
}

/* Its record; it is on the wire. */
static int submit(uint32_t operation, uint32_t ref)
{
	int record = ring_claim(&user);

	assert_true(record >= 0);
	*ring_request_of(&user, record) =
	    (struct ring_request){.operation = operation, .ref = ref, .deadline_ns = UINT64_MAX};
	ring_submit(&user, record);
	assert_int_equal(operations_begin(operations, now_ns), 1);
	assert_int_equal(work(), 0);
	return record;
}

static bool is_answered(int record)
{
	return (atomic_load(&user.ring->record[record].word) & 15) == RING_DONE;
}

static struct ring_result take(int record)
{
	struct ring_result result;

	assert_true(is_answered(record));
	assert_int_equal(ring_wait(&user, record, &result), 0);
	ring_release(&user, record);
	return result;
}

static uint32_t open_directory(const char *handle)
{
	int record = submit(RING_OPENDIR, 0);

	say_handle(server.asked[server.n_asked - 1].id, handle);
	assert_int_equal(work(), 0);
	return take(record).ref;
}

static void assert_at_end(int record)
{
	struct ring_result result = take(record);

	assert_int_equal(result.error, 0);
	assert_int_equal(result.size, 0);
	assert_int_equal(result.at_end, 1);
}

static void the_end_answers_what_is_behind_it(void **state)
{
	uint32_t ref = open_directory("h"), other = open_directory("i");
	int before, at, behind[2], beside, later;
	unsigned first = server.n_asked;

	(void)state;
	before = submit(RING_READDIR, ref);
	at = submit(RING_READDIR, ref);
	beside = submit(RING_READDIR, other);
	behind[0] = submit(RING_READDIR, ref);
	behind[1] = submit(RING_READDIR, ref);
	say_status(server.asked[first + 1].id, SFTP_EOF);
	assert_int_equal(work(), 0);
	assert_at_end(at);
	assert_at_end(behind[0]);
	assert_at_end(behind[1]);
	/* One that was asked before it may have entries, and so may one of another directory. */
	assert_false(is_answered(before));
	assert_false(is_answered(beside));
	/* One that comes now is not asked. */
	later = submit(RING_READDIR, ref);
	assert_int_equal(server.n_asked, first + 5);
	assert_at_end(later);
	/* A late answer meets nobody. */
	later = submit(RING_LSTAT, 0);
	say_status(server.asked[first + 3].id, SFTP_EOF);
	say_status(server.asked[first + 4].id, SFTP_FAILURE);
	assert_int_equal(work(), 0);
	assert_false(is_answered(later));
	assert_int_equal(connection_counts(client)->late, 2);
	say_status(server.asked[first].id, SFTP_EOF);
	say_status(server.asked[first + 2].id, SFTP_FAILURE);
	say_status(server.asked[first + 5].id, SFTP_NO_SUCH_FILE);
	assert_int_equal(work(), 0);
	assert_at_end(before);
	assert_int_equal(take(beside).error, -EIO);
	assert_int_equal(take(later).error, -ENOENT);
}

static void an_error_answers_itself_alone(void **state)
{
	uint32_t ref = open_directory("h");
	unsigned first = server.n_asked;
	int fails, behind;

	(void)state;
	fails = submit(RING_READDIR, ref);
	behind = submit(RING_READDIR, ref);
	say_status(server.asked[first].id, SFTP_FAILURE);
	assert_int_equal(work(), 0);
	assert_int_equal(take(fails).error, -EIO);
	assert_false(is_answered(behind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_end_answers_what_is_behind_it, begin, end),
	    cmocka_unit_test_setup_teardown(an_error_answers_itself_alone, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
