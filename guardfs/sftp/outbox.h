/* Bytes to be sent, in a ring. They do not move: some may be added while others are sent. Private to sftp/. */
#ifndef GUARDFS_SFTP_OUTBOX_H
#define GUARDFS_SFTP_OUTBOX_H

#include "sftp/connection.h"

struct outbox {
	/* Ever added. */
	size_t head;
	/* Ever taken. */
	size_t tail;
	uint8_t bytes[CONNECTION_OUTBOX];
};

static inline size_t outbox_used(const struct outbox *o)
{
	return o->head - o->tail;
}

static inline size_t outbox_room(const struct outbox *o)
{
	return CONNECTION_OUTBOX - outbox_used(o);
}

/* n <= outbox_room. */
static inline void outbox_put(struct outbox *o, const void *bytes, size_t n)
{
	size_t at = o->head % CONNECTION_OUTBOX, first = MIN(n, CONNECTION_OUTBOX - at);

	memcpy(o->bytes + at, bytes, first);
	memcpy(o->bytes, (const uint8_t *)bytes + first, n - first);
	o->head += n;
}

/* The next contiguous bytes; *n may be 0. */
static inline const uint8_t *outbox_front(const struct outbox *o, size_t *n)
{
	size_t at = o->tail % CONNECTION_OUTBOX;

	*n = MIN(outbox_used(o), CONNECTION_OUTBOX - at);
	return o->bytes + at;
}

static inline void outbox_take(struct outbox *o, size_t n)
{
	o->tail += n;
}

#endif
