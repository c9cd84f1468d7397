/* A byte stream over a channel of libssh.
 *
 * libssh 0.10.6, as seen in trials:
 * - It leaves the socket blocking: a stopped server then holds the thread in send() for most of a minute.
 * - It reads 4 KiB a call, and buffers without limit what it cannot send.
 * - Its receive window is 1.28 MB, refilled below 640 KB, which at 20 ms is 29 MiB/s. Reading with a larger
 *   buffer makes it larger, as long as that is repeated; nothing needs to be there to be read.
 * - It may take packets in, and so call back, while something is written.
 * - While new keys are agreed upon it takes nothing to send. */
#include "sftp/stream.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define RECEIVE_WINDOW (16u << 20)
#define SEND_MAX       (256u << 10) /* at a time */
#define WORK_MAX       (4u << 20)   /* so that others have their turn */

/* The kernel finds a partition, not a stopped server process, whose kernel answers. But Linux ends a connection whose
 * window has been 0 for as long as TCP_USER_TIMEOUT says, all the same. */
#define KEEPALIVE_IDLE_S     10
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_PROBES     4

/* Shared by the channels of a session. */
struct channel_session {
	ssh_session session;
	ssh_event event;
	int socket;
	ino_t inode;
	/* RECEIVE_WINDOW bytes, never written: the size is the message. */
	uint8_t *nowhere;
	/* In this call of work. */
	size_t received;
	/* libssh counts what goes through the socket. */
	struct ssh_counter_struct passed;
	/* The channel whose stream receives for all, and the one beside it; that may be NULL. */
	struct stream_channel *first, *second;
	/* The second one has something to send, and goes first. */
	bool second_waits;
};

/* Of a further channel, in this order. */
enum channel_phase { CHANNEL_OPENING, CHANNEL_STARTING, CHANNEL_OPEN };

struct stream_channel {
	struct stream stream;
	struct channel_session *shared;
	ssh_channel channel;
	enum channel_phase phase;
	struct ssh_channel_callbacks_struct callbacks;
	/* Since the window was enlarged. */
	size_t ungranted;
};

static struct stream_channel *channel_stream_of(struct stream *s)
{
	return (struct stream_channel *)s;
}

/* libssh keeps nothing. */
static int take_channel_data(ssh_session session, ssh_channel channel, void *data, uint32_t n, int is_stderr,
			     void *arg)
{
	struct stream_channel *c = arg;

	(void)session;
	(void)channel;
	c->shared->received += n;
	c->ungranted += n;
	if (!is_stderr && n > 0)
		c->stream.receive(c->stream.arg, data, n);
	return (int)n;
}

static bool has_channel_ended(const struct stream_channel *c)
{
	return !ssh_is_connected(c->shared->session) || ssh_channel_is_eof(c->channel) ||
	       ssh_channel_is_closed(c->channel);
}

static uint64_t passed_bytes(const struct stream_channel *c)
{
	return c->shared->passed.in_bytes + c->shared->passed.out_bytes;
}

/* A call of libssh for the second channel may have taken in what is the first one's. before: what had passed then. While
 * keys are agreed upon a call may do nothing: to ask again at once would keep the thread busy until they are. */
static void note_call(const struct stream_channel *c, uint64_t before)
{
	if (c->shared->second && passed_bytes(c) != before)
		c->shared->first->stream.again = true;
}

/* The callback has taken all data. */
static errint_t grant_window(struct stream_channel *c)
{
	uint64_t before = passed_bytes(c);
	int rc;

	if (c->ungranted < RECEIVE_WINDOW / 2)
		return 0;
	c->ungranted = 0;
	rc = ssh_channel_read_timeout(c->channel, c->shared->nowhere, RECEIVE_WINDOW, 0, 0);
	note_call(c, before);
	return rc == SSH_ERROR ? -ENOTCONN : 0;
}

static void channel_stream_want(const struct stream *s, struct pollfd *p)
{
	const struct stream_channel *c = (const struct stream_channel *)s;
	bool pending = ssh_get_poll_flags(c->shared->session) & SSH_WRITE_PENDING;

	*p = (struct pollfd){.fd = c->shared->socket, .events = (short)(POLLIN | (pending ? POLLOUT : 0))};
}

static errint_t channel_stream_work(struct stream *s)
{
	struct stream_channel *c = channel_stream_of(s);
	struct channel_session *shared = c->shared;
	errint_t granted;
	int rc = SSH_OK;

	shared->received = 0;
	/* Each call handles at most 4 KiB. */
	for (unsigned i = 0; rc == SSH_OK && shared->received < WORK_MAX && i < WORK_MAX / 1024; i++)
		rc = ssh_event_dopoll(shared->event, 0);
	granted = grant_window(c);
	return rc == SSH_ERROR || granted < 0 || has_channel_ended(c) ? -ENOTCONN : 0;
}

static ssize_t channel_stream_send(struct stream *s, const uint8_t *bytes, size_t n)
{
	struct stream_channel *c = channel_stream_of(s);
	struct channel_session *shared = c->shared;
	uint64_t before = passed_bytes(c);
	int rc;

	if (c->phase != CHANNEL_OPEN)
		return 0;
	if (has_channel_ended(c))
		return -ENOTCONN;
	if (c == shared->second)
		shared->second_waits = ssh_get_poll_flags(shared->session) & SSH_WRITE_PENDING;
	if (shared->second_waits || ssh_get_poll_flags(shared->session) & SSH_WRITE_PENDING)
		return 0;
	n = MIN(MIN(n, (size_t)SEND_MAX), (size_t)ssh_channel_window_size(c->channel));
	if (n == 0)
		return 0;
	rc = ssh_channel_write(c->channel, bytes, (uint32_t)n);
	note_call(c, before);
	if (rc == SSH_AGAIN)
		return 0;
	return rc < 0 ? -ENOTCONN : rc;
}

/* In some states libssh closes the socket. */
static void close_if_open(int socket, ino_t inode)
{
	struct stat st;

	if (fstat(socket, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == inode)
		close(socket);
}

static void free_channel_session(struct channel_session *shared)
{
	if (shared->event)
		ssh_event_free(shared->event);
	free(shared->nowhere);
	free(shared);
}

/* Goodbye without waiting. */
static void channel_stream_close(struct stream *s)
{
	struct stream_channel *c = channel_stream_of(s);
	struct channel_session *shared = c->shared;

	ssh_remove_channel_callbacks(c->channel, &c->callbacks);
	if (shared->event)
		ssh_event_remove_session(shared->event, shared->session);
	ssh_channel_free(c->channel);
	ssh_disconnect(shared->session);
	ssh_free(shared->session);
	close_if_open(shared->socket, shared->inode);
	free_channel_session(shared);
	free(c);
}

/* 0: the server has not agreed to the next step yet. */
static errint_t open_second_channel(struct stream_channel *c)
{
	uint64_t before = passed_bytes(c);
	int rc = SSH_OK;

	if (c->phase == CHANNEL_OPENING) {
		rc = ssh_channel_open_session(c->channel);
		if (rc == SSH_OK)
			c->phase = CHANNEL_STARTING;
	}
	if (rc == SSH_OK && c->phase == CHANNEL_STARTING) {
		rc = ssh_channel_request_subsystem(c->channel, "sftp");
		if (rc == SSH_OK)
			c->phase = CHANNEL_OPEN;
	}
	note_call(c, before);
	return rc == SSH_ERROR ? -ECONNREFUSED : 0;
}

static errint_t second_stream_work(struct stream *s)
{
	struct stream_channel *c = channel_stream_of(s);
	errint_t rc = c->phase == CHANNEL_OPEN ? 0 : open_second_channel(c);

	if (rc < 0 || c->phase != CHANNEL_OPEN)
		return rc;
	return grant_window(c) < 0 || has_channel_ended(c) ? -ENOTCONN : 0;
}

static void second_stream_close(struct stream *s)
{
	struct stream_channel *c = channel_stream_of(s);

	ssh_remove_channel_callbacks(c->channel, &c->callbacks);
	ssh_channel_free(c->channel);
	c->shared->second = NULL;
	c->shared->second_waits = false;
	free(c);
}

static const struct stream_ops second_stream_ops = {.name = "libssh",
						    .want = channel_stream_want,
						    .work = second_stream_work,
						    .send = channel_stream_send,
						    .close = second_stream_close};

static struct stream_channel *channel_stream_new(struct channel_session *shared, ssh_channel channel,
						 const struct stream_ops *ops)
{
	struct stream_channel *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->stream.ops = ops;
	c->shared = shared;
	c->channel = channel;
	/* To be enlarged at the first call. */
	c->ungranted = RECEIVE_WINDOW;
	c->callbacks.userdata = c;
	c->callbacks.channel_data_function = take_channel_data;
	ssh_callbacks_init(&c->callbacks);
	if (ssh_set_channel_callbacks(channel, &c->callbacks) == SSH_OK)
		return c;
	free(c);
	return NULL;
}

/* Only OpenSSH is known to; proftpd's mod_sftp does not (docs/SFTP.md, "Reads apart from writes"). */
static bool keeps_channels_apart(ssh_session session)
{
	const char *banner = ssh_get_serverbanner(session);

	return banner && strstr(banner, "OpenSSH_");
}

static errint_t channel_stream_beside(struct stream *s, struct stream **stream)
{
	struct channel_session *shared = channel_stream_of(s)->shared;
	ssh_channel channel;

	if (shared->second || !keeps_channels_apart(shared->session))
		return -EOPNOTSUPP;
	channel = ssh_channel_new(shared->session);
	if (!channel)
		return -ENOMEM;
	shared->second = channel_stream_new(shared, channel, &second_stream_ops);
	if (!shared->second) {
		ssh_channel_free(channel);
		return -ENOMEM;
	}
	*stream = &shared->second->stream;
	return 0;
}

static const struct stream_ops channel_stream_ops = {.name = "libssh",
						     .want = channel_stream_want,
						     .work = channel_stream_work,
						     .send = channel_stream_send,
						     .close = channel_stream_close,
						     .beside = channel_stream_beside};

static struct channel_session *channel_session_new(ssh_session session, int socket, ino_t inode)
{
	struct channel_session *shared = calloc(1, sizeof(*shared));

	if (!shared)
		return NULL;
	shared->session = session;
	shared->socket = socket;
	shared->inode = inode;
	shared->nowhere = malloc(RECEIVE_WINDOW);
	shared->event = ssh_event_new();
	if (shared->nowhere && shared->event)
		return shared;
	free_channel_session(shared);
	return NULL;
}

/* However the process ends, nothing queued is sent: WRITEs of an ended epoch would land on newer data. */
static errint_t set_reset_on_close(int socket)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	return setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) < 0 ? -errno : 0;
}

/* A request goes when it is made: the connection puts together what belongs together. */
static errint_t set_options(int socket, int unacknowledged_ms)
{
	const struct {
		int level, name, value;
	} options[] = {{IPPROTO_TCP, TCP_NODELAY, 1},
		       {SOL_SOCKET, SO_KEEPALIVE, 1},
		       {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		       {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
		       {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
		       {IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_ms}};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (setsockopt(socket, options[i].level, options[i].name, &options[i].value, sizeof(int)) < 0)
			return -errno;
	return 0;
}

static errint_t prepare_socket(int socket, int unacknowledged_ms, struct stat *st)
{
	int flags = fcntl(socket, F_GETFL);
	errint_t rc;

	if (flags < 0 || fstat(socket, st) < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	rc = set_reset_on_close(socket);
	return rc < 0 ? rc : set_options(socket, unacknowledged_ms);
}

errint_t stream_over_channel(ssh_session session, ssh_channel channel, int socket, int unacknowledged_ms,
			     struct stream **stream)
{
	struct channel_session *shared;
	struct stream_channel *c;
	struct stat st;
	errint_t rc = prepare_socket(socket, unacknowledged_ms, &st);

	if (rc < 0)
		return rc;
	shared = channel_session_new(session, socket, st.st_ino);
	c = shared ? channel_stream_new(shared, channel, &channel_stream_ops) : NULL;
	if (!c) {
		if (shared)
			free_channel_session(shared);
		return -ENOMEM;
	}
	ssh_set_blocking(session, 0);
	c->phase = CHANNEL_OPEN;
	shared->first = c;
	if (ssh_event_add_session(shared->event, session) == SSH_OK) {
		ssh_set_counters(session, &shared->passed, NULL);
		*stream = &c->stream;
		return 0;
	}
	ssh_remove_channel_callbacks(channel, &c->callbacks);
	free_channel_session(shared);
	free(c);
	return -EIO;
}

errint_t stream_beside(struct stream *s, struct stream **stream)
{
	return s->ops->beside ? s->ops->beside(s, stream) : -EOPNOTSUPP;
}
