/* publish_readers.c: see publish_readers.h. */
#include "fs/publish_readers.h"
#include "fs/draft.h"
#include "fs/handle.h"
#include "fs/handle_index.h"
#include "fs/publish_io.h"
#include "policy/errclass.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

#define READERS_MAX 64u
#define PAUSES_MAX  100u

struct readers {
	struct handle *handles[READERS_MAX];
	uint32_t n;
};

/* Their uses are raised. */
static bool collect_reader(struct handle *h, void *arg)
{
	struct readers *readers = arg;

	if (h->kind != HANDLE_FILE || (h->flags & O_ACCMODE) != O_RDONLY || h->unlinked || draft_is(h) ||
	    atomic_load(&h->closing) || atomic_load(&h->fd) < 0)
		return true;
	atomic_fetch_add(&h->users, 1);
	readers->handles[readers->n++] = h;
	return readers->n < READERS_MAX;
}

static bool is_current(const struct backend *b, const struct handle *h)
{
	return atomic_load(&h->epoch) == atomic_load(&b->board->root_epoch);
}

/* False: its caller has been told that it is closed, and the descriptor is still to be. */
static bool is_closed_or_open(struct handle *h, void *b)
{
	return h->kind != HANDLE_FILE || h->unlinked || draft_is(h) || !atomic_load(&h->closing) ||
	       !is_current(b, h);
}

static void pause_shortly(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	nanosleep(&pause, NULL);
}

static void await_closing(struct backend *b, uint32_t node)
{
	for (unsigned i = 0; i < PAUSES_MAX && !handle_index_each(node, is_closed_or_open, b); i++)
		pause_shortly();
}

/* Without its version in memory it must not go on with another one. */
static void give_up_version(struct handle *h)
{
	h->unlinked = HANDLE_UNLINKED;
}

/* Who comes now reads from memory. Who came before may still be about to use the descriptor. */
static void close_descriptor(struct backend *b, struct handle *h)
{
	int fd;

	for (unsigned i = 0; i < PAUSES_MAX && atomic_load(&h->users) > 1; i++)
		pause_shortly();
	if (atomic_load(&h->users) > 1)
		return; /* it stays open until the close */
	fd = atomic_exchange(&h->fd, -1);
	if (fd >= 0)
		b->ops->release(b, fd);
}

/* All of one node have the same version open. */
static errint_t keep_version(struct backend *b, const struct readers *readers)
{
	void *data = NULL;
	size_t size = 0;
	errint_t rc = 0;

	for (uint32_t i = 0; i < readers->n && rc == 0; i++) {
		struct handle *h = readers->handles[i];

		if (!data && is_current(b, h))
			rc = publish_read(b, atomic_load(&h->fd), h->known_end, &data, &size);
		if (rc == 0 && data && is_current(b, h) && draft_keep(h, data, size) == 0)
			close_descriptor(b, h);
		else
			give_up_version(h);
	}
	free(data);
	return rc < 0 && errclass_info(errclass_from_errno(-rc))->infrastructure ? rc : 0;
}

errint_t publish_keep_readers(struct backend *b, uint32_t node)
{
	struct readers readers;
	errint_t rc;

	await_closing(b, node);
	do {
		readers.n = 0;
		handle_index_each(node, collect_reader, &readers);
		rc = keep_version(b, &readers);
		for (uint32_t i = 0; i < readers.n; i++)
			handle_put(readers.handles[i]);
	} while (rc == 0 && readers.n == READERS_MAX);
	return rc;
}
