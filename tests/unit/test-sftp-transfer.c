/* Reads and writes of a connection, against a false server in the same process: in which pieces they are asked for,
 * within which bounds, and what came of them when some fail, come short, or not in time. */
#include "sftp-util.h"

static void a_read_is_asked_for_at_once(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, false, 1, 2 * MIB);
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, (2 * MIB + READ - 1) / READ);
	assert_true(server.asked[1].offset == 1 + READ);
	serve_all(SIZE_MAX, false);
	assert_read(&o, 2 * MIB);
}

static void a_read_answered_backwards(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, false, 0, 3 * MIB);
	serve_all(SIZE_MAX, true);
	assert_read(&o, 3 * MIB);
}

static void short_answers_are_not_the_end(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, false, 0, MIB);
	serve_all(100000, false);
	assert_read(&o, MIB);
}

static void a_read_beyond_the_end(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, false, MIB, 8 * MIB);
	serve_all(SIZE_MAX, true);
	assert_read(&o, file_size - MIB);
}

static void a_read_at_the_end(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, false, file_size, MIB);
	serve_all(SIZE_MAX, false);
	assert_read(&o, 0);
}

/* One that comes short where the file is known to end needs no second look; a file that has grown since is read on. */
static void a_read_to_the_known_end(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, false, file_size - 1000, 4096);
	o.t.known_end = file_size;
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, 1);
	serve(&server.asked[0], SIZE_MAX);
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, 1);
	assert_read(&o, 1000);
	memset(buffer, 0xee, 4096);
	begin_transfer(&o, false, file_size - 1000, 4096);
	o.t.known_end = file_size - 500;
	serve_all(SIZE_MAX, false);
	assert_int_equal(server.n_asked, 3);
	assert_read(&o, 1000);
}

/* A server that says so with data of no length. */
static void an_empty_answer_is_the_end(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, false, 0, 2 * READ);
	assert_int_equal(work(), 0);
	serve(&server.asked[0], 1000);
	say_data(server.asked[1].id, "", 0);
	server.asked[1].answered = true;
	assert_int_equal(work(), 0);
	say_data(server.asked[2].id, "", 0);
	assert_int_equal(work(), 0);
	assert_read(&o, 1000);
}

static void a_read_that_fails_in_the_middle(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, false, 0, 4 * READ);
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, 4);
	say_status(server.asked[3].id, SFTP_PERMISSION_DENIED);
	say_status(server.asked[1].id, SFTP_FAILURE);
	serve(&server.asked[0], SIZE_MAX);
	assert_int_equal(work(), 0);
	assert_int_equal(o.calls, 0); /* one is still under way */
	serve(&server.asked[2], SIZE_MAX);
	assert_int_equal(work(), 0);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.t.error, -EIO);
	assert_int_equal(o.t.result, READ);
}

/* The file was cut off meanwhile: what failed lies behind its end. */
static void a_failure_beyond_the_end_is_none(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, false, 0, 3 * READ);
	assert_int_equal(work(), 0);
	say_status(server.asked[2].id, SFTP_FAILURE);
	say_status(server.asked[1].id, SFTP_EOF);
	serve(&server.asked[0], SIZE_MAX);
	assert_int_equal(work(), 0);
	assert_read(&o, READ);
}

static void a_write_arrives_whole(void **state)
{
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < 5 * MIB; i++)
		buffer[i] = (uint8_t)(i * 40503u >> 7);
	begin_transfer(&o, true, 77, 5 * MIB);
	serve_all(SIZE_MAX, true);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.t.error, 0);
	assert_int_equal(o.t.result, 5 * MIB);
	assert_memory_equal(file + 77, buffer, 5 * MIB);
}

/* A full disk: the bytes before the first piece that failed stand, whatever came after it. */
static void a_write_that_fails_in_the_middle(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, true, 0, 4 * WRITE);
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, 4);
	serve(&server.asked[3], SIZE_MAX);
	say_status(server.asked[2].id, SFTP_NO_SPACE);
	serve(&server.asked[1], SIZE_MAX);
	assert_int_equal(work(), 0);
	assert_int_equal(o.calls, 0);
	serve(&server.asked[0], SIZE_MAX);
	assert_int_equal(work(), 0);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.t.error, -ENOSPC);
	assert_int_equal(o.t.result, 2 * WRITE);
}

/* All pieces at once. A server that is full takes none behind the first that failed: the beginning stands. */
static void an_append(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, true, 0, 4 * WRITE);
	o.t.appends = true;
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, 4);
	serve(&server.asked[0], SIZE_MAX);
	for (unsigned i = 1; i < 4; i++)
		say_status(server.asked[i].id, SFTP_NO_SPACE);
	assert_int_equal(work(), 0);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.t.error, -ENOSPC);
	assert_int_equal(o.t.result, WRITE);

	begin_transfer(&o, true, 0, 3 * WRITE + 5);
	o.t.appends = true;
	serve_all(SIZE_MAX, false);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.t.error, 0);
	assert_int_equal(o.t.result, 3 * WRITE + 5);
}

/* A later piece lies in the place of one that failed: nothing of that may count as a beginning that stands. */
static void a_torn_append(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, true, 0, 3 * WRITE);
	o.t.appends = true;
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, 3);
	serve(&server.asked[0], SIZE_MAX);
	say_status(server.asked[1].id, SFTP_NO_SPACE);
	assert_int_equal(work(), 0);
	assert_int_equal(o.calls, 0);
	serve(&server.asked[2], SIZE_MAX);
	assert_int_equal(work(), 0);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.t.error, -EUCLEAN);
	assert_int_equal(o.t.result, 0);
}

/* 48 MiB are to be written by three, the server answers nothing: no more is sent than the window allows, and a
 * request that is no data still finds room. */
static void what_is_under_way_is_bounded(void **state)
{
	static struct outcome o[3]; /* told of their ends by the teardown */
	static struct answer a, b;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		begin_transfer(&o[i], true, i * 16 * MIB, 16 * MIB);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(work(), 0);
	assert_in_range(bytes_asked(), WINDOW_FIRST - WRITE, WINDOW_FIRST);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), 0);
	assert_int_equal(work(), 0);
	assert_int_equal(server.asked[server.n_asked - 1].type, SFTP_LSTAT);
	server.takes = 0;
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &b), 0);
}

/* Reads take turns, with one another and with writes; of a write all goes before the next one, so that no hole lies
 * before bytes that have arrived. */
static void writes_go_one_after_the_other(void **state)
{
	static const uint64_t order[] = {8, 0, 9, WRITE, 8 + READ, 20 * MIB, 9 + READ, 20 * MIB + WRITE};
	static struct outcome o[4];

	(void)state;
	begin_transfer(&o[0], true, 0, 2 * WRITE);
	begin_transfer(&o[1], true, 20 * MIB, 2 * WRITE);
	begin_transfer(&o[2], false, 8, 2 * READ);
	begin_transfer(&o[3], false, 9, 2 * READ);
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, ARRAY_SIZE(order));
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		assert_int_equal(server.asked[i].offset, order[i]);
}

static void a_server_that_takes_nothing_leaves_room_for_others(void **state)
{
	static struct outcome o;
	static struct answer a;

	(void)state;
	server.takes = 0;
	begin_transfer(&o, true, 0, 16 * MIB);
	assert_int_equal(work(), 0);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), 0);
}

static void a_transfer_over_time(void **state)
{
	struct outcome o, waiting;

	(void)state;
	begin_transfer(&o, false, 0, 6 * MIB);
	o.t.deadline_ns = now_ns + 10;
	begin_transfer(&waiting, false, 32 * MIB, MIB);
	waiting.t.deadline_ns = now_ns + 20;
	assert_int_equal(work(), 0);
	serve(&server.asked[0], SIZE_MAX);
	assert_int_equal(work(), 0);
	now_ns += 10;
	assert_int_equal(work(), 0);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.t.error, -ETIMEDOUT);
	assert_int_equal(o.t.result, READ);
	/* Data that comes now has no place to go. */
	memset(buffer, 0xee, 8 * MIB);
	for (unsigned i = 1; i < server.n_asked; i++)
		if (server.asked[i].offset == 2 * READ)
			say_data(server.asked[i].id, file, READ);
	now_ns += 10;
	assert_int_equal(work(), 0);
	assert_int_equal(waiting.calls, 1);
	assert_int_equal(waiting.t.error, -ETIMEDOUT);
	for (size_t i = 0; i < 8 * MIB; i++)
		assert_int_equal(buffer[i], 0xee);
	assert_int_equal(connection_error(client), 0);
}

/* Behind a window that is full, with no piece under way. */
static void a_transfer_over_time_before_it_began(void **state)
{
	struct outcome first, second;

	(void)state;
	begin_transfer(&first, false, 0, 8 * MIB);
	assert_int_equal(work(), 0);
	begin_transfer(&second, false, 0, MIB);
	second.t.deadline_ns = now_ns + 10;
	assert_int_equal(work(), 0);
	assert_true(connection_wake_ns(client) == now_ns + 10);
	now_ns += 10;
	assert_int_equal(work(), 0);
	assert_int_equal(second.calls, 1);
	assert_int_equal(second.t.error, -ETIMEDOUT);
	assert_int_equal(second.t.result, 0);
	assert_int_equal(first.calls, 0);
	serve_all(SIZE_MAX, false);
	assert_int_equal(first.calls, 1);
	assert_int_equal(first.t.error, 0);
}

/* The next one is begun by whoever is told of the end of this one. */
static void begin_another(struct transfer *t)
{
	struct outcome *o = t->arg;

	if (o->calls++ < 3)
		assert_int_equal(connection_transfer(client, t), 0);
}

static void whoever_is_told_may_begin_another(void **state)
{
	struct outcome o;

	(void)state;
	begin_transfer(&o, false, 0, MIB);
	o.t.done = begin_another;
	serve_all(SIZE_MAX, false);
	assert_int_equal(o.calls, 4);
	assert_int_equal(o.t.result, MIB);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, begin_file, end_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FILE(a_read_is_asked_for_at_once),
	    WITH_FILE(a_read_answered_backwards),
	    WITH_FILE(short_answers_are_not_the_end),
	    WITH_FILE(a_read_beyond_the_end),
	    WITH_FILE(a_read_at_the_end),
	    WITH_FILE(a_read_to_the_known_end),
	    WITH_FILE(an_empty_answer_is_the_end),
	    WITH_FILE(a_read_that_fails_in_the_middle),
	    WITH_FILE(a_failure_beyond_the_end_is_none),
	    WITH_FILE(a_write_arrives_whole),
	    WITH_FILE(a_write_that_fails_in_the_middle),
	    WITH_FILE(an_append),
	    WITH_FILE(a_torn_append),
	    WITH_FILE(what_is_under_way_is_bounded),
	    WITH_FILE(writes_go_one_after_the_other),
	    WITH_FILE(a_server_that_takes_nothing_leaves_room_for_others),
	    WITH_FILE(a_transfer_over_time),
	    WITH_FILE(a_transfer_over_time_before_it_began),
	    WITH_FILE(whoever_is_told_may_begin_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
