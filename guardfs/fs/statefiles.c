#include "fs/statefiles.h"
#include "base/cleanup.h"
#include "fs/guard.h"
#include "fs/node.h"
#include "policy/statefile.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Nobody is at a name without a slot. */
#define PLACES	SLOT_MAX
#define LOOK_NS 20000000l

struct place {
	uint64_t key;
	/* Openers; a replacer. Both 0: free. */
	uint32_t openers;
	bool replaced;
};

static struct {
	pthread_mutex_t lock;
	/* An opener has left, or a replacer. */
	pthread_cond_t left;
	struct place places[PLACES];
	/* Those beyond were never taken. */
	uint32_t used;
} at_work = {.lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER};

/* ---- which ---- */

static bool is_job(uint32_t dir)
{
	char path[4096 + 2];
	size_t length;

	if (!fs.config->n_job_patterns || node_path(dir, path, 4096) < 0)
		return false;
	length = strlen(path);
	memcpy(path + length, "/f", sizeof("/f"));
	for (uint32_t i = 0; i < fs.config->n_job_patterns; i++)
		if (job_match(fs.config->job_patterns[i], path) == length)
			return true;
	return false;
}

bool statefiles_is_named(uint32_t dir, const char *name)
{
	switch (statefile_match(fs.config->state_files, name)) {
	case STATEFILE_ANYWHERE:
		return true;
	case STATEFILE_IN_JOB:
		return is_job(dir);
	default:
		return false;
	}
}

bool statefiles_is(const struct node *node)
{
	char name[NAME_LENGTH_MAX + 1];
	uint32_t dir;

	return fs.config->state_files[0] && S_ISREG(node->mode) && node_place(node, &dir, name) == 0 &&
	       statefiles_is_named(dir, name);
}

uint64_t statefiles_size(void)
{
	return (uint64_t)fs.config->state_size_kib << 10;
}

#define LEFTOVERS_MAX 64u

struct leftovers {
	uint32_t n;
	bool others;
	char names[LEFTOVERS_MAX][STATEFILE_NAME_SIZE];
};

static bool note_leftover(void *arg, const char *name, size_t length, uint64_t ino, unsigned type,
			  int64_t next, const struct stat *st)
{
	struct leftovers *found = arg;
	char z[STATEFILE_NAME_SIZE];

	(void)st;
	(void)ino, (void)type, (void)next;
	if (length == 0 || length >= sizeof(z))
		return true;
	memcpy(z, name, length);
	z[length] = '\0';
	if (strcmp(z, ".") == 0 || strcmp(z, "..") == 0)
		return true;
	found->others = !statefile_is_beside(z);
	if (!found->others && found->n < LEFTOVERS_MAX)
		memcpy(found->names[found->n++], z, sizeof(z));
	return !found->others;
}

/* All of it is looked at: nothing is removed where something else is. */
static errint_t find_leftovers(struct backend *b, uint32_t dir, struct leftovers *found)
{
	int ref = -1;
	errint_t rc = b->ops->opendir(b, dir, &ref);

	found->n = 0;
	found->others = false;
	if (rc < 0)
		return rc;
	rc = b->ops->readdir(b, ref, 0, note_leftover, found);
	b->ops->release(b, ref);
	return rc == 0 && found->others ? -ENOTEMPTY : rc;
}

errint_t statefiles_clear(struct backend *b, uint32_t dir)
{
	CLEANUP_FREE struct leftovers *found = calloc(1, sizeof(*found));
	errint_t rc = found ? find_leftovers(b, dir, found) : -ENOMEM;

	if (rc == 0 && found->n == 0)
		return -ENOTEMPTY;
	/* A cached listing may show names that have gone: they alone are no reason to ask again. */
	for (bool removed = true; rc == 0 && found->n > 0 && removed;) {
		removed = false;
		for (uint32_t i = 0; i < found->n && rc == 0; i++) {
			rc = call_is_late() ? GUARD_POISONED : b->ops->unlink(b, dir, found->names[i]);
			removed |= rc == 0;
			rc = rc == -ENOENT ? 0 : rc;
		}
		if (rc == 0 && removed)
			rc = find_leftovers(b, dir, found);
	}
	return rc;
}

static uint64_t key_of(uint32_t dir, const char *name)
{
	return guard_target_name(dir, name);
}

static bool is_free(const struct place *p)
{
	return p->openers == 0 && !p->replaced;
}

/* Under the lock. The name's place; else, if wanted, a free one; or NULL. */
static struct place *find_place(uint64_t key, bool wanted)
{
	struct place *free_one = NULL;

	for (struct place *p = at_work.places; p < at_work.places + at_work.used; p++) {
		if (!is_free(p) && p->key == key)
			return p;
		if (is_free(p) && !free_one)
			free_one = p;
	}
	if (!wanted)
		return NULL;
	if (!free_one && at_work.used < PLACES)
		free_one = &at_work.places[at_work.used++];
	if (free_one)
		free_one->key = key;
	return free_one;
}

static int place_number(const struct place *p)
{
	return p ? (int)(p - at_work.places) : STATEFILES_NO_PLACE;
}

int statefiles_enter(uint32_t dir, const char *name)
{
	struct place *p;

	ACQUIRE_LOCK(&at_work.lock);
	p = find_place(key_of(dir, name), true);
	if (p && p->replaced)
		return STATEFILES_REPLACED;
	if (p)
		p->openers++;
	return place_number(p);
}

void statefiles_leave(int place)
{
	if (place < 0)
		return;
	ACQUIRE_LOCK(&at_work.lock);
	at_work.places[place].openers--;
	pthread_cond_broadcast(&at_work.left);
}

/* Under the lock, which is let go meanwhile. */
static void wait_a_moment(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LOOK_NS;
	if (until.tv_nsec >= (long)NSEC_PER_SEC) {
		until.tv_nsec -= (long)NSEC_PER_SEC;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&at_work.left, &at_work.lock, &until);
}

errint_t statefiles_join(uint32_t dir, const char *name, int *place)
{
	uint64_t key = key_of(dir, name);
	struct place *p;

	*place = STATEFILES_NO_PLACE;
	ACQUIRE_LOCK(&at_work.lock);
	while ((p = find_place(key, true)) && p->replaced) {
		if (call_is_late())
			return GUARD_POISONED;
		wait_a_moment();
	}
	if (p)
		p->openers++;
	*place = place_number(p);
	return 0;
}

errint_t statefiles_join_node(uint32_t node, int *place)
{
	char name[NAME_LENGTH_MAX + 1];
	uint32_t dir;
	errint_t rc = node_place(&fs.arena->nodes[node], &dir, name);

	return rc < 0 ? rc : statefiles_join(dir, name, place);
}

bool statefiles_is_replaced(uint32_t dir, const char *name)
{
	const struct place *p;

	ACQUIRE_LOCK(&at_work.lock);
	p = find_place(key_of(dir, name), false);
	return p && p->replaced;
}

errint_t statefiles_begin(uint32_t dir, const char *name, int *place)
{
	uint64_t key = key_of(dir, name);
	struct place *p;

	*place = STATEFILES_NO_PLACE;
	ACQUIRE_LOCK(&at_work.lock);
	while (!(p = find_place(key, true)) || p->replaced) {
		if (call_is_late())
			return GUARD_POISONED;
		wait_a_moment();
	}
	/* From now on nobody enters. */
	p->replaced = true;
	while (p->openers > 0 && !call_is_late())
		wait_a_moment();
	if (p->openers > 0) {
		p->replaced = false;
		pthread_cond_broadcast(&at_work.left);
		return GUARD_POISONED;
	}
	*place = place_number(p);
	return 0;
}

void statefiles_end(int place)
{
	if (place < 0)
		return;
	ACQUIRE_LOCK(&at_work.lock);
	at_work.places[place].replaced = false;
	pthread_cond_broadcast(&at_work.left);
}
