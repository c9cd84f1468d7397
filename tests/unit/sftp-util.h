/* sftp-util.h: a false SFTP server in the test's own process, behind a stream of memory: what it was asked, and
 * whatever it is to answer. */
#ifndef TESTS_UNIT_SFTP_UTIL_H
#define TESTS_UNIT_SFTP_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sftp/connection.h"

#include <errno.h>
#include <stdlib.h>

#define ASKED_MAX 1024
#define MIB	  (1u << 20)
#define READ	  (255u << 10) /* bytes of a piece */
#define WRITE	  (128u << 10)
/* Of the file at the server and of the client's buffer: more than any test touches. */
#define FILE_ROOM (17u << 20)
#define SERVER_IN (32u << 20)

/* A request as the server got it. */
struct asked {
	enum sftp_type type;
	uint32_t id;
	uint64_t offset;
	uint32_t length; /* of a READ, or of the data of a WRITE */
	const uint8_t *body, *data;
	size_t n;
	bool answered;
};

static struct {
	struct stream stream;
	uint8_t *in, *out; /* what the client sent, and what it has not received yet */
	size_t in_used, in_parsed, in_size, out_used, out_size;
	size_t chunk;	    /* bytes handed over at once; 0: all */
	size_t takes;	    /* bytes taken at once; 0: nothing is taken */
	errint_t ends_with; /* after everything was handed over */
	bool closed;
	unsigned n_asked;
	struct asked asked[ASKED_MAX];
} server;

static struct connection *client;
static uint64_t now_ns;

/* ---- the stream ---- */

static inline void server_want(const struct stream *s, struct pollfd *p)
{
	(void)s;
	*p = (struct pollfd){.fd = -1};
}

/* From buffers of exactly their size, so that AddressSanitizer sees every byte read beyond. */
static inline errint_t server_work(struct stream *s)
{
	size_t used = server.out_used, at = 0;

	if (used == 0)
		return server.ends_with;
	while (at < used) {
		size_t n = MIN(used - at, server.chunk ? server.chunk : used);
		uint8_t *copy = malloc(n);

		memcpy(copy, server.out + at, n);
		s->receive(s->arg, copy, n);
		free(copy);
		at += n;
	}
	server.out_used -= used;
	memmove(server.out, server.out + used, server.out_used);
	return server.ends_with;
}

static inline void add_bytes(uint8_t **to, size_t *used, size_t *size, const void *bytes, size_t n)
{
	if (*used + n > *size) {
		*size = (*used + n) * 2;
		*to = realloc(*to, *size);
	}
	memcpy(*to + *used, bytes, n);
	*used += n;
}

static inline ssize_t server_send(struct stream *s, const uint8_t *bytes, size_t n)
{
	(void)s;
	n = MIN(n, server.takes);
	assert_true(server.in_used + n <= SERVER_IN); /* the requests noted lie there */
	add_bytes(&server.in, &server.in_used, &server.in_size, bytes, n);
	return (ssize_t)n;
}

static inline void server_close(struct stream *s)
{
	(void)s;
	server.closed = true;
}

static const struct stream_ops server_ops = {
    .name = "false", .want = server_want, .work = server_work, .send = server_send, .close = server_close};

/* ---- what it was asked ---- */

static inline uint32_t number_at(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline void note_request(const uint8_t *b, size_t n)
{
	struct asked *a = &server.asked[server.n_asked++];

	assert_true(server.n_asked < ASKED_MAX);
	*a = (struct asked){.type = (enum sftp_type)b[4], .id = number_at(b + 5), .body = b + 9, .n = n - 9};
	if (a->type == SFTP_READ || a->type == SFTP_WRITE) {
		const uint8_t *after = a->body + 4 + number_at(a->body);

		a->offset = (uint64_t)number_at(after) << 32 | number_at(after + 4);
		a->length = number_at(after + 8);
		a->data = after + 12;
		assert_int_equal(n, (size_t)(after + 12 - b) + (a->type == SFTP_WRITE ? a->length : 0));
	}
}

/* Notes the requests that have come whole. They stay where they are until forget_requests. */
static inline void hear(void)
{
	while (server.in_used - server.in_parsed >= 4) {
		const uint8_t *b = server.in + server.in_parsed;
		size_t n = number_at(b) + 4u;

		if (server.in_used - server.in_parsed < n)
			return;
		note_request(b, n);
		server.in_parsed += n;
	}
}

static inline void forget_requests(void)
{
	assert_int_equal(server.in_parsed, server.in_used);
	server.in_used = server.in_parsed = 0;
	server.n_asked = 0;
}

/* ---- what it answers ---- */

static inline void say_bytes(const void *bytes, size_t n)
{
	add_bytes(&server.out, &server.out_used, &server.out_size, bytes, n);
}

static inline void say_packet(struct sftp_packet *packet)
{
	assert_int_equal(sftp_finish(packet), 0);
	say_bytes(packet->bytes, packet->used);
}

static inline void say_status(uint32_t id, uint32_t code)
{
	struct sftp_packet p;

	sftp_begin(&p, SFTP_STATUS, id);
	sftp_put_u32(&p, code);
	sftp_put_text(&p, "");
	sftp_put_text(&p, "");
	say_packet(&p);
}

static inline void say_handle(uint32_t id, const char *handle)
{
	struct sftp_packet p;

	sftp_begin(&p, SFTP_HANDLE, id);
	sftp_put_text(&p, handle);
	say_packet(&p);
}

static inline void say_data(uint32_t id, const void *bytes, size_t n)
{
	struct sftp_packet p;

	sftp_begin(&p, SFTP_DATA, id);
	assert_int_equal(sftp_finish_before_data(&p, n), 0);
	say_bytes(p.bytes, p.used);
	say_bytes(bytes, n);
}

static inline void say_version(uint32_t version, bool limits)
{
	struct sftp_packet p;

	sftp_begin(&p, SFTP_VERSION, version);
	if (limits) {
		sftp_put_text(&p, "limits@openssh.com");
		sftp_put_text(&p, "1");
	}
	sftp_put_text(&p, "fsync@openssh.com");
	sftp_put_text(&p, "1");
	say_packet(&p);
}

static inline void say_limits(uint32_t id, uint64_t most_read, uint64_t most_write)
{
	struct sftp_packet p;

	sftp_begin(&p, SFTP_EXTENDED_REPLY, id);
	sftp_put_u64(&p, 262144);
	sftp_put_u64(&p, most_read);
	sftp_put_u64(&p, most_write);
	sftp_put_u64(&p, 1000);
	say_packet(&p);
}

/* ---- beginning and end ---- */

static inline errint_t work(void)
{
	errint_t rc = connection_work(client, now_ns);

	hear();
	return rc;
}

static inline void begin_server(void)
{
	memset(&server, 0, sizeof(server));
	server.stream.ops = &server_ops;
	server.takes = SIZE_MAX;
	server.in_size = SERVER_IN;
	server.in = malloc(SERVER_IN);
	now_ns = NSEC_PER_SEC;
	assert_int_equal(connection_new(&server.stream, &client), 0);
}

static inline void end_server(void)
{
	connection_free(client);
	client = NULL;
	assert_true(server.closed);
	free(server.in);
	free(server.out);
}

/* Up to and including version and limits. */
static inline void agree(void)
{
	begin_server();
	assert_int_equal(work(), 0);
	assert_int_equal(server.n_asked, 1);
	assert_int_equal(server.asked[0].type, SFTP_INIT);
	assert_int_equal(server.asked[0].id, SFTP_VERSION_SPOKEN);
	say_version(3, true);
	assert_int_equal(work(), 0);
	assert_int_equal(server.asked[1].type, SFTP_EXTENDED);
	say_limits(server.asked[1].id, 261120, 261120);
	assert_int_equal(work(), 0);
	assert_true(connection_is_ready(client));
	forget_requests();
}

/* ---- asking ---- */

struct answer {
	unsigned calls;
	errint_t error;
	enum sftp_type type;
	uint32_t code;
};

static inline void keep_answer(void *arg, const struct sftp_reply *reply, errint_t error)
{
	struct answer *a = arg;

	a->calls++;
	a->error = error;
	a->type = reply ? reply->type : 0;
	a->code = reply && reply->type == SFTP_STATUS ? reply->status.code : UINT32_MAX;
}

static inline errint_t ask(enum sftp_type type, uint64_t deadline_ns, struct answer *a)
{
	struct sftp_packet p;

	*a = (struct answer){0};
	sftp_begin(&p, type, 0);
	sftp_put_text(&p, "name");
	return connection_ask(client, &p, deadline_ns, keep_answer, a);
}

/* ---- transfers ---- */

static uint8_t *file, *buffer; /* of the server, of the client */
static size_t file_size;

struct outcome {
	struct transfer t;
	unsigned calls;
};

static inline void transfer_done(struct transfer *t)
{
	struct outcome *o = t->arg;

	o->calls++;
}

static inline void begin_transfer(struct outcome *o, bool writes, uint64_t offset, size_t size)
{
	*o = (struct outcome){.t = {.handle = "h",
				    .handle_length = 1,
				    .writes = writes,
				    .offset = offset,
				    .bytes = buffer,
				    .size = size,
				    .deadline_ns = UINT64_MAX,
				    .done = transfer_done,
				    .arg = o}};
	assert_int_equal(connection_transfer(client, &o->t), 0);
}

static inline int begin_file(void **state)
{
	(void)state;
	file_size = 3 * MIB + 12345;
	file = malloc(FILE_ROOM);
	buffer = malloc(FILE_ROOM);
	for (size_t i = 0; i < file_size; i++)
		file[i] = (uint8_t)(i * 2654435761u >> 13);
	memset(buffer, 0xee, FILE_ROOM);
	agree();
	return 0;
}

static inline int end_file(void **state)
{
	(void)state;
	end_server();
	free(file);
	free(buffer);
	return 0;
}

/* Serves a request as a good server does, but at most `most` bytes of a READ. */
static inline void serve(struct asked *a, size_t most)
{
	a->answered = true;
	if (a->type == SFTP_WRITE) {
		memcpy(file + a->offset, a->data, a->length);
		file_size = MAX(file_size, a->offset + a->length);
		say_status(a->id, SFTP_OK);
	} else if (a->offset >= file_size) {
		say_status(a->id, SFTP_EOF);
	} else {
		say_data(a->id, file + a->offset, MIN(MIN((size_t)a->length, most), file_size - a->offset));
	}
}

static inline uint64_t bytes_asked(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < server.n_asked; i++)
		n += server.asked[i].answered ? 0 : server.asked[i].length;
	return n;
}

/* Serves until nothing is asked any more; backwards: the last request first. Never more than the window is on the
 * way. */
static inline void serve_all(size_t most, bool backwards)
{
	for (bool any = true; any;) {
		unsigned n;

		any = false;
		assert_int_equal(work(), 0);
		assert_in_range(bytes_asked(), 0, WINDOW_MAX);
		n = server.n_asked;
		for (unsigned i = 0; i < n; i++) {
			struct asked *a = &server.asked[backwards ? n - 1 - i : i];

			any |= !a->answered;
			if (!a->answered)
				serve(a, most);
		}
		now_ns += NSEC_PER_MSEC;
	}
}

static inline void assert_read(const struct outcome *o, size_t n)
{
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->t.error, 0);
	assert_int_equal(o->t.result, n);
	assert_memory_equal(buffer, file + o->t.offset, n);
	for (size_t i = n; i < o->t.size; i++)
		assert_int_equal(buffer[i], 0xee);
}

#endif
