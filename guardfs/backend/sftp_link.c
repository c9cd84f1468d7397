/* Rings that this worker has mapped, one an epoch.
 *
 * Before this worker asks anything, requests of dead workers must have ended: one could land on top of ours. Files
 * that those left open without a record are closed. */
#include "backend/sftp.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "shm/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

_Static_assert(RING_REF == HANDLE_NO_DESCRIPTOR, "a ref of the ring is taken for no descriptor");

#define SETTLE_PAUSE_NS (2 * NSEC_PER_MSEC)

static struct sftp *sftp_of(const struct backend *b)
{
	return b->state;
}

static void mark_ref(const struct sftp_link *l, int ref, uint8_t *places)
{
	uint32_t place = ring_ref_place((uint32_t)ref);

	if (ref >= 0 && ring_ref_is_of((uint32_t)ref, l->epoch))
		places[place / 8] |= (uint8_t)(1u << place % 8);
}

static errint_t close_unrecorded(const struct backend *b, const struct sftp_link *l)
{
	uint8_t places[RING_PLACES / 8] = {0};

	for (uint32_t i = 0; i < atomic_load(&b->arena->handles_used); i++) {
		const struct handle *h = &b->arena->handles[i];

		if (atomic_load(&h->state) != HANDLE_LIVE || h->backend != b->index)
			continue;
		mark_ref(l, atomic_load(&h->fd), places);
		mark_ref(l, handle_other_fd(atomic_load(&h->other)), places);
	}
	return client_keep(&l->user, places);
}

static errint_t settle_link(const struct backend *b, struct sftp_link *l)
{
	const struct timespec pause = {.tv_nsec = SETTLE_PAUSE_NS};
	errint_t rc = 0;

	if (atomic_load_explicit(&l->settled, memory_order_acquire))
		return 0;
	ACQUIRE_LOCK(&l->settling);
	while (!atomic_load(&l->settled) && rc == 0) {
		if (ring_inherit_workers(&l->user, NULL, NULL) == 0) {
			rc = close_unrecorded(b, l);
			atomic_store(&l->settled, rc == 0);
		} else if (ring_is_over(&l->user)) {
			rc = -ENOTCONN;
		} else {
			nanosleep(&pause, NULL);
		}
	}
	return rc;
}

static void free_link(struct sftp_link *l)
{
	close(l->user.socket);
	ring_detach(&l->user);
	pthread_mutex_destroy(&l->settling);
	free(l);
}

/* Of older epochs. Under the lock. */
static void free_unused(struct sftp *s)
{
	struct sftp_link **p = s->links ? &s->links->next : NULL;

	while (p && *p) {
		struct sftp_link *l = *p;

		if (l->users > 0) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		free_link(l);
	}
}

static errint_t attach_link(const struct backend *b, uint32_t epoch, struct sftp_link *l)
{
	uint32_t generation = atomic_load(&b->arena->board.worker_generation);
	int socket = guarded_hold_root(b, epoch);
	errint_t rc;

	if (socket < 0)
		return socket;
	rc = ring_attach(socket, RING_OWNER_WORKER(generation), &l->user);
	if (rc == 0 && l->user.ring->epoch != epoch) {
		ring_detach(&l->user);
		rc = -ENOTCONN;
	}
	if (rc < 0)
		close(socket);
	return rc == -EAGAIN || rc == -EPROTO ? -ENOTCONN : rc;
}

/* Under the lock. */
static errint_t add_link(const struct backend *b, struct sftp *s, uint32_t epoch)
{
	struct sftp_link *l = calloc(1, sizeof(*l));
	errint_t rc = l ? attach_link(b, epoch, l) : -ENOMEM;

	if (rc < 0) {
		free(l);
		return rc;
	}
	pthread_mutex_init(&l->settling, NULL);
	l->epoch = epoch;
	l->next = s->links;
	s->links = l;
	free_unused(s);
	return 0;
}

static errint_t hold_link(struct backend *b, struct sftp_link **link)
{
	struct sftp *s = sftp_of(b);
	uint32_t epoch;
	errint_t rc = guarded_epoch(b, &epoch);

	if (rc < 0)
		return rc;
	ACQUIRE_LOCK(&s->lock);
	if (!s->links || s->links->epoch != epoch)
		rc = add_link(b, s, epoch);
	if (rc < 0)
		return rc;
	s->links->users++;
	*link = s->links;
	return 0;
}

errint_t sftp_enter(struct backend *b, struct sftp_link **link)
{
	errint_t rc = hold_link(b, link);

	if (rc < 0)
		return rc;
	rc = settle_link(b, *link);
	if (rc < 0)
		sftp_leave(b, *link);
	return rc;
}

errint_t sftp_enter_with(struct backend *b, int ref, struct sftp_link **link)
{
	errint_t rc = sftp_enter(b, link);

	if (rc == 0 && !ring_ref_is_of((uint32_t)ref, (*link)->epoch)) {
		sftp_leave(b, *link);
		rc = -ENOTCONN;
	}
	return rc;
}

void sftp_leave(struct backend *b, struct sftp_link *link)
{
	struct sftp *s = sftp_of(b);

	ACQUIRE_LOCK(&s->lock);
	link->users--;
	free_unused(s);
}

void backend_each_descriptor(const struct backend *b, void (*each)(void *arg, int fd), void *arg)
{
	struct sftp *s;

	b = b->next ? b->next : b;
	if (!b->config || b->config->type != BACKEND_SFTP)
		return;
	s = sftp_of(b);
	ACQUIRE_LOCK(&s->lock);
	for (const struct sftp_link *l = s->links; l; l = l->next)
		each(arg, l->user.socket);
}
