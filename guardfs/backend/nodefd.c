/* see nodefd.h and, for init, drop and offer, backend.h. The ring has nodes that may have a descriptor; an entry
 * without one is room. */
#include "backend/nodefd.h"
#include "backend/backend.h"
#include "base/child.h"
#include "base/cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define FD_SHIFT    40
#define EPOCH_SHIFT 16
#define EPOCH_MASK  0xffffffu
#define FD_LIMIT    0xfffffe
#define PINS	    0x3fffu
#define REFERENCED  0x4000u
#define DROPPED	    0x8000u

/* Steps in search of room; the second half does not spare those used lately. */
#define SCAN_MAX 256

#define SHED 16u /* closed at a time when none are left */

static struct {
	pthread_mutex_t lock;
	struct arena *arena;
	uint32_t *ring;
	uint32_t limit, used, hand;
	/* The ring may have NODE_MOUNTED nodes. */
	_Atomic bool has_mounted;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int word_fd(uint64_t word)
{
	return (int)(word >> FD_SHIFT) - 1;
}

static bool word_is_epoch(uint64_t word, uint32_t epoch)
{
	return ((word >> EPOCH_SHIFT) & EPOCH_MASK) == (epoch & EPOCH_MASK);
}

static uint64_t word_make(int fd, uint32_t epoch, uint32_t pins)
{
	return ((uint64_t)fd + 1) << FD_SHIFT | (uint64_t)(epoch & EPOCH_MASK) << EPOCH_SHIFT | pins;
}

int nodefd_pin(struct arena *arena, uint32_t node, uint32_t epoch)
{
	node_fd_word *word = &arena->nodes[node].fd;
	uint64_t old = atomic_load(word);

	do {
		if (word_fd(old) < 0 || !word_is_epoch(old, epoch) || (old & DROPPED) || (old & PINS) == PINS)
			return -ENOENT;
	} while (!atomic_compare_exchange_weak(word, &old, (old + 1) | REFERENCED));
	return word_fd(old);
}

void nodefd_unpin(struct arena *arena, uint32_t node)
{
	node_fd_word *word = &arena->nodes[node].fd;
	uint64_t old = atomic_load(word);
	uint64_t new;

	do {
		new = old - 1;
		if ((new &DROPPED) && !(new &PINS))
			new = 0;
	} while (!atomic_compare_exchange_weak(word, &old, new));
	if (new == 0)
		close(word_fd(old));
}

void nodefd_drop(struct arena *arena, uint32_t node)
{
	node_fd_word *word = &arena->nodes[node].fd;
	uint64_t old = atomic_load(word);
	uint64_t new;

	do {
		if (word_fd(old) < 0)
			return;
		new = old &PINS ? old | DROPPED : 0;
	} while (!atomic_compare_exchange_weak(word, &old, new));
	if (new == 0)
		close(word_fd(old));
}

/* *fd: an unused node's descriptor, to be closed. True: the ring entry is free. */
static bool make_room(struct node *node, bool forced, int *fd)
{
	uint64_t old = atomic_load(&node->fd);

	if (nodefd_keeps(node))
		return true; /* outside the limit */
	while (word_fd(old) >= 0) {
		bool spared = (old & REFERENCED) && !forced;

		if (old & PINS)
			return false;
		if (!atomic_compare_exchange_weak(&node->fd, &old, spared ? old & ~(uint64_t)REFERENCED : 0))
			continue;
		if (!spared)
			*fd = word_fd(old);
		return !spared;
	}
	return true;
}

static bool ring_add(struct arena *arena, uint32_t node)
{
	int evicted = -1;
	bool added = false;

	pthread_mutex_lock(&cache.lock);
	if (cache.used < cache.limit) {
		cache.ring[cache.used++] = node;
		added = true;
	}
	for (uint32_t step = 0; step < SCAN_MAX && cache.limit > 0 && !added; step++) {
		uint32_t *entry = &cache.ring[cache.hand];

		cache.hand = (cache.hand + 1) % cache.limit;
		added = make_room(&arena->nodes[*entry], step >= SCAN_MAX / 2, &evicted);
		if (added)
			*entry = node;
	}
	pthread_mutex_unlock(&cache.lock);
	if (evicted >= 0)
		close(evicted);
	return added;
}

static bool record(struct arena *arena, uint32_t node, uint32_t epoch, int fd, uint32_t pins)
{
	node_fd_word *word = &arena->nodes[node].fd;
	uint64_t old = atomic_load(word);

	if (fd > FD_LIMIT)
		return false;
	do {
		if (word_fd(old) >= 0 && ((old & PINS) || word_is_epoch(old, epoch)))
			return false;
	} while (!atomic_compare_exchange_weak(word, &old, word_make(fd, epoch, pins)));
	if (word_fd(old) >= 0)
		close(word_fd(old)); /* of an ended epoch; its ring entry stays */
	else if (!nodefd_keeps(&arena->nodes[node]) && !ring_add(arena, node))
		nodefd_drop(arena, node); /* a pinned one stays until unpinned */
	if (arena->nodes[node].flags & NODE_MOUNTED)
		atomic_store(&cache.has_mounted, true); /* after the ring has it */
	return true;
}

bool nodefd_has_mounted(void)
{
	return atomic_load_explicit(&cache.has_mounted, memory_order_relaxed);
}

/* Returns how many of fds are to be closed. */
static uint32_t take_mounted(struct arena *arena, int *fds, uint32_t max)
{
	ACQUIRE_LOCK(&cache.lock);
	uint32_t n = 0;

	atomic_store(&cache.has_mounted, false);
	for (uint32_t i = cache.used; i-- > 0 && n < max;) {
		struct node *node = &arena->nodes[cache.ring[i]];
		int fd = -1;

		if (!(node->flags & NODE_MOUNTED))
			continue;
		if (!make_room(node, false, &fd)) {
			atomic_store(&cache.has_mounted, true);
			continue;
		}
		cache.ring[i] = cache.ring[--cache.used];
		if (fd >= 0)
			fds[n++] = fd;
	}
	if (cache.hand >= cache.used)
		cache.hand = 0;
	if (n == max)
		atomic_store(&cache.has_mounted, true);
	return n;
}

#define CLOSED_AT_ONCE 256u

void nodefd_close_mounted(struct arena *arena)
{
	int fds[CLOSED_AT_ONCE];
	uint32_t n = take_mounted(arena, fds, CLOSED_AT_ONCE);

	while (n-- > 0)
		close(fds[n]);
}

bool nodefd_adopt(struct arena *arena, uint32_t node, uint32_t epoch, int fd)
{
	return record(arena, node, epoch, fd, 1);
}

void nodefd_offer(struct arena *arena, uint32_t node, uint32_t epoch, int fd)
{
	if (!record(arena, node, epoch, fd, 0))
		close(fd);
}

static int take_descriptor(void)
{
	int fd = -1;

	ACQUIRE_LOCK(&cache.lock);
	for (uint32_t step = 0; step < cache.used && fd < 0; step++) {
		cache.hand = (cache.hand + 1) % cache.used;
		(void)make_room(&cache.arena->nodes[cache.ring[cache.hand]], true, &fd);
	}
	return fd;
}

bool nodefd_shed(int error)
{
	uint32_t n = 0;
	int fd;

	if (error != EMFILE && error != ENFILE)
		return false;
	for (; n < SHED && (fd = take_descriptor()) >= 0; n++)
		close(fd);
	return n > 0;
}

/* A predecessor's tasks are gone, and with them all pins. Descriptors below FD_RESERVED are guardian's. */
static void inherit(struct arena *arena, uint32_t index)
{
	struct node *node = &arena->nodes[index];
	uint64_t word = atomic_load(&node->fd);
	bool live = atomic_load(&node->state) == NODE_LIVE;

	if (live && node->flags & NODE_MOUNTED)
		atomic_store(&cache.has_mounted, true);
	if (word_fd(word) < FD_RESERVED) {
		atomic_store(&node->fd, 0);
	} else if (live && !(word & DROPPED) && nodefd_keeps(node)) {
		atomic_store(&node->fd, word & ~(uint64_t)(PINS | REFERENCED));
	} else if (live && !(word & DROPPED) && cache.used < cache.limit) {
		atomic_store(&node->fd, word & ~(uint64_t)(PINS | REFERENCED));
		cache.ring[cache.used++] = index;
	} else {
		atomic_store(&node->fd, 0);
		close(word_fd(word));
	}
}

errint_t nodefd_init(struct arena *arena, uint32_t limit)
{
	ACQUIRE_LOCK(&cache.lock);
	uint32_t *ring = calloc(MAX(limit, 1), sizeof(*ring));
	uint32_t nodes = MIN(atomic_load(&arena->nodes_used), NODE_MAX);

	if (!ring)
		return -ENOMEM;
	free(cache.ring);
	cache.arena = arena;
	cache.ring = ring;
	cache.limit = limit;
	cache.used = cache.hand = 0;
	for (uint32_t i = 0; i < nodes; i++)
		if (atomic_load(&arena->nodes[i].fd) != 0)
			inherit(arena, i);
	return 0;
}
