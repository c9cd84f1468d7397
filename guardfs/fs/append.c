/* append.c: see append.h.
 *
 * Storage finds the end by itself, through a descriptor opened with O_APPEND: another client, or a program
 * below the local tier, may just have written there. (Storage that cannot is asked for the end.) So an
 * append is not idempotent as other writes are. Before an append the slot notes the end that the file was
 * known to have: no round trip, and exact while nobody else appends. */
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

/* Others may have appended much since the last look at the file: only the last so many bytes are searched,
 * beside the length of the data. */
#define LOOK_BACK (4u << 20)

/* Does storage go to the end by itself? Not every SFTP server does (policy/server.h). */
static bool finds_end_itself(const struct backend *b)
{
	return !b->board || !(atomic_load(&b->board->server_lacks) & 1u << SERVER_APPEND);
}

/* Notes in the slot that an append begins, and where to look for it. offset: the end as the caller's kernel
 * believes, the best that is known on the local tier. */
static void note_append_begun(const struct backend *b, const struct handle *h, off_t offset)
{
	call.slot->append_from = b->board ? node_size(&fs.arena->nodes[h->node]) : (uint64_t)offset;
	atomic_store(&call.slot->append_begun, 1);
}

static ssize_t cannot_tell(const struct backend *b)
{
	return b->board ? GUARD_POISONED : -fs.config->error;
}

/* Feeds the file from s->offset up to end into the search. */
static ssize_t feed_search(struct backend *b, int ref, struct append_search *s, uint64_t end)
{
	while (s->offset < end) {
		size_t size = (size_t)MIN(end - s->offset, (uint64_t)CALL_DATA_SIZE);
		ssize_t n = b->ops->read(b, ref, call.data, size, (off_t)s->offset, (off_t)end);

		if (n < 0)
			return n;
		if (n == 0 || call_answered())
			return cannot_tell(b); /* cut off while it was read, or too late anyway */
		append_search_feed(s, call.data, (size_t)n);
	}
	return 0;
}

/* Begins the search where the append would be. In a file shorter than it was known to be (another client cut
 * it off) it may be anywhere. */
static errint_t begin_search(struct append_search *s, uint64_t end, const void *data, size_t n,
			     const uint8_t *last, size_t n_last)
{
	uint64_t from = call.slot->append_from, earliest = end > LOOK_BACK + n ? end - LOOK_BACK - n : 0;
	uint64_t bound = from <= end ? from : 0;

	return append_search_begin(s, data, n, last, n_last, MAX(bound, earliest), bound < earliest);
}

/* How many bytes of an append that was begun before have been made. */
static ssize_t search_append(struct backend *b, struct handle *h, int ref, const void *data, size_t n)
{
	uint8_t last[HANDLE_TAIL_MAX];
	size_t n_last = handle_tail(h, last);
	struct append_search s;
	int reader = -1;
	off_t end;
	ssize_t rc, made;

	rc = b->ops->find_end(b, ref, &end);
	if (rc == 0)
		rc = b->ops->reopen(b, ref, O_RDONLY, &reader);
	if (rc == 0)
		rc = begin_search(&s, (uint64_t)end, data, n, last, n_last);
	if (rc == 0) {
		rc = feed_search(b, reader, &s, (uint64_t)end);
		made = append_search_end(&s);
		if (rc == 0)
			rc = made == APPEND_DOUBTFUL ? cannot_tell(b) : made;
	}
	if (reader >= 0)
		b->ops->release(b, reader);
	return rc;
}

/* Appends what is missing: to the end, where storage finds it or is told. Returns how many bytes are there
 * then; if not all, and storage is in trouble, its error, so that the request is run again. */
static ssize_t append_rest(struct backend *b, int ref, const uint8_t *data, size_t n, size_t made,
			   bool kill_priv)
{
	off_t end = 0;
	ssize_t rc;

	if (made == n)
		return (ssize_t)n;
	rc = finds_end_itself(b) ? 0 : b->ops->find_end(b, ref, &end);
	if (rc == 0 && call_answered())
		return GUARD_POISONED;
	if (rc == 0)
		rc = b->ops->write(b, ref, data + made, n - made, end, kill_priv);
	if (rc >= 0)
		return (ssize_t)made + rc;
	return made && !errclass_info(errclass_from_errno((int)-rc))->infrastructure ? (ssize_t)made : rc;
}

/* The request is begun, or begun again. How many of its bytes have been appended. */
static ssize_t begin_append(struct backend *b, struct handle *h, int ref, const void *data, size_t n,
			    off_t offset)
{
	if (atomic_load(&call.slot->append_begun))
		return search_append(b, h, ref, data, n);
	note_append_begun(b, h, offset);
	return 0;
}

ssize_t append_write(struct backend *b, struct handle *h, const void *data, size_t n, off_t offset,
		     bool kill_priv)
{
	ssize_t rc = (ssize_t)handle_has_appended(h, call.unique);
	int ref;

	if (rc > 0)
		return rc; /* the worker died after that, before it had decided on the answer */
	rc = handle_ensure_for(b, h, finds_end_itself(b), &ref);
	if (rc == 0)
		rc = begin_append(b, h, ref, data, n, offset);
	if (rc >= 0)
		rc = append_rest(b, ref, data, n, (size_t)rc, kill_priv);
	if (rc <= 0)
		return rc;
	handle_appended(h, call.unique, call.slot->append_from, data, (size_t)rc);
	if (b->board)
		node_grown(&fs.arena->nodes[h->node], call.slot->append_from + (size_t)rc);
	return rc;
}
