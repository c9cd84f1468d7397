#include "fs/grant.h"
#include "fs/context.h"
#include "fs/node.h"

/* The list ends the slot's buffer. */
static uint32_t *list_of(const struct slot *slot)
{
	uint8_t *end = arena_slot_buffer(fs.arena, slot) + SLOT_BUFFER_SIZE;

	return (uint32_t *)(void *)(end - GRANT_MAX * sizeof(uint32_t));
}

bool grant_has_room(void)
{
	return !call.slot || atomic_load_explicit(&call.slot->n_granted, memory_order_relaxed) < GRANT_MAX;
}

void grant_add(const struct node *node)
{
	uint32_t n;

	if (!call.slot)
		return;
	n = atomic_load_explicit(&call.slot->n_granted, memory_order_relaxed);
	if (n >= GRANT_MAX)
		return;
	list_of(call.slot)[n] = node_index(node);
	atomic_store_explicit(&call.slot->n_granted, n + 1, memory_order_release);
}

void grant_take_back_of(struct slot *slot)
{
	/* The number goes first: taken back twice, a node could be freed under the kernel; a lost lookup
	 * only keeps it. */
	uint32_t n = atomic_exchange(&slot->n_granted, 0);
	const uint32_t *list = list_of(slot);

	for (uint32_t i = 0; i < MIN(n, GRANT_MAX); i++)
		if (list[i] < NODE_MAX && atomic_load(&fs.arena->nodes[list[i]].state) == NODE_LIVE)
			node_forget(&fs.arena->nodes[list[i]], 1);
}

void grant_take_back(void)
{
	if (call.slot)
		grant_take_back_of(call.slot);
}
