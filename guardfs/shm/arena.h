/* arena.h: the memfd that guardian creates and every process maps: the only state that outlives a worker.
 *
 * References inside are indexes, never pointers. The layout number keeps a different program from resuming
 * it. */
#ifndef GUARDFS_SHM_ARENA_H
#define GUARDFS_SHM_ARENA_H

#include "base/base.h"
#include "shm/board.h"
#include "shm/extent.h"
#include "shm/handle.h"
#include "shm/job.h"
#include "shm/name.h"
#include "shm/node.h"
#include "shm/slot.h"
#include "shm/suspect.h"
#include <stddef.h>

#define ARENA_MAGIC 0x31534644524155ull
/* Raise on any change of a structure below or of its meaning; sizes are checked as well. */
#define ARENA_LAYOUT 11

#define INIT_MAX  256
#define SLOT_PAGE 4096

struct arena_header {
	uint64_t magic;
	uint32_t layout;
	uint32_t n_backends;
	/* Of all structures' sizes and offsets: arena_fingerprint(). */
	uint64_t fingerprint;
	uint64_t size;
	/* Stored last by arena_create. */
	_Atomic uint32_t complete;
	/* The session: the kernel's FUSE_INIT and its reply. Guardian saves the request, the first worker
	 * the reply. */
	uint32_t init_request_length;
	_Atomic uint32_t init_reply_length;
	uint8_t init_request[INIT_MAX];
	uint8_t init_reply[INIT_MAX];
};

struct arena {
	struct arena_header header;
	_Alignas(4096) struct board board;
	_Alignas(4096) struct slot slots[SLOT_MAX];
	/* High-water marks: indexes below have been in use. Worker. */
	_Alignas(4096) _Atomic uint32_t handles_used;
	_Atomic uint32_t nodes_used;
	/* Raised before the slot is used; read by arena_slots_used(). */
	_Atomic uint32_t slots_used;
	_Alignas(4096) struct handle handles[HANDLE_MAX];
	_Alignas(4096) struct node nodes[NODE_MAX];
	_Alignas(4096) struct job_table jobs;
	_Alignas(4096) struct name_heap names;
	/* The data of a WRITE begins with a page: a backend gets whole pages as one request. */
	_Alignas(4096) uint8_t before_buffers[SLOT_PAGE - SLOT_HEADER_SIZE];
	uint8_t buffers[SLOT_MAX][SLOT_BUFFER_SIZE];
	_Alignas(4096) struct suspect_table suspects;
	_Alignas(4096) struct extent_table owed;
	_Alignas(4096) uint8_t owed_bytes[EXTENT_MAX][EXTENT_SIZE];
};
_Static_assert((offsetof(struct arena, buffers) + SLOT_HEADER_SIZE) % SLOT_PAGE == 0, "see above");

/* Creates and maps an arena (sparse). *fd: its memfd, not close-on-exec. NULL: *error is -errno. Guardian
 * only. */
struct arena *arena_create(int *fd, int *error);

/* Maps an existing arena, e.g. from systemd's fd store, after checking magic, layout, fingerprint, size.
 * NULL: *error is -EINVAL (no arena), -EPROTO (other layout; message says which), -ENODATA (never
 * completed) or another -errno. message: CONFIG_ERROR_MAX bytes. */
struct arena *arena_open(int fd, int *error, char *message);

void arena_unmap(struct arena *arena);

/* Changes whenever the layout of anything in the arena changes. */
uint64_t arena_fingerprint(void);

/* Forces every index, length, enum and descriptor that a crash left into its range, and drops records that
 * make no sense. Returns how many. Survives any content (fuzzed). Guardian, on resume, before a worker
 * starts. */
uint32_t arena_check(struct arena *arena);

/* Slots from this number on were never used: frequent looks at all slots end here. */
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

/* Before a request is read into the slot's buffer. Touches the buffer's first two pages: the kernel, which
 * copies page by page, then never stops between them, even if the reader is killed. */
static inline void arena_slot_touch(struct arena *arena, const struct slot *slot)
{
	*(volatile uint8_t *)(arena_slot_buffer(arena, slot) + SLOT_HEADER_SIZE) = 0;
}

/* The live node or handle with this id; NULL: none (hostile ids included). */
struct node *arena_node(struct arena *arena, uint64_t id);
struct handle *arena_handle(struct arena *arena, uint64_t id);

/* The open file of an extent that is not free and makes sense; else NULL. */
struct handle *arena_owed_handle(struct arena *arena, const struct extent *e);

#endif
