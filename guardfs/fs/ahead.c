#include "fs/ahead.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "policy/drain.h"
#include "policy/readahead.h"

#include <pthread.h>

/* The kernel has one read-ahead for the whole mount, which a file takes over at its open: of the
 * backends with a known rate the one that allows least decides. */

/* A small READ shows the round trip, not the rate. */
#define MEASURED_LEAST (128u << 10)

static struct reads {
	pthread_mutex_t lock; /* of the fields below; a leaf */
	struct drain drain;
	uint32_t under_way;
} reads[CONFIG_BACKENDS_MAX] = {[0 ... CONFIG_BACKENDS_MAX - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

bool ahead_begins(const struct backend *b, size_t size)
{
	struct reads *r;

	if (!b->board || size < MEASURED_LEAST || !fs.config->max_readahead_kib)
		return false;
	r = &reads[b->index];
	ACQUIRE_LOCK(&r->lock);
	if (r->under_way++ == 0)
		drain_begin(&r->drain, clock_mono_ns());
	return true;
}

void ahead_ends(const struct backend *b, ssize_t n)
{
	struct reads *r = &reads[b->index];

	ACQUIRE_LOCK(&r->lock);
	r->under_way--;
	if (n > 0)
		drain_confirmed(&r->drain, (uint64_t)n, (uint64_t)r->under_way * MEASURED_LEAST,
				clock_mono_ns());
	if (r->under_way == 0)
		drain_end(&r->drain);
}

/* 0: not known. Over sshfs requests for attributes wait behind what is read ahead. */
static uint32_t allowed_kib(unsigned backend)
{
	const struct config *config = fs.config;
	bool apart = config->backends[backend].type == BACKEND_SFTP;

	ACQUIRE_LOCK(&reads[backend].lock);
	if (reads[backend].drain.rate == 0)
		return 0;
	return readahead_kib(apart ? reads[backend].drain.rate : 0, config->max_readahead_kib,
			     config->readahead_most_kib);
}

void ahead_tick(void)
{
	uint32_t least = 0;

	if (fs.config->max_readahead_kib == 0)
		return;
	for (unsigned i = 0; i < fs.config->n_backends; i++) {
		uint32_t kib = allowed_kib(i);

		if (kib)
			least = least ? MIN(least, kib) : kib;
	}
	if (least)
		atomic_store(&fs.board->readahead_kib, least);
}
