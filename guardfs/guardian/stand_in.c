/* Without a worker (memory, a bug) unread requests have no deadline. Between tries guardian reads them and
 * answers an error. */
#include "base/clock.h"
#include "base/log.h"
#include "fs/draft.h"
#include "fs/wire.h"
#include "guardian/guardian.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* Extra wait beyond the deadline. */
#define PATIENCE_MS 1500u
/* read(2) blocks if its request was taken back (killed caller). */
#define INTERRUPT_MS 20
/* For the next worker. */
#define SLOTS_LEFT 64u

static void set_interrupt(unsigned ms)
{
	/* Again, should the first precede read(2). */
	const struct itimerval timer = {{0, (suseconds_t)ms * 1000}, {0, (suseconds_t)ms * 1000}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* NULL: few are left. */
static struct slot *free_slot(struct guardian *g)
{
	for (uint32_t i = 0; i < SLOT_MAX - SLOTS_LEFT; i++) {
		struct slot *slot = &g->arena->slots[i];

		if (atomic_load(&slot->state) != SLOT_FREE || atomic_load(&slot->inside))
			continue;
		arena_slot_is_used(g->arena, i);
		return slot;
	}
	return NULL;
}

/* Nobody waits for these replies. The next worker treats them as its predecessor's. */
static bool can_wait(uint32_t opcode)
{
	return !wire_wants_reply(opcode) || opcode == WIRE_OP_RELEASE || opcode == WIRE_OP_RELEASEDIR;
}

static uint32_t index_of(struct guardian *g, const struct node *node)
{
	return (uint32_t)(node - g->arena->nodes);
}

/* Of a view the directory itself (fs/view.h). */
static struct node *object_of(struct guardian *g, struct node *node)
{
	return node->flags & NODE_VIEW ? &g->arena->nodes[node_object_index(node)] : node;
}

static bool is_known_directory(const struct node *node)
{
	return atomic_load(&node->state) == NODE_LIVE && S_ISDIR(node->mode);
}

/* Never a view. */
static struct node *named_directory(struct guardian *g, uint32_t parent, const char *name)
{
	for (uint32_t i = 0; i < atomic_load(&g->arena->nodes_used); i++) {
		struct node *node = &g->arena->nodes[i];

		if (is_known_directory(node) && node->name && node->parent == parent &&
		    !(node->flags & NODE_UNLINKED) &&
		    strcmp(name_get(&g->arena->names, node->name), name) == 0)
			return node;
	}
	return NULL;
}

/* As the route with this root shows it. */
static struct node *view_of(struct guardian *g, uint32_t root, uint32_t object)
{
	for (uint32_t i = 0; i < atomic_load(&g->arena->nodes_used); i++) {
		struct node *node = &g->arena->nodes[i];

		if (is_known_directory(node) && node_is_below_route(node) && node->parent == root &&
		    node_object_index(node) == object)
			return node;
	}
	return NULL;
}

/* Without a worker nodes do not change. */
static struct node *known_directory(struct guardian *g, const struct wire_request *r, const char *name)
{
	struct node *parent = arena_node(g->arena, r->nodeid), *node;

	if (!parent)
		return NULL;
	node = named_directory(g, index_of(g, object_of(g, parent)), name);
	if (node && parent->flags & NODE_VIEW)
		node = view_of(g, parent->flags & NODE_ROUTE_ROOT ? index_of(g, parent) : parent->parent,
			       index_of(g, node));
	return node && atomic_load(&node->nlookup) ? node : NULL;
}

/* As while a backend is down (docs/INTERNALS.md, "Requests"). A request for attributes gets the error. */
static size_t lookup_reply(struct guardian *g, const struct wire_request *r, const char *name, uint8_t *out,
			   size_t size)
{
	struct node *node = known_directory(g, r, name);
	struct fuse_entry_param e = {.ino = 0};
	const struct node *object;

	if (!node)
		return 0;
	object = object_of(g, node);
	e.ino = node_id(node, index_of(g, node));
	e.generation = node->generation;
	e.attr.st_ino = object->ino;
	e.attr.st_mode = object->mode;
	e.attr.st_nlink = MAX(object->nlink, 1u);
	e.attr.st_uid = object->uid;
	e.attr.st_gid = object->gid;
	atomic_fetch_add(&node->nlookup, 1);
	return wire_entry_reply(out, size, r->unique, &e);
}

/* True: the slot is free again. */
static bool answer_request(struct guardian *g, struct slot *slot, uint8_t *buffer)
{
	struct wire_request r;
	uint8_t out[SLOT_FALLBACK_MAX];
	size_t n = 0;

	if (wire_parse(buffer, slot->length, &r) < 0)
		return true;
	if (can_wait(r.opcode))
		return false;
	if (r.opcode == WIRE_OP_LOOKUP && wire_is_complete(buffer, &r))
		n = lookup_reply(g, &r, wire_lookup_name(buffer), out, sizeof(out));
	if (n == 0)
		n = wire_error_reply(out, r.unique, g->board->config.error);
	/* Before the next worker knows, its program is told: what it did not mean must not be published. */
	if (wire_is_complete(buffer, &r))
		(void)draft_refused(g->arena, buffer);
	atomic_store(&slot->answered, r.unique);
	/* ENOENT: its caller is gone. */
	if (write(GUARDIAN_DEV, out, n) < 0 && errno != ENOENT)
		log_warning("cannot answer %s: %s", wire_opcode_name(r.opcode), strerror(errno));
	return true;
}

/* As a worker does (shm/slot.h): a successor finds it. False: none, or no room. */
static bool take_one(struct guardian *g, uint64_t now_ns)
{
	struct pollfd p = {.fd = GUARDIAN_DEV, .events = POLLIN};
	struct slot *slot = free_slot(g);
	uint8_t *buffer;
	ssize_t n;

	if (!slot || poll(&p, 1, 0) <= 0)
		return false;
	if (!(p.revents & POLLIN)) {
		g->unmounted = true; /* POLLERR: the kernel ended the session */
		return false;
	}
	buffer = arena_slot_buffer(g->arena, slot);
	wire_clear_unique(buffer);
	arena_slot_touch(g->arena, slot);
	slot_reset(slot);
	atomic_store(&slot->state, SLOT_READING);
	n = read(GUARDIAN_DEV, buffer, SLOT_BUFFER_SIZE);
	if (n > 0) {
		slot->length = (uint32_t)n;
		atomic_store(&slot->read_ns, now_ns);
		atomic_store(&slot->state, SLOT_RUNNING);
		if (!answer_request(g, slot, buffer))
			return true;
		wire_clear_unique(buffer);
	}
	atomic_store(&slot->state, SLOT_FREE);
	return n > 0;
}

void stand_in(struct guardian *g, uint64_t now_ns)
{
	uint64_t patience_ns = (g->board->config.deadline.ms[OP_METADATA] + PATIENCE_MS) * NSEC_PER_MSEC;

	/* While a worker lives only one may read: this one must not block. */
	if (g->worker || now_ns - g->served_ns < patience_ns)
		return;
	if (!g->standing_in)
		log_error(
		    "no worker could be started for %u ms (see above why): answering every request with an "
		    "error until one can",
		    (unsigned)((now_ns - g->served_ns) / NSEC_PER_MSEC));
	g->standing_in = true;
	set_interrupt(INTERRUPT_MS);
	/* Deadlines must be looked at. */
	while (clock_mono_ns() < now_ns + INTERRUPT_MS * NSEC_PER_MSEC && take_one(g, now_ns))
		;
	set_interrupt(0);
}
