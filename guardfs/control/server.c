/* A slot per connection: reading the request, awaiting the answer, sending it. */
#include "control/server.h"
#include "control/endpoint.h"
#include "control/frame.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_NS	(5 * NSEC_PER_SEC) /* for a whole request, or some progress in sending */
#define ACCEPT_PAUSE_NS NSEC_PER_SEC	   /* when accept(2) lacked descriptors or memory */

enum phase { PHASE_FREE, PHASE_REQUEST, PHASE_WAIT, PHASE_REPLY };

struct server_client {
	int fd;
	enum phase phase;
	/* sending failed; drop at the next step */
	bool broken;
	bool may_act;
	uid_t uid;
	pid_t pid;
	/* Accepted. */
	uint64_t since_ns;
	/* Of this phase; 0: to be set; UINT64_MAX: none. */
	uint64_t limit_ns;
	uint8_t header[FRAME_HEADER];
	/* Request without header; NULL: unknown length. */
	uint8_t *in;
	uint32_t in_length;
	/* With header. */
	size_t in_got;
	uint8_t *out;
	size_t out_length, out_sent;
};

struct server {
	struct server_options options;
	int fd;
	ino_t inode;
	/* 0: now. */
	uint64_t accept_after_ns;
	struct server_client clients[SERVER_CLIENTS_MAX];
};

static void release_client(struct server_client *client)
{
	close(client->fd);
	free(client->in);
	free(client->out);
	*client = (struct server_client){.fd = -1};
}

static void drop_client(struct server *server, struct server_client *client)
{
	if (client->phase == PHASE_WAIT)
		server->options.lost(server->options.arg, client);
	release_client(client);
}

static size_t pending(const struct server_client *client)
{
	return client->out_length - client->out_sent;
}

static void flush(struct server_client *client)
{
	while (pending(client) > 0 && !client->broken) {
		ssize_t n = send(client->fd, client->out + client->out_sent, pending(client),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			client->broken = errno != EAGAIN;
			break;
		}
		client->out_sent += (size_t)n;
		client->limit_ns = 0; /* some was taken: begins anew */
	}
	if (pending(client) == 0) {
		free(client->out);
		client->out = NULL;
		client->out_length = client->out_sent = 0;
	}
}

static bool enqueue(struct server_client *client, const json_t *object)
{
	size_t size = 0, kept = pending(client);
	uint8_t *frame = frame_make(object, CONTROL_REPLY_MAX, &size);
	uint8_t *joined;

	if (frame && kept) {
		joined = malloc(kept + size);
		if (joined) {
			memcpy(joined, client->out + client->out_sent, kept);
			memcpy(joined + kept, frame, size);
		}
		free(frame);
		frame = joined;
	}
	if (!frame)
		return false;
	free(client->out);
	client->out = frame;
	client->out_length = kept + size;
	client->out_sent = 0;
	client->limit_ns = kept ? client->limit_ns : 0;
	return true;
}

bool server_progress(struct server *server, struct server_client *client, json_t *object)
{
	json_t *frame = json_pack("{s:o}", "progress", object);
	bool taken = false;

	(void)server;
	if (frame && client->phase == PHASE_WAIT && !client->broken && pending(client) < SERVER_PROGRESS_MAX)
		taken = enqueue(client, frame);
	json_decref(frame);
	if (taken)
		flush(client);
	return taken && !client->broken;
}

static void finish_client(struct server_client *client)
{
	client->phase = PHASE_REPLY;
	flush(client);
	if (client->broken || pending(client) == 0)
		release_client(client);
}

static json_t *error_object(const char *code, const char *message)
{
	return json_pack("{s:i, s:b, s:s, s:s}", "v", CONTROL_VERSION, "ok", 0, "error", code, "message",
			 message);
}

static void refuse_client(struct server_client *client, const char *code, const char *message)
{
	json_t *object = error_object(code, message);

	if (!object)
		object = error_object(code, "(the reason is not fit to be sent)");
	if (!object || !enqueue(client, object))
		client->broken = true;
	json_decref(object);
	finish_client(client);
}

void server_reply(struct server *server, struct server_client *client, json_t *result)
{
	json_t *object = json_pack("{s:i, s:b, s:o}", "v", CONTROL_VERSION, "ok", 1, "result", result);
	bool queued = object && enqueue(client, object);

	(void)server;
	json_decref(object);
	if (queued)
		finish_client(client);
	else
		refuse_client(client, "unavailable",
			      "the answer is too long, or memory is short: ask for less");
}

void server_refuse(struct server *server, struct server_client *client, const char *code, const char *format,
		   ...)
{
	char message[2048];
	va_list args;

	(void)server;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	refuse_client(client, code, message);
}

static void hand_over(struct server *server, struct server_client *client, const json_t *object)
{
	struct server_request request = {
	    .object = object, .uid = client->uid, .pid = client->pid, .may_act = client->may_act};

	client->phase = PHASE_WAIT;
	client->limit_ns = UINT64_MAX;
	server->options.request(server->options.arg, client, &request);
}

static void take_request(struct server *server, struct server_client *client)
{
	json_t *object = frame_parse(client->in, client->in_length);
	const json_t *version = json_object_get(object, "v");

	free(client->in);
	client->in = NULL;
	if (!json_is_integer(version))
		refuse_client(client, "usage", "a request is one JSON object with \"v\" and \"command\"");
	else if (json_integer_value(version) != CONTROL_VERSION)
		refuse_client(client, "version",
			      "this guardfs speaks version 1. Use the guardctl of the same installation");
	else
		hand_over(server, client, object);
	json_decref(object);
}

/* 1: some; 0: none; -1: drop. */
static int receive_request(struct server_client *client)
{
	bool header = client->in_got < FRAME_HEADER;
	size_t offset = header ? client->in_got : client->in_got - FRAME_HEADER;
	size_t wanted = (header ? FRAME_HEADER : client->in_length) - offset;
	ssize_t n = recv(client->fd, (header ? client->header : client->in) + offset, wanted, MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
	client->in_got += (size_t)n;
	if (client->in_got != FRAME_HEADER)
		return 1;
	client->in_length = frame_length(client->header, CONTROL_REQUEST_MAX);
	client->in = client->in_length ? malloc(client->in_length) : NULL;
	return client->in ? 1 : -1;
}

static void read_request(struct server *server, struct server_client *client)
{
	int got;

	do {
		got = receive_request(client);
		if (got > 0 && client->in && client->in_got == FRAME_HEADER + client->in_length) {
			take_request(server, client);
			return;
		}
	} while (got > 0);
	if (got < 0)
		drop_client(server, client);
}

static struct server_client *find_free(struct server *server)
{
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (server->clients[i].phase == PHASE_FREE)
			return &server->clients[i];
	return NULL;
}

/* Else the oldest client's without a whole request; else NULL. */
static struct server_client *find_slot(struct server *server)
{
	struct server_client *slot = find_free(server);

	if (slot)
		return slot;
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct server_client *client = &server->clients[i];

		if (client->phase == PHASE_REQUEST && (!slot || client->since_ns < slot->since_ns))
			slot = client;
	}
	if (slot)
		release_client(slot);
	return slot;
}

/* Says why, as far as the socket takes it at once. */
static void turn_away(int fd, const char *code, const char *message)
{
	struct server_client client = {.fd = fd};

	refuse_client(&client, code, message);
	if (client.fd >= 0)
		release_client(&client);
}

static void admit(struct server *server, int fd, uint64_t now_ns)
{
	struct endpoint_peer peer;
	struct server_client *client;
	bool may_act;

	if (endpoint_peer(fd, server->options.group, &peer) != 0) {
		close(fd);
		return;
	}
	may_act = peer.uid == 0 || peer.uid == geteuid();
	if (!may_act && !peer.in_group) {
		turn_away(fd, "denied", "only root and members of [mount] control_group may ask");
		return;
	}
	client = find_slot(server);
	if (!client) {
		turn_away(fd, "busy", "too many ask at once. Try again");
		return;
	}
	*client = (struct server_client){.fd = fd,
					 .phase = PHASE_REQUEST,
					 .may_act = may_act,
					 .uid = peer.uid,
					 .pid = peer.pid,
					 .since_ns = now_ns,
					 .limit_ns = now_ns + PATIENCE_NS};
	read_request(server, client); /* mostly there already */
}

static void accept_all(struct server *server, uint64_t now_ns)
{
	/* Endless connections must not keep keeper here. */
	for (unsigned i = 0; i < 2 * SERVER_CLIENTS_MAX; i++) {
		int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			admit(server, fd, now_ns);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR && errno != ECONNABORTED)
			server->accept_after_ns = now_ns + ACCEPT_PAUSE_NS;
		if (server->accept_after_ns)
			return;
	}
}

static void step_client(struct server *server, struct server_client *client, short events, uint64_t now_ns)
{
	if (client->phase == PHASE_REQUEST && events)
		read_request(server, client);
	else if ((events & POLLOUT) && pending(client))
		flush(client);
	if (client->phase == PHASE_FREE)
		return;
	if (client->limit_ns == 0)
		client->limit_ns =
		    client->phase == PHASE_WAIT && !pending(client) ? UINT64_MAX : now_ns + PATIENCE_NS;
	if (client->broken || (events & (POLLHUP | POLLERR)) || now_ns >= client->limit_ns ||
	    (client->phase == PHASE_REPLY && !pending(client)))
		drop_client(server, client);
}

static short events_of(const struct server_client *client)
{
	if (client->phase == PHASE_REQUEST)
		return POLLIN;
	return pending(client) ? POLLOUT : 0; /* hanging up is always reported */
}

size_t server_fill_poll(const struct server *server, struct pollfd *p, uint64_t *wake_ns)
{
	size_t n = 0;

	if (server->accept_after_ns)
		*wake_ns = MIN(*wake_ns, server->accept_after_ns);
	else
		p[n++] = (struct pollfd){.fd = server->fd, .events = POLLIN};
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++) {
		const struct server_client *client = &server->clients[i];

		if (client->phase == PHASE_FREE)
			continue;
		p[n++] = (struct pollfd){.fd = client->fd, .events = events_of(client)};
		*wake_ns = MIN(*wake_ns, client->broken ? 0 : client->limit_ns);
	}
	return n;
}

void server_step(struct server *server, uint64_t now_ns)
{
	struct pollfd p[SERVER_POLL_MAX];
	uint64_t unused = UINT64_MAX;
	size_t n;

	if (now_ns >= server->accept_after_ns)
		server->accept_after_ns = 0;
	n = server_fill_poll(server, p, &unused);
	if (poll(p, n, 0) < 0)
		return;
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct server_client *client = &server->clients[i];
		short events = 0;

		for (size_t k = 0; client->phase != PHASE_FREE && k < n; k++)
			if (p[k].fd == client->fd)
				events = p[k].revents;
		if (client->phase != PHASE_FREE)
			step_client(server, client, events, now_ns);
	}
	if (n > 0 && p[0].fd == server->fd && p[0].revents)
		accept_all(server, now_ns);
}

errint_t server_start(const struct server_options *options, struct server **result)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return -ENOMEM;
	server->options = *options;
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++)
		server->clients[i].fd = -1;
	server->fd = endpoint_listen(options->path, options->group, &server->inode);
	if (server->fd < 0) {
		errint_t err = server->fd;

		free(server);
		return err;
	}
	*result = server;
	return 0;
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (server->clients[i].phase != PHASE_FREE)
			release_client(&server->clients[i]);
	endpoint_remove(server->options.path, server->inode);
	close(server->fd);
	free(server);
}
