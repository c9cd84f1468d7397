#include "fs/publish_readers.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "fs/draft.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/handle_index.h"
#include "fs/publish_io.h"
#include "policy/errclass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PAUSES_MAX 100u

static bool moves_open_files(const struct backend *b)
{
	return b->config->type != BACKEND_SFTP;
}

static void pause_shortly(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	nanosleep(&pause, NULL);
}

static bool is_reader(const struct handle *h)
{
	return h->kind == HANDLE_FILE && (h->flags & O_ACCMODE) == O_RDONLY && !h->unlinked && !draft_is(h);
}

static bool count_reader(struct handle *h, void *n)
{
	*(uint32_t *)n += is_reader(h);
	return true;
}

struct collecting {
	struct published_readers *r;
	uint32_t room;
};

/* One open after its use was raised stays so; others are put, outside the index's lock. */
static bool collect_reader(struct handle *h, void *arg)
{
	const struct collecting *c = arg;

	if (!is_reader(h) || c->r->n == c->room)
		return true;
	atomic_fetch_add(&h->users, 1);
	c->r->readers[c->r->n++] = (struct published_reader){h, atomic_load(&h->closing) != 0};
	return true;
}

/* Nobody opens the file meanwhile: they do not become more. */
static errint_t collect_readers(uint32_t node, struct published_readers *r)
{
	struct collecting c = {.r = r};
	uint32_t n = 0;

	handle_index_each(node, count_reader, &c.room);
	if (c.room == 0)
		return 0;
	r->readers = calloc(c.room, sizeof(*r->readers));
	if (!r->readers)
		return -ENOMEM;
	handle_index_each(node, collect_reader, &c);
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->readers[i].kept)
			handle_put(r->readers[i].h);
		else
			r->readers[n++] = r->readers[i];
	}
	r->n = n;
	return 0;
}

/* False: its caller was told that it is closed, but its descriptor is not yet. */
static bool is_closed_or_open(struct handle *h, void *b)
{
	return h->kind != HANDLE_FILE || h->unlinked || draft_is(h) || !atomic_load(&h->closing) ||
	       atomic_load(&h->fd) < 0 ||
	       atomic_load(&h->epoch) != atomic_load(&((struct backend *)b)->board->root_epoch);
}

static void await_closing(struct backend *b, uint32_t node)
{
	for (unsigned i = 0;
	     i < PAUSES_MAX && !call_is_late() && !handle_index_each(node, is_closed_or_open, b); i++)
		pause_shortly();
}

/* New reads come from memory. Former users may still be about to use the descriptor. */
static void close_descriptor(struct backend *b, struct handle *h)
{
	int fd;

	for (unsigned i = 0; i < PAUSES_MAX && !call_is_late() && atomic_load(&h->users) > 1; i++)
		pause_shortly();
	if (atomic_load(&h->users) > 1)
		return; /* it stays open until the close */
	fd = atomic_exchange(&h->fd, -1);
	if (fd >= 0)
		b->ops->release(b, fd);
}

static bool is_infrastructure(errint_t rc)
{
	return rc < 0 && rc != GUARD_POISONED && errclass_info(errclass_from_errno(-rc))->infrastructure;
}

/* A memfd of what h's file has, or -errno. */
static int read_version(struct backend *b, struct handle *h, size_t *size)
{
	void *data = NULL;
	errint_t rc = publish_read(b, atomic_load(&h->fd), h->known_end, &data, size);
	int fd = rc < 0 ? rc : handle_memfd("guardfs-version");

	if (fd >= 0) {
		rc = fd_write_all(fd, data, *size);
		if (rc < 0) {
			close(fd);
			fd = rc;
		}
	}
	free(data);
	return fd;
}

/* Without room in its user's share its reads fail: over sshfs it must not keep the file open. */
static void keep_nothing(struct backend *b, struct handle *h)
{
	if (!moves_open_files(b))
		return;
	log_warning(
	    "backend %s: a reader of a state file that was replaced has no memory left for its version",
	    b->config->name);
	if (draft_keep(h, -1, 0) == 0)
		close_descriptor(b, h);
}

/* All of one node have the same version open. */
static errint_t keep_versions(struct backend *b, struct published_readers *r)
{
	CLEANUP_FD int version = -1;
	size_t size = 0;
	errint_t rc = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		struct handle *h = r->readers[i].h;

		if (call_is_late())
			return GUARD_POISONED;
		rc = handle_ensure(b, h);
		if (is_infrastructure(rc))
			return rc;
		if (rc < 0)
			continue; /* it cannot be read any more */
		if (version < 0) {
			version = read_version(b, h, &size);
			if (is_infrastructure(version))
				return version;
			if (version < 0)
				return 0; /* too large, say: they go on with what they have open */
		}
		r->readers[i].kept = draft_keep(h, version, size) == 0;
		if (!r->readers[i].kept)
			keep_nothing(b, h);
		else if (moves_open_files(b))
			close_descriptor(b, h);
	}
	return 0;
}

errint_t publish_readers_begin(struct backend *b, uint32_t node, struct published_readers *r)
{
	errint_t rc;

	*r = (struct published_readers){.n = 0};
	if (moves_open_files(b))
		await_closing(b, node);
	rc = collect_readers(node, r);
	return rc < 0 ? rc : keep_versions(b, r);
}

void publish_readers_end(struct published_readers *r, bool replaced)
{
	for (uint32_t i = 0; i < r->n; i++) {
		struct handle *h = r->readers[i].h;

		if (replaced && !r->readers[i].kept && h->unlinked == HANDLE_NAMED)
			h->unlinked = HANDLE_UNLINKED;
		handle_put(h);
	}
	free(r->readers);
	*r = (struct published_readers){.n = 0};
}
