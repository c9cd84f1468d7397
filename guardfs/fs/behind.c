#include "fs/behind.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/behind_table.h"

/* For an unknown rate: one file's half of it is enough to measure the rate. */
#define LIMIT_LEAST (6u << 20)
/* Scattered small pieces take an extent each. */
#define LANE_EXTENTS (EXTENT_MAX / 2)
#define FILE_EXTENTS 64u

static uint64_t owed_limit(const struct behind_lane *lane)
{
	const struct config_backend *config = &fs.config->backends[lane - owed_lanes];

	/* docs/WRITEBEHIND.md, "Who waits". */
	uint32_t within_ms = MIN(config->drain_ms, fs.config->deadline.ms[OP_METADATA] / 2);

	return drain_limit(&lane->drain, within_ms, LIMIT_LEAST, (uint64_t)config->buffer_mib << 20);
}

static bool goes_on(uint16_t i, const struct handle *h, uint64_t offset, size_t n, bool appends)
{
	const struct extent *e = owed_extent(i);
	uint32_t length = atomic_load(&e->length);

	return atomic_load(&e->state) == EXTENT_OWED && !owed_notes.sealed[i] && !owed_notes.filling[i] &&
	       e->fh == handle_id(h, (uint32_t)(h - fs.arena->handles)) && e->appends == appends &&
	       (appends || e->offset + length == offset) && length + n <= EXTENT_SIZE;
}

/* docs/WRITEBEHIND.md, "Order of stores". */
static bool is_taken_already(const struct behind_file *f, const struct handle *h, uint64_t unique)
{
	if (atomic_load(&h->taken_unique) == unique)
		return true;
	for (uint16_t i = f ? f->first : OWED_NONE; i != OWED_NONE; i = owed_notes.next[i]) {
		const struct extent *e = owed_extent(i);

		if (atomic_load(&e->last_unique) == unique && e->last_length == atomic_load(&e->length))
			return true;
	}
	return false;
}

static bool has_room(const struct behind_lane *lane, const struct behind_file *f, size_t n)
{
	uint64_t limit = owed_limit(lane);

	if (lane->n_extents >= LANE_EXTENTS || (f && f->n_extents >= FILE_EXTENTS) || !owed_has_spare())
		return false;
	return lane->bytes + n <= limit && (!f || f->bytes + n <= limit / 2);
}

/* A successor does not see it yet. */
static uint16_t begin_extent(struct behind_lane *lane, struct behind_file **f, const struct backend *b,
			     struct handle *h, uint64_t offset, bool appends)
{
	uint16_t i = owed_take_extent();
	struct extent *e;

	if (i == OWED_NONE)
		return OWED_NONE;
	if (!*f)
		*f = owed_begin(lane, h->node);
	e = owed_extent(i);
	atomic_store(&e->length, 0);
	e->fh = handle_id(h, (uint32_t)(h - fs.arena->handles));
	e->sequence = atomic_fetch_add(&fs.arena->owed.sequence, 1) + 1;
	e->offset = offset;
	e->appends = appends;
	e->backend = b->index;
	atomic_store(&e->append_begun, APPEND_NOT_BEGUN);
	e->done = 0;
	atomic_store(&e->last_unique, 0);
	owed_notes.sealed[i] = owed_notes.again[i] = false;
	owed_notes.arrived[i] = owed_notes.asked[i] = false;
	owed_link(*f, i);
	atomic_fetch_add(&h->users, 1);
	return i;
}

static void fill(uint16_t i, uint64_t unique, const void *data, size_t n)
{
	struct extent *e = owed_extent(i);
	uint32_t length = atomic_load(&e->length);

	memcpy(fs.arena->owed_bytes[i] + length, data, n);
	atomic_store(&e->last_unique, unique);
	e->last_length = length + (uint32_t)n;
	atomic_store(&e->length, length + (uint32_t)n);
	atomic_store(&e->state, EXTENT_OWED);
}

/* Of n bytes just put there: are senders to look? */
static bool makes_work(struct behind_file *f, uint16_t i, size_t n, bool joined)
{
	uint32_t length = atomic_load(&owed_extent(i)->length), worth = owed_worth_sending(f, owed_extent(i));
	bool passed_over = f->passed_over;

	f->passed_over = false;
	return passed_over || !joined || (!f->sending && length >= worth && length - n < worth);
}

/* OWED_NONE: no room. */
static uint16_t place_for(struct behind_lane *lane, struct behind_file **f, const struct backend *b,
			  struct handle *h, uint64_t offset, size_t n, bool appends, bool *joined)
{
	uint16_t last = *f ? (*f)->last : OWED_NONE;

	if (!has_room(lane, *f, n))
		return OWED_NONE;
	*joined = last != OWED_NONE && goes_on(last, h, offset, n, appends);
	return *joined ? last : begin_extent(lane, f, b, h, offset, appends);
}

enum behind_taken behind_take(const struct backend *b, struct handle *h, uint64_t unique, const void *data,
			      size_t n, uint64_t offset, bool appends)
{
	struct behind_lane *lane = &owed_lanes[b->index];
	enum behind_taken taken = BEHIND_TAKEN;
	struct behind_file *f;
	uint16_t i = OWED_NONE;
	bool joined = false;

	ACQUIRE_LOCK(&lane->lock);
	f = owed_find(lane, h->node);
	if (is_taken_already(f, h, unique))
		return taken;
	if (f && f->error)
		return BEHIND_REFUSED;
	i = place_for(lane, &f, b, h, offset, n, appends, &joined);
	if (i == OWED_NONE)
		return BEHIND_NO_ROOM;
	owed_notes.filling[i] = true;
	owed_count(lane, f, (int64_t)n);
	pthread_mutex_unlock(&lane->lock);
	fill(i, unique, data, n);
	pthread_mutex_lock(&lane->lock);
	owed_notes.filling[i] = false;
	owed_notes.joined_ns[i] = owed_gathers(f, owed_extent(i)) ? clock_mono_ns() : 0;
	pthread_cond_broadcast(&lane->filled);
	if (makes_work(f, i, n, joined))
		owed_changed(lane);
	return taken;
}

bool behind_has_room(unsigned backend, uint32_t node, size_t n)
{
	struct behind_lane *lane = &owed_lanes[backend];

	ACQUIRE_LOCK(&lane->lock);
	return has_room(lane, owed_find(lane, node), n);
}

uint64_t behind_now(void)
{
	return atomic_load(&fs.arena->owed.sequence);
}

bool behind_end(uint32_t node, uint64_t *end)
{
	const struct node *n = &fs.arena->nodes[node];
	struct behind_lane *lane = &owed_lanes[n->backend];
	const struct behind_file *f;

	*end = 0;
	if (!(atomic_load(&n->flags) & NODE_BEHIND))
		return true;
	ACQUIRE_LOCK(&lane->lock);
	f = owed_find(lane, node);
	if (f && f->error)
		return false;
	for (uint16_t i = f ? f->first : OWED_NONE; i != OWED_NONE; i = owed_notes.next[i]) {
		const struct extent *e = owed_extent(i);

		if (e->appends)
			return false;
		*end = MAX(*end, e->offset + atomic_load(&e->length));
	}
	return true;
}

bool behind_is_owed(uint32_t node, uint64_t point)
{
	const struct node *n = &fs.arena->nodes[node];
	struct behind_lane *lane;
	struct behind_file *f;

	if (n->backend >= CONFIG_BACKENDS_MAX || !(atomic_load(&n->flags) & NODE_BEHIND))
		return false;
	lane = &owed_lanes[n->backend];
	ACQUIRE_LOCK(&lane->lock);
	f = owed_find(lane, node);
	if (!f) /* a worker died between the two steps of its end */
		atomic_fetch_and(&fs.arena->nodes[node].flags, (uint8_t)~NODE_BEHIND);
	if (!f || f->first == OWED_NONE || owed_extent(f->first)->sequence > point)
		return false;
	/* Extents that are not full go now, and take nothing more. */
	for (uint16_t i = f->first; i != OWED_NONE && owed_extent(i)->sequence <= point;
	     i = owed_notes.next[i])
		owed_notes.sealed[i] = true;
	if (f->waited_for < point) {
		f->waited_for = point;
		owed_may_go(lane);
	}
	return true;
}
