/* The packets of a ring's requests, and the results of their answers. One thread. Private to sftp/. */
#ifndef GUARDFS_SFTP_OPERATION_H
#define GUARDFS_SFTP_OPERATION_H

#include "sftp/connection.h"
#include "sftp/ring.h"

struct operations;

struct open_file {
	/* NULL: not in use. */
	struct connection *connection;
	/* Of the place, before. */
	uint32_t uses;
	/* Opened for a worker. */
	bool of_worker;
	/* Nobody waits for its close. */
	bool is_directory;
	/* Opened with SFTP_OPEN_APPEND. */
	bool appends;
	/* READDIRs asked, and those of them that are not answered. */
	uint32_t asked, unanswered;
	/* A READDIR has met the end. */
	bool at_end;
	size_t handle_length;
	uint8_t handle[SFTP_HANDLE_MAX];
};

/* Lies in its record's place. */
struct operation {
	struct operations *owner;
	bool under_way;
	/* For room in the connections. */
	bool waits;
	/* Answers yet to come. */
	unsigned answers;
	/* Of a READDIR: which of its directory's. */
	uint32_t number;
	struct connection *connection;
	struct ring_request request;
	struct ring_result result;
	struct transfer transfer;
};

struct operations {
	struct ring_server *server;
	/* May be the same. reads: for files opened for reading only. */
	struct connection *metadata, *bulk, *reads;
	/* Reads had to wait behind writes: they need their own connection. */
	bool crowded;
	unsigned waiting;
	uint32_t next_file;
	struct operation records[RING_RECORDS];
	/* Open at once, over both connections. */
	struct open_file files[RING_PLACES];
};

/* The connections are ready. NULL: no memory. */
struct operations *operations_new(struct ring_server *server, struct connection *metadata,
				  struct connection *bulk);
void operations_free(struct operations *o);

/* Begins (or expires) requests that waited for room, then submitted ones. Returns how many were submitted. */
unsigned operations_begin(struct operations *o, uint64_t now_ns);

/* Of those waiting for room; UINT64_MAX: none. */
uint64_t operations_wake_ns(const struct operations *o);

#endif
