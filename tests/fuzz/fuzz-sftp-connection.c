/* A server that answers anything to a connection with requests, a read and a write under way: each of them ends
 * exactly once, nothing is written beyond the read's buffer, and what is asked for stays within bounds. */
#include "sftp/connection.h"

#include <errno.h>
#include <stdlib.h>

#define READ_SIZE  (256u << 10) /* two pieces */
#define WRITE_SIZE 5000u
#define QUESTIONS  4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

struct false_server {
	struct stream stream;
	const uint8_t *bytes;
	size_t n, chunk;
	size_t taken;
};

static void server_want(const struct stream *s, struct pollfd *p)
{
	(void)s;
	*p = (struct pollfd){.fd = -1};
}

/* One chunk a call, from a buffer of exactly its size; the end after the last. */
static errint_t server_work(struct stream *s)
{
	struct false_server *f = (struct false_server *)s;
	size_t n = MIN(f->n, f->chunk);
	uint8_t *copy;

	if (n == 0)
		return -ENOTCONN;
	copy = malloc(n);
	memcpy(copy, f->bytes, n);
	s->receive(s->arg, copy, n);
	free(copy);
	f->bytes += n;
	f->n -= n;
	return 0;
}

static ssize_t server_send(struct stream *s, const uint8_t *bytes, size_t n)
{
	struct false_server *f = (struct false_server *)s;

	(void)bytes;
	f->taken += n;
	return (ssize_t)n;
}

static void server_close(struct stream *s)
{
	(void)s;
}

static const struct stream_ops server_ops = {
    .name = "fuzz", .want = server_want, .work = server_work, .send = server_send, .close = server_close};

static unsigned answers[QUESTIONS], transfers;

static void count_answer(void *arg, const struct sftp_reply *reply, errint_t error)
{
	require(!reply == (error < 0));
	++*(unsigned *)arg;
}

static void count_transfer(struct transfer *t)
{
	require(t->result <= t->size && (t->error == 0 || t->error > -4096));
	transfers++;
}

static void ask_questions(struct connection *c)
{
	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct sftp_packet p;

		sftp_begin(&p, i % 2 ? SFTP_OPEN : SFTP_LSTAT, 0);
		sftp_put_text(&p, "x");
		answers[i] = 0;
		require(connection_ask(c, &p, i == 1 ? 2 : UINT64_MAX, count_answer, &answers[i]) == 0);
	}
}

/* Of exactly its size, and made once: most of a run's time would go into this. */
static uint8_t *buffer_of(bool writes, size_t n)
{
	static uint8_t *buffers[2];

	if (!buffers[writes])
		buffers[writes] = calloc(1, n);
	return buffers[writes];
}

static void begin_transfer(struct connection *c, struct transfer *t, bool writes, size_t n)
{
	*t = (struct transfer){.handle = "h",
			       .handle_length = 1,
			       .writes = writes,
			       .bytes = buffer_of(writes, n),
			       .size = n,
			       .deadline_ns = UINT64_MAX,
			       .done = count_transfer};
	require(connection_transfer(c, t) == 0);
}

/* Version and limits, as any server says them. */
static void agree(struct connection *c, struct false_server *f)
{
	static const uint8_t version[] = "\0\0\0\x1f\2\0\0\0\3\0\0\0\x11"
					 "fsync@openssh.com\0\0\0\1"
					 "1";

	f->bytes = version;
	f->n = f->chunk = sizeof(version) - 1;
	require(connection_work(c, 1) == 0 && connection_is_ready(c));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t chunks[] = {1, 3, 64, 4096, 1u << 20};
	struct false_server f = {.stream = {.ops = &server_ops}};
	struct transfer reads, writes;
	struct connection *c;

	if (size < 1)
		return 0;
	require(connection_new(&f.stream, &c) == 0);
	agree(c, &f);
	transfers = 0;
	ask_questions(c);
	begin_transfer(c, &reads, false, READ_SIZE);
	begin_transfer(c, &writes, true, WRITE_SIZE);
	f.bytes = data + 1;
	f.n = size - 1;
	f.chunk = chunks[data[0] % ARRAY_SIZE(chunks)];
	for (uint64_t now_ns = 1; connection_work(c, now_ns) == 0; now_ns++)
		require(f.taken <= READ_SIZE + 2 * WRITE_SIZE + 64 * size);
	connection_free(c);
	for (unsigned i = 0; i < QUESTIONS; i++)
		require(answers[i] == 1);
	require(transfers == 2);
	return 0;
}
