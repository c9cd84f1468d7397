/* Two connections over one session of libssh, against OpenSSH's server: neither waits for an event that the other has taken, and
 * nobody is kept busy by a server that says nothing. As root. */
#include "sftp-server-util.h"

/* Until the second one is ready, or has ended. */
static void begin_second(void)
{
	uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;

	agree(begin_libssh());
	lead = client;
	assert_int_equal(connection_beside(lead, &second), 0);
	while (!connection_is_ready(second) && connection_error(second) == 0) {
		struct pollfd p;

		(void)work_round();
		assert_int_equal(connection_error(lead), 0);
		assert_true(clock_mono_ns() < until_ns);
		connection_want(lead, &p);
		if (wake_ns_of_all() > clock_mono_ns())
			poll(&p, 1, 1000);
	}
}

static void end_both(void)
{
	connection_free(second);
	connection_free(lead);
	lead = second = NULL;
}

/* More than a window of writes on the first one, and reads and look-ups on the second one all the while: all arrive, and
 * neither waits for an event that the other has taken. */
static void a_second_one_over_the_same_session(void **state)
{
	struct answer opened, other, seen;
	struct transfer writes, reads;
	unsigned before;

	(void)state;
	serve_sftp("");
	before = open_descriptors();
	begin_second();
	assert_int_equal(connection_error(second), 0);
	assert_true(connection_extensions(second) == connection_extensions(lead));
	open_file(&opened, SFTP_OPEN_WRITE | SFTP_OPEN_CREATE);
	client = second;
	open_file(&other, SFTP_OPEN_READ);
	for (unsigned i = 0; i < 3; i++) {
		client = lead;
		begin_transfer(&writes, &opened, true);
		client = second;
		begin_request(SFTP_LSTAT, "data");
		ask_and_wait(&seen);
		assert_int_equal(seen.type, SFTP_ATTRS);
		while (transfers_done < 1)
			work_until(&transfers_done);
		assert_int_equal(writes.error, 0);
		client = second;
		memset(back, 0, SIZE);
		begin_transfer(&reads, &other, false);
		client = lead;
		begin_transfer(&writes, &opened, true);
		work_until(&transfers_done);
		transfers_done--;
		work_until(&transfers_done);
		assert_int_equal(reads.error, 0);
		assert_int_equal(writes.error, 0);
		assert_int_equal(reads.result, SIZE);
		assert_memory_equal(back, written, SIZE);
	}
	assert_file_on_disk();
	end_both();
	assert_int_equal(open_descriptors(), before);
}

/* Nobody is kept busy while a server has not said whether it wants a second one. */
static void a_server_that_does_not_say(void **state)
{
	(void)state;
	serve_sftp("");
	agree(begin_libssh());
	lead = client;
	assert_int_equal(connection_beside(lead, &second), 0);
	signal_below(stage.sshd, SIGSTOP);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(work_round(), 0);
	assert_true(wake_ns_of_all() > clock_mono_ns());
	assert_false(connection_is_ready(second));
	signal_below(stage.sshd, SIGCONT);
	end_both();
}

static bool is_stopped(pid_t pid)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	return fd_read_file(path, text, sizeof(text)) > 0 && strstr(text, ") T ");
}

static bool are_stopped_below(pid_t pid)
{
	char path[64], text[1024];
	pid_t child;
	int used;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if (fd_read_file(path, text, sizeof(text)) > 0)
		for (char *p = text; sscanf(p, "%d%n", &child, &used) == 1; p += used)
			if (!are_stopped_below(child))
				return false;
	return is_stopped(pid);
}

/* Asks through the second one, and stops the server before its answer is looked at. */
static void ask_a_server_that_stops(struct answer *seen)
{
	struct pollfd p;

	begin_request(SFTP_LSTAT, "data");
	send_request(seen);
	assert_int_equal(work_round(), 0);
	connection_want(lead, &p);
	assert_int_equal(poll(&p, 1, (int)(PATIENCE_NS / NSEC_PER_MSEC)), 1);
	signal_below(stage.sshd, SIGSTOP);
	while (!are_stopped_below(stage.sshd))
		pause_briefly();
	assert_int_equal(work_round(), 0);
}

/* Nor while it has begun to agree on new keys, and goes no further: nothing can be sent, by either. */
static void a_server_that_stops_between_keys(void **state)
{
	struct answer seen, other;
	bool held_up = false;
	unsigned seed = 1;

	(void)state;
	serve_sftp("RekeyLimit 4K");
	begin_second();
	assert_int_equal(connection_error(second), 0);
	for (unsigned i = 0; i < 1000 && !held_up; i++) {
		client = second;
		/* Else new keys may be due at the same place of each round. */
		for (int more = rand_r(&seed) % 4; more > 0; more--) {
			begin_request(SFTP_LSTAT, "data");
			ask_and_wait(&seen);
		}
		ask_a_server_that_stops(&seen);
		/* Only new keys have so little wait. */
		begin_request(SFTP_LSTAT, "data");
		send_request(&other);
		client = lead;
		assert_int_equal(work_round(), 0);
		held_up = connection_is_held_up(second);
		for (unsigned j = 0; j < 10 && held_up; j++)
			assert_int_equal(work_round(), 0);
		if (held_up)
			assert_true(wake_ns_of_all() > clock_mono_ns());
		signal_below(stage.sshd, SIGCONT);
		work_until(&other.calls);
		assert_int_equal(seen.type, SFTP_ATTRS);
		assert_int_equal(other.type, SFTP_ATTRS);
	}
	assert_true(held_up);
	end_both();
}

/* The first one serves on, and may be given another one. */
static void a_server_that_wants_no_second_one(void **state)
{
	struct answer opened;
	struct transfer t;
	struct stream *none;

	(void)state;
	serve_sftp("MaxSessions 1");
	begin_second();
	assert_int_equal(connection_error(second), -ECONNREFUSED);
	connection_free(second);
	second = NULL;
	open_file(&opened, SFTP_OPEN_READ | SFTP_OPEN_WRITE | SFTP_OPEN_CREATE);
	transfer_file(&t, &opened, true);
	assert_file_on_disk();
	assert_int_equal(connection_beside(lead, &second), 0);
	assert_int_equal(connection_beside(lead, &client), -EOPNOTSUPP);
	end_both();
	none = begin_program();
	assert_int_equal(stream_beside(none, &none), -EOPNOTSUPP);
	none->ops->close(none);
}

/* Both end with their session. */
static void a_session_of_two_that_is_cut(void **state)
{
	struct answer asked;

	(void)state;
	serve_sftp("");
	begin_second();
	stop_sshd();
	client = second;
	begin_request(SFTP_LSTAT, "data");
	asked.calls = 0;
	if (connection_ask(client, &packet, UINT64_MAX, keep_answer, &asked) == 0) {
		work_until(&asked.calls);
		assert_true(connection_error(lead) < 0);
	}
	end_both();
}

static int all_tests(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_second_one_over_the_same_session), CASE(a_server_that_does_not_say),
	    CASE(a_server_that_stops_between_keys),   CASE(a_server_that_wants_no_second_one),
	    CASE(a_session_of_two_that_is_cut),
	};

	return run_all(tests, ARRAY_SIZE(tests));
}

int main(void)
{
	return run_caged(all_tests);
}
