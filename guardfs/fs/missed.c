#include "fs/missed.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <pthread.h>
#include <strings.h>

#define MISSED_MAX 256u
/* A longer name is not kept. */
#define MISSED_NAME 64u
#define CHANGED_MAX 64u
/* The mount beneath may have remembered it for so long (sshfs's negative_timeout). */
#define BENEATH_NS (50 * NSEC_PER_MSEC)

struct missed {
	/* 0: free. */
	uint64_t asked_ns;
	uint32_t dir, generation, epoch;
	uint8_t backend;
	char name[MISSED_NAME];
};

static struct {
	pthread_mutex_t lock;
	/* By directory and name, as a server that folds case has it. */
	struct missed of[MISSED_MAX];
	/* By directory: when a name was made in it last (CLOCK_MONOTONIC). */
	struct changed {
		uint32_t dir, generation;
		uint64_t at_ns;
	} changed[CHANGED_MAX];
} missed = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint32_t epoch_of(const struct backend *b)
{
	return atomic_load(&b->board->root_epoch);
}

static bool is_far(const struct backend *b)
{
	return b->board && !backend_is_plain(b->config->type);
}

/* NULL: such a name is not kept. Another name's may be there. */
static struct missed *place_of(uint32_t dir, const char *name)
{
	char folded[MISSED_NAME];
	size_t n = strlen(name);

	if (n >= sizeof(folded))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)name[i] >= 0x80)
			return NULL;
		folded[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	}
	return &missed.of[hash_bytes(dir, folded, n) % MISSED_MAX];
}

void missed_note(const struct backend *b, uint32_t dir, const char *name, const struct listed_moment *begun)
{
	struct missed *m = is_far(b) ? place_of(dir, name) : NULL;

	if (!m)
		return;
	ACQUIRE_LOCK(&missed.lock);
	/* Who makes a name tells listed.h first. */
	if (listed_is_changed_since(b, dir, begun))
		return;
	*m = (struct missed){.asked_ns = begun->at_ns - BENEATH_NS,
			     .dir = dir,
			     .generation = fs.arena->nodes[dir].generation,
			     .epoch = begun->epoch,
			     .backend = b->index};
	(void)copy_string(m->name, sizeof(m->name), name);
}

static bool is_recent(const struct backend *b, uint64_t at_ns)
{
	return at_ns && (double)(clock_mono_ns() - at_ns) / NSEC_PER_SEC < fs_cache_seconds(b);
}

static bool is_being_filled(const struct backend *b, uint32_t dir)
{
	const struct changed *c = &missed.changed[dir % CHANGED_MAX];

	return c->dir == dir && c->generation == fs.arena->nodes[dir].generation && is_recent(b, c->at_ns);
}

bool missed_lacks(const struct backend *b, uint32_t dir, const char *name)
{
	const struct missed *m = is_far(b) ? place_of(dir, name) : NULL;

	if (!m)
		return false;
	ACQUIRE_LOCK(&missed.lock);
	return is_recent(b, m->asked_ns) && m->dir == dir && m->backend == b->index &&
	       m->generation == fs.arena->nodes[dir].generation && m->epoch == epoch_of(b) &&
	       strcmp(m->name, name) == 0 && is_being_filled(b, dir);
}

/* A server may take the name for any of them. */
static void forget_directory(uint32_t dir)
{
	for (uint32_t i = 0; i < MISSED_MAX; i++)
		if (missed.of[i].dir == dir)
			missed.of[i].asked_ns = 0;
}

void missed_made(const struct backend *b, uint32_t dir, const char *name)
{
	struct missed *m = name ? place_of(dir, name) : NULL;

	if (!is_far(b))
		return;
	ACQUIRE_LOCK(&missed.lock);
	missed.changed[dir % CHANGED_MAX] = (struct changed){
	    .dir = dir, .generation = fs.arena->nodes[dir].generation, .at_ns = clock_mono_ns()};
	if (m)
		m->asked_ns = 0;
	else
		forget_directory(dir);
}
