#include "sftp/connection.h"
#include "sftp/transfer.h"

#include <errno.h>
#include <stdlib.h>

/* OpenSSH's limits, and, without limits@openssh.com, the most that every server takes. */
#define READ_MOST    (255u << 10)
#define WRITE_MOST   (128u << 10)
#define UNKNOWN_MOST (32u << 10)
#define LEAST	     (4u << 10) /* less is not meant */

enum connection_phase { PHASE_NEW, PHASE_VERSION, PHASE_LIMITS, PHASE_READY };

struct connection {
	struct stream *stream;
	enum connection_phase phase;
	uint32_t extensions, lacks;
	uint64_t handles_max;
	/* Of waiting transfers. */
	uint64_t waiting_ns;
	/* UINT64_MAX: without end. */
	uint64_t quick_ns, slow_ns;
	bool follows;
	/* Bytes came in this call of work. */
	bool heard;
	/* When work ended something was under way; bytes had to wait to be sent. */
	bool busy, held_up;
	/* Valid while busy: when bytes came, waiting ones went, or the first request was asked. */
	uint64_t sign_ns;
	struct exchanges x;
	struct transfers transfers;
	/* Of an incomplete packet. */
	size_t received;
	uint8_t inbox[SFTP_REPLY_MAX];
};

static void end_connection(struct connection *c, errint_t error)
{
	exchanges_end(&c->x, error);
	transfers_end(&c->transfers);
}

static void take_limits(struct connection *c, const struct sftp_limits *l)
{
	if (l->read > 0)
		c->transfers.read_max = (size_t)MIN(MAX(l->read, LEAST), READ_MOST);
	if (l->write > 0)
		c->transfers.write_max = (size_t)MIN(MAX(l->write, LEAST), WRITE_MOST);
	c->handles_max = l->handles;
}

static void limits_answered(void *arg, const struct sftp_reply *reply, errint_t error)
{
	struct sftp_limits limits = {0};
	struct connection *c = arg;

	(void)error;
	if (reply && reply->type == SFTP_EXTENDED_REPLY && sftp_parse_limits(reply->extended, &limits) == 0)
		take_limits(c, &limits);
	if (reply)
		c->phase = PHASE_READY;
}

static void take_version(struct connection *c, const struct sftp_reply *reply)
{
	struct sftp_packet packet;

	if (reply->version.version != SFTP_VERSION_SPOKEN) {
		c->x.error = -EPROTONOSUPPORT;
		return;
	}
	c->extensions = reply->version.extensions;
	c->lacks = reply->version.lacks;
	c->phase = PHASE_READY;
	if (!(c->extensions & 1u << SFTP_LIMITS))
		return;
	sftp_begin(&packet, SFTP_EXTENDED, 0);
	sftp_put_text(&packet, sftp_extension_name(SFTP_LIMITS));
	c->phase = PHASE_LIMITS;
	if (exchanges_ask(&c->x, &packet, NULL, 0, UINT64_MAX, limits_answered, c) < 0)
		c->phase = PHASE_READY;
}

static void ask_version(struct connection *c)
{
	struct sftp_packet packet;

	sftp_begin(&packet, SFTP_INIT, SFTP_VERSION_SPOKEN);
	c->phase = PHASE_VERSION;
	c->x.error = sftp_finish(&packet);
	outbox_put(&c->x.outbox, packet.bytes, packet.used);
}

static void take_packet(struct connection *c, const uint8_t *bytes, size_t n)
{
	struct sftp_reply reply;
	bool version_due = c->phase == PHASE_NEW || c->phase == PHASE_VERSION;

	if (sftp_parse(bytes, n, &reply) < 0 || version_due != (reply.type == SFTP_VERSION))
		c->x.error = -EPROTO;
	else if (version_due)
		take_version(c, &reply);
	else
		exchanges_answer(&c->x, &reply);
}

/* As far as it is there. Returns the bytes taken. */
static size_t complete_inbox(struct connection *c, const uint8_t *bytes, size_t n)
{
	int need = sftp_packet_need(c->inbox, c->received, SFTP_REPLY_MAX);
	size_t take;

	if (need < 0) {
		c->x.error = need;
		return n;
	}
	take = MIN((size_t)need - c->received, n);
	memcpy(c->inbox + c->received, bytes, take);
	c->received += take;
	need = sftp_packet_length(c->inbox, c->received, SFTP_REPLY_MAX);
	if (need < 0) {
		c->x.error = need;
	} else if (need > 0) {
		c->received = 0;
		take_packet(c, c->inbox, (size_t)need);
	}
	return take;
}

/* A whole packet is not copied. */
static void receive_bytes(void *arg, const uint8_t *bytes, size_t n)
{
	struct connection *c = arg;

	c->heard |= n > 0;
	while (n > 0 && c->x.error == 0) {
		int whole = c->received == 0 ? sftp_packet_length(bytes, n, SFTP_REPLY_MAX) : 0;
		size_t took = whole > 0 ? (size_t)whole : 0;

		if (whole < 0)
			c->x.error = whole;
		else if (whole > 0)
			take_packet(c, bytes, took);
		else
			took = complete_inbox(c, bytes, n);
		bytes += took;
		n -= took;
	}
}

static bool send_outbox(struct connection *c)
{
	bool went = false;

	while (c->x.error == 0 && outbox_used(&c->x.outbox) > 0) {
		size_t n = 0;
		const uint8_t *bytes = outbox_front(&c->x.outbox, &n);
		ssize_t sent = c->stream->ops->send(c->stream, bytes, n);

		if (sent < 0 && c->x.error == 0)
			c->x.error = (errint_t)sent;
		if (sent <= 0)
			break;
		outbox_take(&c->x.outbox, (size_t)sent);
		went = true;
	}
	return went;
}

static uint64_t patience_ns(const struct connection *c)
{
	return c->x.n_slow > 0 ? c->slow_ns : c->quick_ns;
}

/* The server's other connections may answer all the while. */
static void judge_silence(struct connection *c, uint64_t now_ns)
{
	if (c->heard)
		c->sign_ns = now_ns;
	c->heard = false;
	if (c->busy && now_ns - c->sign_ns >= patience_ns(c) && c->x.error == 0)
		c->x.error = -ETIMEDOUT;
}

/* Bytes that go at once are in the kernel's buffer, whether the server takes any or not. */
static void note_sign(struct connection *c, bool went, uint64_t now_ns)
{
	if ((went && c->held_up) || !c->busy)
		c->sign_ns = now_ns;
	c->busy = exchanges_under_way(&c->x) > 0;
	c->held_up = outbox_used(&c->x.outbox) > 0;
}

errint_t connection_new(struct stream *stream, struct connection **connection)
{
	struct connection *c = malloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->stream = stream;
	c->phase = PHASE_NEW;
	c->extensions = 0;
	c->lacks = 0;
	c->handles_max = 0;
	c->waiting_ns = UINT64_MAX;
	c->quick_ns = c->slow_ns = UINT64_MAX;
	c->follows = c->heard = c->busy = c->held_up = false;
	c->sign_ns = 0;
	c->received = 0;
	exchanges_init(&c->x);
	transfers_init(&c->transfers, &c->x);
	c->transfers.read_max = c->transfers.write_max = UNKNOWN_MOST;
	stream->receive = receive_bytes;
	stream->arg = c;
	*connection = c;
	return 0;
}

errint_t connection_beside(struct connection *c, struct connection **beside)
{
	struct stream *stream;
	errint_t rc = stream_beside(c->stream, &stream);

	if (rc < 0)
		return rc;
	rc = connection_new(stream, beside);
	if (rc < 0)
		stream->ops->close(stream);
	if (rc < 0)
		return rc;
	connection_set_patience(*beside, c->quick_ns, c->slow_ns);
	(*beside)->follows = c->follows;
	return 0;
}

void connection_tell_time(struct connection *c, uint64_t now_ns)
{
	c->transfers.now_ns = now_ns;
}

void connection_free(struct connection *c)
{
	if (!c)
		return;
	end_connection(c, -ENOTCONN);
	c->stream->ops->close(c->stream);
	free(c);
}

void connection_set_patience(struct connection *c, uint64_t quick_ns, uint64_t slow_ns)
{
	c->quick_ns = quick_ns;
	c->slow_ns = slow_ns;
}

void connection_set_following(struct connection *c)
{
	c->follows = true;
}

bool connection_follows(const struct connection *c)
{
	return c->follows;
}

bool connection_is_ready(const struct connection *c)
{
	return c->phase == PHASE_READY && c->x.error == 0;
}

bool connection_is_held_up(const struct connection *c)
{
	return c->held_up;
}

errint_t connection_error(const struct connection *c)
{
	return c->x.error;
}

uint32_t connection_extensions(const struct connection *c)
{
	return c->extensions;
}

uint32_t connection_lacks(const struct connection *c)
{
	return c->lacks;
}

size_t connection_read_max(const struct connection *c)
{
	return c->transfers.read_max;
}

size_t connection_write_max(const struct connection *c)
{
	return c->transfers.write_max;
}

uint64_t connection_handles_max(const struct connection *c)
{
	return c->handles_max;
}

const struct connection_counts *connection_counts(const struct connection *c)
{
	return &c->x.counts;
}

void connection_want(const struct connection *c, struct pollfd *p)
{
	c->stream->ops->want(c->stream, p);
}

uint64_t connection_wake_ns(const struct connection *c)
{
	uint64_t patience = patience_ns(c), wake_ns = MIN(c->x.next_deadline_ns, c->waiting_ns);

	if (c->stream->again)
		return 0;
	return c->busy && patience < UINT64_MAX - c->sign_ns ? MIN(wake_ns, c->sign_ns + patience) : wake_ns;
}

errint_t connection_work(struct connection *c, uint64_t now_ns)
{
	uint64_t waiting_ns;
	bool went = false;
	errint_t rc;

	if (c->x.error < 0)
		return c->x.error;
	c->transfers.now_ns = now_ns;
	if (c->phase == PHASE_NEW)
		ask_version(c);
	c->stream->again = false;
	rc = c->stream->ops->work(c->stream);
	if (rc < 0 && c->x.error == 0)
		c->x.error = rc;
	judge_silence(c, now_ns);
	exchanges_expire(&c->x, now_ns);
	/* A callback may begin another transfer. */
	c->waiting_ns = UINT64_MAX;
	waiting_ns = transfers_expire(&c->transfers);
	c->waiting_ns = MIN(c->waiting_ns, waiting_ns);
	for (bool more = true; more; went |= more) {
		transfers_fill(&c->transfers);
		more = send_outbox(c);
	}
	note_sign(c, went, now_ns);
	if (c->x.error < 0)
		end_connection(c, c->x.error);
	return c->x.error;
}

errint_t connection_ask(struct connection *c, struct sftp_packet *packet, uint64_t deadline_ns,
			connection_answer_fn answer, void *arg)
{
	if (c->x.error == 0 && c->phase != PHASE_READY)
		return -EAGAIN;
	return exchanges_ask(&c->x, packet, NULL, 0, deadline_ns, answer, arg);
}

void connection_give_up(struct connection *c, const void *arg)
{
	exchanges_give_up(&c->x, arg);
}

errint_t connection_transfer(struct connection *c, struct transfer *t)
{
	if (c->x.error < 0)
		return c->x.error;
	if (c->phase != PHASE_READY)
		return -EAGAIN;
	transfers_add(&c->transfers, t);
	c->waiting_ns = MIN(c->waiting_ns, t->deadline_ns);
	return 0;
}
