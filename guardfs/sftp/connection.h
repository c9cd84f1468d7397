/* One SFTP session over one byte stream: ids, deadlines, pipelined reads and writes.
 *
 * One thread; waits for nothing; times are CLOCK_MONOTONIC, UINT64_MAX: no deadline. The server's packets are
 * hostile: an unasked answer is dropped and counted; nonsense ends the connection. Then everything under way
 * ends with -ENOTCONN. */
#ifndef GUARDFS_SFTP_CONNECTION_H
#define GUARDFS_SFTP_CONNECTION_H

#include "sftp/packet.h"
#include "sftp/stream.h"
#include "sftp/window.h"

/* Requests on the wire, pieces of transfers included; those given up count until answered. */
#define CONNECTION_EXCHANGES_MAX 512u
#define CONNECTION_OUTBOX	 (1u << 20) /* bytes to be sent */

struct connection;

struct connection_counts {
	/* Pieces of transfers included. */
	uint64_t asked;
	/* Answers of unknown id. */
	uint64_t dropped;
	/* Answers whose callers had given up. */
	uint64_t late;
	uint64_t expired;
	/* Handles open at the server, known to nobody, until the connection ends. */
	uint64_t leaked;
};

/* reply: lent for the call; or NULL and error: -ETIMEDOUT; -ENOTCONN: nobody knows whether it was carried out. May
 * ask more, but not free the connection. */
typedef void (*connection_answer_fn)(void *arg, const struct sftp_reply *reply, errint_t error);

/* Takes the stream over (not on -ENOMEM). The first connection_work asks for version and limits. */
errint_t connection_new(struct stream *stream, struct connection **connection) WARN_UNUSED;

/* Another connection over this one's session (stream_beside), with the same patience. In each round this one's work
 * comes first; it is freed last. Returns as stream_beside. */
errint_t connection_beside(struct connection *c, struct connection **beside) WARN_UNUSED;

/* Before the work of another one that receives for this one. */
void connection_tell_time(struct connection *c, uint64_t now_ns);

/* Closes the stream, ending requests with -ENOTCONN. NULL is allowed. */
void connection_free(struct connection *c);

/* A server that was asked something, says nothing, and takes nothing that waits to be sent for so long ends the
 * connection (-ETIMEDOUT): quick_ns if it was only asked to look, open and read, else slow_ns. Further requests put
 * that off only by being held up. At first there is no limit. */
void connection_set_patience(struct connection *c, uint64_t quick_ns, uint64_t slow_ns);

/* Names are asked for by STAT, not LSTAT: a symbolic link's attributes are those of what it leads to. */
void connection_set_following(struct connection *c);
bool connection_follows(const struct connection *c);

/* Version and limits are known. Before, asking gives -EAGAIN. */
bool connection_is_ready(const struct connection *c);

/* Bytes had to wait when work ended: requests wait behind them. */
bool connection_is_held_up(const struct connection *c);

/* 0, or why it ended: as stream_ops.work, -EPROTO (nonsense), -EPROTONOSUPPORT (another version), -ETIMEDOUT (the
 * patience is over). */
errint_t connection_error(const struct connection *c);

/* Valid once ready, as said by the server: */
uint32_t connection_extensions(const struct connection *c); /* bits 1 << enum sftp_extension */
uint32_t connection_lacks(const struct connection *c);	    /* bits 1 << enum server_feature */
size_t connection_read_max(const struct connection *c);	    /* of one READ */
size_t connection_write_max(const struct connection *c);
uint64_t connection_handles_max(const struct connection *c); /* open at once; 0: not said */

const struct connection_counts *connection_counts(const struct connection *c);

/* Events and time to wait for before the next work. */
void connection_want(const struct connection *c, struct pollfd *p);
uint64_t connection_wake_ns(const struct connection *c);

/* Receives, expires, sends. Returns connection_error. */
errint_t connection_work(struct connection *c, uint64_t now_ns);

/* Sends a request begun with any id; answer is called once, never from within. 0; -EAGAIN: too much under way, try
 * after work; -EMSGSIZE; or connection_error. */
errint_t connection_ask(struct connection *c, struct sftp_packet *packet, uint64_t deadline_ns,
			connection_answer_fn answer, void *arg) WARN_UNUSED;

/* Who asked with arg is not called any more. */
void connection_give_up(struct connection *c, const void *arg);

/* A stretch of a file to be read or written in parallel pieces. The caller's, to be left alone until done. */
struct transfer {
	/* Set by the caller. */
	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_length;
	bool writes;
	/* Of a file opened with APPEND: the server puts a piece behind all that it has (docs/SFTP.md, "Connections and
	 * windows"). */
	bool appends;
	uint64_t offset;
	uint8_t *bytes;
	size_t size;
	/* Of a read: where the file is known to end; 0: unknown. Data that come short there are believed. */
	uint64_t known_end;
	uint64_t deadline_ns;
	void (*done)(struct transfer *t);
	void *arg;

	/* Valid in done. error: 0, or -errno as sftp_error, -ETIMEDOUT, -ENOTCONN, or
	 * -EUCLEAN: of one that appends, pieces behind a failed one were written, and result is 0. result: bytes from the beginning
	 * that were read, or are known to be written, without a gap. A read without error shorter than size met the
	 * end of the file. */
	errint_t error;
	size_t result;

	/* Used by the connection. */
	/* Pieces were begun up to here. */
	size_t asked;
	/* size, or where the file ends. */
	size_t end;
	/* First byte of the first failed piece. */
	size_t failed_at;
	/* Of a write: the end of the last piece that was confirmed. */
	size_t reached;
	unsigned under_way;
	bool queued;
	struct transfer *next;
};

/* Begins a transfer of size > 0; done is called once, never from within. 0; -EAGAIN: not ready; or connection_error. */
errint_t connection_transfer(struct connection *c, struct transfer *t) WARN_UNUSED;

#endif
