/* Doubly linked chains by node: removing costs the same however often a file is open. */
#include "fs/handle_index.h"
#include "fs/handle.h"
#include "base/cleanup.h"

#include <pthread.h>

#define CHAINS HANDLE_MAX
#define LOCKS  64u
#define NOBODY UINT32_MAX

static struct {
	/* Chain c: locks[c % LOCKS]. */
	pthread_mutex_t locks[LOCKS];
	uint32_t head[CHAINS];
	uint32_t next[HANDLE_MAX], previous[HANDLE_MAX];
} chains;

static uint32_t chain_of(uint32_t node)
{
	return node % CHAINS;
}

void handle_index_init(void)
{
	for (uint32_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&chains.locks[i], NULL);
	memset(chains.head, 0xff, sizeof(chains.head));
}

void handle_index_add(const struct handle *h)
{
	uint32_t chain = chain_of(h->node), i = handle_number(h);

	ACQUIRE_LOCK(&chains.locks[chain % LOCKS]);
	chains.previous[i] = NOBODY;
	chains.next[i] = chains.head[chain];
	if (chains.next[i] != NOBODY)
		chains.previous[chains.next[i]] = i;
	chains.head[chain] = i;
}

void handle_index_remove(const struct handle *h)
{
	uint32_t chain = chain_of(h->node), i = handle_number(h);

	ACQUIRE_LOCK(&chains.locks[chain % LOCKS]);
	if (chains.previous[i] != NOBODY)
		chains.next[chains.previous[i]] = chains.next[i];
	else
		chains.head[chain] = chains.next[i];
	if (chains.next[i] != NOBODY)
		chains.previous[chains.next[i]] = chains.previous[i];
}

bool handle_index_each(uint32_t node, handle_visit_fn visit, void *arg)
{
	uint32_t chain = chain_of(node);

	ACQUIRE_LOCK(&chains.locks[chain % LOCKS]);
	for (uint32_t i = chains.head[chain]; i != NOBODY; i = chains.next[i]) {
		struct handle *h = &fs.arena->handles[i];

		if (h->node == node && !visit(h, arg))
			return false;
	}
	return true;
}
