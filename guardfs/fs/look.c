#include "fs/look.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/context.h"
#include "fs/doubt.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/node_numbers.h"
#include "policy/errclass.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

/* For a file that is replaced again and again. */
#define LOOK_TRIES 5

/* Does the open file end where known, and its name's file elsewhere? */
static bool is_as_known(struct backend *b, int ref, uint64_t known_end, const struct stat *st)
{
	return known_end != (uint64_t)st->st_size && b->ops->compare_end(b, ref, st->st_size) != END_THERE &&
	       b->ops->compare_end(b, ref, (off_t)known_end) == END_THERE;
}

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
	backend_show_size(st, (off_t)known_end);
}

/* Of attributes found by name. */
enum likeness {
	LIKE_OPENED,
	LIKE_OTHER,
	LIKE_GROWING, /* perhaps: longer, as at the last look */
};

/* -errno: of storage. A connection that breaks now says nothing of the file. */
static errint_t find_likeness(struct backend *b, int flags, const struct opened *o, off_t last_size,
			      enum likeness *like)
{
	errint_t end = END_THERE;

	if ((flags & O_ACCMODE) != O_WRONLY) /* else not readable */
		end = b->ops->compare_end(b, o->ref, o->st.st_size);
	if (end < 0 && errclass_info(errclass_from_errno(-end))->infrastructure)
		return end;
	if (end == END_BEYOND && last_size >= 0 && o->st.st_size > last_size)
		*like = LIKE_GROWING;
	else
		*like = end == END_THERE ? LIKE_OPENED : LIKE_OTHER;
	return 0;
}

static errint_t open_anew(struct backend *b, const struct node *node, int flags, int *ref)
{
	b->ops->release(b, *ref);
	*ref = -1;
	return b->ops->open(b, node_index(node), flags, ref);
}

/* Until opened and seen file agree. */
static errint_t look_again(struct backend *b, const struct node *node, int flags, struct opened *o)
{
	off_t last_size = -1;
	errint_t rc = 0;

	for (int tries = 0; tries < LOOK_TRIES && rc == 0; tries++) {
		enum likeness like = LIKE_OTHER;

		rc = find_likeness(b, flags, o, last_size, &like);
		if (rc < 0)
			return rc;
		o->growing = like == LIKE_GROWING;
		if (like != LIKE_OTHER)
			return 0;
		last_size = o->st.st_size;
		rc = open_anew(b, node, flags, &o->ref);
		if (rc == 0)
			rc = b->ops->look(b, node_index(node), o->ref, &o->st);
	}
	o->unlike = rc == 0;
	return rc < 0 ? rc : BACKEND_NODE_GONE;
}

/* If any file was written to meanwhile, sshfs forgets what an open showed and answers with older
 * attributes. */
static bool is_unsure(const struct backend *b, uint32_t writes)
{
	return b->config->type == BACKEND_SSHFS &&
	       (guard_writes_ended(b) != writes || guard_is_write_inside(b));
}

/* Versions told to the kernel since it was last made to ask again. */
enum told {
	TOLD_BEFORE, /* none by this worker: unknown if the node is older */
	TOLD_ONE,
	TOLD_SEVERAL, /* it may have kept any */
};

/* Which opens of a node were accepted. Parallel to arena->nodes; private, sparse. */
struct witness {
	/* CLOCK_MONOTONIC; under the lock, as all but looks and inside. */
	_Atomic uint64_t accepted_ns;
	/* CLOCK_MONOTONIC: a lookup came to the node. */
	_Atomic uint64_t found_ns;
	_Atomic uint32_t accepts;
	enum told told;
	/* Storage's last answer for the node of this generation: when it was asked (CLOCK_MONOTONIC), and the time of
	 * last access. */
	uint32_t generation, changes;
	uint64_t asked_ns;
	struct timespec atime;
	/* The node of this generation was made through the mount. */
	bool made;
	/* The time set through the mount, and when (CLOCK_MONOTONIC). */
	int64_t set_back_to_ns;
	uint64_t set_back_ns;
	/* Begun. */
	_Atomic uint32_t looks;
	/* Not ended. */
	_Atomic uint32_t inside;
};

/* How long sshfs may show what it saw of a file before. */
#define REMEMBERED_NS (3 * NSEC_PER_SEC)

/* From a lookup to the OPEN for which the kernel made it. */
#define JUST_FOUND_NS NSEC_PER_SEC

#define LOCKS 256u

static struct {
	struct witness *of;
	/* By this worker. */
	uint64_t begun_ns;
	/* Not held across a call into a backend. */
	pthread_mutex_t locks[LOCKS];
} witnesses = {.locks = {[0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER}};

errint_t look_init(void)
{
	witnesses.begun_ns = clock_mono_ns();
	witnesses.of = mmap(NULL, (size_t)NODE_MAX * sizeof(*witnesses.of), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return witnesses.of == MAP_FAILED ? -ENOMEM : 0;
}

static struct witness *witness_of(const struct node *node)
{
	return &witnesses.of[node_index(node)];
}

static pthread_mutex_t *lock_of(const struct node *node)
{
	return &witnesses.locks[node_index(node) % LOCKS];
}

uint32_t look_enter(const struct node *node)
{
	struct witness *w = witness_of(node);

	atomic_fetch_add(&w->inside, 1);
	return atomic_fetch_add(&w->looks, 1) + 1;
}

void look_leave(const struct node *node)
{
	atomic_fetch_sub(&witness_of(node)->inside, 1);
}

static uint64_t made_ns_of(const struct node *node)
{
	return atomic_load_explicit(&node->made_ns, memory_order_relaxed);
}

/* A new node was just looked up: that needs no witness's memory. */
void look_found(const struct node *node)
{
	uint64_t now_ns = clock_mono_ns();

	if (now_ns >= made_ns_of(node) + JUST_FOUND_NS)
		atomic_store_explicit(&witness_of(node)->found_ns, now_ns, memory_order_relaxed);
}

/* The request may have waited long since. */
bool look_was_just_found(const struct node *node)
{
	uint64_t found_ns = atomic_load_explicit(&witness_of(node)->found_ns, memory_order_relaxed);

	return atomic_load(&call.slot->read_ns) < MAX(made_ns_of(node), found_ns) + JUST_FOUND_NS;
}

/* sshfs may show what an earlier look saw (docs/INTERNALS.md, "Close-to-open"). */
static bool is_beside_others(const struct node *node, const struct opened *o)
{
	const struct witness *w = witness_of(node);

	return !number_is_of_storage(fs_backend(node)) && (o->beside || atomic_load(&w->looks) != o->look);
}

void look_begin(const struct backend *b, const struct node *node, struct opened *o)
{
	if (!b->board)
		return;
	o->question = look_ask(node);
	o->look = look_enter(node);
	o->beside = atomic_load(&witness_of(node)->inside) > 1;
	o->accepted = atomic_load(&witness_of(node)->accepts);
	o->before = node_version(node);
	o->writes = guard_writes_ended(b);
}

errint_t look_at_opened(struct backend *b, struct node *node, int flags, struct opened *o)
{
	errint_t rc = b->ops->look(b, node_index(node), o->ref, &o->st);
	enum likeness like = LIKE_OPENED;

	if (rc < 0)
		return rc;
	o->looked = true;
	o->unsure = is_unsure(b, o->writes);
	if (!node_is_still(node, &o->st))
		return BACKEND_NODE_GONE; /* looking the name up will tell */
	if (o->unsure)
		rc = find_likeness(b, flags, o, -1, &like);
	o->unlike = like != LIKE_OPENED;
	if (rc < 0 || o->unlike)
		return rc < 0 ? rc : BACKEND_NODE_GONE;
	if (version_is_same(version_of(&o->st), o->before) && !is_beside_others(node, o))
		return 0;
	rc = look_again(b, node, flags, o);
	if (rc < 0)
		return rc;
	o->changed = !version_is_same(version_of(&o->st), o->before);
	o->replaced = o->changed && is_other_open(b, node, &o->st);
	return o->replaced ? BACKEND_NODE_GONE : 0;
}

/* *as_known: the node knows this version. Under the node's lock, as the functions below. */
static bool may_accept(const struct backend *b, const struct node *node, int flags, const struct opened *o,
		       bool *as_known)
{
	*as_known = version_is_same(node_version(node), version_of(&o->st));
	if ((flags & O_ACCMODE) != O_RDONLY || number_is_of_storage(b))
		return true;
	return !o->growing && (*as_known || atomic_load(&witness_of(node)->accepts) == o->accepted);
}

/* An open was accepted since this request entered: the node's own attributes are newer. */
static bool is_overtaken(const struct backend *b, const struct node *node)
{
	return !number_is_of_storage(b) && atomic_load(&witness_of(node)->accepted_ns) > call.entered_ns;
}

static void remember_told(struct node *node, const struct stat *st)
{
	if (!version_is_same(node_version(node), version_of(st)))
		witness_of(node)->told = TOLD_SEVERAL;
	node_remember(node, st);
}

/* Then open files of the node have that time, too. */
static bool note_set_back(const struct node *node, const struct stat *st)
{
	int64_t mtime_ns = version_of(st).mtime_ns;

	if (!S_ISREG(st->st_mode) || mtime_ns >= node_version(node).mtime_ns)
		return false;
	handle_seen_set_back(node_index(node), mtime_ns, atomic_load(&call.slot->epoch));
	return true;
}

void look_tell(const struct backend *b, struct node *node, uint64_t known, struct stat *st)
{
	ACQUIRE_LOCK(lock_of(node));
	if (S_ISREG(st->st_mode) && is_overtaken(b, node)) {
		node_recall(node, st);
		return;
	}
	if ((uint64_t)st->st_size < known)
		handle_seen_cut(node_index(node), (uint64_t)st->st_size, atomic_load(&call.slot->epoch));
	note_set_back(node, st);
	remember_told(node, st);
}

void look_tell_change(struct node *node, const struct stat *st)
{
	struct witness *w = witness_of(node);

	ACQUIRE_LOCK(lock_of(node));
	if (note_set_back(node, st)) {
		w->set_back_to_ns = version_of(st).mtime_ns;
		w->set_back_ns = clock_mono_ns();
	}
	remember_told(node, st);
}

static void note_answer(const struct node *node, const struct stat *st, const struct look_question *q)
{
	struct witness *w = witness_of(node);

	w->made = w->made && w->generation == node->generation;
	w->generation = node->generation;
	w->changes = q->changes;
	w->asked_ns = q->asked_ns;
	w->atime = st->st_atim;
}

struct look_question look_ask(const struct node *node)
{
	return (struct look_question){.changes = guard_changes_of(node_index(node)),
				      .asked_ns = clock_mono_ns()};
}

void look_answered(const struct node *node, const struct stat *st, const struct look_question *q)
{
	ACQUIRE_LOCK(lock_of(node));
	note_answer(node, st, q);
}

/* For how many seconds more it may be remembered. Under the lock. */
static double seconds_left(const struct backend *b, const struct node *node)
{
	const struct witness *w = witness_of(node);

	if (!w->asked_ns || w->generation != node->generation)
		return 0;
	return fs_cache_seconds(b) - (double)(clock_mono_ns() - w->asked_ns) / (double)NSEC_PER_SEC;
}

bool look_is_fresh(const struct backend *b, const struct node *node, struct timespec *atime)
{
	ACQUIRE_LOCK(lock_of(node));
	*atime = witness_of(node)->atime;
	return seconds_left(b, node) > 0;
}

void look_created(const struct node *node, const struct stat *st, uint64_t begun_ns, bool made)
{
	const struct look_question question = {.changes = guard_changes_of(node_index(node)),
					       .asked_ns = begun_ns};

	ACQUIRE_LOCK(lock_of(node));
	note_answer(node, st, &question);
	witness_of(node)->made |= made;
}

void look_doubted(const struct node *node)
{
	ACQUIRE_LOCK(lock_of(node));
	witness_of(node)->asked_ns = 0;
}

bool look_knows_owner(const struct backend *b, const struct node *node)
{
	ACQUIRE_LOCK(lock_of(node));
	return seconds_left(b, node) > 0 && witness_of(node)->made;
}

double look_recall(const struct backend *b, const struct node *node, struct stat *st)
{
	const struct witness *w = witness_of(node);

	/* A plain backend also has links, holes and a time of change, of which nothing is remembered. */
	if (backend_is_plain(b->config->type))
		return 0;
	ACQUIRE_LOCK(lock_of(node));
	if (w->changes != guard_changes_of(node_index(node)))
		return 0;
	node_recall(node, st);
	st->st_atim = w->atime;
	return seconds_left(b, node);
}

static int64_t oldest_mtime_ns(const struct node *node, const struct stat *st)
{
	const struct witness *w = witness_of(node);
	int64_t mtime_ns = version_of(st).mtime_ns;
	bool remembered = w->set_back_ns && clock_mono_ns() < w->set_back_ns + REMEMBERED_NS;

	return remembered ? MIN(mtime_ns, w->set_back_to_ns) : mtime_ns;
}

/* Else a worker may die between remembering a version and making the kernel ask again. */
static bool may_be_apart(const struct node *node)
{
	enum told told = witness_of(node)->told;

	return told == TOLD_SEVERAL ||
	       (told == TOLD_BEFORE &&
		atomic_load_explicit(&node->made_ns, memory_order_relaxed) < witnesses.begun_ns);
}

bool look_accept(const struct backend *b, struct node *node, int flags, struct opened *o, struct handle *h)
{
	struct witness *w;
	bool as_known, apart;

	if (!o->looked) {
		h->unlinked = HANDLE_NAMED;
		return true;
	}
	w = witness_of(node);
	ACQUIRE_LOCK(lock_of(node));
	if (!may_accept(b, node, flags, o, &as_known))
		return false;
	atomic_fetch_add(&w->accepts, 1);
	atomic_store(&w->accepted_ns, clock_mono_ns());
	h->unlinked = HANDLE_NAMED;
	note_answer(node, &o->st, &o->question);
	handle_start_ledger(h, (uint64_t)o->st.st_size, oldest_mtime_ns(node, &o->st));
	apart = !as_known || may_be_apart(node);
	o->changed |= apart;
	if (!apart)
		return true;
	/* Once, before another open is answered. */
	w->told = TOLD_ONE;
	node_remember(node, &o->st);
	doubt_node(node);
	return true;
}
