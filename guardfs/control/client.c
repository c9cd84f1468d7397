#include "control/client.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "control/endpoint.h"
#include "control/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

static json_t *make_request(const char *command, json_t *arguments)
{
	json_t *request = arguments ? arguments : json_object();

	if (json_object_set_new(request, "v", json_integer(CONTROL_VERSION)) == 0 &&
	    json_object_set_new(request, "command", json_string(command)) == 0)
		return request;
	json_decref(request);
	return NULL;
}

/* A server that hung up may have said why, to the reader. */
static errint_t send_request(int fd, const json_t *request)
{
	size_t size = 0, sent = 0;
	CLEANUP_FREE uint8_t *frame = frame_make(request, CONTROL_REQUEST_MAX, &size);

	if (!frame)
		return -EMSGSIZE;
	while (sent < size) {
		ssize_t n = send(fd, frame + sent, size - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		sent += (size_t)n;
	}
	return 0;
}

static errint_t wait_readable(int fd, uint64_t end_ns)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t now_ns = clock_mono_ns();
	uint64_t left_ms = now_ns < end_ns ? (end_ns - now_ns) / NSEC_PER_MSEC + 1 : 0;
	int n = poll(&p, 1, (int)MIN(left_ms, (uint64_t)INT32_MAX));

	if (n == 0)
		return -ETIMEDOUT;
	return n < 0 ? -errno : 0;
}

static errint_t receive_all(int fd, uint8_t *data, size_t size, uint64_t end_ns)
{
	size_t got = 0;

	while (got < size) {
		errint_t err = wait_readable(fd, end_ns);
		ssize_t n = err ? 0 : recv(fd, data + got, size - got, MSG_DONTWAIT);

		if (err == -EINTR || (n < 0 && (errno == EINTR || errno == EAGAIN)))
			continue;
		if (err || n < 0)
			return err ? err : -errno;
		if (n == 0)
			return -ECONNRESET;
		got += (size_t)n;
	}
	return 0;
}

static errint_t receive_frame(int fd, uint32_t timeout_ms, json_t **object)
{
	uint64_t end_ns = clock_mono_ns() + timeout_ms * NSEC_PER_MSEC;
	CLEANUP_FREE uint8_t *data = NULL;
	uint8_t header[FRAME_HEADER];
	uint32_t length;
	errint_t err = receive_all(fd, header, sizeof(header), end_ns);

	if (err)
		return err;
	length = frame_length(header, CONTROL_REPLY_MAX);
	if (length == 0)
		return -EPROTO;
	data = malloc(length);
	if (!data)
		return -ENOMEM;
	err = receive_all(fd, data, length, end_ns);
	if (err)
		return err;
	*object = frame_parse(data, length);
	return *object ? 0 : -EPROTO;
}

/* An error with its code, or a result. */
static bool makes_sense(const json_t *reply)
{
	const json_t *ok = json_object_get(reply, "ok");

	if (json_is_true(ok))
		return json_is_object(json_object_get(reply, "result"));
	return json_is_false(ok) && json_is_string(json_object_get(reply, "error"));
}

static errint_t receive_reply(int fd, uint32_t timeout_ms, void (*progress)(void *arg, const json_t *object),
			      void *arg, json_t **reply)
{
	for (;;) {
		json_t *object = NULL, *step;
		errint_t err = receive_frame(fd, timeout_ms, &object);

		if (err)
			return err;
		step = json_object_get(object, "progress");
		if (!step && makes_sense(object)) {
			*reply = object;
			return 0;
		}
		if (progress && json_is_object(step))
			progress(arg, step);
		err = json_is_object(step) ? 0 : -EPROTO;
		json_decref(object);
		if (err)
			return err;
	}
}

errint_t control_call(const char *run_dir, const char *command, json_t *arguments, uint32_t timeout_ms,
		      void (*progress)(void *arg, const json_t *object), void *arg, json_t **reply)
{
	json_t *request = make_request(command, arguments);
	CLEANUP_FD int fd = -1;
	errint_t err;

	if (!request)
		return -ENOMEM;
	fd = endpoint_connect(run_dir, CONTROL_SOCKET, timeout_ms);
	err = fd < 0 ? fd : send_request(fd, request);
	json_decref(request);
	return err ? err : receive_reply(fd, timeout_ms, progress, arg, reply);
}
