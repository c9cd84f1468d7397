#include "sftp/exchange.h"

#include <errno.h>

void exchanges_init(struct exchanges *x)
{
	x->error = 0;
	x->next_deadline_ns = UINT64_MAX;
	x->counts = (struct connection_counts){0};
	x->n_free = CONNECTION_EXCHANGES_MAX;
	x->n_slow = 0;
	for (unsigned i = 0; i < CONNECTION_EXCHANGES_MAX; i++) {
		x->free[i] = (uint16_t)(CONNECTION_EXCHANGES_MAX - 1 - i);
		x->places[i] = (struct exchange){.state = EXCHANGE_FREE};
	}
	x->outbox.head = x->outbox.tail = 0;
}

bool exchanges_have_room(const struct exchanges *x, size_t n)
{
	return x->n_free > 0 && n <= outbox_room(&x->outbox);
}

static uint32_t id_of_place(const struct exchanges *x, unsigned place)
{
	return x->places[place].uses * CONNECTION_EXCHANGES_MAX + place;
}

/* The uses may wrap: an id that comes round again belongs to an answered request. */
static struct exchange *find_exchange(struct exchanges *x, uint32_t id)
{
	unsigned place = id % CONNECTION_EXCHANGES_MAX;
	struct exchange *e = &x->places[place];

	return e->state != EXCHANGE_FREE && id_of_place(x, place) == id ? e : NULL;
}

static void free_exchange(struct exchanges *x, struct exchange *e)
{
	x->n_slow -= e->slow;
	e->state = EXCHANGE_FREE;
	e->uses++;
	x->free[x->n_free++] = (uint16_t)(e - x->places);
}

static bool is_slow(const struct sftp_packet *packet)
{
	switch (sftp_type_of(packet)) {
	case SFTP_OPEN:
	case SFTP_OPENDIR:
	case SFTP_READ:
	case SFTP_READDIR:
	case SFTP_READLINK:
	case SFTP_LSTAT:
	case SFTP_STAT:
	case SFTP_FSTAT:
		return false;
	default:
		return true;
	}
}

errint_t exchanges_ask(struct exchanges *x, struct sftp_packet *packet, const void *data, size_t n,
		       uint64_t deadline_ns, connection_answer_fn answer, void *arg)
{
	errint_t rc = x->error;
	struct exchange *e;

	if (rc == 0)
		rc = data ? sftp_finish_before_data(packet, n) : sftp_finish(packet);
	if (rc < 0)
		return rc;
	if (!exchanges_have_room(x, packet->used + n))
		return -EAGAIN;
	e = &x->places[x->free[--x->n_free]];
	*e = (struct exchange){.state = EXCHANGE_WAITING,
			       .slow = is_slow(packet),
			       .uses = e->uses,
			       .deadline_ns = deadline_ns,
			       .answer = answer,
			       .arg = arg};
	x->n_slow += e->slow;
	x->next_deadline_ns = MIN(x->next_deadline_ns, deadline_ns);
	sftp_set_id(packet, id_of_place(x, (unsigned)(e - x->places)));
	outbox_put(&x->outbox, packet->bytes, packet->used);
	if (data)
		outbox_put(&x->outbox, data, n);
	x->counts.asked++;
	return 0;
}

static void ignore_answer(void *arg, const struct sftp_reply *reply, errint_t error)
{
	(void)arg;
	(void)reply;
	(void)error;
}

/* Nobody knows of this file. With a full table it stays open until the connection ends. */
static void close_late_handle(struct exchanges *x, struct sftp_slice handle)
{
	struct sftp_packet packet;

	sftp_begin(&packet, SFTP_CLOSE, 0);
	sftp_put_bytes(&packet, handle.bytes, handle.n);
	if (exchanges_ask(x, &packet, NULL, 0, UINT64_MAX, ignore_answer, NULL) < 0)
		x->counts.leaked++;
}

void exchanges_answer(struct exchanges *x, const struct sftp_reply *reply)
{
	struct exchange *e = find_exchange(x, reply->id);
	struct exchange was;

	if (!e) {
		x->counts.dropped++;
		return;
	}
	was = *e;
	free_exchange(x, e);
	if (was.state == EXCHANGE_WAITING) {
		was.answer(was.arg, reply, 0);
		return;
	}
	x->counts.late++;
	if (reply->type == SFTP_HANDLE)
		close_late_handle(x, reply->handle);
}

void exchanges_give_up(struct exchanges *x, const void *arg)
{
	for (unsigned i = 0; i < CONNECTION_EXCHANGES_MAX; i++)
		if (x->places[i].state == EXCHANGE_WAITING && x->places[i].arg == arg)
			x->places[i].state = EXCHANGE_GIVEN_UP;
}

/* Requests sent by a callback lower the next deadline themselves. */
void exchanges_expire(struct exchanges *x, uint64_t now_ns)
{
	if (now_ns < x->next_deadline_ns)
		return;
	x->next_deadline_ns = UINT64_MAX;
	for (unsigned i = 0; i < CONNECTION_EXCHANGES_MAX; i++) {
		struct exchange *e = &x->places[i];

		if (e->state != EXCHANGE_WAITING)
			continue;
		if (e->deadline_ns > now_ns) {
			x->next_deadline_ns = MIN(x->next_deadline_ns, e->deadline_ns);
			continue;
		}
		e->state = EXCHANGE_GIVEN_UP;
		x->counts.expired++;
		e->answer(e->arg, NULL, -ETIMEDOUT);
	}
}

void exchanges_end(struct exchanges *x, errint_t error)
{
	if (x->error == 0)
		x->error = error;
	for (unsigned i = 0; i < CONNECTION_EXCHANGES_MAX; i++) {
		struct exchange was = x->places[i];

		if (was.state == EXCHANGE_FREE)
			continue;
		free_exchange(x, &x->places[i]);
		if (was.state == EXCHANGE_WAITING)
			was.answer(was.arg, NULL, -ENOTCONN);
	}
}
