#include "fs/behind_send.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/append.h"
#include "fs/behind.h"
#include "fs/checkpoint.h"
#include "fs/checkpoint_wait.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/others.h"
#include "fs/wire.h"
#include "policy/errclass.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

_Static_assert(EXTENT_SIZE < 1u << 21, "see unique_of");

/* The kernel has no such uniques. */
#define UNIQUE_OF_WORK (1ull << 63)

static struct node *node_at(uint32_t index)
{
	return &fs.arena->nodes[index];
}

/* ---- losing ---- */

static const char *path_of(uint32_t node, char *path, size_t size)
{
	return node_last_path(node, path, size) < 0 ? "a file whose name is not known any more" : path;
}

/* Of appends as the caller's kernel took it. */
static void ranges_of(const struct behind_list *list, struct ledger *ranges)
{
	*ranges = (struct ledger){0};
	for (uint32_t i = 0; i < list->n; i++) {
		const struct extent *e = behind_extent(list, i);

		if (!behind_has_arrived(e))
			ledger_put(ranges, e->offset + e->done, e->offset + atomic_load(&e->length),
				   atomic_load(&e->state) == EXTENT_SENT ? LEDGER_WRITTEN
									 : LEDGER_ACKNOWLEDGED);
	}
}

/* Bytes on storage behind lost ones are confirmed, and not synced. */
static void note_isolated(const struct behind_list *list)
{
	for (uint32_t i = 0; i < list->n; i++) {
		const struct extent *e = behind_extent(list, i);
		struct handle *h = behind_has_arrived(e) ? arena_handle(fs.arena, e->fh) : NULL;

		if (h)
			handle_wrote(h, e->offset, fs.arena->owed_bytes[list->index[i]],
				     atomic_load(&e->length));
	}
}

static void lose(unsigned backend, struct behind_lost *lost)
{
	struct backend *b = &fs.guarded[backend];
	struct ledger ranges;
	struct handle *handles[EXTENT_MAX];
	char path[4096];
	uint32_t n;

	for (uint32_t i = 0; i < lost->list.n; i++)
		handles[i] = arena_handle(fs.arena, behind_extent(&lost->list, i)->fh);
	note_isolated(&lost->list);
	ranges_of(&lost->list, &ranges);
	handle_lost(b, lost->node, lost->error, &ranges);
	log_error("backend %s: bytes %llu to %llu of %s were acknowledged and are not on storage: %s",
		  b->config->name, (unsigned long long)ranges.ranges[0].from,
		  (unsigned long long)ledger_end(&ranges), path_of(lost->node, path, sizeof(path)),
		  strerror(lost->error));
	node_pin(node_at(lost->node));
	n = lost->list.n;
	(void)behind_release(backend, NULL, &lost->list);
	/* The kernel has the lost bytes in its pages and size. */
	others_drop_pages(node_at(lost->node));
	node_unpin(node_at(lost->node));
	for (uint32_t i = 0; i < n; i++)
		if (handles[i])
			handle_put(handles[i]);
}

/* Is this a FLUSH or FSYNC past its deadline? */
static bool is_told(const struct slot *slot, uint64_t now_ns)
{
	uint64_t deadline_ns = atomic_load(&slot->deadline_ns);

	return slot->park_reason == PARK_OWED && slot->op_class == OP_SYNC && deadline_ns &&
	       deadline_ns <= now_ns;
}

void behind_send_no_more(const struct slot *slot)
{
	uint32_t backend = atomic_load(&slot->backend);

	if (backend < fs.config->n_backends && is_told(slot, clock_mono_ns()))
		behind_give_up(backend, slot->owed_node, slot->owed_point, fs.config->error);
}

static bool is_told_of(unsigned backend, uint32_t node)
{
	uint64_t now_ns = clock_mono_ns();

	if (!atomic_load(&fs.board->backends[backend].parked))
		return false;
	for (uint32_t i = 0; i < arena_slots_used(fs.arena); i++) {
		const struct slot *slot = &fs.arena->slots[i];
		uint32_t state = atomic_load(&slot->state);

		if ((state == SLOT_PARKED || state == SLOT_EXPIRING || state == SLOT_EXPIRED ||
		     state == SLOT_RUNNING) &&
		    slot->owed_node == node && atomic_load(&slot->backend) == backend &&
		    is_told(slot, now_ns) && behind_is_owed(node, slot->owed_point))
			return true;
	}
	return false;
}

/* ---- sending ---- */

/* No request has it, and no two appends: by it the ledger tells what was appended. */
static uint64_t unique_of(const struct extent *e)
{
	return UNIQUE_OF_WORK | e->sequence << 21 | e->done;
}

/* Room, and the end of a late task, are not announced here. */
static void pause_a_moment(void)
{
	const struct timespec moment = {.tv_nsec = 5000000};

	nanosleep(&moment, NULL);
}

/* By the ledgers a reconnect tells whether the file is whole. */
static void note_arrived(const struct behind_list *list)
{
	for (uint32_t i = 0; i < list->n; i++) {
		struct extent *e = behind_extent(list, i);
		struct handle *h = arena_handle(fs.arena, e->fh);
		uint32_t length = atomic_load(&e->length), done = e->done;

		if (!h || (e->appends && atomic_load(&e->state) != EXTENT_SENT))
			continue; /* append_write has done so */
		if (e->appends) {
			/* Noted before it was handed over: bytes appended before lie before append_from. */
			handle_appended(h, unique_of(e), e->append_from,
					fs.arena->owed_bytes[list->index[i]] + done, length - done);
			node_grown(node_at(h->node), e->append_from + length - done);
		} else {
			handle_wrote(h, e->offset, fs.arena->owed_bytes[list->index[i]], length);
			node_grown(node_at(h->node), e->offset + length);
		}
	}
}

/* RELEASE could not sync what was still owed. */
static void put_handle(struct handle *h)
{
	if (checkpoint_is_on(h->backend) && atomic_load(&h->closing) && checkpoint_is_left(h)) {
		checkpoint_closes(h);
		checkpoint_last(h);
	}
	handle_put(h);
}

/* What has come before its turn meanwhile, too. */
static void finish(unsigned backend, const struct behind_work *work, struct behind_list *list)
{
	struct handle *handles[EXTENT_MAX];
	bool more;

	node_pin(node_at(work->node));
	do {
		uint32_t n = list->n;

		note_arrived(list);
		for (uint32_t i = 0; i < n; i++)
			handles[i] = arena_handle(fs.arena, behind_extent(list, i)->fh);
		more = behind_release(backend, work, list);
		for (uint32_t i = 0; i < n; i++)
			if (handles[i])
				put_handle(handles[i]);
	} while (more);
	node_unpin(node_at(work->node));
}

/* An append begun before is searched for, and confirmed by itself. So is one made in part by a worker that
 * died before it noted that in the extent. */
static bool hands_over(const struct backend *b, const struct behind_work *work)
{
	if (!b->hands_over || work->careful)
		return false;
	return !work->appends ||
	       (append_finds_end(b) && atomic_load(&work->extent->append_begun) == APPEND_NOT_BEGUN &&
		!handle_has_appended(work->handle, unique_of(work->extent)));
}

/* The slot stands for the WRITEs appended; the extent, which outlives it, keeps what the search finds. */
static ssize_t append(struct backend *b, const struct behind_work *work, const uint8_t *data, size_t n)
{
	struct extent *e = work->extent;
	uint8_t begun = atomic_load(&e->append_begun);

	if (begun == APPEND_NOT_BEGUN) {
		e->append_from = node_size(node_at(work->node));
		atomic_store(&e->append_begun, APPEND_BEGUN);
	} else {
		call.slot->append_from = e->append_from;
	}
	atomic_store(&call.slot->append_begun, begun);
	return append_write(b, work->handle, data, n, false);
}

static ssize_t write_out(struct backend *b, struct behind_work *work, const uint8_t *data, size_t n)
{
	off_t offset = (off_t)(work->extent->offset + work->extent->done);
	struct backend_write w;
	int ref;
	ssize_t rc;

	if (work->appends)
		return append(b, work, data, n);
	if (n == 0)
		return 0; /* a predecessor knew that it has arrived */
	rc = handle_ensure_for(b, work->handle, false, &ref);
	if (rc < 0)
		return rc;
	if (!b->pipelines)
		return b->ops->write(b, ref, data, n, offset, false);
	rc = b->ops->begin_write(b, ref, data, n, offset, &w);
	if (rc < 0)
		return rc;
	behind_begun(work);
	return b->ops->end_write(b, ref, &w);
}

static ssize_t hand_over(struct backend *b, const struct behind_work *work, const uint8_t *data, size_t n)
{
	struct extent *e = work->extent;
	int ref;
	ssize_t rc = handle_ensure_for(b, work->handle, work->appends, &ref);

	if (rc < 0)
		return rc;
	if (work->appends) {
		e->append_from = work->append_from;
		atomic_store(&e->append_begun, APPEND_BEGUN);
	}
	rc = b->ops->hand_over(b, ref, data, n, (off_t)(e->offset + e->done));
	/* Less than all tells nothing of what has arrived. */
	return rc < 0 || rc == (ssize_t)n ? rc : -EIO;
}

static ssize_t send(struct backend *b, struct behind_work *work)
{
	const uint8_t *data = work->data + work->extent->done;
	size_t n = atomic_load(&work->extent->length) - work->extent->done;

	return work->handed_over ? hand_over(b, work, data, n) : write_out(b, work, data, n);
}

/* Of confirm: not the connection of the bytes, and no trouble of the one that serves now. */
#define OTHER_CONNECTION (-EBADE)

static bool is_of_its_connection(const struct behind_work *work)
{
	return atomic_load(&call.slot->epoch) == work->epoch &&
	       atomic_load(&work->handle->epoch) == work->epoch;
}

static ssize_t confirm(struct backend *b, const struct behind_work *work)
{
	int ref;
	ssize_t rc;

	if (!is_of_its_connection(work))
		return OTHER_CONNECTION;
	rc = handle_ensure_for(b, work->handle, work->appends && append_finds_end(b), &ref);
	if (rc == 0)
		rc = b->ops->confirm(b, ref);
	return rc == 0 && !is_of_its_connection(work) ? OTHER_CONNECTION : rc;
}

static bool is_whole(const struct behind_work *work, ssize_t rc)
{
	return rc == (ssize_t)(atomic_load(&work->extent->length) - work->extent->done);
}

/* Whatever has become of its file. */
static bool has_arrived(const struct behind_work *work)
{
	return work->kind == BEHIND_CONFIRM || !work->handed_over;
}

/* ---- reading back (replay_check = content) ---- */

/* -EIO: it lies not where it belongs. */
static errint_t compare_extent(struct backend *b, const struct extent *e, const uint8_t *data, int ref)
{
	uint32_t from = e->appends ? e->done : 0, n = atomic_load(&e->length) - from;
	uint64_t at = e->appends ? e->append_from : e->offset;
	ssize_t rc = b->ops->read(b, ref, call.data, n, (off_t)at, (off_t)(at + n));

	if (rc < 0)
		return (errint_t)rc;
	return rc == (ssize_t)n && memcmp(call.data, data + from, n) == 0 ? 0 : -EIO;
}

/* What a server had of an earlier connection may land after what came over this one: bytes written again
 * are read back, but for appends that were looked for: their extents do not say where they lie. */
static ssize_t read_back(struct backend *b, const struct behind_work *work, ssize_t rc)
{
	struct behind_list list;
	int ref = -1;
	errint_t read = 0;

	if (b->config->replay_check != REPLAY_CONTENT || rc < 0 || !has_arrived(work) ||
	    (work->kind == BEHIND_SEND && (work->appends || !is_whole(work, rc))))
		return rc;
	behind_went_again(work, &list);
	if (list.n == 0)
		return rc;
	read = b->ops->open(b, work->node, O_RDONLY, &ref);
	for (uint32_t i = 0; i < list.n && read == 0; i++)
		read = compare_extent(b, behind_extent(&list, i), fs.arena->owed_bytes[list.index[i]], ref);
	if (ref >= 0)
		b->ops->release(b, ref);
	if (read == -EIO)
		log_warning("backend %s: bytes that were written again after a reconnect cannot be read back",
			    b->config->name);
	/* A file that cannot be opened for reading says nothing. */
	return read < 0 && read != BACKEND_NODE_GONE &&
		       errclass_info(errclass_from_errno((int)-read))->infrastructure
		   ? read
		   : rc;
}

static void settle_send(struct backend *b, struct behind_work *work, ssize_t rc, uint32_t epoch)
{
	struct behind_list list;

	if (!is_whole(work, rc)) {
		atomic_store(&work->extent->append_begun, APPEND_NOT_BEGUN);
		behind_advanced(work, (uint32_t)rc);
	} else if (work->handed_over) {
		behind_sent(work, epoch);
	} else {
		behind_arrived(work, &list);
		finish(b->index, work, &list);
	}
}

static void settle_confirm(struct backend *b, struct behind_work *work)
{
	struct behind_list list;

	behind_arrived(work, &list);
	finish(b->index, work, &list);
}

static void settle_lost(struct backend *b, const struct behind_work *work, int error)
{
	behind_give_up(b->index, work->node, UINT64_MAX, error);
	behind_abandon(work);
}

/* A want of descriptors or memory says nothing of storage. */
static bool is_want_of_ours(ssize_t rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM;
}

/* As long as a close may wait (docs/WRITEBEHIND.md, "Extents"). */
static bool may_wait_for_it(const struct behind_work *work)
{
	return behind_wants(work, clock_mono_ns()) < fs.config->deadline.ms[OP_SYNC] * NSEC_PER_MSEC;
}

static enum guard_outcome end_visit(struct backend *b, const struct behind_work *work, ssize_t rc)
{
	if (rc != OTHER_CONNECTION)
		return guard_end_visit(b, rc, has_arrived(work));
	(void)guard_end_visit(b, GUARD_POISONED, false); /* the breaker hears nothing */
	return OUTCOME_LOST;
}

static void settle_sent(struct backend *b, struct behind_work *work, enum guard_outcome outcome, ssize_t rc,
			uint32_t epoch)
{
	bool known = outcome == OUTCOME_KNOWN, ours = rc == GUARD_POISONED || rc == BACKEND_NODE_GONE;
	int error = behind_given_up(work);

	if (known && rc >= 0 && (!error || has_arrived(work))) {
		if (work->kind == BEHIND_SEND)
			settle_send(b, work, rc, epoch);
		else
			settle_confirm(b, work);
		return;
	}
	if (!error && known && is_want_of_ours(rc) && may_wait_for_it(work)) {
		behind_abandon(work);
		pause_a_moment();
		return;
	}
	if (!error && known && work->kind == BEHIND_SEND)
		error = ours ? fs.config->error : (int)-rc;
	if (error || !behind_again(work, epoch, outcome == OUTCOME_LOST, atomic_load(&b->board->verdicts)))
		settle_lost(b, work, error ? error : fs.config->error);
}

bool behind_send_step(unsigned backend)
{
	struct backend *b = &fs.guarded[backend];
	uint32_t epoch = atomic_load(&b->board->root_epoch);
	struct behind_lost lost;
	struct behind_work work;
	enum guard_visit visit;
	ssize_t rc;

	if (behind_next_lost(backend, &lost)) {
		lose(backend, &lost);
		return true;
	}

	if (!guard_breaker_is_closed(b) ||
	    !behind_next(backend, epoch, atomic_load(&b->board->verdicts), &work))
		return false;
	if (!work.handle || is_told_of(backend, work.node)) {
		settle_lost(b, &work, fs.config->error);
		return true;
	}
	call.unique = work.kind == BEHIND_SEND ? unique_of(work.extent) : UNIQUE_OF_WORK;
	visit = guard_visit(b, OP_WRITE, guard_target_node(work.node), work.handle->uid);
	if (visit != VISIT_IN) {
		behind_abandon(&work);
		if (visit == VISIT_LATER)
			pause_a_moment();
		return visit == VISIT_LATER;
	}
	work.handed_over = work.kind == BEHIND_SEND && hands_over(b, &work);
	rc = read_back(b, &work, work.kind == BEHIND_SEND ? send(b, &work) : confirm(b, &work));
	settle_sent(b, &work, end_visit(b, &work, rc), rc, atomic_load(&call.slot->epoch));
	return true;
}
