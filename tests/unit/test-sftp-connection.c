/* A connection against a false server in the same process: what becomes of answers that come late, in another
 * order, cut, or unasked; and a table of misbehaviours, after each of which everything has ended once, and nothing
 * was written where it should not be. */
#include "sftp-util.h"

static void nothing_is_asked_before_the_version(void **state)
{
	struct transfer t = {.size = 1};
	struct answer a;

	(void)state;
	begin_server();
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), -EAGAIN);
	assert_int_equal(connection_transfer(client, &t), -EAGAIN);
	assert_int_equal(work(), 0);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), -EAGAIN);
	assert_int_equal(server.n_asked, 1);
	end_server();
	assert_int_equal(a.calls, 0);
}

static void limits_of_servers(void **state)
{
	static const struct {
		uint64_t said_read, said_write;
		size_t read, write;
	} cases[] = {
	    {261120, 261120, READ, WRITE},	   {0, 0, 32768, 32768}, {65536, 65536, 65536, 65536},
	    {UINT64_MAX, UINT64_MAX, READ, WRITE}, {1, 1, 4096, 4096},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin_server();
		assert_int_equal(work(), 0);
		say_version(3, true);
		assert_int_equal(work(), 0);
		assert_false(connection_is_ready(client));
		say_limits(server.asked[1].id, cases[i].said_read, cases[i].said_write);
		assert_int_equal(work(), 0);
		assert_true(connection_is_ready(client));
		assert_int_equal(connection_read_max(client), cases[i].read);
		assert_int_equal(connection_write_max(client), cases[i].write);
		end_server();
	}
}

static void servers_without_limits(void **state)
{
	(void)state;
	begin_server();
	assert_int_equal(work(), 0);
	say_version(3, false);
	assert_int_equal(work(), 0);
	assert_true(connection_is_ready(client));
	assert_int_equal(connection_extensions(client), 1u << SFTP_FSYNC);
	assert_false(connection_lacks(client) & 1u << SERVER_FSYNC);
	assert_true(connection_lacks(client) & 1u << SERVER_STATVFS);
	assert_int_equal(connection_read_max(client), 32768);
	end_server();

	/* One that offers them and then refuses. */
	begin_server();
	assert_int_equal(work(), 0);
	say_version(3, true);
	assert_int_equal(work(), 0);
	say_status(server.asked[1].id, SFTP_FAILURE);
	assert_int_equal(work(), 0);
	assert_true(connection_is_ready(client));
	end_server();
}

static void another_version_is_refused(void **state)
{
	struct answer a;

	(void)state;
	begin_server();
	assert_int_equal(work(), 0);
	say_version(2, false);
	assert_int_equal(work(), -EPROTONOSUPPORT);
	assert_int_equal(connection_error(client), -EPROTONOSUPPORT);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), -EPROTONOSUPPORT);
	end_server();
}

static void answers_in_any_order_find_who_asked(void **state)
{
	struct answer a[3];

	(void)state;
	agree();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a[i]), 0);
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, 3);
	say_status(server.asked[2].id, 102);
	say_status(server.asked[0].id, 100);
	say_status(server.asked[1].id, 101);
	assert_int_equal(work(), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(a[i].calls, 1);
		assert_int_equal(a[i].code, 100 + i);
	}
	end_server();
	assert_int_equal(a[0].calls, 1);
}

static void bytes_that_come_one_by_one(void **state)
{
	struct answer a[2];

	(void)state;
	agree();
	server.chunk = 1;
	assert_int_equal(ask(SFTP_OPEN, UINT64_MAX, &a[0]), 0);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a[1]), 0);
	assert_int_equal(work(), 0);
	say_handle(server.asked[0].id, "h");
	say_status(server.asked[1].id, SFTP_NO_SUCH_FILE);
	assert_int_equal(work(), 0);
	assert_int_equal(a[0].type, SFTP_HANDLE);
	assert_int_equal(a[1].code, SFTP_NO_SUCH_FILE);
	end_server();
}

/* ---- silence ---- */

#define QUICK_NS (10 * NSEC_PER_SEC)
#define SLOW_NS	 (60 * NSEC_PER_SEC)

static void agree_with_patience(void)
{
	agree();
	connection_set_patience(client, QUICK_NS, SLOW_NS);
}

static void a_server_that_is_silent(void **state)
{
	struct answer a;

	(void)state;
	agree_with_patience();
	/* However long nothing was asked. */
	now_ns += 2 * SLOW_NS;
	assert_int_equal(work(), 0);
	assert_true(connection_wake_ns(client) == UINT64_MAX);
	now_ns += 2 * SLOW_NS;
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), 0);
	assert_int_equal(work(), 0);
	assert_true(connection_wake_ns(client) == now_ns + QUICK_NS);
	now_ns += QUICK_NS - 1;
	assert_int_equal(work(), 0);
	now_ns++;
	assert_int_equal(work(), -ETIMEDOUT);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.error, -ENOTCONN);
	end_server();
}

/* Each byte is a sign of life, and so is each that had to wait and is taken. */
static void a_server_that_is_slow(void **state)
{
	struct answer a, other;

	(void)state;
	agree_with_patience();
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), 0);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &other), 0);
	assert_int_equal(work(), 0);
	now_ns += QUICK_NS - 1;
	say_status(server.asked[0].id, SFTP_OK);
	assert_int_equal(work(), 0);
	assert_int_equal(a.calls, 1);
	server.takes = 0;
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), 0);
	assert_int_equal(work(), 0);
	now_ns += QUICK_NS - 1;
	server.takes = 1;
	assert_int_equal(work(), 0);
	server.takes = 0;
	now_ns += QUICK_NS - 1;
	assert_int_equal(work(), 0);
	assert_int_equal(other.calls, 0);
	now_ns++;
	assert_int_equal(work(), -ETIMEDOUT);
	assert_int_equal(other.calls, 1);
	end_server();
}

/* What goes at once goes into a buffer of our own kernel's: it says nothing of the server, however often more is asked. */
static void a_server_that_is_silent_and_asked_ever_more(void **state)
{
	struct answer a[20];
	unsigned n = 0;
	errint_t rc;

	(void)state;
	agree_with_patience();
	do {
		assert_int_equal(ask(SFTP_LSTAT, now_ns + QUICK_NS, &a[n]), 0);
		rc = work();
		now_ns += QUICK_NS / 4;
	} while (rc == 0 && ++n < ARRAY_SIZE(a));
	assert_int_equal(rc, -ETIMEDOUT);
	assert_int_equal(n, 4);
	end_server();
}

/* It answers in order: whatever is asked behind a sync waits for it. */
static void a_sync_that_takes_long(void **state)
{
	struct answer a, other;

	(void)state;
	agree_with_patience();
	assert_int_equal(ask(SFTP_EXTENDED, UINT64_MAX, &a), 0);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &other), 0);
	assert_int_equal(work(), 0);
	now_ns += SLOW_NS - 1;
	assert_int_equal(work(), 0);
	say_status(server.asked[0].id, SFTP_OK);
	assert_int_equal(work(), 0);
	assert_true(connection_wake_ns(client) == now_ns + QUICK_NS);
	now_ns += QUICK_NS;
	assert_int_equal(work(), -ETIMEDOUT);
	end_server();
}

/* The process was stopped, and the answer came meanwhile. */
static void an_answer_that_is_seen_late(void **state)
{
	struct answer a;

	(void)state;
	agree_with_patience();
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), 0);
	assert_int_equal(work(), 0);
	say_status(server.asked[0].id, SFTP_OK);
	now_ns += 5 * SLOW_NS;
	assert_int_equal(work(), 0);
	assert_int_equal(a.calls, 1);
	end_server();
}

/* ---- deadlines ---- */

static void a_deadline_ends_a_request_and_nothing_else(void **state)
{
	struct answer a, other;

	(void)state;
	agree();
	assert_int_equal(ask(SFTP_LSTAT, now_ns + 1000, &a), 0);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &other), 0);
	assert_true(connection_wake_ns(client) == now_ns + 1000);
	now_ns += 999;
	assert_int_equal(work(), 0);
	assert_int_equal(a.calls, 0);
	now_ns++;
	assert_int_equal(work(), 0);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.error, -ETIMEDOUT);
	assert_true(connection_wake_ns(client) == UINT64_MAX);

	/* The answer comes after all: nobody hears it. */
	say_status(server.asked[0].id, SFTP_OK);
	say_status(server.asked[1].id, SFTP_OK);
	assert_int_equal(work(), 0);
	assert_int_equal(a.calls, 1);
	assert_int_equal(other.calls, 1);
	assert_int_equal(other.error, 0);
	assert_int_equal(connection_counts(client)->late, 1);
	assert_int_equal(connection_counts(client)->expired, 1);
	assert_int_equal(connection_counts(client)->dropped, 0);
	end_server();
}

/* Otherwise the server would run out of handles. */
static void a_handle_that_comes_late_is_closed(void **state)
{
	struct answer a;

	(void)state;
	agree();
	assert_int_equal(ask(SFTP_OPEN, now_ns + 1, &a), 0);
	assert_int_equal(work(), 0);
	now_ns++;
	assert_int_equal(work(), 0);
	assert_int_equal(a.error, -ETIMEDOUT);
	say_handle(server.asked[0].id, "late");
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, 2);
	assert_int_equal(server.asked[1].type, SFTP_CLOSE);
	assert_memory_equal(server.asked[1].body, "\0\0\0\4late", 8);
	say_status(server.asked[1].id, SFTP_OK);
	assert_int_equal(work(), 0);
	assert_int_equal(connection_counts(client)->dropped, 0);
	end_server();
}

/* An id is used again only when the answer to its request has come: here none comes. */
static void requests_given_up_keep_their_places(void **state)
{
	struct answer a[CONNECTION_EXCHANGES_MAX + 1];

	(void)state;
	agree();
	for (unsigned i = 0; i < CONNECTION_EXCHANGES_MAX; i++)
		assert_int_equal(ask(SFTP_LSTAT, now_ns + 1, &a[i]), 0);
	assert_int_equal(ask(SFTP_LSTAT, now_ns + 1, &a[CONNECTION_EXCHANGES_MAX]), -EAGAIN);
	assert_int_equal(work(), 0);
	now_ns++;
	assert_int_equal(work(), 0);
	for (unsigned i = 0; i < CONNECTION_EXCHANGES_MAX; i++)
		assert_int_equal(a[i].error, -ETIMEDOUT);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a[0]), -EAGAIN);
	say_status(server.asked[7].id, SFTP_OK);
	assert_int_equal(work(), 0);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a[0]), 0);
	assert_int_equal(work(), 0);
	assert_int_not_equal(server.asked[CONNECTION_EXCHANGES_MAX].id, server.asked[7].id);
	/* The same answer once more means nothing. */
	say_status(server.asked[7].id, SFTP_OK);
	assert_int_equal(work(), 0);
	assert_int_equal(a[0].calls, 0);
	assert_int_equal(connection_counts(client)->dropped, 1);
	end_server();
	assert_int_equal(a[0].error, -ENOTCONN);
}

static void a_server_that_takes_nothing(void **state)
{
	struct answer a, big;
	struct sftp_packet p;
	unsigned n = 0;

	(void)state;
	agree();
	server.takes = 0;
	while (ask(SFTP_LSTAT, now_ns + 5, &a) == 0 && n < 10)
		n++;
	assert_int_equal(work(), 0);
	/* The bytes that wait to be sent are bounded. */
	sftp_begin(&p, SFTP_LSTAT, 0);
	while (p.used < SFTP_REQUEST_MAX - 8)
		sftp_put_u32(&p, 0);
	big = (struct answer){0};
	for (n = 0; connection_ask(client, &p, now_ns + 5, keep_answer, &big) == 0; n++)
		;
	assert_in_range(n, 100, CONNECTION_OUTBOX / p.used);
	now_ns += 5;
	assert_int_equal(work(), 0);
	assert_int_equal(big.calls, n);
	assert_int_equal(big.error, -ETIMEDOUT);
	assert_int_equal(server.in_used, 0);
	end_server();
}

/* ---- misbehaviour ---- */

static void garbage(void)
{
	say_bytes("Welcome to the machine!\r\n", 25);
}

static void too_long(void)
{
	say_bytes("\x7f\xff\xff\xff\x67\0\0\0\1", 9);
}

static void too_short(void)
{
	say_bytes("\0\0\0\4\x65\0\0\0", 8);
}

static void a_request(void)
{
	struct sftp_packet p;

	sftp_begin(&p, SFTP_OPEN, server.asked[0].id);
	sftp_put_text(&p, "x");
	say_packet(&p);
}

static void an_unknown_type(void)
{
	say_bytes("\0\0\0\5\xff\0\0\0\1", 9);
}

static void a_second_version(void)
{
	say_version(3, true);
}

static void cut_status(void)
{
	say_bytes("\0\0\0\7\x65\0\0\0\1\0\0", 11);
}

static void data_for_a_write(void)
{
	say_data(server.asked[1].id, "x", 1);
}

static void more_data_than_asked_for(void)
{
	say_data(server.asked[0].id, file, READ + 1);
}

static void ok_for_a_read(void)
{
	say_status(server.asked[0].id, SFTP_OK);
}

static void a_handle_for_a_read(void)
{
	say_handle(server.asked[0].id, "h");
}

static void half_a_packet_then_the_end(void)
{
	say_data(server.asked[0].id, file, READ);
	server.out_used -= 5;
	server.ends_with = -ENOTCONN;
}

static void the_end(void)
{
	server.ends_with = -ECONNRESET;
}

static void wrong_ids(void)
{
	for (uint32_t i = 0; i < 2000; i++)
		say_status(server.asked[0].id + CONNECTION_EXCHANGES_MAX * (i + 1), SFTP_OK);
}

static void answers_never_asked_for(void)
{
	for (uint32_t i = 0; i < CONNECTION_EXCHANGES_MAX; i++)
		if (i != server.asked[0].id % CONNECTION_EXCHANGES_MAX &&
		    i != server.asked[1].id % CONNECTION_EXCHANGES_MAX &&
		    i != server.asked[2].id % CONNECTION_EXCHANGES_MAX)
			say_data(i, file, 1000);
}

static void an_answer_twice(void)
{
	say_status(server.asked[2].id, SFTP_OK);
	say_status(server.asked[2].id, SFTP_FAILURE);
}

static const struct {
	const char *name;
	void (*misbehave)(void);
	errint_t error; /* that ends the connection; 0: it goes on */
} misbehaviours[] = {
    {"garbage", garbage, -EPROTO},
    {"too long", too_long, -EPROTO},
    {"too short", too_short, -EPROTO},
    {"a request", a_request, -EPROTO},
    {"an unknown type", an_unknown_type, -EPROTO},
    {"a second version", a_second_version, -EPROTO},
    {"a cut status", cut_status, -EPROTO},
    {"data for a write", data_for_a_write, -EPROTO},
    {"more data than asked for", more_data_than_asked_for, -EPROTO},
    {"ok for a read", ok_for_a_read, -EPROTO},
    {"a handle for a read", a_handle_for_a_read, -EPROTO},
    {"half a packet, then the end", half_a_packet_then_the_end, -ENOTCONN},
    {"the end", the_end, -ECONNRESET},
    {"wrong ids", wrong_ids, 0},
    {"answers never asked for", answers_never_asked_for, 0},
    {"an answer twice", an_answer_twice, 0},
};

static void assert_all_ended(const struct outcome *reads, const struct outcome *writes,
			     const struct answer *a)
{
	assert_int_equal(reads->calls, 1);
	assert_int_equal(reads->t.error, -ENOTCONN);
	assert_int_equal(writes->calls, 1);
	assert_int_equal(writes->t.error, -ENOTCONN);
	assert_int_equal(a->calls, 1);
	assert_int_equal(a->error, -ENOTCONN);
}

/* A read, a write and a question under way; then something happens. */
static void assert_misbehaviour(void (*misbehave)(void), errint_t error, size_t chunk)
{
	struct outcome reads, writes;
	struct answer a, after;

	server.chunk = chunk;
	begin_transfer(&reads, false, 0, READ);
	begin_transfer(&writes, true, 8 * MIB, WRITE);
	assert_int_equal(work(), 0);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), 0);
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, 3);
	misbehave();
	assert_int_equal(work(), error);
	if (error < 0) {
		assert_all_ended(&reads, &writes, &a);
		assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &after), error);
		assert_int_equal(work(), error);
		return;
	}
	serve(&server.asked[0], SIZE_MAX);
	serve(&server.asked[1], SIZE_MAX);
	if (a.calls == 0)
		say_status(server.asked[2].id, SFTP_OK);
	assert_int_equal(work(), 0);
	assert_read(&reads, READ);
	assert_int_equal(writes.t.error, 0);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.code, SFTP_OK);
	assert_true(connection_counts(client)->dropped > 0);
}

static void misbehaving_servers(void **state)
{
	static const size_t chunks[] = {0, 7, 4096};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(misbehaviours); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(chunks); k++) {
			begin_file(NULL);
			print_message("# %s, %zu bytes at once\n", misbehaviours[i].name, chunks[k]);
			assert_misbehaviour(misbehaviours[i].misbehave, misbehaviours[i].error, chunks[k]);
			end_file(NULL);
		}
	}
}

static void misbehaviour_instead_of_a_version(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		begin_server();
		assert_int_equal(work(), 0);
		if (i == 0)
			garbage();
		else if (i == 1)
			say_status(3, SFTP_OK);
		else
			say_bytes("\0\0\0\6\2\0\0\0\3\1", 10); /* half an extension */
		assert_int_equal(work(), -EPROTO);
		end_server();
	}
}

/* What shares the session of its stream may have taken bytes in. */
static void nobody_waits_while_bytes_may_have_come(void **state)
{
	struct answer a;

	(void)state;
	begin_file(NULL);
	assert_int_equal(ask(SFTP_LSTAT, now_ns + 1000, &a), 0);
	assert_int_equal(work(), 0);
	assert_true(connection_wake_ns(client) == now_ns + 1000);
	server.stream.again = true;
	assert_true(connection_wake_ns(client) == 0);
	assert_int_equal(work(), 0);
	assert_true(connection_wake_ns(client) == now_ns + 1000);
	assert_false(connection_is_held_up(client));
	server.takes = 0;
	assert_int_equal(ask(SFTP_LSTAT, now_ns + 1000, &a), 0);
	assert_int_equal(work(), 0);
	assert_true(connection_is_held_up(client));
	end_file(NULL);
}

static void ending_it_ends_everything(void **state)
{
	struct outcome o, waiting;
	struct answer a;

	(void)state;
	begin_file(NULL);
	begin_transfer(&o, false, 0, 8 * MIB);
	begin_transfer(&waiting, true, 0, 8 * MIB);
	assert_int_equal(work(), 0);
	assert_int_equal(ask(SFTP_LSTAT, UINT64_MAX, &a), 0);
	end_file(NULL);
	assert_all_ended(&o, &waiting, &a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_asked_before_the_version),
	    cmocka_unit_test(limits_of_servers),
	    cmocka_unit_test(servers_without_limits),
	    cmocka_unit_test(another_version_is_refused),
	    cmocka_unit_test(answers_in_any_order_find_who_asked),
	    cmocka_unit_test(bytes_that_come_one_by_one),
	    cmocka_unit_test(a_server_that_is_silent),
	    cmocka_unit_test(a_server_that_is_slow),
	    cmocka_unit_test(a_server_that_is_silent_and_asked_ever_more),
	    cmocka_unit_test(a_sync_that_takes_long),
	    cmocka_unit_test(an_answer_that_is_seen_late),
	    cmocka_unit_test(a_deadline_ends_a_request_and_nothing_else),
	    cmocka_unit_test(a_handle_that_comes_late_is_closed),
	    cmocka_unit_test(requests_given_up_keep_their_places),
	    cmocka_unit_test(a_server_that_takes_nothing),
	    cmocka_unit_test(misbehaving_servers),
	    cmocka_unit_test(misbehaviour_instead_of_a_version),
	    cmocka_unit_test(nobody_waits_while_bytes_may_have_come),
	    cmocka_unit_test(ending_it_ends_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
