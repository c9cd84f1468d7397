/* Any bytes, sent to the control socket by a client that hangs up when it has said all: the server must hand
 * over at most one request, which is an object of version 1, and come back to having no client. */
#include "control/frame.h"
#include "control/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64];
static struct server_options options;
static struct server *server;
static unsigned requests, lost;
static uint64_t now = NSEC_PER_SEC;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* Answers two thirds of the requests, in both ways; leaves the rest to be lost. */
static void on_request(void *arg, struct server_client *client, const struct server_request *request)
{
	size_t members = json_object_size(request->object);

	(void)arg;
	requests++;
	must(json_is_object(request->object), "no object");
	must(json_integer_value(json_object_get(request->object, "v")) == CONTROL_VERSION, "another version");
	if (members % 3 == 1)
		server_reply(server, client, json_pack("{s:O}", "echo", request->object));
	else if (members % 3 == 2)
		server_refuse(server, client, "unknown", "%s",
			      json_string_value(json_object_get(request->object, "command")));
}

static void on_lost(void *arg, struct server_client *client)
{
	(void)arg;
	(void)client;
	lost++;
}

static void clean_up(void)
{
	server_stop(server);
	rmdir(directory);
}

static void start(void)
{
	options = (struct server_options){.group = (gid_t)-1, .request = on_request, .lost = on_lost};
	strcpy(directory, "/tmp/guardfs-fuzz-control.XXXXXX");
	must(mkdtemp(directory) != NULL, "no directory");
	snprintf(options.path, sizeof(options.path), "%s/" CONTROL_SOCKET, directory);
	must(server_start(&options, &server) == 0, "no server");
	atexit(clean_up);
}

static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" CONTROL_SOCKET, directory);
	must(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "cannot connect");
	return fd;
}

/* What is parsed must come back the same through a frame. */
static void check_round_trip(const uint8_t *data, size_t size)
{
	json_t *object = frame_parse(data, size), *again;
	uint8_t *frame;
	size_t n = 0;

	if (!object)
		return;
	must(json_is_object(object), "not an object");
	frame = frame_make(object, CONTROL_REPLY_MAX, &n);
	must(frame != NULL && frame_length(frame, CONTROL_REPLY_MAX) == n - FRAME_HEADER, "no frame of it");
	again = frame_parse(frame + FRAME_HEADER, n - FRAME_HEADER);
	must(json_equal(object, again), "changed by a frame");
	free(frame);
	json_decref(again);
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pollfd p[SERVER_POLL_MAX];
	uint64_t wake = UINT64_MAX;
	size_t half = size / 2;
	int fd;

	if (!server)
		start();
	requests = lost = 0;
	check_round_trip(data, size);
	fd = dial();
	(void)!send(fd, data, half, MSG_NOSIGNAL);
	server_step(server, now);
	(void)!send(fd, data + half, size - half, MSG_NOSIGNAL);
	server_step(server, now);
	close(fd);
	server_step(server, now);
	server_step(server, now);
	must(server_fill_poll(server, p, &wake) == 1, "a client that hung up is still there");
	must(requests <= 1 && lost <= requests, "more requests than one");
	return 0;
}
