#include "fs/halfway.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/handle_index.h"
#include "fs/view.h"
#include "fs/wire.h"

#include <pthread.h>
#include <sys/stat.h>

/* For so long sshfs's mount may answer for a name from the kernel's memory, as it was before the rename. */
#define REMEMBERED_NS (2 * NSEC_PER_SEC)

enum place { PLACE_FREE, PLACE_NOTED, PLACE_TAKEN };

/* Records of the arena are written and never read again, but by the next worker. */
static struct {
	pthread_mutex_t lock;
	enum place places[CONFIG_BACKENDS_MAX][HALFWAY_MAX];
	struct halfway noted[CONFIG_BACKENDS_MAX][HALFWAY_MAX];
	_Atomic uint32_t open[CONFIG_BACKENDS_MAX]; /* noted, or taken */
} half = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct halfway_record *record_of(unsigned backend, const struct halfway *h)
{
	return &fs.arena->halfway.records[backend][h->place];
}

static uint64_t id_of(uint32_t directory)
{
	return node_id(&fs.arena->nodes[directory], directory);
}

/* Matters only if no other connection comes. sshfs moves no file away that nobody has open. */
static void await_verdict(unsigned backend, struct halfway *h)
{
	h->verdict = atomic_load(&fs.board->backends[backend].verdicts) + 1;
	h->ripe_ns = clock_mono_ns() + (h->was_open ? REMEMBERED_NS : 0);
}

static void want_verdict(unsigned backend)
{
	if (atomic_exchange(&fs.board->backends[backend].suspect, 1) == 0)
		fs_nudge_keeper();
}

/* sshfs that has lost its connection may serve on for a moment, and names are known to the kernel from before. */
static bool is_ripe(unsigned backend, uint32_t place)
{
	const struct board_backend *b = &fs.board->backends[backend];
	const struct halfway *h = &half.noted[backend][place];
	uint64_t breaker = atomic_load(&b->breaker);

	if (half.places[backend][place] != PLACE_NOTED || !breaker_is_closed(breaker))
		return false;
	return breaker_epoch(breaker) != h->epoch ||
	       ((int32_t)(atomic_load(&b->verdicts) - h->verdict) >= 0 && clock_mono_ns() >= h->ripe_ns);
}

/* Under the lock. */
static void write_record(unsigned backend, const struct halfway *h)
{
	struct halfway_record *r = record_of(backend, h);

	atomic_store(&r->seal, 0);
	atomic_store(&r->tries, h->tries);
	atomic_store(&r->epoch, h->epoch);
	r->backend = backend;
	r->from = id_of(h->from);
	r->to = id_of(h->to);
	r->size = h->size;
	memcpy(r->name, h->name, sizeof(r->name));
	memcpy(r->newname, h->newname, sizeof(r->newname));
	atomic_store(&r->seal, halfway_seal(r));
}

static void take_up(unsigned backend, uint32_t place, const struct halfway_record *r)
{
	struct halfway *h = &half.noted[backend][place];

	*h = (struct halfway){.from = node_index(node_from_id(r->from)),
			      .to = node_index(node_from_id(r->to)),
			      .size = r->size,
			      .tries = atomic_load(&r->tries),
			      .epoch = atomic_load(&r->epoch),
			      .was_open = true,
			      .place = place};
	memcpy(h->name, r->name, sizeof(h->name));
	memcpy(h->newname, r->newname, sizeof(h->newname));
	await_verdict(backend, h);
	want_verdict(backend);
	half.places[backend][place] = PLACE_NOTED;
	atomic_fetch_add(&half.open[backend], 1);
	log_info("backend %s: a rename to %s had stopped halfway when a worker died: taken up",
		 fs.config->backends[backend].name, h->newname);
}

void halfway_init(void)
{
	uint32_t dropped = 0;

	for (unsigned b = 0; b < CONFIG_BACKENDS_MAX; b++)
		for (uint32_t i = 0; i < HALFWAY_MAX; i++) {
			const struct halfway_record *r = arena_halfway(fs.arena, b, i);

			if (r)
				take_up(b, i, r);
			else
				dropped += atomic_exchange(&fs.arena->halfway.records[b][i].seal, 0) != 0;
		}
	if (dropped)
		log_warning(
		    "%u renames that had stopped halfway are not finished: each has been tried %u times, "
		    "or its note makes no sense",
		    dropped, HALFWAY_TRIES_MAX);
}

static bool is_no_handle(struct handle *h, void *arg)
{
	(void)h;
	(void)arg;
	return false;
}

static const struct node *file_named(uint32_t dir, const char *name)
{
	const struct node *node = node_find_guarded(dir, name, NODE_UNHELD);

	return node && S_ISREG(node->mode) ? node : NULL;
}

/* Under the lock. */
static bool is_noted(unsigned backend, const struct halfway *h)
{
	for (uint32_t i = 0; i < HALFWAY_MAX; i++)
		if (half.places[backend][i] == PLACE_NOTED && half.noted[backend][i].to == h->to &&
		    strcmp(half.noted[backend][i].newname, h->newname) == 0)
			return true;
	return false;
}

/* HALFWAY_MAX: none. Under the lock, as the next. */
static uint32_t find_free(unsigned backend)
{
	uint32_t i = 0;

	while (i < HALFWAY_MAX && half.places[backend][i] != PLACE_FREE)
		i++;
	return i;
}

static uint32_t find_ripe(unsigned backend)
{
	uint32_t i = 0;

	while (i < HALFWAY_MAX && !is_ripe(backend, i))
		i++;
	return i;
}

/* At which the buffer's request was in the backend last. */
static uint32_t epoch_of(const uint8_t *buffer)
{
	ptrdiff_t slot = (buffer - fs.arena->buffers[0]) / SLOT_BUFFER_SIZE;

	return atomic_load(&fs.arena->slots[slot].epoch);
}

void halfway_note(const uint8_t *buffer)
{
	const struct node *source, *target;
	struct node *from, *to;
	struct halfway h = {0};
	const char *names[2];
	uint64_t ids[2];
	unsigned b;

	if (!wire_replaces(buffer))
		return;
	wire_nodes(buffer, ids);
	wire_names(buffer, names);
	from = node_from_id(ids[0]);
	to = node_from_id(ids[1]);
	if (!from || !to || from->backend >= CONFIG_BACKENDS_MAX ||
	    fs.guarded[from->backend].config->type != BACKEND_SSHFS)
		return;
	b = from->backend;
	h.from = view_object_index(from);
	h.to = view_object_index(to);
	/* A name that was free is missing for good reason. */
	source = file_named(h.from, names[0]);
	target = file_named(h.to, names[1]);
	if (!source || !target)
		return;
	h.was_open = !handle_index_each(node_index(target), is_no_handle, NULL);
	h.size = node_size(source);
	if (copy_string(h.name, sizeof(h.name), names[0]) < 0 ||
	    copy_string(h.newname, sizeof(h.newname), names[1]) < 0)
		return;
	ACQUIRE_LOCK(&half.lock);
	h.place = find_free(b);
	if (h.place == HALFWAY_MAX || is_noted(b, &h))
		return;
	h.epoch = epoch_of(buffer);
	await_verdict(b, &h);
	want_verdict(b);
	node_pin(&fs.arena->nodes[h.from]);
	node_pin(&fs.arena->nodes[h.to]);
	half.noted[b][h.place] = h;
	half.places[b][h.place] = PLACE_NOTED;
	atomic_fetch_add(&half.open[b], 1);
	write_record(b, &h);
}

bool halfway_are_noted(unsigned backend)
{
	return atomic_load(&half.open[backend]) != 0;
}

bool halfway_is_ripe(unsigned backend)
{
	if (!halfway_are_noted(backend))
		return false;
	ACQUIRE_LOCK(&half.lock);
	return find_ripe(backend) < HALFWAY_MAX;
}

bool halfway_take(unsigned backend, struct halfway *h)
{
	ACQUIRE_LOCK(&half.lock);
	uint32_t place = find_ripe(backend);

	if (place == HALFWAY_MAX)
		return false;
	half.places[backend][place] = PLACE_TAKEN;
	*h = half.noted[backend][place];
	return true;
}

void halfway_begin_try(unsigned backend, struct halfway *h)
{
	h->tries++;
	h->epoch = atomic_load(&call.slot->epoch);
	await_verdict(backend, h);
	atomic_store(&record_of(backend, h)->tries, h->tries);
	atomic_store(&record_of(backend, h)->epoch, h->epoch);
}

void halfway_end(unsigned backend, const struct halfway *h)
{
	{
		ACQUIRE_LOCK(&half.lock);
		atomic_store(&record_of(backend, h)->seal, 0);
		half.places[backend][h->place] = PLACE_FREE;
	}
	node_unpin(&fs.arena->nodes[h->from]);
	node_unpin(&fs.arena->nodes[h->to]);
	atomic_fetch_sub(&half.open[backend], 1);
}

void halfway_give_back(unsigned backend, const struct halfway *h)
{
	{
		ACQUIRE_LOCK(&half.lock);
		if (!is_noted(backend, h)) {
			half.noted[backend][h->place] = *h;
			half.places[backend][h->place] = PLACE_NOTED;
			return;
		}
	}
	halfway_end(backend, h);
}
