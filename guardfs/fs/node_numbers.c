#include "fs/node_numbers.h"
#include "fs/node_table.h"
#include "base/cleanup.h"

#include <errno.h>
#include <sys/mman.h>

#define BUCKETS (1u << 16)

/* Node indexes plus 1; 0 ends a chain. */
static struct {
	/* A leaf. */
	pthread_mutex_t lock;
	_Atomic uint32_t count;
	uint32_t buckets[BUCKETS];
	uint32_t *next;
} away = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Bit 62: apart from the local tier's. */
static uint64_t guarded_number(uint64_t h)
{
	return (h >> 2) | 1ull << 62;
}

bool number_is_of_storage(const struct backend *b)
{
	return b->config->type == BACKEND_DIR && atomic_load(&b->board->minor) == 0;
}

uint64_t number_of_storage(const struct backend *b, uint64_t storage_ino)
{
	uint64_t seed = hash_bytes(0, b->config->name, strlen(b->config->name));

	return guarded_number(hash_bytes(seed, &storage_ino, sizeof(storage_ino)));
}

uint64_t number_below(uint64_t ino, const char *name, size_t length)
{
	return guarded_number(hash_bytes(ino, name, length));
}

uint64_t number_of_root(const struct backend *b)
{
	return number_below(0, b->config->name, strlen(b->config->name));
}

static uint64_t home_number(uint32_t parent, const char *name)
{
	return number_below(ntable_at(parent)->ino, name, strlen(name));
}

static uint32_t *link_of(uint64_t number, uint32_t index)
{
	uint32_t *p = &away.buckets[number % BUCKETS];

	while (*p && *p != index + 1)
		p = &away.next[*p - 1];
	return p;
}

static bool is_worn(uint64_t number)
{
	uint32_t n = away.buckets[number % BUCKETS];

	while (n && ntable_at(n - 1)->ino != number)
		n = away.next[n - 1];
	return n != 0;
}

static void add_away(struct node *node)
{
	uint32_t *p = link_of(node->ino, node_index(node));

	if (*p)
		return;
	away.next[node_index(node)] = 0;
	*p = node_index(node) + 1;
	atomic_fetch_add(&away.count, 1);
}

static void take_out(struct node *node)
{
	uint32_t *p = link_of(node->ino, node_index(node));

	if (!*p)
		return;
	*p = away.next[node_index(node)];
	atomic_fetch_sub(&away.count, 1);
}

/* The first that no living node has elsewhere. */
static uint64_t free_number(uint32_t parent, const char *name)
{
	uint64_t home = home_number(parent, name), number = home;

	for (uint64_t i = 1; is_worn(number); i++)
		number = guarded_number(hash_bytes(home, &i, sizeof(i)));
	return number;
}

uint64_t number_for(uint32_t parent, const char *name)
{
	if (atomic_load(&away.count) == 0)
		return home_number(parent, name);
	ACQUIRE_LOCK(&away.lock);
	return free_number(parent, name);
}

static bool is_at_home(const struct node *node)
{
	return !(node->flags & NODE_UNLINKED) && node->ino == home_number(node->parent, ntable_name(node));
}

/* Unless storage has shown a number. */
static bool is_by_path(const struct node *node)
{
	return ntable_is_guarded(node) && !(node->flags & (NODE_ROUTE_ROOT | NODE_VIEW)) &&
	       !number_is_of_storage(fs_backend(node));
}

void number_give(struct node *node, uint64_t storage_ino)
{
	const struct backend *b = fs_backend(node);

	if (number_is_of_storage(b) && node->flags & NODE_KNOWN) {
		node->ino = number_of_storage(b, storage_ino);
		return;
	}
	node->ino = number_for(node->parent, ntable_name(node));
	if (is_by_path(node) && !is_at_home(node))
		number_keep(node);
}

void number_seen(struct node *node, uint64_t storage_ino)
{
	const struct backend *b = fs_backend(node);

	if (!(node->flags & NODE_ROUTE_ROOT) && number_is_of_storage(b))
		node->ino = number_of_storage(b, storage_ino);
}

void number_keep(struct node *node)
{
	if (!is_by_path(node))
		return;
	ACQUIRE_LOCK(&away.lock);
	add_away(node);
}

void number_settle(struct node *node)
{
	if (atomic_load(&away.count) == 0 || !is_by_path(node) || !is_at_home(node))
		return;
	ACQUIRE_LOCK(&away.lock);
	take_out(node);
}

void number_drop(struct node *node)
{
	if (atomic_load(&away.count) == 0)
		return;
	ACQUIRE_LOCK(&away.lock);
	take_out(node);
}

errint_t number_init(void)
{
	uint32_t used = atomic_load(&fs.arena->nodes_used);

	away.next = mmap(NULL, (size_t)NODE_MAX * sizeof(*away.next), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (away.next == MAP_FAILED)
		return -ENOMEM;
	for (uint32_t n = 0; n < used; n++) {
		struct node *node = ntable_at(n);

		if (atomic_load(&node->state) == NODE_LIVE && is_by_path(node) && !is_at_home(node))
			add_away(node);
	}
	return 0;
}
