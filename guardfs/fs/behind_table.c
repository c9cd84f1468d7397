#include "fs/behind_table.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/behind.h"
#include "fs/node.h"

#include <sys/mman.h>

/* Free extents keep their memory for so long. */
#define KEEP_NS (2 * NSEC_PER_SEC)

struct behind_lane owed_lanes[CONFIG_BACKENDS_MAX];
struct behind_notes owed_notes;

/* Free extents and records, the last used first. A leaf lock. */
static struct {
	pthread_mutex_t lock;
	uint16_t extents[EXTENT_MAX];
	uint32_t n_extents;
	struct behind_file *files[EXTENT_MAX];
	uint32_t n_files;
	uint64_t used_ns; /* last taking */
	uint32_t touched; /* extents below it may hold memory */
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct behind_file records[EXTENT_MAX];

void owed_changed(struct behind_lane *lane)
{
	lane->changes++;
	pthread_cond_signal(&lane->work);
}

void owed_may_go(struct behind_lane *lane)
{
	if (lane->bytes > lane->bytes_under_way)
		owed_changed(lane);
}

/* ---- files ---- */

static struct behind_file **bucket_of(struct behind_lane *lane, uint32_t node)
{
	return &lane->buckets[node % OWED_BUCKETS];
}

struct behind_file *owed_find(struct behind_lane *lane, uint32_t node)
{
	struct behind_file *f = *bucket_of(lane, node);

	while (f && f->node != node)
		f = f->next_in_bucket;
	return f;
}

static void put_last(struct behind_lane *lane, struct behind_file *f)
{
	f->after = NULL;
	f->before = lane->tail;
	*(lane->tail ? &lane->tail->after : &lane->head) = f;
	lane->tail = f;
}

static void unlink_file(struct behind_lane *lane, struct behind_file *f)
{
	*(f->before ? &f->before->after : &lane->head) = f->after;
	*(f->after ? &f->after->before : &lane->tail) = f->before;
}

void owed_serve_last(struct behind_lane *lane, struct behind_file *f)
{
	unlink_file(lane, f);
	put_last(lane, f);
}

struct behind_file *owed_begin(struct behind_lane *lane, uint32_t node)
{
	struct behind_file *f, **bucket = bucket_of(lane, node);

	{
		ACQUIRE_LOCK(&spare.lock);
		f = spare.files[--spare.n_files]; /* as many as extents */
	}
	*f = (struct behind_file){
	    .node = node, .backend = (uint8_t)(lane - owed_lanes), .first = OWED_NONE, .last = OWED_NONE};
	f->next_in_bucket = *bucket;
	*bucket = f;
	put_last(lane, f);
	if (lane->n_files++ == 0)
		drain_begin(&lane->drain, clock_mono_ns());
	node_pin(&fs.arena->nodes[node]);
	atomic_fetch_or(&fs.arena->nodes[node].flags, NODE_BEHIND);
	atomic_store(&fs.board->backends[f->backend].owed_files, lane->n_files);
	return f;
}

struct node *owed_end(struct behind_lane *lane, struct behind_file *f)
{
	struct behind_file **link = bucket_of(lane, f->node);
	struct node *node = &fs.arena->nodes[f->node];

	if (f->first != OWED_NONE || f->sending || f->n_under_way || f->confirming)
		return NULL;
	while (*link != f)
		link = &(*link)->next_in_bucket;
	*link = f->next_in_bucket;
	unlink_file(lane, f);
	if (--lane->n_files == 0)
		drain_end(&lane->drain);
	atomic_store(&fs.board->backends[f->backend].owed_files, lane->n_files);
	atomic_fetch_and(&node->flags, (uint8_t)~NODE_BEHIND);
	ACQUIRE_LOCK(&spare.lock);
	spare.files[spare.n_files++] = f;
	return node;
}

void owed_unpin(struct node *node)
{
	if (node)
		node_unpin(node);
}

/* ---- extents ---- */

bool owed_has_spare(void)
{
	ACQUIRE_LOCK(&spare.lock);
	return spare.n_extents > 0;
}

uint16_t owed_take_extent(void)
{
	ACQUIRE_LOCK(&spare.lock);
	if (spare.n_extents == 0)
		return OWED_NONE;
	spare.used_ns = clock_mono_ns();
	spare.touched = MAX(spare.touched, spare.extents[spare.n_extents - 1] + 1u);
	return spare.extents[--spare.n_extents];
}

void owed_give_back(uint16_t i)
{
	ACQUIRE_LOCK(&spare.lock);
	spare.extents[spare.n_extents++] = i;
}

void owed_link(struct behind_file *f, uint16_t i)
{
	owed_notes.next[i] = OWED_NONE;
	owed_notes.file[i] = f;
	if (f->last == OWED_NONE)
		f->first = i;
	else
		owed_notes.next[f->last] = i;
	f->last = i;
	f->n_extents++;
	owed_lanes[f->backend].n_extents++;
}

void owed_count(struct behind_lane *lane, struct behind_file *f, int64_t n)
{
	f->bytes += (uint64_t)n;
	lane->bytes += (uint64_t)n;
	atomic_store(&fs.board->backends[f->backend].owed_bytes, lane->bytes);
}

void owed_unlink(struct behind_lane *lane, struct behind_file *f, uint16_t i)
{
	uint16_t *link = &f->first, before = OWED_NONE;

	while (*link != i) {
		before = *link;
		link = &owed_notes.next[*link];
	}
	*link = owed_notes.next[i];
	if (f->last == i)
		f->last = before;
	if (atomic_load(&owed_extent(i)->state) == EXTENT_SENT)
		f->n_sent--;
	f->n_extents--;
	lane->n_extents--;
	owed_count(lane, f, -(int64_t)atomic_load(&owed_extent(i)->length));
}

/* ---- memory ---- */

void behind_tick(uint64_t now_ns)
{
	ACQUIRE_LOCK(&spare.lock);
	if (spare.touched == 0 || spare.n_extents < EXTENT_MAX || now_ns < spare.used_ns + KEEP_NS)
		return;
	madvise(fs.arena->owed_bytes, (size_t)spare.touched * EXTENT_SIZE, MADV_REMOVE);
	spare.touched = 0;
}

/* Behind the older ones, which are linked already. */
static void restore_extent(uint16_t i)
{
	struct extent *e = owed_extent(i);
	struct handle *h = arena_handle(fs.arena, e->fh);
	struct behind_lane *lane = &owed_lanes[e->backend];
	struct behind_file *f = owed_find(lane, h->node);

	if (!f)
		f = owed_begin(lane, h->node);
	/* Their loss was told: they are not sent any more. */
	if (!f->error)
		f->error = atomic_load(&h->error);
	/* It arrived before earlier bytes: see forget_arrived. */
	if (!e->appends && f->first != OWED_NONE)
		e->done = 0;
	atomic_store(&e->state, EXTENT_OWED);
	/* A predecessor may have sent it, over whatever connection: see read_back. */
	owed_notes.sealed[i] = owed_notes.again[i] = true;
	owed_link(f, i);
	owed_count(lane, f, atomic_load(&e->length));
	atomic_fetch_add(&h->users, 1);
}

/* Beyond `after`; OWED_NONE: none. */
static uint16_t next_oldest(uint64_t after)
{
	uint16_t oldest = OWED_NONE;

	for (uint16_t i = 0; i < EXTENT_MAX; i++)
		if (arena_owed_handle(fs.arena, owed_extent(i)) && owed_extent(i)->sequence > after &&
		    (oldest == OWED_NONE || owed_extent(i)->sequence < owed_extent(oldest)->sequence))
			oldest = i;
	return oldest;
}

void behind_init(void)
{
	bool linked[EXTENT_MAX] = {false};
	uint64_t after = 0;
	uint16_t i;

	for (unsigned b = 0; b < CONFIG_BACKENDS_MAX; b++) {
		pthread_mutex_init(&owed_lanes[b].lock, NULL);
		pthread_cond_init(&owed_lanes[b].work, NULL);
		pthread_cond_init(&owed_lanes[b].filled, NULL);
		atomic_store(&fs.board->backends[b].owed_bytes, 0);
		atomic_store(&fs.board->backends[b].owed_files, 0);
	}
	for (spare.n_files = 0; spare.n_files < EXTENT_MAX; spare.n_files++)
		spare.files[spare.n_files] = &records[spare.n_files];
	while ((i = next_oldest(after)) != OWED_NONE) {
		restore_extent(i);
		linked[i] = true;
		after = owed_extent(i)->sequence;
	}
	/* Low ones first, so that few pages are touched. */
	for (uint32_t k = EXTENT_MAX; k-- > 0;) {
		const struct handle *h = arena_owed_handle(fs.arena, owed_extent((uint16_t)k));

		if (h)
			node_unpin(&fs.arena->nodes[h->node]); /* of node_init */
		if (linked[k])
			continue;
		atomic_store(&owed_extent((uint16_t)k)->state, EXTENT_FREE);
		spare.extents[spare.n_extents++] = (uint16_t)k;
	}
	spare.touched = EXTENT_MAX;
}
