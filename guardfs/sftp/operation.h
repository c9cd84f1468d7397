/* operation.h: what a transport does for a request of its ring: which packets it sends, and what the answers come to.
 * One thread. Private to sftp/. */
#ifndef GUARDFS_SFTP_OPERATION_H
#define GUARDFS_SFTP_OPERATION_H

#include "sftp/connection.h"
#include "sftp/ring.h"

/* Open at once, over both connections: OpenSSH allows about 1,000 a connection. */
#define OPERATION_FILES_MAX 4096u

struct operations;

struct open_file {
	/* NULL: not in use. */
	struct connection *connection;
	/* Of the place, before. */
	uint32_t uses;
	size_t handle_length;
	uint8_t handle[SFTP_HANDLE_MAX];
};

/* A request of the ring that is under way; its place is its record's. */
struct operation {
	struct operations *owner;
	bool under_way;
	/* The connections had no room: to be begun again. */
	bool waits;
	/* Answers that are waited for. */
	unsigned answers;
	struct connection *connection;
	struct ring_request request;
	struct ring_result result;
	struct transfer transfer;
};

struct operations {
	struct ring_server *server;
	/* Metadata, and files; may be one and the same. */
	struct connection *metadata, *bulk;
	unsigned waiting;
	uint32_t next_file;
	struct operation records[RING_RECORDS];
	struct open_file files[OPERATION_FILES_MAX];
};

/* NULL: no memory. The connections are ready. */
struct operations *operations_new(struct ring_server *server, struct connection *metadata,
				  struct connection *bulk);
void operations_free(struct operations *o);

/* Begins the requests that had to wait for room, or ends those of them that are over time (CLOCK_MONOTONIC); then
 * begins the submitted ones. Returns how many were submitted. */
unsigned operations_begin(struct operations *o, uint64_t now_ns);

/* The earliest deadline of those that wait for room; UINT64_MAX: none. */
uint64_t operations_wake_ns(const struct operations *o);

#endif
