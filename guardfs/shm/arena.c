#include "shm/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE	    4096ull
#define ARENA_BYTES ((sizeof(struct arena) + PAGE - 1) / PAGE * PAGE)

static struct arena *map_arena(int fd)
{
	void *p = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void fill_header(struct arena *arena)
{
	struct arena_header *header = &arena->header;

	header->magic = ARENA_MAGIC;
	header->layout = ARENA_LAYOUT;
	header->fingerprint = arena_fingerprint();
	header->size = ARENA_BYTES;
	/* Zero is a descriptor, and another one. */
	for (size_t i = 0; i < CONFIG_BACKENDS_MAX; i++)
		atomic_store(&arena->board.backends[i].root_fd, -1);
	atomic_store(&header->complete, 1);
}

struct arena *arena_create(int *fd, int *error)
{
	struct arena *arena = NULL;

	*fd = memfd_create("guardfs", MFD_ALLOW_SEALING);
	if (*fd < 0) {
		*error = -errno;
		return NULL;
	}
	/* Nobody may shrink the file under others' mappings (SIGBUS). */
	if (ftruncate(*fd, (off_t)ARENA_BYTES) == 0 &&
	    fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0)
		arena = map_arena(*fd);
	if (!arena) {
		*error = -errno;
		close(*fd);
		*fd = -1;
		return NULL;
	}
	fill_header(arena);
	*error = 0;
	return arena;
}

static errint_t check_header(const struct arena_header *header, uint64_t file_size, char *message)
{
	if (header->magic != ARENA_MAGIC) {
		snprintf(message, CONFIG_ERROR_MAX, "not an arena of guardfs (magic %016llx)",
			 (unsigned long long)header->magic);
		return -EINVAL;
	}
	if (header->layout != ARENA_LAYOUT || header->fingerprint != arena_fingerprint()) {
		snprintf(message, CONFIG_ERROR_MAX,
			 "the arena has layout %u (%016llx), this program has layout %u (%016llx): "
			 "they cannot take over from each other",
			 header->layout, (unsigned long long)header->fingerprint, ARENA_LAYOUT,
			 (unsigned long long)arena_fingerprint());
		return -EPROTO;
	}
	if (header->size != ARENA_BYTES || file_size != ARENA_BYTES) {
		snprintf(message, CONFIG_ERROR_MAX, "the arena has %llu bytes, this program expects %llu",
			 (unsigned long long)file_size, (unsigned long long)ARENA_BYTES);
		return -EPROTO;
	}
	if (atomic_load(&header->complete) != 1) {
		snprintf(message, CONFIG_ERROR_MAX, "the arena was never completed");
		return -ENODATA;
	}
	return 0;
}

/* pread(2): a file too short must not be mapped. */
static errint_t inspect_header(int fd, char *message)
{
	struct arena_header header;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0) {
		int err = errno;

		snprintf(message, CONFIG_ERROR_MAX, "cannot stat descriptor %d: %s", fd, strerror(err));
		return -err;
	}
	n = S_ISREG(st.st_mode) ? pread(fd, &header, sizeof(header), 0) : 0;
	if (n < 0) {
		int err = errno;

		snprintf(message, CONFIG_ERROR_MAX, "cannot read descriptor %d: %s", fd, strerror(err));
		return -err;
	}
	if ((size_t)n < sizeof(header)) {
		snprintf(message, CONFIG_ERROR_MAX, "descriptor %d is not an arena of guardfs", fd);
		return -EINVAL;
	}
	return check_header(&header, (uint64_t)st.st_size, message);
}

struct arena *arena_open(int fd, int *error, char *message)
{
	struct arena *arena;

	message[0] = '\0';
	*error = inspect_header(fd, message);
	if (*error < 0)
		return NULL;
	arena = map_arena(fd);
	if (!arena) {
		*error = -errno;
		snprintf(message, CONFIG_ERROR_MAX, "cannot map the arena: %s", strerror(-*error));
	}
	return arena;
}

void arena_unmap(struct arena *arena)
{
	if (arena)
		munmap(arena, ARENA_BYTES);
}

#define AT(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)

/* One line per field would fill pages. */
/* clang-format off */
static const uint64_t shape[] = {
	sizeof(struct arena), AT(arena, board), AT(arena, slots), AT(arena, handles_used),
	AT(arena, nodes_used), AT(arena, handles), AT(arena, nodes), AT(arena, names), AT(arena, buffers),
	AT(arena_header, n_backends), AT(arena_header, init_request_length),
	AT(arena_header, init_reply_length), AT(arena_header, init_request), AT(arena_header, init_reply),
	sizeof(struct slot), AT(slot, worker), AT(slot, read_ns), AT(slot, deadline_ns),
	AT(slot, answered), AT(slot, backend), AT(slot, epoch), AT(slot, inside), AT(slot, op_class),
	AT(slot, listing), AT(slot, progress_ns),
	AT(slot, mutating), AT(slot, park_reason), AT(slot, replays), AT(slot, reruns), AT(slot, runs), AT(slot, ran),
	AT(slot, renames), AT(slot, moved), AT(slot, handle), AT(slot, target),
	AT(slot, append_begun), AT(slot, append_from), AT(slot, uid), AT(slot, entered_ns),
	AT(slot, owed_point), AT(slot, owed_node),
	AT(arena, owed), sizeof(struct extent), AT(extent, fh), AT(extent, offset), AT(extent, done), AT(extent, last_length),
	AT(arena, owed_bytes), AT(handle, taken_unique), AT(board_backend, owed_bytes),
	AT(slot, length), AT(slot, park_sequence), AT(slot, reply_length), AT(slot, reply),
	AT(arena, jobs), sizeof(struct job), AT(job, name), AT(job, backend), AT(job, handles),
	AT(job, writers), AT(job, read_bytes), AT(job, progress_ns), AT(job, errors), AT(slot, job),
	AT(handle, job), AT(handle, uid), AT(handle, snapshot_kib), AT(node, taker), AT(node, home),
	sizeof(struct handle), AT(handle, generation), AT(handle, node), AT(handle, flags), AT(handle, fd),
	AT(handle, epoch), AT(handle, users), AT(handle, closing), AT(handle, error), AT(handle, sync_doubt), AT(handle, sync_last), AT(handle, kind),
	AT(handle, backend), AT(handle, unlinked), AT(handle, passthrough), AT(handle, snapshot_fd),
	AT(handle, known_end), AT(handle, unsynced_bytes), AT(handle, overwrote), AT(handle, mtime_ns),
	AT(handle, other), AT(handle, tail_length), AT(handle, tail),
	AT(handle, appended_bytes), AT(handle, appended_unique), AT(handle, draft), AT(handle, draft_changes),
	AT(handle, draft_mtime_ns), AT(handle, draft_last), AT(handle, draft_refused), AT(handle, draft_base_size), AT(handle, draft_failed_to),
	sizeof(struct node), AT(node, generation), AT(node, nlookup), AT(node, fd), AT(node, ino),
	AT(node, size), AT(node, mtime_ns), AT(node, mode), AT(node, uid), AT(node, gid), AT(node, nlink),
	AT(node, parent), AT(node, name), AT(node, pins), AT(node, children), AT(node, backing_id),
	AT(node, opens), AT(node, pages_epoch), AT(node, backend), AT(node, flags), AT(node, fh_type), AT(node, fh_length),
	AT(node, fh), sizeof(struct name_heap), AT(name_heap, page_class), AT(name_heap, bytes),
	sizeof(struct board), AT(board, pid), AT(board, heartbeat_ns), AT(board, heartbeat_tid),
	AT(board, keeper_heartbeat_ns), AT(board, worker_generation),
	AT(board, serving), AT(board, dead_workers), AT(board, left_generation), AT(board, crashes), AT(board, requests),
	AT(board, mount_minor), AT(board, readahead_kib), AT(board, mounted_at), AT(board, unmounted_real_ns), AT(board, ended),
	AT(board, shares), AT(board, open_files_before), sizeof(struct board_share),
	AT(board, config), AT(board, backends), AT(board, map_generation), AT(board, map_lock),
	AT(board, map), AT(board, routes), AT(board, manifest_ok), AT(board, manifest_error),
	AT(arena, halfway), sizeof(struct halfway_record), AT(halfway_record, tries), AT(halfway_record, epoch), AT(halfway_record, from), AT(halfway_record, to),
	AT(halfway_record, size), AT(halfway_record, name), AT(halfway_record, newname),
	AT(arena, suspects), AT(suspect_table, notes), AT(suspect_table, places), sizeof(struct ledger_range),
	sizeof(struct suspect), AT(suspect, ranges), AT(suspect, holes), AT(suspect, path), AT(handle, unsynced),
	sizeof(struct board_backend), AT(board_backend, inflight), AT(board_backend, young_until_ns),
	AT(board_backend, watched),
	AT(board_backend, received_ns), AT(board_backend, gorged_epoch), AT(board_backend, refused), AT(board_backend, root_fd),
	AT(board_backend, opened_class), AT(board_backend, state), AT(board_backend, pid), AT(board_backend, pid_mark),
	AT(board_backend, detail), AT(board_backend, statfs), AT(board_backend, counters),
	sizeof(struct board_crash), sizeof(struct board_route), AT(route, path), AT(route, target),
	AT(route, backend), AT(route, origin), AT(route, line), sizeof(struct config), AT(config, run_dir),
	AT(config, source), AT(config, closed),
	AT(config, sandbox), AT(config, error), AT(config, deadline), AT(config, listing_ms), AT(config, user_share),
	AT(config, patterns), AT(config, backends),
	AT(config, connect_timeout_ms), AT(config, patience_ms), sizeof(struct config_backend), AT(config_backend, host),
	AT(config_backend, path), AT(config_backend, marker), AT(config_backend, umask),
	AT(config_backend, contain_links),
	AT(config_backend, max_inflight), AT(config_backend, max_memory_mib), sizeof(struct config_pattern), AT(config_pattern, backend),
	AT(config_pattern, target),
};
/* clang-format on */

uint64_t arena_fingerprint(void)
{
	return hash_bytes(ARENA_LAYOUT, shape, sizeof(shape));
}

struct node *arena_node(struct arena *arena, uint64_t id)
{
	uint32_t index = (uint32_t)id - 1;
	struct node *node;

	if (index >= NODE_MAX || index >= atomic_load(&arena->nodes_used))
		return NULL;
	node = &arena->nodes[index];
	if (atomic_load(&node->state) != NODE_LIVE || node->generation != (uint32_t)(id >> 32))
		return NULL;
	return node;
}

struct handle *arena_handle(struct arena *arena, uint64_t id)
{
	uint32_t index = (uint32_t)id - 1;
	struct handle *handle;

	if (index >= HANDLE_MAX || index >= atomic_load(&arena->handles_used))
		return NULL;
	handle = &arena->handles[index];
	if (atomic_load(&handle->state) != HANDLE_LIVE || handle->generation != (uint32_t)(id >> 32))
		return NULL;
	return handle;
}

uint32_t arena_unpublished(const struct arena *arena)
{
	uint32_t used = MIN(atomic_load(&arena->handles_used), HANDLE_MAX), n = 0;

	for (uint32_t i = 0; i < used; i++)
		n += atomic_load(&arena->handles[i].state) == HANDLE_LIVE &&
		     atomic_load(&arena->handles[i].draft_last) != LAST_NONE;
	return n;
}

uint32_t arena_unsynced(const struct arena *arena)
{
	uint32_t used = MIN(atomic_load(&arena->handles_used), HANDLE_MAX), n = 0;

	for (uint32_t i = 0; i < used; i++)
		n += atomic_load(&arena->handles[i].state) == HANDLE_LIVE &&
		     atomic_load(&arena->handles[i].sync_last) != SYNC_NONE;
	return n;
}

struct handle *arena_owed_handle(struct arena *arena, const struct extent *e)
{
	uint32_t state = atomic_load(&e->state), length = atomic_load(&e->length);
	struct handle *h = state == EXTENT_FREE ? NULL : arena_handle(arena, e->fh);

	if (!h || state > EXTENT_SENT || length > EXTENT_SIZE || e->done > length || e->sequence == 0 ||
	    e->offset > INT64_MAX - EXTENT_SIZE)
		return NULL;
	if (h->kind != HANDLE_FILE || h->backend != e->backend ||
	    e->backend >= arena->board.config.n_backends || h->node >= atomic_load(&arena->nodes_used) ||
	    atomic_load(&arena->nodes[h->node].state) != NODE_LIVE ||
	    arena->nodes[h->node].backend != e->backend)
		return NULL;
	return h;
}

/* A name as backends take it. */
static bool is_single_name(const char name[NAME_MAX + 1])
{
	return memchr(name, '\0', NAME_MAX + 1) && name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static bool is_directory_of(struct arena *arena, unsigned backend, uint64_t id)
{
	const struct node *node = arena_node(arena, id);

	return node && node->backend == backend && S_ISDIR(node->mode) && !(node->flags & NODE_VIEW);
}

struct halfway_record *arena_halfway(struct arena *arena, unsigned backend, uint32_t i)
{
	struct halfway_record *r = &arena->halfway.records[backend][i];
	uint64_t seal = atomic_load(&r->seal);

	if (!seal || seal != halfway_seal(r) || atomic_load(&r->tries) >= HALFWAY_TRIES_MAX)
		return NULL;
	if (r->backend != backend || backend >= arena->board.config.n_backends ||
	    arena->board.config.backends[backend].type != BACKEND_SSHFS)
		return NULL;
	if (!is_single_name(r->name) || !is_single_name(r->newname) ||
	    !is_directory_of(arena, backend, r->from) || !is_directory_of(arena, backend, r->to))
		return NULL;
	return r;
}
