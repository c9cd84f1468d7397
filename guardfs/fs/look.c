/* look.c: see look.h. */
#include "fs/look.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/context.h"
#include "fs/doubt.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/node_numbers.h"

#include <errno.h>
#include <fcntl.h>

/* How often a file is opened anew that is replaced again and again. */
#define LOOK_TRIES 5

/* Does the open file end where it was known to, and not where what has its name does? */
static bool is_as_known(struct backend *b, int ref, uint64_t known_end, const struct stat *st)
{
	return known_end != (uint64_t)st->st_size && b->ops->compare_end(b, ref, st->st_size) != END_THERE &&
	       b->ops->compare_end(b, ref, (off_t)known_end) == END_THERE;
}

/* Is another file than that which st is of open as node? */
static bool is_other_open(struct backend *b, const struct node *node, const struct stat *st)
{
	struct handle *h = handle_find(node_index(node), false);
	bool other;

	if (!h)
		return false;
	other = handle_ensure(b, h) == 0 && is_as_known(b, atomic_load(&h->fd), handle_known_end(h), st);
	handle_put(h);
	return other;
}

bool look_is_another(struct backend *b, const struct node *node, const struct stat *st)
{
	return S_ISREG(st->st_mode) && node_version(node).size != (uint64_t)st->st_size &&
	       is_other_open(b, node, st);
}

void look_at_own(struct backend *b, struct handle *h, struct stat *st)
{
	uint64_t known_end = handle_known_end(h);

	if (!S_ISREG(st->st_mode) || !is_as_known(b, atomic_load(&h->fd), known_end, st))
		return;
	node_recall(&fs.arena->nodes[h->node], st);
	st->st_size = (off_t)known_end;
}

/* What storage shows was looked up by name: is it of the very file that was opened? A file may have grown
 * since then, if it has done so before as well. */
static bool is_of_opened(struct backend *b, int ref, int flags, const struct stat *st, off_t last_size)
{
	if ((flags & O_ACCMODE) == O_WRONLY)
		return true; /* it cannot be asked, and is not read */
	switch (b->ops->compare_end(b, ref, st->st_size)) {
	case END_THERE:
		return true;
	case END_BEYOND:
		return last_size >= 0 && st->st_size > last_size;
	default:
		return false;
	}
}

static errint_t open_anew(struct backend *b, const struct node *node, int flags, int *ref)
{
	b->ops->release(b, *ref);
	*ref = -1;
	return b->ops->open(b, node_index(node), flags, ref);
}

/* Looks until what is opened and what is seen are one file. */
static errint_t look_again(struct backend *b, const struct node *node, int flags, int *ref, struct stat *st)
{
	off_t last_size = -1;
	errint_t rc = 0;

	for (int tries = 0; tries < LOOK_TRIES && rc == 0; tries++) {
		if (is_of_opened(b, *ref, flags, st, last_size))
			return 0;
		last_size = st->st_size;
		rc = open_anew(b, node, flags, ref);
		if (rc == 0)
			rc = b->ops->look(b, node_index(node), *ref, st);
	}
	return rc < 0 ? rc : BACKEND_NODE_GONE;
}

/* sshfs does not remember what it has seen with an open if anything was written, to whatever file, meanwhile;
 * and then shows what it had seen before. */
static bool is_unsure(const struct backend *b, uint32_t writes)
{
	return b->config->type == BACKEND_SSHFS &&
	       (guard_writes_ended(b) != writes || guard_is_write_inside(b));
}

/* Opens of one node that go on at once may come to different files, and none of them sees a handle of the
 * others yet. So they are accepted one after the other, and an open knows by the count whether another one
 * was accepted since it began. Nodes share locks and counts; a count too many costs a read past the inode. */
#define ACCEPTS 256u

static struct accept {
	pthread_mutex_t lock;
	_Atomic uint32_t count;	  /* changed under lock, as the next two */
	_Atomic uint32_t last;	  /* index of the node that was opened */
	_Atomic uint64_t last_ns; /* when, CLOCK_MONOTONIC */
} accepts[ACCEPTS] = {[0 ... ACCEPTS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

static struct accept *accept_of(const struct node *node)
{
	return &accepts[node_index(node) % ACCEPTS];
}

void look_begin(const struct backend *b, const struct node *node, struct opened *o)
{
	o->accepted = atomic_load(&accept_of(node)->count);
	o->before = node_version(node);
	o->writes = b->board ? guard_writes_ended(b) : 0;
}

errint_t look_at_opened(struct backend *b, struct node *node, int flags, struct opened *o)
{
	errint_t rc = b->ops->look(b, node_index(node), o->ref, &o->st);

	if (rc < 0)
		return rc;
	o->looked = true;
	o->unsure = is_unsure(b, o->writes);
	if (!node_is_still(node, &o->st))
		return BACKEND_NODE_GONE; /* looking the name up will tell */
	if (o->unsure && !is_of_opened(b, o->ref, flags, &o->st, -1))
		return BACKEND_NODE_GONE;
	if (version_is_same(version_of(&o->st), o->before))
		return 0;
	o->changed = true;
	rc = look_again(b, node, flags, &o->ref, &o->st);
	if (rc < 0)
		return rc;
	o->replaced = is_other_open(b, node, &o->st);
	return o->replaced ? BACKEND_NODE_GONE : 0;
}

/* Under the node's accept lock. *as_known: the node knows this very version. */
static bool may_accept(const struct backend *b, const struct node *node, int flags, const struct opened *o,
		       bool *as_known)
{
	*as_known = version_is_same(node_version(node), version_of(&o->st));
	return *as_known || (flags & O_ACCMODE) != O_RDONLY || number_is_of_storage(b) ||
	       atomic_load(&accept_of(node)->count) == o->accepted;
}

static void note_accepted(const struct node *node)
{
	struct accept *a = accept_of(node);

	atomic_fetch_add(&a->count, 1);
	atomic_store(&a->last, node_index(node));
	atomic_store(&a->last_ns, clock_mono_ns());
}

bool look_is_overtaken(const struct backend *b, const struct node *node)
{
	const struct accept *a = accept_of(node);

	return !number_is_of_storage(b) && atomic_load(&a->last_ns) > call.entered_ns &&
	       atomic_load(&a->last) == node_index(node);
}

bool look_accept(const struct backend *b, struct node *node, int flags, struct opened *o)
{
	bool as_known;

	if (!o->looked)
		return true;
	{
		ACQUIRE_LOCK(&accept_of(node)->lock);
		if (!may_accept(b, node, flags, o, &as_known))
			return false;
		note_accepted(node);
		o->changed |= !as_known;
		if (o->changed)
			node_remember(node, &o->st);
	}
	if (o->changed)
		doubt_node(node);
	return true;
}
