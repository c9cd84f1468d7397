#include "fs/halfway.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/view.h"
#include "fs/wire.h"

#include <pthread.h>
#include <sys/stat.h>

#define NOTED_MAX 16u
/* For so long sshfs's mount may answer for a name from the kernel's memory, as it was before the rename. */
#define REMEMBERED_NS (2 * NSEC_PER_SEC)

static struct {
	pthread_mutex_t lock;
	uint32_t n[CONFIG_BACKENDS_MAX];
	struct halfway noted[CONFIG_BACKENDS_MAX][NOTED_MAX];
	_Atomic uint32_t open[CONFIG_BACKENDS_MAX]; /* noted, or taken */
} half = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct node *file_named(uint32_t dir, const char *name)
{
	const struct node *node = node_find_guarded(dir, name, NODE_UNHELD);

	return node && S_ISREG(node->mode) ? node : NULL;
}

static bool is_noted(unsigned backend, const struct halfway *h)
{
	for (uint32_t i = 0; i < half.n[backend]; i++)
		if (half.noted[backend][i].to == h->to &&
		    strcmp(half.noted[backend][i].newname, h->newname) == 0)
			return true;
	return false;
}

/* Matters only if no other connection comes. */
static void await_verdict(unsigned backend, struct halfway *h)
{
	h->verdict = atomic_load(&fs.board->backends[backend].verdicts) + 1;
	h->since_ns = clock_mono_ns();
}

static void want_verdict(unsigned backend)
{
	if (atomic_exchange(&fs.board->backends[backend].suspect, 1) == 0)
		fs_nudge_keeper();
}

/* sshfs that has lost its connection may serve on for a moment, and names are known to the kernel from before. */
static bool is_ripe(unsigned backend, const struct halfway *h)
{
	const struct board_backend *b = &fs.board->backends[backend];
	uint64_t breaker = atomic_load(&b->breaker);

	if (!breaker_is_closed(breaker))
		return false;
	return breaker_epoch(breaker) != h->epoch ||
	       ((int32_t)(atomic_load(&b->verdicts) - h->verdict) >= 0 &&
		clock_mono_ns() - h->since_ns >= REMEMBERED_NS);
}

/* NOTED_MAX: none. Under the lock. */
static uint32_t find_ripe(unsigned backend)
{
	for (uint32_t i = 0; i < half.n[backend]; i++)
		if (is_ripe(backend, &half.noted[backend][i]))
			return i;
	return NOTED_MAX;
}

/* At which the buffer's request was in the backend last. */
static uint32_t epoch_of(const uint8_t *buffer)
{
	ptrdiff_t slot = (buffer - fs.arena->buffers[0]) / SLOT_BUFFER_SIZE;

	return atomic_load(&fs.arena->slots[slot].epoch);
}

void halfway_note(const uint8_t *buffer)
{
	const struct node *source;
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
	if (!source || !file_named(h.to, names[1]))
		return;
	h.size = node_size(source);
	if (copy_string(h.name, sizeof(h.name), names[0]) < 0 ||
	    copy_string(h.newname, sizeof(h.newname), names[1]) < 0)
		return;
	ACQUIRE_LOCK(&half.lock);
	if (half.n[b] == NOTED_MAX || is_noted(b, &h))
		return;
	h.epoch = epoch_of(buffer);
	await_verdict(b, &h);
	want_verdict(b);
	node_pin(&fs.arena->nodes[h.from]);
	node_pin(&fs.arena->nodes[h.to]);
	half.noted[b][half.n[b]++] = h;
	atomic_fetch_add(&half.open[b], 1);
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
	return find_ripe(backend) < NOTED_MAX;
}

bool halfway_take(unsigned backend, struct halfway *h)
{
	ACQUIRE_LOCK(&half.lock);
	uint32_t i = find_ripe(backend);

	if (i == NOTED_MAX)
		return false;
	*h = half.noted[backend][i];
	half.noted[backend][i] = half.noted[backend][--half.n[backend]];
	return true;
}

void halfway_begin_try(unsigned backend, struct halfway *h)
{
	h->tries++;
	h->epoch = atomic_load(&call.slot->epoch);
	await_verdict(backend, h);
}

void halfway_end(unsigned backend, const struct halfway *h)
{
	node_unpin(&fs.arena->nodes[h->from]);
	node_unpin(&fs.arena->nodes[h->to]);
	atomic_fetch_sub(&half.open[backend], 1);
}

void halfway_give_back(unsigned backend, const struct halfway *h)
{
	{
		ACQUIRE_LOCK(&half.lock);
		if (half.n[backend] < NOTED_MAX && !is_noted(backend, h)) {
			half.noted[backend][half.n[backend]++] = *h;
			return;
		}
	}
	halfway_end(backend, h);
}
