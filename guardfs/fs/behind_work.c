/* Pieces of work of behind.h. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/behind.h"
#include "fs/behind_table.h"
#include "fs/node.h"

#include <errno.h>
#include <time.h>

/* ---- giving ---- */

static bool overlaps(const struct extent *a, const struct extent *b)
{
	return a->offset < b->offset + atomic_load(&b->length) &&
	       b->offset < a->offset + atomic_load(&a->length);
}

/* Enough for twice the product of bandwidth and delay. */
#define UNDER_WAY_LEAST (3u << 20)

static bool has_room_under_way(const struct behind_lane *lane, uint16_t i)
{
	uint64_t most = MAX((uint64_t)UNDER_WAY_LEAST, lane->drain.rate / 2);

	return lane->bytes_under_way == 0 ||
	       lane->bytes_under_way + atomic_load(&owed_extent(i)->length) <= most;
}

/* SENT: confirmed through one open file. Under way: each is confirmed by itself. */
static bool may_follow_one(const struct extent *before, const struct extent *e, uint32_t epoch)
{
	uint16_t i = owed_index(before);

	if (atomic_load(&before->state) == EXTENT_SENT)
		return before->fh == e->fh && before->appends == e->appends &&
		       (e->appends || !overlaps(before, e));
	return !owed_notes.under_way[i] ||
	       (owed_notes.epoch[i] == epoch && !before->appends && !e->appends && !overlaps(before, e));
}

/* A small piece waits for company (docs/WRITEBEHIND.md). */
static bool awaits_company(const struct behind_file *f, uint16_t i)
{
	const struct extent *e = owed_extent(i);

	return !owed_notes.sealed[i] && atomic_load(&e->length) < owed_worth_sending(f, e) &&
	       f->waited_for < e->sequence && owed_notes.next[i] == OWED_NONE;
}

static bool gathers(struct behind_lane *lane, const struct behind_file *f, uint16_t i)
{
	uint64_t ripe_ns = owed_notes.joined_ns[i] + GATHER_NS;

	if (!owed_gathers(f, owed_extent(i)) || owed_extent(i)->done || !awaits_company(f, i) ||
	    clock_mono_ns() >= ripe_ns)
		return false;
	lane->ripe_ns = lane->ripe_ns ? MIN(lane->ripe_ns, ripe_ns) : ripe_ns;
	return true;
}

/* May it go before the extents sent earlier are confirmed? */
static bool may_follow(const struct behind_file *f, uint16_t i, uint32_t epoch)
{
	const struct extent *e = owed_extent(i);

	if (awaits_company(f, i))
		return false;
	/* Searching for an append begun before needs a file with nothing on its way. */
	if (f->careful || atomic_load(&e->append_begun))
		return false;
	for (uint16_t s = f->first; s != OWED_NONE; s = owed_notes.next[s])
		if (!may_follow_one(owed_extent(s), e, epoch))
			return false;
	return true;
}

/* The known end once all that was handed over has arrived. */
static uint64_t end_behind_sent(const struct behind_file *f)
{
	uint64_t end = node_size(&fs.arena->nodes[f->node]);

	for (uint16_t i = f->first; i != OWED_NONE && atomic_load(&owed_extent(i)->state) == EXTENT_SENT;
	     i = owed_notes.next[i])
		if (owed_extent(i)->appends)
			end = MAX(end, owed_extent(i)->append_from + atomic_load(&owed_extent(i)->length) -
					   owed_extent(i)->done);
	return end;
}

static void note_followed(const struct behind_file *f)
{
	for (uint16_t i = f->first; i != OWED_NONE && atomic_load(&owed_extent(i)->state) == EXTENT_SENT;
	     i = owed_notes.next[i])
		if (owed_extent(i)->appends)
			atomic_store(&owed_extent(i)->append_begun, APPEND_FOLLOWED);
}

static uint16_t first_unsent(const struct behind_file *f)
{
	uint16_t i = f->first;

	while (i != OWED_NONE && (atomic_load(&owed_extent(i)->state) == EXTENT_SENT ||
				  owed_notes.under_way[i] || owed_notes.arrived[i]))
		i = owed_notes.next[i];
	return i;
}

static void forget_sent(struct behind_file *f)
{
	for (uint16_t i = f->first; i != OWED_NONE; i = owed_notes.next[i])
		if (atomic_load(&owed_extent(i)->state) == EXTENT_SENT) {
			owed_notes.again[i] = true;
			atomic_store(&owed_extent(i)->state, EXTENT_OWED);
		}
	f->n_sent = 0;
}

static bool can_send(struct behind_lane *lane, struct behind_file *f, uint32_t epoch,
		     struct behind_work *work)
{
	uint16_t i = f->sending ? OWED_NONE : first_unsent(f);
	struct extent *e;

	if (i != OWED_NONE && owed_notes.filling[i])
		f->passed_over = true;
	if (i == OWED_NONE || owed_notes.filling[i] || !has_room_under_way(lane, i) || gathers(lane, f, i) ||
	    ((f->n_sent || f->n_under_way) && !may_follow(f, i, epoch)))
		return false;
	e = owed_extent(i);
	/* A part that arrived over an earlier connection is on no ledger either. */
	if (e->done && !e->appends && owed_notes.epoch[i] != epoch) {
		owed_notes.again[i] = true;
		e->done = 0;
	}
	owed_notes.sealed[i] = owed_notes.under_way[i] = true;
	owed_notes.epoch[i] = epoch;
	lane->bytes_under_way += atomic_load(&e->length);
	f->n_under_way++;
	f->sending = true;
	if (e->appends)
		note_followed(f);
	*work = (struct behind_work){.kind = BEHIND_SEND,
				     .appends = e->appends,
				     .append_from = end_behind_sent(f),
				     .file = f,
				     .node = f->node,
				     .extent = e,
				     .data = fs.arena->owed_bytes[i],
				     .careful = f->careful,
				     .handle = arena_handle(fs.arena, e->fh)};
	return true;
}

static bool can_confirm(struct behind_file *f, struct behind_work *work)
{
	const struct extent *last = NULL;

	if (f->confirming || f->n_sent == 0)
		return false;
	for (uint16_t i = f->first; i != OWED_NONE && atomic_load(&owed_extent(i)->state) == EXTENT_SENT;
	     i = owed_notes.next[i])
		last = owed_extent(i);
	if (!last)
		return false;
	f->confirming = true;
	*work = (struct behind_work){.kind = BEHIND_CONFIRM,
				     .appends = last->appends,
				     .file = f,
				     .node = f->node,
				     .point = last->sequence,
				     .epoch = f->sent_epoch,
				     .handle = arena_handle(fs.arena, last->fh)};
	return true;
}

/* What arrived before earlier bytes is on no ledger yet: over another connection nobody would learn
 * whether the server still has it. The first ones are being released. */
static void forget_arrived(struct behind_file *f, uint32_t epoch)
{
	uint16_t i = f->first;

	while (i != OWED_NONE && owed_notes.arrived[i])
		i = owed_notes.next[i];
	for (; i != OWED_NONE; i = owed_notes.next[i])
		if (owed_notes.arrived[i] && owed_notes.epoch[i] != epoch) {
			owed_notes.arrived[i] = false;
			owed_notes.again[i] = true;
			owed_extent(i)->done = 0;
		}
}

static bool is_ready(struct behind_file *f, uint32_t epoch, uint32_t verdicts)
{
	if (f->error)
		return false;
	if (f->waits_verdict && f->asked_epoch == epoch && (int32_t)(verdicts - f->verdicts) < 0)
		return false;
	f->waits_verdict = false;
	/* Its connection is gone: nobody knows whether it arrived. */
	if (f->n_sent && f->sent_epoch != epoch && !f->sending && !f->confirming)
		forget_sent(f);
	forget_arrived(f, epoch);
	return f->n_sent == 0 || f->sent_epoch == epoch;
}

/* Time without a connection is no measure of the rate. */
static void notice_connection(struct behind_lane *lane, uint32_t epoch)
{
	if (lane->epoch == epoch)
		return;
	lane->epoch = epoch;
	if (lane->n_files)
		drain_begin(&lane->drain, clock_mono_ns());
}

bool behind_next(unsigned backend, uint32_t epoch, uint32_t verdicts, struct behind_work *work)
{
	struct behind_lane *lane = &owed_lanes[backend];
	bool found;

	ACQUIRE_LOCK(&lane->lock);
	notice_connection(lane, epoch);
	lane->ripe_ns = 0;
	for (struct behind_file *f = lane->head; f; f = f->after) {
		/* Another piece goes before a confirmation is asked for. */
		found =
		    is_ready(f, epoch, verdicts) && (can_send(lane, f, epoch, work) || can_confirm(f, work));
		if (!found)
			continue;
		owed_serve_last(lane, f);
		return true;
	}
	return false;
}

uint64_t behind_changes(unsigned backend)
{
	struct behind_lane *lane = &owed_lanes[backend];

	ACQUIRE_LOCK(&lane->lock);
	return lane->changes;
}

/* True: an extent that gathers is to be looked at. */
static bool wait_for_work(struct behind_lane *lane)
{
	const struct timespec ripe = {.tv_sec = (time_t)(lane->ripe_ns / NSEC_PER_SEC),
				      .tv_nsec = (long)(lane->ripe_ns % NSEC_PER_SEC)};

	if (!lane->ripe_ns) {
		pthread_cond_wait(&lane->work, &lane->lock);
		return false;
	}
	if (pthread_cond_clockwait(&lane->work, &lane->lock, CLOCK_MONOTONIC, &ripe) != ETIMEDOUT)
		return false;
	lane->ripe_ns = 0;
	return true;
}

bool behind_wait(unsigned backend, uint64_t *seen)
{
	struct behind_lane *lane = &owed_lanes[backend];

	ACQUIRE_LOCK(&lane->lock);
	lane->waiting++;
	while (!lane->stopping && lane->changes == *seen && !wait_for_work(lane))
		;
	lane->waiting--;
	*seen = lane->changes;
	return !lane->stopping;
}

void behind_wake(unsigned backend)
{
	struct behind_lane *lane = &owed_lanes[backend];

	ACQUIRE_LOCK(&lane->lock);
	if (!lane->head)
		return;
	lane->changes++;
	pthread_cond_broadcast(&lane->work);
}

void behind_stop(void)
{
	for (unsigned i = 0; i < CONFIG_BACKENDS_MAX; i++) {
		ACQUIRE_LOCK(&owed_lanes[i].lock);
		owed_lanes[i].stopping = true;
		pthread_cond_broadcast(&owed_lanes[i].work);
	}
}

bool behind_is_short_handed(unsigned backend)
{
	struct behind_lane *lane = &owed_lanes[backend];

	ACQUIRE_LOCK(&lane->lock);
	return lane->waiting == 0 && !lane->stopping;
}

/* ---- settling ---- */

static struct behind_lane *lane_of(const struct behind_work *work)
{
	return &owed_lanes[fs.arena->nodes[work->node].backend];
}

static void end_way(struct behind_lane *lane, const struct extent *e)
{
	owed_notes.under_way[owed_index(e)] = false;
	lane->bytes_under_way -= atomic_load(&e->length);
}

static void end_work(struct behind_lane *lane, struct behind_file *f, const struct behind_work *work)
{
	owed_changed(lane);
	if (work->kind == BEHIND_CONFIRM) {
		f->confirming = false;
		return;
	}
	if (!work->begun)
		f->sending = false;
	if (!work->arrived)
		end_way(lane, work->extent);
	f->n_under_way--;
}

/* Returns as owed_end. */
static struct node *settle_work(struct behind_lane *lane, struct behind_file *f,
				const struct behind_work *work)
{
	end_work(lane, f, work);
	return owed_end(lane, f);
}

void behind_begun(struct behind_work *work)
{
	struct behind_lane *lane = lane_of(work);

	ACQUIRE_LOCK(&lane->lock);
	work->begun = true;
	work->file->sending = false;
	owed_may_go(lane);
}

/* The most that counts between two tries: an outage is no want. */
#define WANT_STEP_NS (250 * NSEC_PER_MSEC)

uint64_t behind_wants(const struct behind_work *work, uint64_t now_ns)
{
	struct behind_lane *lane = lane_of(work);
	struct behind_file *f;

	ACQUIRE_LOCK(&lane->lock);
	f = work->file;
	if (f->wanted_at_ns)
		f->wanting_ns += MIN(now_ns - MIN(f->wanted_at_ns, now_ns), WANT_STEP_NS);
	f->wanted_at_ns = now_ns;
	return f->wanting_ns;
}

static void end_want(struct behind_file *f)
{
	f->wanting_ns = f->wanted_at_ns = 0;
}

void behind_sent(const struct behind_work *work, uint32_t epoch)
{
	struct behind_lane *lane = lane_of(work);
	struct behind_file *f;

	ACQUIRE_LOCK(&lane->lock);
	f = work->file;
	end_want(f);
	/* If older bytes must go over another connection, all go again, in order. A failed confirmation's
	 * error may be about bytes handed over meanwhile. */
	if (f->n_sent && f->sent_epoch != epoch) {
		forget_sent(f);
	} else if (f->careful == work->careful) {
		atomic_store(&work->extent->state, EXTENT_SENT);
		f->n_sent++;
		f->sent_epoch = epoch;
	}
	(void)settle_work(lane, f, work); /* the extent keeps its file */
}

void behind_advanced(const struct behind_work *work, uint32_t n)
{
	struct behind_lane *lane = lane_of(work);

	ACQUIRE_LOCK(&lane->lock);
	end_want(work->file);
	work->extent->done += n;
	(void)settle_work(lane, work->file, work);
}

static void send_again(struct behind_file *f, const struct behind_work *work, bool carefully)
{
	if (f->sent_epoch == work->epoch)
		forget_sent(f);
	f->careful |= carefully;
}

/* False: done already. Others of its file, under way at the same time, fail too. */
static bool await_verdict(struct behind_file *f, uint16_t i, uint32_t epoch, uint32_t verdicts)
{
	if (owed_notes.asked[i] && owed_notes.asked_epoch[i] == epoch)
		return false;
	owed_notes.asked[i] = f->waits_verdict = true;
	owed_notes.asked_epoch[i] = f->asked_epoch = epoch;
	f->verdicts = verdicts + 1;
	return true;
}

bool behind_again(const struct behind_work *work, uint32_t epoch, bool lost, uint32_t verdicts)
{
	struct behind_lane *lane = lane_of(work);
	struct node *ended = NULL;
	struct behind_file *f;
	bool again = true;

	{
		ACQUIRE_LOCK(&lane->lock);
		f = work->file;
		if (work->kind == BEHIND_CONFIRM)
			send_again(f, work, !lost);
		else if (!lost)
			again = await_verdict(f, owed_index(work->extent), epoch, verdicts);
		if (work->kind == BEHIND_SEND)
			owed_notes.again[owed_index(work->extent)] = true;
		if (again)
			ended = settle_work(lane, f, work);
	}
	owed_unpin(ended);
	return again;
}

void behind_went_again(const struct behind_work *work, struct behind_list *list)
{
	struct behind_lane *lane = lane_of(work);

	list->n = 0;
	ACQUIRE_LOCK(&lane->lock);
	for (uint16_t i = work->file->first; i != OWED_NONE; i = owed_notes.next[i]) {
		const struct extent *e = owed_extent(i);
		bool concerned = work->kind == BEHIND_SEND
				     ? e == work->extent
				     : atomic_load(&e->state) == EXTENT_SENT && e->sequence <= work->point;

		if (concerned && owed_notes.again[i])
			list->index[list->n++] = i;
	}
}

/* In order (docs/WRITEBEHIND.md, "Extents"). */
static void list_first_arrived(struct behind_file *f, struct behind_list *list)
{
	list->n = 0;
	list->first = false;
	if (f->releasing)
		return;
	for (uint16_t i = f->first; i != OWED_NONE && owed_notes.arrived[i]; i = owed_notes.next[i])
		list->index[list->n++] = i;
	list->first = f->releasing = list->n > 0;
}

/* Returns their bytes. */
static uint64_t list_confirmed(const struct behind_file *f, const struct behind_work *work,
			       struct behind_list *list)
{
	uint64_t n = 0;

	list->n = 0;
	list->first = false;
	if (f->sent_epoch != work->epoch)
		return 0;
	for (uint16_t i = f->first; i != OWED_NONE && owed_extent(i)->sequence <= work->point;
	     i = owed_notes.next[i]) {
		if (atomic_load(&owed_extent(i)->state) != EXTENT_SENT)
			continue;
		list->index[list->n++] = i;
		n += atomic_load(&owed_extent(i)->length);
	}
	return n;
}

/* `done` is for a successor. */
static uint64_t list_arrived(struct behind_lane *lane, struct behind_work *work, struct behind_list *list)
{
	uint32_t length = atomic_load(&work->extent->length);

	work->arrived = owed_notes.arrived[owed_index(work->extent)] = true;
	work->extent->done = length;
	end_way(lane, work->extent);
	list_first_arrived(work->file, list);
	return length;
}

void behind_arrived(struct behind_work *work, struct behind_list *list)
{
	struct behind_lane *lane = lane_of(work);
	uint64_t n;

	ACQUIRE_LOCK(&lane->lock);
	end_want(work->file);
	n = work->kind == BEHIND_SEND ? list_arrived(lane, work, list)
				      : list_confirmed(work->file, work, list);
	drain_confirmed(&lane->drain, n, lane->bytes - MIN(n, lane->bytes), clock_mono_ns());
}

static bool is_being_filled(const struct behind_file *f)
{
	for (uint16_t i = f->first; i != OWED_NONE; i = owed_notes.next[i])
		if (owed_notes.filling[i])
			return true;
	return false;
}

void behind_give_up(unsigned backend, uint32_t node, uint64_t point, int error)
{
	struct behind_lane *lane = &owed_lanes[backend];
	struct behind_file *f;

	ACQUIRE_LOCK(&lane->lock);
	f = owed_find(lane, node);
	if (!f || f->first == OWED_NONE || owed_extent(f->first)->sequence > point || f->error)
		return;
	f->error = error;
	owed_changed(lane);
}

bool behind_has_arrived(const struct extent *e)
{
	return owed_notes.arrived[owed_index(e)];
}

bool behind_next_lost(unsigned backend, struct behind_lost *lost)
{
	struct behind_lane *lane = &owed_lanes[backend];

	ACQUIRE_LOCK(&lane->lock);
	for (struct behind_file *f = lane->head; f; f = f->after) {
		if (!f->error || f->sending || f->n_under_way || f->confirming || is_being_filled(f))
			continue;
		f->sending = true; /* nobody else takes it up */
		lost->node = f->node;
		lost->error = f->error;
		lost->list.n = 0;
		lost->list.first = false;
		for (uint16_t i = f->first; i != OWED_NONE; i = owed_notes.next[i])
			lost->list.index[lost->list.n++] = i;
		return true;
	}
	return false;
}

int behind_given_up(const struct behind_work *work)
{
	struct behind_lane *lane = lane_of(work);
	struct behind_file *f;

	ACQUIRE_LOCK(&lane->lock);
	f = work->file;
	return f->error;
}

void behind_abandon(const struct behind_work *work)
{
	struct behind_lane *lane = lane_of(work);
	struct node *ended;

	{
		ACQUIRE_LOCK(&lane->lock);
		ended = settle_work(lane, work->file, work);
	}
	owed_unpin(ended);
}

/* Its last WRITE, run again, finds that it was taken. */
static void free_extent(struct behind_lane *lane, struct behind_file *f, uint16_t i)
{
	struct extent *e = owed_extent(i);
	struct handle *h = arena_handle(fs.arena, e->fh);

	if (h)
		atomic_store(&h->taken_unique, atomic_load(&e->last_unique));
	owed_unlink(lane, f, i);
	atomic_store(&e->state, EXTENT_FREE);
	owed_give_back(i);
}

bool behind_release(unsigned backend, const struct behind_work *work, struct behind_list *list)
{
	struct behind_lane *lane = &owed_lanes[backend];
	struct node *ended = NULL;
	struct behind_file *f;

	if (list->n == 0 && !work)
		return false;
	{
		ACQUIRE_LOCK(&lane->lock);
		f = work ? work->file : owed_notes.file[list->index[0]];
		for (uint32_t i = 0; i < list->n; i++)
			free_extent(lane, f, list->index[i]);
		owed_changed(lane);
		if (list->first)
			f->releasing = false;
		if (!work)
			f->sending = false; /* by behind_next_lost */
		else
			list_first_arrived(f, list);
		if (work && list->n > 0)
			return true;
		ended = work ? settle_work(lane, f, work) : owed_end(lane, f);
	}
	owed_unpin(ended);
	return false;
}
