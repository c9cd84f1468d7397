#include "sftp/transfer.h"

#include <errno.h>

/* Of a READ, or before the data of a WRITE: length, type, id, handle, offset, length. */
#define PIECE_HEADER (4u + 1u + 4u + 4u + SFTP_HANDLE_MAX + 8u + 4u)

/* Look-ups must not wait behind data for room. */
#define ROOM_FOR_OTHERS	  (128u << 10)
#define PLACES_FOR_OTHERS 128u

void transfers_init(struct transfers *ts, struct exchanges *x)
{
	memset(ts, 0, sizeof(*ts));
	ts->x = x;
	window_init(&ts->window);
	for (unsigned i = 0; i < TRANSFER_PIECES_MAX; i++) {
		ts->pieces[i].owner = ts;
		ts->pieces[i].next = ts->free;
		ts->free = &ts->pieces[i];
	}
}

static void queue_transfer(struct transfers *ts, struct transfer *t)
{
	struct transfer_queue *q = &ts->queues[t->writes];

	t->next = NULL;
	t->queued = true;
	if (q->last)
		q->last->next = t;
	else
		q->first = t;
	q->last = t;
}

static void unqueue_transfer(struct transfers *ts, struct transfer *t)
{
	struct transfer_queue *q = &ts->queues[t->writes];
	struct transfer **at = &q->first, *before = NULL;

	while (*at != t) {
		before = *at;
		at = &before->next;
	}
	*at = t->next;
	if (q->last == t)
		q->last = before;
	t->queued = false;
}

static bool has_more_pieces(const struct transfer *t)
{
	return t->error == 0 && t->asked < t->end;
}

/* A failure behind the end of the file is none. */
static void conclude_transfer(struct transfer *t)
{
	if (t->error != 0 && !t->writes && t->failed_at >= t->end)
		t->error = 0;
	t->result = t->error != 0 ? MIN(t->failed_at, t->end) : t->end;
	if (t->error != 0 && t->appends && t->reached > t->failed_at) {
		t->error = -EUCLEAN;
		t->result = 0;
	}
	t->done(t);
}

/* Whenever a piece has ended. After a failure no piece is begun, and those under way are waited for: only then is it
 * known which bytes are written. */
static void settle_transfer(struct transfers *ts, struct transfer *t)
{
	if (has_more_pieces(t)) {
		if (!t->queued)
			queue_transfer(ts, t);
		return;
	}
	if (t->queued)
		unqueue_transfer(ts, t);
	if (t->under_way == 0)
		conclude_transfer(t);
}

static void fail_transfer(struct transfer *t, size_t at, errint_t error)
{
	/* The first failed byte's error is the transfer's. */
	if (t->error == 0 || at < t->failed_at) {
		t->error = error;
		t->failed_at = at;
	}
}

void transfers_add(struct transfers *ts, struct transfer *t)
{
	t->error = 0;
	t->result = t->asked = t->reached = 0;
	t->end = t->failed_at = t->size;
	t->under_way = 0;
	queue_transfer(ts, t);
}

static void end_piece(struct piece *p)
{
	struct transfers *ts = p->owner;
	struct transfer *t = p->transfer;

	p->next = ts->free;
	ts->free = p;
	t->under_way--;
	settle_transfer(ts, t);
}

/* Wherever the end was thought to be. */
static void meet_end(struct piece *p)
{
	p->transfer->end = MIN(p->transfer->end, p->from);
}

/* Some servers tell the end by data of no length; others come short of it, but not where the file is known to end. */
static bool is_end(const struct piece *p, size_t n)
{
	const struct transfer *t = p->transfer;

	return n == 0 || (p->n > 0 && t->known_end > 0 && t->offset + p->from == t->known_end);
}

/* No server says that: the connection ends. */
static void piece_nonsense(struct piece *p)
{
	struct transfers *ts = p->owner;

	window_drop(&ts->window, p->n);
	if (ts->x->error == 0)
		ts->x->error = -EPROTO;
	fail_transfer(p->transfer, p->from, -ENOTCONN);
	end_piece(p);
}

static void take_piece_data(struct piece *p, struct sftp_slice data)
{
	struct transfers *ts = p->owner;

	window_confirm(&ts->window, p->n, data.n, &p->mark, ts->now_ns);
	if (data.n > 0)
		memcpy(p->transfer->bytes + p->from, data.bytes, data.n);
	p->from += data.n;
	p->n -= data.n;
	if (is_end(p, data.n))
		meet_end(p);
	if (p->n == 0 || is_end(p, data.n)) {
		end_piece(p);
		return;
	}
	p->next = ts->again;
	ts->again = p;
}

static void take_piece_status(struct piece *p, uint32_t code)
{
	struct transfers *ts = p->owner;
	struct transfer *t = p->transfer;
	errint_t error = sftp_error(code);

	window_confirm(&ts->window, p->n, t->writes && error == 0 ? p->n : 0, &p->mark, ts->now_ns);
	if (!t->writes && code == SFTP_EOF)
		meet_end(p);
	else if (error < 0)
		fail_transfer(t, p->from, error == -ENODATA ? -EIO : error);
	else if (t->writes)
		t->reached = MAX(t->reached, p->from + p->n);
	end_piece(p);
}

static void piece_answered(void *arg, const struct sftp_reply *reply, errint_t error)
{
	struct piece *p = arg;
	bool writes = p->transfer->writes;

	if (!reply) {
		window_drop(&p->owner->window, p->n);
		fail_transfer(p->transfer, p->from, error);
		end_piece(p);
	} else if (reply->type == SFTP_STATUS && (writes || reply->status.code != SFTP_OK)) {
		take_piece_status(p, reply->status.code);
	} else if (reply->type == SFTP_DATA && !writes && reply->data.n <= p->n) {
		take_piece_data(p, reply->data);
	} else {
		piece_nonsense(p);
	}
}

static errint_t ask_piece(struct piece *p)
{
	struct transfers *ts = p->owner;
	struct transfer *t = p->transfer;
	struct sftp_packet packet;
	errint_t rc;

	sftp_begin(&packet, t->writes ? SFTP_WRITE : SFTP_READ, 0);
	sftp_put_bytes(&packet, t->handle, t->handle_length);
	sftp_put_u64(&packet, t->offset + p->from);
	if (!t->writes)
		sftp_put_u32(&packet, (uint32_t)p->n);
	rc = exchanges_ask(ts->x, &packet, t->writes ? t->bytes + p->from : NULL, t->writes ? p->n : 0,
			   t->deadline_ns, piece_answered, p);
	if (rc == 0)
		window_send(&ts->window, p->n, ts->now_ns, &p->mark);
	return rc;
}

static bool has_room_for_piece(const struct transfers *ts, bool writes, size_t n)
{
	return window_has_room(&ts->window, n) && ts->x->n_free > PLACES_FOR_OTHERS &&
	       exchanges_have_room(ts->x, PIECE_HEADER + (writes ? n : 0) + ROOM_FOR_OTHERS);
}

/* False: no room now. */
static bool begin_piece(struct transfers *ts, struct transfer *t)
{
	size_t n = MIN(t->writes ? ts->write_max : ts->read_max, t->end - t->asked);
	struct piece *p = ts->free;

	if (!p || !has_room_for_piece(ts, t->writes, n))
		return false;
	p->transfer = t;
	p->from = t->asked;
	p->n = n;
	if (ask_piece(p) < 0)
		return false;
	ts->free = p->next;
	t->asked += n;
	t->under_way++;
	return true;
}

/* Unless its transfer failed, or ends before it. */
static bool ask_again(struct transfers *ts, struct piece *p)
{
	struct transfer *t = p->transfer;
	bool wanted = t->error == 0 && p->from < t->end;

	if (wanted && !has_room_for_piece(ts, false, p->n))
		return false;
	ts->again = p->next;
	if (wanted && ask_piece(p) == 0)
		return true;
	if (wanted)
		fail_transfer(t, p->from, -ENOTCONN);
	end_piece(p);
	return true;
}

static bool begin_first(struct transfers *ts, struct transfer_queue *q)
{
	struct transfer *t = q->first;

	if (!t || !begin_piece(ts, t))
		return false;
	if (t->writes && has_more_pieces(t))
		return true;
	unqueue_transfer(ts, t);
	if (has_more_pieces(t))
		queue_transfer(ts, t);
	return true;
}

void transfers_fill(struct transfers *ts)
{
	while (ts->again && ts->x->error == 0)
		if (!ask_again(ts, ts->again))
			return;
	while (ts->x->error == 0) {
		bool read = begin_first(ts, &ts->queues[0]), wrote = begin_first(ts, &ts->queues[1]);

		if (!read && !wrote)
			return;
	}
}

/* They have no exchange that would expire. */
static uint64_t expire_again(struct transfers *ts)
{
	uint64_t next_ns = UINT64_MAX;

	for (struct piece **at = &ts->again, *p; (p = *at) != NULL;) {
		struct transfer *t = p->transfer;

		if (t->deadline_ns > ts->now_ns && t->error == 0) {
			next_ns = MIN(next_ns, t->deadline_ns);
			at = &p->next;
			continue;
		}
		*at = p->next;
		fail_transfer(t, p->from, -ETIMEDOUT);
		end_piece(p);
	}
	return next_ns;
}

static uint64_t expire_queue(struct transfers *ts, const struct transfer_queue *q)
{
	uint64_t next_ns = UINT64_MAX;

	for (struct transfer *t = q->first, *next; t; t = next) {
		next = t->next;
		if (t->deadline_ns > ts->now_ns) {
			next_ns = MIN(next_ns, t->deadline_ns);
			continue;
		}
		fail_transfer(t, t->asked, -ETIMEDOUT);
		settle_transfer(ts, t);
	}
	return next_ns;
}

uint64_t transfers_expire(struct transfers *ts)
{
	uint64_t next_ns = expire_again(ts);

	next_ns = MIN(next_ns, expire_queue(ts, &ts->queues[0]));
	return MIN(next_ns, expire_queue(ts, &ts->queues[1]));
}

void transfers_end(struct transfers *ts)
{
	while (ts->again) {
		struct piece *p = ts->again;

		ts->again = p->next;
		fail_transfer(p->transfer, p->from, -ENOTCONN);
		end_piece(p);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(ts->queues); i++) {
		struct transfer *t;

		while ((t = ts->queues[i].first)) {
			fail_transfer(t, t->asked, -ENOTCONN);
			settle_transfer(ts, t);
		}
	}
}
