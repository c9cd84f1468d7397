/* server.h: the listening side: connections, credentials, frames; knows no command. Keeper, one thread, never
 * blocks: the caller polls the descriptors and calls server_step. */
#ifndef GUARDFS_CONTROL_SERVER_H
#define GUARDFS_CONTROL_SERVER_H

#include "base/base.h"
#include <jansson.h>
#include <poll.h>
#include <sys/types.h>

#define SERVER_CLIENTS_MAX 16
#define SERVER_POLL_MAX	   (SERVER_CLIENTS_MAX + 1)

/* At most so much of progress waits for a client that takes nothing; what is beyond is dropped. */
#define SERVER_PROGRESS_MAX (64u << 10)

struct server;
struct server_client; /* valid until server_reply, server_refuse, or its loss (server_options.lost) */

struct server_request {
	const json_t *object; /* borrowed for the call; "v" has been checked */
	uid_t uid;
	pid_t pid;
	bool may_act; /* root or guardfs's own user; else reading only */
};

struct server_options {
	char
	    path[1100]; /* of the socket, absolute; one that is there is replaced: the newest keeper counts */
	gid_t group;	/* who may read; (gid_t)-1: nobody but root */
	void *arg;
	/* A request has come. Answer it with server_reply or server_refuse, now or later. */
	void (*request)(void *arg, struct server_client *client, const struct server_request *request);
	/* A client that waits for its answer is gone: forget it. Called from server_step alone, never for a
	 * client that has been answered, nor by server_stop. */
	void (*lost)(void *arg, struct server_client *client);
};

/* Listens. 0 with *server, or -errno. */
errint_t server_start(const struct server_options *options, struct server **server) WARN_UNUSED;

/* Ends all connections, removes the socket (unless a successor's is there). NULL: nothing. */
void server_stop(struct server *server);

/* What to poll for: fills p (SERVER_POLL_MAX entries), returns how many. *wake_ns is lowered to the next time
 * limit of a client. */
size_t server_fill_poll(const struct server *server, struct pollfd *p, uint64_t *wake_ns);

/* Does whatever can be done without waiting. now_ns: of any one clock, not 0. */
void server_step(struct server *server, uint64_t now_ns);

/* Sends a frame {"progress": object} (takes the reference). False: the client is gone (which `lost` will
 * tell) or takes nothing; the frame was dropped. */
bool server_progress(struct server *server, struct server_client *client, json_t *object);

/* The end: result (an object; takes the reference), or an error (docs/PROTOCOL.control.md). Both clip
 * nothing: a result that is longer than a frame may be becomes the error `unavailable`. */
void server_reply(struct server *server, struct server_client *client, json_t *result);
void server_refuse(struct server *server, struct server_client *client, const char *code, const char *format,
		   ...) PRINTF_LIKE(4, 5);

#endif
