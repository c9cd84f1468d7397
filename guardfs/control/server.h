/* server.h: the listening side: connections, credentials, frames; knows no command. Keeper, one thread,
 * never blocks: the caller polls the descriptors and calls server_step. */
#ifndef GUARDFS_CONTROL_SERVER_H
#define GUARDFS_CONTROL_SERVER_H

#include "base/base.h"
#include <jansson.h>
#include <poll.h>
#include <sys/types.h>

#define SERVER_CLIENTS_MAX 16
#define SERVER_POLL_MAX	   (SERVER_CLIENTS_MAX + 1)

/* Waiting progress of a client that takes nothing; more is dropped. */
#define SERVER_PROGRESS_MAX (64u << 10)

struct server;
struct server_client; /* Valid until server_reply, server_refuse, or its loss (server_options.lost). */

struct server_request {
	/* Borrowed for the call; "v" has been checked. */
	const json_t *object;
	uid_t uid;
	pid_t pid;
	/* Root or guardfs's user; else reading only. */
	bool may_act;
};

struct server_options {
	char
	    /* Of the socket, absolute; replaces one that is there: the newest keeper counts. */
	    path[1100];
	/* Group of readers; (gid_t)-1: root only. */
	gid_t group;
	void *arg;
	/* A request has come. Answer with server_reply or server_refuse, now or later. */
	void (*request)(void *arg, struct server_client *client, const struct server_request *request);
	/* An unanswered client is gone: forget it. From server_step only, never from server_stop. */
	void (*lost)(void *arg, struct server_client *client);
};

/* Listens. 0 with *server, or -errno. */
errint_t server_start(const struct server_options *options, struct server **server) WARN_UNUSED;

/* Ends all connections and removes the socket (not a successor's). NULL: nothing. */
void server_stop(struct server *server);

/* Fills p (SERVER_POLL_MAX entries) for poll(2), returns how many. Lowers *wake_ns to the next time limit. */
size_t server_fill_poll(const struct server *server, struct pollfd *p, uint64_t *wake_ns);

/* Does all that needs no waiting. now_ns: of any one clock, not 0. */
void server_step(struct server *server, uint64_t now_ns);

/* Sends {"progress": object} (takes the reference). False: dropped, for the client takes nothing, or is
 * gone (reported by `lost`). */
bool server_progress(struct server *server, struct server_client *client, json_t *object);

/* The end: result (an object; takes the reference), or an error (docs/PROTOCOL.control.md). A result too
 * long for a frame becomes the error `unavailable`. */
void server_reply(struct server *server, struct server_client *client, json_t *result);
void server_refuse(struct server *server, struct server_client *client, const char *code, const char *format,
		   ...) PRINTF_LIKE(4, 5);

#endif
