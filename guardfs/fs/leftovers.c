#include "fs/leftovers.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/names.h"
#include "fs/guard.h"
#include "fs/node.h"
#include "fs/publish_beside.h"
#include "fs/statefiles.h"
#include "policy/statefile.h"

#include <pthread.h>
#include <sys/stat.h>

#define SEEN_MAX 32u
/* Between two sweeps: listings come upon a young one again and again. */
#define PAUSE_NS (60 * NSEC_PER_SEC)
/* No rewriting takes so long, nor so many deadlines of a sync; servers' clocks differ. */
#define AGE_MIN_NS    (3600 * NSEC_PER_SEC)
#define AGE_DEADLINES 4u

struct leftover {
	uint32_t dir; /* pinned */
	char name[STATEFILE_NAME_SIZE];
};

static struct {
	pthread_mutex_t lock;
	uint32_t n[CONFIG_BACKENDS_MAX];
	struct leftover seen[CONFIG_BACKENDS_MAX][SEEN_MAX];
	_Atomic uint64_t next_ns[CONFIG_BACKENDS_MAX];
} left = {.lock = PTHREAD_MUTEX_INITIALIZER};

void leftovers_seen(uint32_t dir, const char *name)
{
	struct node *node = &fs.arena->nodes[dir];
	unsigned b = node->backend;
	struct leftover *l;

	if (b >= CONFIG_BACKENDS_MAX || !publish_beside_is_ours(name))
		return;
	ACQUIRE_LOCK(&left.lock);
	for (uint32_t i = 0; i < left.n[b]; i++)
		if (left.seen[b][i].dir == dir && strcmp(left.seen[b][i].name, name) == 0)
			return;
	if (left.n[b] == SEEN_MAX)
		return; /* another listing will show it */
	l = &left.seen[b][left.n[b]++];
	l->dir = dir;
	(void)copy_string(l->name, sizeof(l->name), name);
	node_pin(node);
}

bool leftovers_are_seen(unsigned backend)
{
	if (clock_mono_ns() < atomic_load(&left.next_ns[backend]))
		return false;
	ACQUIRE_LOCK(&left.lock);
	return left.n[backend] && guard_breaker_is_closed(&fs.guarded[backend]);
}

static bool take_seen(unsigned backend, struct leftover *l)
{
	ACQUIRE_LOCK(&left.lock);
	if (!left.n[backend])
		return false;
	*l = left.seen[backend][--left.n[backend]];
	return true;
}

static bool is_old(const struct stat *st)
{
	uint64_t age_ns =
	    MAX(AGE_MIN_NS, (uint64_t)AGE_DEADLINES * fs.config->deadline.ms[OP_SYNC] * NSEC_PER_MSEC);
	uint64_t before_ns = MIN(atomic_load(&fs.board->started_real_ns), clock_real_ns() - age_ns);

	return st->st_mtim.tv_sec >= 0 && (uint64_t)st->st_mtim.tv_sec < before_ns / NSEC_PER_SEC;
}

static void tell_removed(const struct backend *b, const struct leftover *l)
{
	char dir[4096];

	if (node_last_path(l->dir, dir, sizeof(dir)) < 0)
		(void)copy_string(dir, sizeof(dir), "a directory whose name is not known any more");
	log_write(LOG_LEVEL_NOTICE,
		  "backend %s: removed %s/%s, which was left when guardfs ended in the midst of a rewriting",
		  b->config->name, dir, l->name);
}

static ssize_t remove_if_old(struct backend *b, const struct leftover *l)
{
	struct found found;
	errint_t rc = b->ops->lookup(b, l->dir, l->name, &found);

	if (rc < 0 || !S_ISREG(found.st.st_mode) || !is_old(&found.st))
		return rc;
	rc = b->ops->unlink(b, l->dir, l->name);
	names_doubted(b, l->dir);
	if (rc == 0)
		tell_removed(b, l);
	return rc;
}

/* Within a visit. Nobody rewrites the file meanwhile. */
static ssize_t sweep_one(struct backend *b, const struct leftover *l)
{
	char name[STATEFILE_NAME_SIZE];
	int place;
	ssize_t rc;

	statefile_of_beside(l->name, name);
	rc = statefiles_begin(l->dir, name, &place);
	if (rc < 0)
		return rc;
	rc = remove_if_old(b, l);
	statefiles_end(place);
	return rc;
}

void leftovers_sweep(unsigned backend)
{
	struct backend *b = &fs.guarded[backend];
	struct leftover l;
	ssize_t rc;

	/* No request has it: nobody answers it. */
	call.unique = 1ull << 63;
	atomic_store(&left.next_ns[backend], clock_mono_ns() + PAUSE_NS);
	while (guard_breaker_is_closed(b) && take_seen(backend, &l)) {
		/* Requests that sweep_one keeps from the file wait as for a rename. */
		if (guard_visit(b, OP_METADATA, GUARD_TARGET_ALL, 0) == VISIT_IN) {
			rc = sweep_one(b, &l);
			(void)guard_end_visit(b, rc, true);
			guard_end_request();
		}
		node_unpin(&fs.arena->nodes[l.dir]);
	}
}
