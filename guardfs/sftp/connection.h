/* connection.h: one SFTP session over one byte stream: ids, deadlines, pipelined reads and writes.
 *
 * Belongs to one thread, waits for nothing, and takes the time as an argument (CLOCK_MONOTONIC). The
 * server's packets are hostile: an answer that nobody waits for is dropped and counted; a packet that makes no
 * sense ends the connection. Everything under way then ends with -ENOTCONN, and nothing can be asked any
 * more. tests/unit/test-sftp-connection.c, test-sftp-server.c. */
#ifndef GUARDFS_SFTP_CONNECTION_H
#define GUARDFS_SFTP_CONNECTION_H

#include "sftp/packet.h"
#include "sftp/stream.h"
#include "sftp/window.h"

/* Requests on the wire at once, pieces of transfers included. Those whose callers have given up count until
 * they are answered. */
#define CONNECTION_EXCHANGES_MAX 512u
#define CONNECTION_OUTBOX	 (1u << 20) /* bytes that wait to be sent */

struct connection;

struct connection_counts {
	/* Requests sent, pieces of transfers included. */
	uint64_t asked;
	/* Answers whose id was not under way. */
	uint64_t dropped;
	/* Answers to requests whose callers had given up. */
	uint64_t late;
	/* Requests whose deadline passed. */
	uint64_t expired;
	/* Handles that nobody knows of, open at the server until the connection ends. */
	uint64_t leaked;
};

/* The answer to a request: reply, lent for the time of the call; or NULL and an error: -ETIMEDOUT: its
 * deadline has passed; -ENOTCONN: the connection has ended, and nobody knows whether it was carried out. May ask
 * for more, but not free the connection. */
typedef void (*connection_answer_fn)(void *arg, const struct sftp_reply *reply, errint_t error);

/* Takes the stream over (not on failure: -ENOMEM). Nothing is sent before the first connection_work, which
 * asks for the version, and for the limits if the server has that extension. */
errint_t connection_new(struct stream *stream, struct connection **connection) WARN_UNUSED;

/* Closes the stream. All requests under way end with -ENOTCONN before it returns. NULL: nothing is done. */
void connection_free(struct connection *c);

/* Has the server said its version and limits? Before that, asking gives -EAGAIN. */
bool connection_is_ready(const struct connection *c);

/* 0, or the error that ended it: as stream_ops.work, -EPROTO (nonsense), -EPROTONOSUPPORT (another version). */
errint_t connection_error(const struct connection *c);

/* As said by the server; valid once ready. */
uint32_t connection_extensions(const struct connection *c); /* bits 1 << enum sftp_extension */
uint32_t connection_lacks(const struct connection *c);	    /* bits 1 << enum server_feature */
size_t connection_read_max(const struct connection *c);	    /* bytes of one READ */
size_t connection_write_max(const struct connection *c);

const struct connection_counts *connection_counts(const struct connection *c);

/* The events to wait for, and until when (UINT64_MAX: no deadline), before the next work. */
void connection_want(const struct connection *c, struct pollfd *p);
uint64_t connection_wake_ns(const struct connection *c);

/* Receives, ends what is over time, sends. Returns connection_error. */
errint_t connection_work(struct connection *c, uint64_t now_ns);

/* Sends a request that was begun with any id, and calls answer exactly once, never from within. 0; -EAGAIN:
 * too much is under way, try again after work; -EMSGSIZE; or the error that ended the connection. deadline_ns:
 * UINT64_MAX for none. */
errint_t connection_ask(struct connection *c, struct sftp_packet *packet, uint64_t deadline_ns,
			connection_answer_fn answer, void *arg) WARN_UNUSED;

/* A stretch of a file to be read or written, in pieces that are under way together. Owned by the caller, who
 * leaves it and its bytes alone until done was called. */
struct transfer {
	/* Set by the caller. */
	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_length;
	bool writes;
	uint64_t offset;
	uint8_t *bytes;
	size_t size;
	/* Of the whole; UINT64_MAX: none. */
	uint64_t deadline_ns;
	void (*done)(struct transfer *t);
	void *arg;

	/* The outcome, valid in done. error: 0, or -errno: of a status as sftp_error says, -ETIMEDOUT,
	 * -ENOTCONN. result: the bytes from the beginning that were read, or are known to be written, without a gap.
	 * A read without error that is shorter than size has met the end of the file there. */
	errint_t error;
	size_t result;

	/* The connection's. */
	/* Up to where pieces were begun. */
	size_t asked;
	/* Up to where there is something to do: size, or where the file ends. */
	size_t end;
	/* The first byte of the first piece that failed. */
	size_t failed_at;
	unsigned under_way;
	bool queued;
	struct transfer *next;
};

/* Begins a transfer of size > 0. done is called exactly once, never from within. 0; -EAGAIN: not ready; or
 * the error that ended the connection. */
errint_t connection_transfer(struct connection *c, struct transfer *t) WARN_UNUSED;

#endif
