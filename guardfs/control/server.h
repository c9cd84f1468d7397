/* The listening side: connections, credentials, frames, no commands. Keeper's thread. Never blocks: the
 * caller polls and calls server_step. */
#ifndef GUARDFS_CONTROL_SERVER_H
#define GUARDFS_CONTROL_SERVER_H

#include "base/base.h"
#include <jansson.h>
#include <poll.h>
#include <sys/types.h>

#define SERVER_CLIENTS_MAX 16
#define SERVER_POLL_MAX	   (SERVER_CLIENTS_MAX + 1)

/* Bytes of progress that may wait for a client; more is dropped. */
#define SERVER_PROGRESS_MAX (64u << 10)

struct server;
struct server_client; /* Valid until server_reply, server_refuse or server_options.lost. */

struct server_request {
	/* Borrowed; "v" was checked. */
	const json_t *object;
	uid_t uid;
	pid_t pid;
	/* Root or guardfs's user; others only read. */
	bool may_act;
};

struct server_options {
	char
	    /* of the socket, absolute; replaces an older keeper's */
	    path[1100];
	/* Of readers; (gid_t)-1: root only. */
	gid_t group;
	void *arg;
	/* Answer with server_reply or server_refuse, now or later. */
	void (*request)(void *arg, struct server_client *client, const struct server_request *request);
	/* An unanswered client is gone; only from server_step. */
	void (*lost)(void *arg, struct server_client *client);
};

/* 0 or -errno. */
errint_t server_start(const struct server_options *options, struct server **server) WARN_UNUSED;

/* Ends connections, removes the socket unless a successor's. May be NULL. */
void server_stop(struct server *server);

/* Fills p (SERVER_POLL_MAX entries), returns the number. Lowers *wake_ns to the next limit. */
size_t server_fill_poll(const struct server *server, struct pollfd *p, uint64_t *wake_ns);

/* now_ns: of any one clock, not 0. */
void server_step(struct server *server, uint64_t now_ns);

/* Sends {"progress": object} (takes the reference). False: dropped, the client takes nothing or is gone. */
bool server_progress(struct server *server, struct server_client *client, json_t *object);

/* Ends a request by result (takes the reference) or an error (docs/PROTOCOL.control.md). Too long a result becomes
 * `unavailable`. */
void server_reply(struct server *server, struct server_client *client, json_t *result);
void server_refuse(struct server *server, struct server_client *client, const char *code, const char *format,
		   ...) PRINTF_LIKE(4, 5);

#endif
