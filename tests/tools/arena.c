/* arena: counts what is in use in the shared memory of a running guardfs: what leaks is seen there.
 *
 *     arena PID            of guardian
 *
 * Prints {"nodes":{"local":N,"guarded":N},"resting":N,"lookups":N,"handles":N,"slots":N}: nodes and
 * handles that are live, those of the local tier among them that nobody references any more, apart, the
 * lookups that the kernel is taken to hold, and slots that hold a request. Only looks. scripts/arena.gdb runs
 * it to look at anything else. */
#include "guardian/guardian.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Global for a debugger. */
const struct arena *arena;

static const struct arena *map(const char *pid)
{
	char path[64];
	void *p;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", atoi(pid), GUARDIAN_ARENA);
	fd = open(path, O_RDONLY);
	p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct arena), PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	return p;
}

int main(int argc, char **argv)
{
	unsigned local = 0, guarded = 0, resting = 0, handles = 0, slots = 0;
	unsigned long long lookups = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: arena PID\n");
		return 100;
	}
	arena = map(argv[1]);
	if (arena->header.magic != ARENA_MAGIC || arena->header.layout != ARENA_LAYOUT) {
		fprintf(stderr, "arena: %s is no guardian of this version\n", argv[1]);
		return 1;
	}
	for (uint32_t i = 0; i < atomic_load(&arena->nodes_used); i++) {
		const struct node *node = &arena->nodes[i];

		if (atomic_load(&node->state) != NODE_LIVE)
			continue;
		if (i > 0 && node->backend == NODE_LOCAL && !atomic_load(&node->nlookup) &&
		    !atomic_load(&node->pins))
			resting++;
		else
			*(node->backend < CONFIG_BACKENDS_MAX ? &guarded : &local) += 1;
		lookups += atomic_load(&node->nlookup);
	}
	for (uint32_t i = 0; i < atomic_load(&arena->handles_used); i++)
		handles += atomic_load(&arena->handles[i].state) == HANDLE_LIVE;
	for (uint32_t i = 0; i < arena_slots_used(arena); i++) {
		uint32_t state = atomic_load(&arena->slots[i].state);

		slots += state != SLOT_FREE && state != SLOT_READING;
	}
	printf("{\"nodes\":{\"local\":%u,\"guarded\":%u},\"resting\":%u,\"lookups\":%llu,\"handles\":%u,"
	       "\"slots\":%u}\n",
	       local, guarded, resting, lookups, handles, slots);
	return 0;
}
