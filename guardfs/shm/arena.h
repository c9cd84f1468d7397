/* The memfd that every process maps: the only state that outlives a worker. References are indexes, never
 * pointers. */
#ifndef GUARDFS_SHM_ARENA_H
#define GUARDFS_SHM_ARENA_H

#include "base/base.h"
#include "shm/board.h"
#include "shm/extent.h"
#include "shm/halfway.h"
#include "shm/handle.h"
#include "shm/job.h"
#include "shm/name.h"
#include "shm/node.h"
#include "shm/slot.h"
#include "shm/suspect.h"
#include <stddef.h>

#define ARENA_MAGIC 0x31534644524155ull
/* Raise when a structure below changes, or what a field means. */
#define ARENA_LAYOUT 19

#define INIT_MAX  256
#define SLOT_PAGE 4096

struct arena_header {
	uint64_t magic;
	uint32_t layout;
	uint32_t n_backends;
	/* arena_fingerprint() */
	uint64_t fingerprint;
	uint64_t size;
	/* Stored last by arena_create. */
	_Atomic uint32_t complete;
	/* The kernel's FUSE_INIT, saved by guardian, and the reply, saved by the first worker. */
	uint32_t init_request_length;
	_Atomic uint32_t init_reply_length;
	uint8_t init_request[INIT_MAX];
	uint8_t init_reply[INIT_MAX];
};

struct arena {
	struct arena_header header;
	_Alignas(4096) struct board board;
	_Alignas(4096) struct slot slots[SLOT_MAX];
	/* Indexes below these have been in use. Worker. */
	_Alignas(4096) _Atomic uint32_t handles_used;
	_Atomic uint32_t nodes_used;
	/* Raised before the slot is used. */
	_Atomic uint32_t slots_used;
	_Alignas(4096) struct handle handles[HANDLE_MAX];
	_Alignas(4096) struct node nodes[NODE_MAX];
	_Alignas(4096) struct job_table jobs;
	_Alignas(4096) struct name_heap names;
	/* Puts a WRITE's data at a page boundary: a backend gets whole pages as one request. */
	_Alignas(4096) uint8_t before_buffers[SLOT_PAGE - SLOT_HEADER_SIZE];
	uint8_t buffers[SLOT_MAX][SLOT_BUFFER_SIZE];
	_Alignas(4096) struct suspect_table suspects;
	_Alignas(4096) struct halfway_table halfway;
	_Alignas(4096) struct extent_table owed;
	_Alignas(4096) uint8_t owed_bytes[EXTENT_MAX][EXTENT_SIZE];
};
_Static_assert((offsetof(struct arena, buffers) + SLOT_HEADER_SIZE) % SLOT_PAGE == 0, "see above");

/* Sparse. *fd: its memfd, not close-on-exec. NULL: *error is -errno. Guardian. */
struct arena *arena_create(int *fd, int *error);

/* Maps an existing arena. NULL: *error is -EINVAL (no arena), -EPROTO (other layout; message, CONFIG_ERROR_MAX
 * bytes, says which), -ENODATA (never completed) or another -errno. */
struct arena *arena_open(int fd, int *error, char *message);

void arena_unmap(struct arena *arena);

/* Changes with the layout of anything in the arena. */
uint64_t arena_fingerprint(void);

/* Repairs what a crash left. Returns how many values. Survives any content (fuzzed). Guardian, on resume, before a
 * worker starts. */
uint32_t arena_check(struct arena *arena);
/* The same. text: of what there were some, and how many. */
#define ARENA_TOLD_MAX 192
uint32_t arena_check_telling(struct arena *arena, char text[ARENA_TOLD_MAX]);

/* Slots from this number on were never used. */
static inline uint32_t arena_slots_used(const struct arena *arena)
{
	return MIN(atomic_load(&arena->slots_used), (uint32_t)SLOT_MAX);
}

static inline void arena_slot_is_used(struct arena *arena, uint32_t index)
{
	if (index >= atomic_load_explicit(&arena->slots_used, memory_order_relaxed))
		atomic_store(&arena->slots_used, index + 1);
}

static inline uint8_t *arena_slot_buffer(struct arena *arena, const struct slot *slot)
{
	return arena->buffers[slot - arena->slots];
}

/* Maps the buffer's first two pages before a request is read: the kernel, copying by page, then never stops
 * between them, even for a killed reader. */
static inline void arena_slot_touch(struct arena *arena, const struct slot *slot)
{
	*(volatile uint8_t *)(arena_slot_buffer(arena, slot) + SLOT_HEADER_SIZE) = 0;
}

/* By id, which may be hostile; NULL: not live. */
struct node *arena_node(struct arena *arena, uint64_t id);
struct handle *arena_handle(struct arena *arena, uint64_t id);

/* Closed files still to be published (handle.draft_last). Any process. */
uint32_t arena_unpublished(const struct arena *arena);
/* Closed files still to be synced (handle.sync_last). */
uint32_t arena_unsynced(const struct arena *arena);

/* NULL: the extent is free, or makes no sense. */
struct handle *arena_owed_handle(struct arena *arena, const struct extent *e);

/* NULL: the record is free, was not completed, makes no sense, or has been tried often enough. backend, i: within
 * the table. */
struct halfway_record *arena_halfway(struct arena *arena, unsigned backend, uint32_t i);

#endif
