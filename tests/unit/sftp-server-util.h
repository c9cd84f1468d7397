/* sftp-server-util.h: a connection, or two over one session, to the sshd of diagnose-util.h. */
#ifndef GUARDFS_TESTS_SFTP_SERVER_UTIL_H
#define GUARDFS_TESTS_SFTP_SERVER_UTIL_H

#include "diagnose-util.h"
#include "sftp/connection.h"
#include <libssh/libssh.h>

#define SFTP_SERVER "/usr/lib/openssh/sftp-server"
#define MIB	    (1u << 20)
#define SIZE	    (6 * MIB + 4321)
#define PATIENCE_NS (20 * NSEC_PER_SEC)

/* The one that is asked. */
static struct connection *client;
/* Another one beside it, over one session: both of them, the first one first. NULL: there is one alone. */
static struct connection *lead, *second;
static uint8_t *written, *back;

static inline struct stream *begin_program(void)
{
	static const char *const argv[] = {SFTP_SERVER, NULL};
	struct stream *s;

	assert_int_equal(stream_over_program(argv, NULL, &s), 0);
	return s;
}

/* Of the stream begun last. */
static ssh_session session_begun;

static inline struct stream *begin_libssh(void)
{
	const struct diagnose_manner manner = {.timeout_ms = LIMIT_MS, .like = -1};
	struct diagnose_session session;
	struct stream *s;

	if (!diagnose_session_open(&backend, &manner, &diagnosis, &session))
		show_diagnosis();
	assert_true(session.session != NULL);
	session_begun = session.session;
	assert_int_equal(stream_over_channel(session.session, session.channel, session.socket, 30000, &s), 0);
	return s;
}

/* ---- waiting ---- */

static inline errint_t work_round(void)
{
	uint64_t now_ns = clock_mono_ns();
	errint_t rc;

	if (!second)
		return connection_work(client, now_ns);
	connection_tell_time(second, now_ns);
	rc = connection_work(lead, now_ns);
	return rc < 0 ? rc : connection_work(second, now_ns);
}

static inline uint64_t wake_ns_of_all(void)
{
	uint64_t wake_ns = connection_wake_ns(second ? lead : client);

	return second ? MIN(wake_ns, connection_wake_ns(second)) : wake_ns;
}

/* Works until *calls is not 0, or a connection has ended. */
static inline void work_until(const unsigned *calls)
{
	uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;
	errint_t rc = work_round();

	while (rc == 0 && *calls == 0) {
		uint64_t at_ns = clock_mono_ns(), wake_ns = MIN(wake_ns_of_all(), until_ns);
		struct pollfd p;

		assert_true(at_ns < until_ns);
		connection_want(client, &p);
		poll(&p, 1, wake_ns > at_ns ? (int)((wake_ns - at_ns) / NSEC_PER_MSEC) + 1 : 0);
		rc = work_round();
	}
}

static inline void agree(struct stream *s)
{
	uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;

	assert_int_equal(connection_new(s, &client), 0);
	while (!connection_is_ready(client)) {
		struct pollfd p;

		assert_int_equal(connection_work(client, clock_mono_ns()), 0);
		assert_true(clock_mono_ns() < until_ns);
		connection_want(client, &p);
		if (!connection_is_ready(client))
			poll(&p, 1, 1000);
	}
}

/* ---- requests ---- */

struct answer {
	unsigned calls;
	errint_t error;
	enum sftp_type type;
	uint32_t code;
	struct sftp_attributes attrs;
	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_length;
	unsigned names;
};

static inline void keep_answer(void *arg, const struct sftp_reply *reply, errint_t error)
{
	struct answer *a = arg;

	a->calls++;
	a->error = error;
	a->type = reply ? reply->type : 0;
	if (a->type == SFTP_STATUS)
		a->code = reply->status.code;
	if (a->type == SFTP_ATTRS)
		a->attrs = reply->attrs;
	if (a->type == SFTP_NAME)
		a->names = reply->names.n;
	if (a->type == SFTP_HANDLE) {
		a->handle_length = reply->handle.n;
		memcpy(a->handle, reply->handle.bytes, reply->handle.n);
	}
}

static struct sftp_packet packet;

static inline void begin_request(enum sftp_type type, const char *name)
{
	char path[160];

	stage_path(path, sizeof(path), name);
	sftp_begin(&packet, type, 0);
	sftp_put_text(&packet, path);
}

static inline void begin_handle_request(enum sftp_type type, const struct answer *opened)
{
	sftp_begin(&packet, type, 0);
	sftp_put_bytes(&packet, opened->handle, opened->handle_length);
}

static inline void send_request(struct answer *a)
{
	*a = (struct answer){0};
	assert_int_equal(connection_ask(client, &packet, UINT64_MAX, keep_answer, a), 0);
}

static inline void ask_and_wait(struct answer *a)
{
	send_request(a);
	work_until(&a->calls);
	assert_int_equal(a->calls, 1);
}

static inline void open_file(struct answer *a, uint32_t flags)
{
	begin_request(SFTP_OPEN, "data/file");
	sftp_put_u32(&packet, flags);
	sftp_put_no_attributes(&packet);
	ask_and_wait(a);
	assert_int_equal(a->type, SFTP_HANDLE);
}

static unsigned transfers_done;

static inline void transfer_done(struct transfer *t)
{
	(void)t;
	transfers_done++;
}

static inline void begin_transfer(struct transfer *t, const struct answer *opened, bool writes)
{
	*t = (struct transfer){.handle_length = opened->handle_length,
			       .writes = writes,
			       .bytes = writes ? written : back,
			       .size = SIZE,
			       .deadline_ns = UINT64_MAX,
			       .done = transfer_done};
	memcpy(t->handle, opened->handle, opened->handle_length);
	transfers_done = 0;
	assert_int_equal(connection_transfer(client, t), 0);
}

static inline void transfer_file(struct transfer *t, const struct answer *opened, bool writes)
{
	begin_transfer(t, opened, writes);
	work_until(&transfers_done);
	assert_int_equal(transfers_done, 1);
	assert_int_equal(t->error, 0);
	assert_int_equal(t->result, SIZE);
}

static inline void assert_file_on_disk(void)
{
	char path[160];
	FILE *f;

	stage_path(path, sizeof(path), "data/file");
	f = fopen(path, "r");
	assert_non_null(f);
	memset(back, 0, SIZE);
	assert_int_equal(fread(back, 1, SIZE + 1, f), SIZE);
	fclose(f);
	assert_memory_equal(back, written, SIZE);
}

/* For what is written. */
static inline int run_all(const struct CMUnitTest *tests, size_t n)
{
	written = malloc(SIZE);
	back = malloc(SIZE + 1);
	for (size_t i = 0; i < SIZE; i++)
		written[i] = (uint8_t)(i * 2654435761u >> 11);
	return _cmocka_run_group_tests("tests", tests, n, set_up_all, tear_down_all);
}

#endif
