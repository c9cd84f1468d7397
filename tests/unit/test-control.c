/* The listening side of the control socket, over real sockets, with time handed to it. */
#include "control/frame.h"
#include "control/server.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND	 NSEC_PER_SEC
#define OTHER_ID 65533

static char sandbox[64];
static struct server *server;
static uint64_t now = 1000 * SECOND; /* the server's clock */

/* What the server's callbacks saw; how they answer is up to the case. */
static struct {
	unsigned requests, lost;
	struct server_client *client;
	bool may_act;
	uid_t uid;
	char command[64];
	bool answer_at_once;
} seen;

static void on_request(void *arg, struct server_client *client, const struct server_request *request)
{
	const char *command = json_string_value(json_object_get(request->object, "command"));

	assert_ptr_equal(arg, &seen);
	seen.requests++;
	seen.client = client;
	seen.may_act = request->may_act;
	seen.uid = request->uid;
	(void)copy_string(seen.command, sizeof(seen.command), command ? command : "");
	if (seen.answer_at_once)
		server_reply(server, client, json_pack("{s:b}", "may_act", request->may_act));
}

static void on_lost(void *arg, struct server_client *client)
{
	assert_ptr_equal(arg, &seen);
	assert_ptr_equal(client, seen.client);
	seen.lost++;
	seen.client = NULL;
}

static struct server_options make_options(gid_t group)
{
	struct server_options options = {
	    .group = group, .arg = &seen, .request = on_request, .lost = on_lost};

	snprintf(options.path, sizeof(options.path), "%s/" CONTROL_SOCKET, sandbox);
	return options;
}

static void listen_for(gid_t group)
{
	struct server_options options = make_options(group);

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(server_start(&options, &server), 0);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(sandbox, sizeof(sandbox), "/tmp/guardfs-test-control.XXXXXX");
	if (!mkdtemp(sandbox) || chmod(sandbox, 0755) != 0)
		return -1;
	listen_for((gid_t)-1);
	return 0;
}

static int tear_down(void **state)
{
	char path[128];

	(void)state;
	server_stop(server);
	server = NULL;
	snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET, sandbox);
	unlink(path);
	return rmdir(sandbox);
}

/* ---- a client by hand ---- */

static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" CONTROL_SOCKET, sandbox);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const void *data, size_t n)
{
	assert_int_equal(send(fd, data, n, MSG_NOSIGNAL), n);
}

/* A frame of any text, sound or not. */
static size_t frame_text(uint8_t *frame, const char *text)
{
	size_t n = strlen(text);

	frame[0] = frame[1] = 0;
	frame[2] = (uint8_t)(n >> 8);
	frame[3] = (uint8_t)n;
	memcpy(frame + FRAME_HEADER, text, n);
	return n + FRAME_HEADER;
}

static void say_frame(int fd, const char *text)
{
	uint8_t frame[4096];

	say(fd, frame, frame_text(frame, text));
}

/* The next frame that has arrived, NULL at the end of the connection; one of the two must be the case. */
static json_t *hear(int fd)
{
	uint8_t header[FRAME_HEADER];
	static uint8_t data[CONTROL_REPLY_MAX];
	ssize_t n = recv(fd, header, sizeof(header), MSG_DONTWAIT);
	json_t *object;
	uint32_t length;

	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return NULL;
	assert_int_equal(n, FRAME_HEADER);
	length = frame_length(header, CONTROL_REPLY_MAX);
	assert_in_range(length, 1, CONTROL_REPLY_MAX);
	assert_int_equal(recv(fd, data, length, MSG_DONTWAIT), length);
	object = frame_parse(data, length);
	assert_non_null(object);
	return object;
}

static bool is_silent(int fd)
{
	uint8_t byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

/* Hangs up after having heard a refusal with this code. */
static void hear_refusal(int fd, const char *code)
{
	json_t *reply = hear(fd);

	assert_non_null(reply);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	assert_string_equal(json_string_value(json_object_get(reply, "error")), code);
	assert_true(json_string_length(json_object_get(reply, "message")) > 0);
	json_decref(reply);
	assert_null(hear(fd));
	close(fd);
}

static void hear_end(int fd)
{
	assert_null(hear(fd));
	close(fd);
}

static void step(void)
{
	server_step(server, now);
}

/* ---- requests ---- */

static void a_request_is_handed_over_and_answered(void **state)
{
	int fd = dial();
	json_t *reply;

	(void)state;
	say_frame(fd, "{\"v\":1,\"command\":\"ping\"}");
	step();
	assert_int_equal(seen.requests, 1);
	assert_string_equal(seen.command, "ping");
	assert_true(seen.may_act);
	assert_int_equal(seen.uid, geteuid());
	now += 3600 * SECOND; /* an answer may take as long as it likes */
	step();
	assert_true(is_silent(fd));
	server_reply(server, seen.client, json_pack("{s:s}", "version", "x"));
	reply = hear(fd);
	assert_int_equal(json_integer_value(json_object_get(reply, "v")), 1);
	assert_true(json_is_true(json_object_get(reply, "ok")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(reply, "result"), "version")),
			    "x");
	json_decref(reply);
	hear_end(fd);
	step();
	assert_int_equal(seen.lost, 0);
}

static void a_request_may_come_byte_by_byte(void **state)
{
	uint8_t frame[64];
	size_t n = frame_text(frame, "{\"v\":1,\"command\":\"x\"}");
	int fd = dial();

	(void)state;
	seen.answer_at_once = true;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(seen.requests, 0);
		say(fd, frame + i, 1);
		step();
	}
	assert_int_equal(seen.requests, 1);
	json_decref(hear(fd));
	hear_end(fd);
}

static void half_a_request_has_five_seconds(void **state)
{
	uint64_t wake = UINT64_MAX;
	struct pollfd p[SERVER_POLL_MAX];
	int fd = dial(), talker = dial();

	(void)state;
	say(fd, "\0\0", 2);
	step();
	assert_int_equal(server_fill_poll(server, p, &wake), 3);
	assert_int_equal(wake, now + 5 * SECOND);
	now += 5 * SECOND - 1;
	say(talker, "\0", 1); /* going on talking buys no time */
	step();
	assert_true(is_silent(fd));
	now += 1;
	step();
	hear_end(fd);
	hear_end(talker);
	assert_int_equal(server_fill_poll(server, p, &wake), 1);
	assert_int_equal(seen.requests + seen.lost, 0);
}

static void lengths_without_sense_end_the_connection(void **state)
{
	static const uint8_t headers[][FRAME_HEADER] = {
	    {0, 0, 0, 0}, {0, 1, 0, 1}, {0xff, 0xff, 0xff, 0xff}, {0x80, 0, 0, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		int fd = dial();

		say(fd, headers[i], FRAME_HEADER);
		step();
		step();
		hear_end(fd);
	}
	assert_int_equal(seen.requests, 0);
}

static void senseless_requests_are_refused(void **state)
{
	static const struct {
		const char *text, *code;
	} cases[] = {{"[]", "usage"},
		     {"{", "usage"},
		     {"{}", "usage"},
		     {"{\"v\":\"1\"}", "usage"},
		     {"{\"v\":1.0}", "usage"},
		     {"{\"v\":1,\"v\":1}", "usage"},
		     {"{\"v\":2,\"command\":\"ping\"}", "version"},
		     {"{\"v\":0}", "version"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = dial();

		say_frame(fd, cases[i].text);
		step();
		step();
		hear_refusal(fd, cases[i].code);
	}
	assert_int_equal(seen.requests + seen.lost, 0);
}

static void what_follows_a_request_is_not_read(void **state)
{
	int fd = dial();

	(void)state;
	say_frame(fd, "{\"v\":1,\"command\":\"one\"}");
	say_frame(fd, "{\"v\":1,\"command\":\"two\"}");
	step();
	step();
	assert_int_equal(seen.requests, 1);
	server_refuse(server, seen.client, "refused", "for %s", "a reason");
	step();
	hear_refusal(fd, "refused");
	assert_int_equal(seen.requests, 1);
}

static void a_client_gone_before_its_reply_is_told(void **state)
{
	int fd = dial();

	(void)state;
	say_frame(fd, "{\"v\":1,\"command\":\"slow\"}");
	step();
	assert_int_equal(shutdown(fd, SHUT_WR), 0); /* has no more to say, but listens */
	step();
	assert_int_equal(seen.lost, 0);
	close(fd);
	step();
	assert_int_equal(seen.lost, 1);
	assert_null(seen.client);
	step();
	assert_int_equal(seen.lost, 1);
}

static void a_client_gone_at_once_after_its_request_is_told(void **state)
{
	int fd = dial();

	(void)state;
	say_frame(fd, "{\"v\":1,\"command\":\"hasty\"}");
	close(fd);
	step();
	step();
	assert_int_equal(seen.requests, 1);
	assert_int_equal(seen.lost, 1);
}

static void progress_comes_before_the_reply(void **state)
{
	int fd = dial();
	json_t *object;

	(void)state;
	say_frame(fd, "{\"v\":1,\"command\":\"diagnose\"}");
	step();
	assert_true(server_progress(server, seen.client, json_pack("{s:s}", "name", "resolve")));
	assert_true(server_progress(server, seen.client, json_pack("{s:s}", "name", "connect")));
	object = hear(fd);
	assert_string_equal(json_string_value(json_object_get(json_object_get(object, "progress"), "name")),
			    "resolve");
	json_decref(object);
	step();
	now += 60 * SECOND; /* nothing waits to be taken: no limit */
	step();
	json_decref(hear(fd));
	server_reply(server, seen.client, json_object());
	object = hear(fd);
	assert_true(json_is_true(json_object_get(object, "ok")));
	json_decref(object);
	hear_end(fd);
	assert_int_equal(seen.lost, 0);
}

static void progress_for_one_who_is_gone_is_refused(void **state)
{
	int fd = dial();

	(void)state;
	say_frame(fd, "{\"v\":1,\"command\":\"diagnose\"}");
	step();
	close(fd);
	assert_false(server_progress(server, seen.client, json_object()));
	assert_int_equal(seen.lost, 0); /* not from within a call */
	step();
	assert_int_equal(seen.lost, 1);
}

static json_t *filler(size_t n)
{
	char *text = malloc(n + 1);
	json_t *object;

	assert_non_null(text);
	memset(text, 'x', n);
	text[n] = '\0';
	object = json_pack("{s:s}", "filler", text);
	free(text);
	return object;
}

static void progress_that_nobody_takes_is_bounded(void **state)
{
	int fd = dial();
	unsigned taken = 0;

	(void)state;
	say_frame(fd, "{\"v\":1,\"command\":\"diagnose\"}");
	step();
	while (taken < 10000 && server_progress(server, seen.client, filler(16 << 10)))
		taken++;
	assert_in_range(taken, 1, 200);
	step();
	now += 5 * SECOND - 1;
	step();
	assert_int_equal(seen.lost, 0);
	now += 1;
	step(); /* 5 s without reading */
	assert_int_equal(seen.lost, 1);
	close(fd);
}

/* Reads some of what has come; how much. */
static size_t sip(int fd, size_t n)
{
	static uint8_t data[1 << 20];
	ssize_t got = recv(fd, data, MIN(n, sizeof(data)), MSG_DONTWAIT);

	return got > 0 ? (size_t)got : 0;
}

static void a_slow_reader_is_waited_for_while_it_reads(void **state)
{
	int fd = dial();
	size_t total = 0, size = 6u << 20;

	(void)state;
	say_frame(fd, "{\"v\":1,\"command\":\"incidents\"}");
	step();
	server_reply(server, seen.client, filler(size));
	step();
	for (unsigned i = 0; i < 1000 && total < size; i++) {
		now += 4 * SECOND;
		total += sip(fd, 1 << 20);
		step();
	}
	while (sip(fd, 1 << 20))
		;
	assert_in_range(total, size, size + 100);
	close(fd);
}

static void one_who_takes_nothing_is_dropped_after_five_seconds(void **state)
{
	struct pollfd p[SERVER_POLL_MAX];
	uint64_t wake = UINT64_MAX;
	int fd = dial();

	(void)state;
	say_frame(fd, "{\"v\":1,\"command\":\"incidents\"}");
	step();
	now += 600 * SECOND; /* the limit counts from the answer, not from the last step */
	server_reply(server, seen.client, filler(6u << 20));
	step();
	now += 5 * SECOND - 1;
	step();
	assert_int_equal(server_fill_poll(server, p, &wake), 2);
	assert_int_equal(p[1].events, POLLOUT);
	now += 1;
	step();
	assert_int_equal(server_fill_poll(server, p, &wake), 1);
	assert_int_equal(seen.lost, 0); /* it was answered */
	close(fd);
}

static void a_result_too_long_becomes_an_error(void **state)
{
	int fd = dial();

	(void)state;
	say_frame(fd, "{\"v\":1,\"command\":\"incidents\"}");
	step();
	server_reply(server, seen.client, filler(CONTROL_REPLY_MAX));
	hear_refusal(fd, "unavailable");
}

/* ---- many ---- */

static void the_oldest_mute_client_makes_room(void **state)
{
	int fds[SERVER_CLIENTS_MAX], fd;

	(void)state;
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		fds[i] = dial();
		now++;
		step();
	}
	say_frame(fds[0], "{\"v\":1,\"command\":\"x\"}"); /* the oldest is not mute */
	step();
	fd = dial();
	step();
	hear_end(fds[1]);
	assert_true(is_silent(fds[2]));
	seen.answer_at_once = true;
	say_frame(fd, "{\"v\":1,\"command\":\"y\"}");
	step();
	assert_string_equal(seen.command, "y");
	json_decref(hear(fd));
	hear_end(fd);
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (i != 1)
			close(fds[i]);
}

static void the_seventeenth_is_told_busy_when_all_wait(void **state)
{
	int fds[SERVER_CLIENTS_MAX], fd;

	(void)state;
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		fds[i] = dial();
		say_frame(fds[i], "{\"v\":1,\"command\":\"x\"}");
		step();
		step();
	}
	assert_int_equal(seen.requests, SERVER_CLIENTS_MAX);
	fd = dial();
	step();
	hear_refusal(fd, "busy");
	server_reply(server, seen.client, json_object());
	fd = dial(); /* there is room again */
	say_frame(fd, "{\"v\":1,\"command\":\"last\"}");
	step();
	step();
	assert_string_equal(seen.command, "last");
	close(fd);
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		close(fds[i]);
	assert_int_equal(seen.lost, 0);
}

/* ---- the socket as a file ---- */

static void check_mode(mode_t mode, gid_t group)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET, sandbox);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | mode);
	assert_int_equal(st.st_gid, group);
}

static void mode_and_group_are_as_documented(void **state)
{
	mode_t old = umask(0);
	gid_t group = getuid() == 0 ? OTHER_ID : getgid();

	(void)state;
	server_stop(server);
	listen_for((gid_t)-1);
	check_mode(0600, getegid());
	server_stop(server);
	umask(077);
	listen_for(group);
	check_mode(0660, group);
	umask(old);
}

static void a_successor_replaces_the_socket(void **state)
{
	struct server_options options = make_options((gid_t)-1);
	struct server *predecessor = server;
	int fd;

	(void)state;
	assert_int_equal(server_start(&options, &server), 0);
	server_stop(predecessor); /* must leave the successor's alone */
	fd = dial();
	say_frame(fd, "{\"v\":1,\"command\":\"new\"}");
	step();
	step();
	assert_string_equal(seen.command, "new");
	close(fd);
}

static void a_dead_socket_is_replaced_a_file_is_not(void **state)
{
	struct server_options options = make_options((gid_t)-1);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	server_stop(server);
	server = NULL;
	(void)copy_string(address.sun_path, sizeof(address.sun_path), options.path);
	assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	close(dead);
	assert_int_equal(server_start(&options, &server), 0);
	close(dial());
	server_stop(server);
	server = NULL;
	assert_int_equal(fd_write_atomic(options.path, "x", 1, 0600, false), 0);
	assert_int_equal(server_start(&options, &server), -EEXIST);
	assert_int_equal(unlink(options.path), 0);
	snprintf(options.path, sizeof(options.path), "%s/absent/" CONTROL_SOCKET, sandbox);
	assert_int_equal(server_start(&options, &server), -ENOENT);
	server = NULL;
}

#define WITH_A_SERVER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_A_SERVER(a_request_is_handed_over_and_answered),
	    WITH_A_SERVER(a_request_may_come_byte_by_byte),
	    WITH_A_SERVER(half_a_request_has_five_seconds),
	    WITH_A_SERVER(lengths_without_sense_end_the_connection),
	    WITH_A_SERVER(senseless_requests_are_refused),
	    WITH_A_SERVER(what_follows_a_request_is_not_read),
	    WITH_A_SERVER(a_client_gone_before_its_reply_is_told),
	    WITH_A_SERVER(a_client_gone_at_once_after_its_request_is_told),
	    WITH_A_SERVER(progress_comes_before_the_reply),
	    WITH_A_SERVER(progress_for_one_who_is_gone_is_refused),
	    WITH_A_SERVER(progress_that_nobody_takes_is_bounded),
	    WITH_A_SERVER(a_slow_reader_is_waited_for_while_it_reads),
	    WITH_A_SERVER(one_who_takes_nothing_is_dropped_after_five_seconds),
	    WITH_A_SERVER(a_result_too_long_becomes_an_error),
	    WITH_A_SERVER(the_oldest_mute_client_makes_room),
	    WITH_A_SERVER(the_seventeenth_is_told_busy_when_all_wait),
	    WITH_A_SERVER(mode_and_group_are_as_documented),
	    WITH_A_SERVER(a_successor_replaces_the_socket),
	    WITH_A_SERVER(a_dead_socket_is_replaced_a_file_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
