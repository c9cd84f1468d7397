#include "fs/append.h"
#include "base/cleanup.h"
#include "fs/append_search.h"
#include "fs/context.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "policy/errclass.h"
#include "policy/server.h"

#include <errno.h>
#include <fcntl.h>

/* Searched beside the data's length. Others may have appended much more. */
#define LOOK_BACK (4u << 20)

/* Not every SFTP server does (policy/server.h). */
bool append_finds_end(const struct backend *b)
{
	return !b->board || !(atomic_load(&b->board->server_lacks) & 1u << SERVER_APPEND);
}

/* In the slot, with the place to look for it. */
static errint_t note_append_begun(struct backend *b, const struct handle *h, int ref)
{
	off_t end = 0;
	errint_t rc = b->board ? 0 : b->ops->find_end(b, ref, &end);

	if (rc < 0)
		return rc;
	call.slot->append_from = b->board ? node_size(&fs.arena->nodes[h->node]) : (uint64_t)end;
	atomic_store(&call.slot->append_begun, APPEND_BEGUN);
	return 0;
}

static ssize_t cannot_tell(const struct backend *b)
{
	return b->board ? GUARD_POISONED : -fs.config->error;
}

struct wanted {
	struct backend *b;
	int reader;
	const void *data;
	size_t n;
	uint8_t last[HANDLE_TAIL_MAX];
	size_t n_last;
};

static ssize_t feed_search(const struct wanted *w, struct append_search *s, uint64_t end)
{
	while (s->offset < end) {
		size_t size = (size_t)MIN(end - s->offset, (uint64_t)CALL_DATA_SIZE);
		ssize_t n = w->b->ops->read(w->b, w->reader, call.data, size, (off_t)s->offset, (off_t)end);

		if (n < 0)
			return n;
		if (n == 0 || call_answered())
			return cannot_tell(w->b); /* cut while it was read, or too late */
		append_search_feed(s, call.data, (size_t)n);
	}
	return 0;
}

/* In a file that another client cut the append may be anywhere. */
static errint_t begin_search(const struct wanted *w, struct append_search *s, uint64_t end)
{
	uint64_t from = call.slot->append_from,
		 earliest = end > LOOK_BACK + w->n ? end - LOOK_BACK - w->n : 0;
	uint64_t offset = from <= end ? from : 0;
	enum append_bound bound = w->b->board || offset != from ? APPEND_BOUND_KNOWN : APPEND_BOUND_EXACT;

	return append_search_begin(s, w->data, w->n, w->last, w->n_last, MAX(offset, earliest),
				   offset < earliest ? APPEND_BOUND_SKIPPED : bound);
}

static ssize_t search_up_to(const struct wanted *w, uint64_t end)
{
	struct append_search s;
	ssize_t rc = begin_search(w, &s, end), made;

	if (rc < 0)
		return rc;
	rc = feed_search(w, &s, end);
	made = append_search_end(&s);
	if (rc == 0)
		rc = made == APPEND_DOUBTFUL ? cannot_tell(w->b) : made;
	return rc;
}

/* Where nobody else appends, the writer's appends lie one behind the other (docs/WRITEBEHIND.md,
 * "Extents"). */
static ssize_t search_followed(const struct wanted *w, uint64_t end)
{
	uint64_t from = call.slot->append_from;
	ssize_t made;

	if (from + w->n <= end && search_up_to(w, from + w->n) == (ssize_t)w->n)
		return (ssize_t)w->n;
	made = search_up_to(w, end);
	return made >= 0 && (size_t)made < w->n && end > from + (uint64_t)made ? cannot_tell(w->b) : made;
}

/* How many bytes were made before. */
static ssize_t search_append(struct backend *b, struct handle *h, int ref, const void *data, size_t n)
{
	struct wanted w = {.b = b, .reader = -1, .data = data, .n = n};
	off_t end;
	ssize_t rc;

	w.n_last = handle_tail(h, w.last);
	rc = b->ops->find_end(b, ref, &end);
	if (rc == 0)
		rc = b->ops->reopen(b, h->node, ref, O_RDONLY, &w.reader);
	if (rc < 0)
		return rc;
	rc = atomic_load(&call.slot->append_begun) == APPEND_FOLLOWED ? search_followed(&w, (uint64_t)end)
								      : search_up_to(&w, (uint64_t)end);
	b->ops->release(b, w.reader);
	return rc;
}

/* Appends the rest. Returns how many bytes are there then; if not all, and storage is in trouble, its
 * error, so that the request runs again. */
static ssize_t append_rest(struct backend *b, int ref, const uint8_t *data, size_t n, size_t made,
			   bool kill_priv)
{
	off_t end = 0;
	ssize_t rc;

	if (made == n)
		return (ssize_t)n;
	rc = append_finds_end(b) ? 0 : b->ops->find_end(b, ref, &end);
	if (rc == 0 && call_answered())
		return GUARD_POISONED;
	if (rc == 0)
		rc = b->ops->write(b, ref, data + made, n - made, end, kill_priv);
	if (rc >= 0)
		return (ssize_t)made + rc;
	if (rc == BACKEND_APPEND_TORN)
		return cannot_tell(b);
	return made && !errclass_info(errclass_from_errno((int)-rc))->infrastructure ? (ssize_t)made : rc;
}

static ssize_t begin_append(struct backend *b, struct handle *h, int ref, const void *data, size_t n)
{
	if (atomic_load(&call.slot->append_begun))
		return search_append(b, h, ref, data, n);
	return note_append_begun(b, h, ref);
}

ssize_t append_write(struct backend *b, struct handle *h, const void *data, size_t n, bool kill_priv)
{
	ssize_t rc = (ssize_t)handle_has_appended(h, call.unique);
	int ref;

	if (rc > 0)
		return rc; /* the worker died before it decided on the answer */
	rc = handle_ensure_for(b, h, append_finds_end(b), &ref);
	if (rc == 0)
		rc = begin_append(b, h, ref, data, n);
	if (rc >= 0)
		rc = append_rest(b, ref, data, n, (size_t)rc, kill_priv);
	if (rc <= 0)
		return rc;
	handle_appended(h, call.unique, call.slot->append_from, data, (size_t)rc);
	if (b->board)
		node_grown(&fs.arena->nodes[h->node], call.slot->append_from + (size_t)rc);
	return rc;
}
