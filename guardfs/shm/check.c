/* arena_check: counts are bounded first, then records are checked alone, then against one another. */
#include "shm/check.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SNAPSHOT_KIB_MAX (1u << 20)
#define ERRNO_LIMIT	 4096

#define FORCE_BELOW(field, limit, otherwise) ((uint64_t)(field) < (limit) ? 0u : ((field) = (otherwise), 1u))

static uint32_t force_string(char *s, size_t size)
{
	if (memchr(s, '\0', size))
		return 0;
	s[size - 1] = '\0';
	return 1;
}

/* A bool other than 0 and 1 must not even be read. */
static uint32_t force_bool(bool *b)
{
	unsigned char byte;

	memcpy(&byte, b, 1);
	if (byte <= 1)
		return 0;
	*b = false;
	return 1;
}

#define FORCE_STRING(field) force_string(field, sizeof(field))

static uint32_t force_fd(_Atomic int32_t *fd)
{
	if (check_is_fd(atomic_load(fd)))
		return 0;
	atomic_store(fd, -1);
	return 1;
}

static uint32_t check_header(struct arena_header *header)
{
	uint32_t changed = FORCE_BELOW(header->n_backends, CONFIG_BACKENDS_MAX + 1u, 0);

	changed += FORCE_BELOW(header->init_request_length, INIT_MAX + 1u, 0);
	if (atomic_load(&header->init_reply_length) > INIT_MAX) {
		atomic_store(&header->init_reply_length, 0);
		changed++;
	}
	return changed;
}

static uint32_t check_config_backend(struct config_backend *b)
{
	uint32_t changed = FORCE_STRING(b->name) + FORCE_STRING(b->host) + FORCE_STRING(b->user);

	changed += FORCE_STRING(b->path) + FORCE_STRING(b->identity) + FORCE_STRING(b->known_hosts);
	changed += FORCE_STRING(b->password_file) + FORCE_STRING(b->askpass) + FORCE_STRING(b->agent);
	changed += FORCE_STRING(b->alias) + FORCE_STRING(b->expose) + FORCE_STRING(b->marker);
	changed +=
	    FORCE_STRING(b->sshfs_options) + FORCE_STRING(b->sshfs_command) + FORCE_STRING(b->fault_control);
	changed += FORCE_STRING(b->ssh_command) + FORCE_STRING(b->ssh_config) + FORCE_STRING(b->ssh_options);
	changed += FORCE_STRING(b->ssh_arguments) + FORCE_STRING(b->sftp_server);
	changed += force_bool(&b->map_strictly) + force_bool(&b->follow_links) + force_bool(&b->hard_links);
	changed += FORCE_BELOW(b->uid_map.n, CONFIG_IDS_MAX + 1u, 0);
	changed += FORCE_BELOW(b->gid_map.n, CONFIG_IDS_MAX + 1u, 0);
	changed += force_bool(&b->adopt) + force_bool(&b->present_owner) + force_bool(&b->has_uid);
	changed += force_bool(&b->has_gid) + force_bool(&b->has_umask);
	changed += FORCE_BELOW(b->type, BACKEND_COMMAND + 1u, BACKEND_DIR);
	changed += FORCE_BELOW(b->filter, FILTER_FAULT + 1u, FILTER_NONE);
	changed += FORCE_BELOW(b->stream, STREAM_OPENSSH + 1u, STREAM_LIBSSH);
	changed += FORCE_BELOW(b->durability, DURABILITY_BEHIND + 1u, DURABILITY_THROUGH);
	changed += FORCE_BELOW(b->replay_check, REPLAY_CONTENT + 1u, REPLAY_SIZE);
	changed += force_bool(&b->compression) + force_bool(&b->canary) + force_bool(&b->contain_links);
	changed += force_bool(&b->ssh_lenient) + force_bool(&b->relative_links);
	b->umask &= 0777;
	if (b->max_inflight == 0)
		b->max_inflight = 1;
	return changed + FORCE_BELOW(b->max_inflight, SLOT_MAX + 1u, 1);
}

static uint32_t check_config(struct config *c)
{
	uint32_t changed = FORCE_BELOW(c->n_backends, CONFIG_BACKENDS_MAX + 1u, 0);

	changed += FORCE_BELOW(c->n_patterns, CONFIG_PATTERNS_MAX + 1u, 0);
	changed += FORCE_STRING(c->file) + FORCE_STRING(c->name) + FORCE_STRING(c->mountpoint) +
		   FORCE_STRING(c->local);
	changed += FORCE_STRING(c->run_dir) + FORCE_STRING(c->state_dir) + FORCE_STRING(c->manifest);
	changed += force_bool(&c->allow_suid) + force_bool(&c->allow_dev) + force_bool(&c->passthrough);
	changed += force_bool(&c->closed) + FORCE_STRING(c->source) + force_bool(&c->read_only) +
		   force_bool(&c->no_exec);
	changed += FORCE_STRING(c->root) + FORCE_STRING(c->subtype) + force_bool(&c->check_permissions) +
		   force_bool(&c->allow_other);
	changed += force_bool(&c->must_connect) + force_bool(&c->only_root) + force_bool(&c->remount) +
		   force_bool(&c->sandbox) + force_bool(&c->settle);
	changed += FORCE_BELOW(c->user_share, 101u, 50);
	if (c->error != EIO && c->error != ETIMEDOUT) {
		c->error = EIO;
		changed++;
	}
	changed += FORCE_STRING(c->control_group) + FORCE_STRING(c->sentinel);
	changed += FORCE_STRING(c->metrics_textfile) + force_bool(&c->metrics_healtharchive);
	changed += FORCE_BELOW(c->n_hooks, CONFIG_HOOKS_MAX + 1u, 0) + force_bool(&c->diagnose);
	for (uint32_t i = 0; i < c->n_hooks; i++)
		changed += FORCE_BELOW(c->hooks[i].hook, CONFIG_HOOK_COUNT, CONFIG_HOOK_DOWN) +
			   FORCE_STRING(c->hooks[i].argv);
	changed +=
	    FORCE_BELOW(c->n_job_patterns, CONFIG_JOB_PATTERNS_MAX + 1u, 0) + FORCE_STRING(c->stall_sentinel);
	for (uint32_t i = 0; i < c->n_job_patterns; i++)
		changed += FORCE_STRING(c->job_patterns[i]);
	for (uint32_t i = 0; i < c->n_backends; i++)
		changed += check_config_backend(&c->backends[i]);
	for (uint32_t i = 0; i < c->n_patterns; i++) {
		changed += FORCE_STRING(c->patterns[i].pattern) + FORCE_STRING(c->patterns[i].target);
		changed += FORCE_BELOW(c->patterns[i].backend, MAX(c->n_backends, 1u), 0);
	}
	if (c->n_backends == 0)
		c->n_patterns = 0;
	return changed;
}

static uint32_t check_map(struct board *board, uint32_t n_backends)
{
	uint32_t generation = atomic_load(&board->map_generation), dropped;

	/* A writer died: go on to its map. */
	if ((generation & 1) && atomic_load(&board->intended_generation) == generation)
		memcpy(&board->map, &board->intended, sizeof(board->map));
	dropped = tiermap_repair(&board->map, n_backends);
	for (uint32_t i = 0; i < board->map.n_routes; i++) {
		struct board_route *route = &board->routes[i];
		const struct board_backend *backend = &board->backends[board->map.routes[i].backend];

		/* After a repair states do not belong to their routes; keeper's next probe corrects them. */
		if (dropped > 0 || atomic_load(&route->state) >= HEALTH_STATE_COUNT ||
		    atomic_load(&route->errclass) >= ERRCLASS_COUNT) {
			atomic_store(&route->state, (uint32_t)board_state(backend));
			atomic_store(&route->errclass, (uint32_t)board_class(backend));
			atomic_store(&route->error, 0);
		}
		if (atomic_load(&route->error) >= ERRNO_LIMIT)
			atomic_store(&route->error, EIO);
	}
	/* Readers would wait for an odd generation to end. */
	if (atomic_load(&board->map_generation) & 1)
		atomic_fetch_add(&board->map_generation, 1);
	return dropped;
}

static uint32_t check_backend(struct board_backend *b)
{
	uint32_t changed = FORCE_STRING(b->detail) + force_fd(&b->root_fd);

	atomic_store(&b->state, (uint32_t)board_state(b));
	atomic_store(&b->errclass, (uint32_t)board_class(b));
	if (atomic_load(&b->opened_class) >= ERRCLASS_COUNT)
		atomic_store(&b->opened_class, ERRCLASS_IO_ERROR);
	if (atomic_load(&b->opened_by) >= DETECTOR_COUNT)
		atomic_store(&b->opened_by, DETECTOR_NONE);
	if (atomic_load(&b->pid) < 0)
		atomic_store(&b->pid, 0);
	if (atomic_load(&b->detail_sequence) & 1)
		atomic_fetch_add(&b->detail_sequence, 1);
	return changed;
}

static uint32_t check_patience(struct board_backend *b, const struct config *config)
{
	if (atomic_load(&b->young_until_ns) <= clock_mono_ns() + config->patience_ms * NSEC_PER_MSEC)
		return 0;
	atomic_store(&b->young_until_ns, 0);
	return 1;
}

static uint32_t check_incidents(struct board *board)
{
	uint32_t changed = FORCE_STRING(board->journal);

	for (size_t i = 0; i < BOARD_INCIDENTS_MAX; i++)
		changed += FORCE_STRING(board->incidents[i].backend) +
			   FORCE_STRING(board->incidents[i].detail) +
			   FORCE_BELOW(board->incidents[i].errclass, ERRCLASS_COUNT, ERRCLASS_IO_ERROR);
	if (atomic_load(&board->incidents_sequence) & 1)
		atomic_fetch_add(&board->incidents_sequence, 1);
	if (atomic_load(&board->note_sequence) & 1)
		atomic_fetch_add(&board->note_sequence, 1);
	return changed;
}

static uint32_t check_board(struct board *board)
{
	uint32_t changed = check_config(&board->config) + FORCE_STRING(board->mounted_at) +
			   FORCE_STRING(board->manifest_error) + check_incidents(board);

	for (size_t i = 0; i < CONFIG_BACKENDS_MAX; i++)
		changed +=
		    check_backend(&board->backends[i]) + check_patience(&board->backends[i], &board->config);
	for (size_t i = 0; i < CRASHES_MAX; i++)
		changed += FORCE_STRING(board->crashes[i].cause) + FORCE_STRING(board->crashes[i].path);
	if (atomic_load(&board->manifest_ok) > 2)
		atomic_store(&board->manifest_ok, 0);
	return changed + check_map(board, MAX(board->config.n_backends, 1u));
}

static uint32_t check_names(struct name_heap *heap)
{
	uint32_t changed = 0;

	if (atomic_load(&heap->pages_used) > NAME_PAGES) {
		atomic_store(&heap->pages_used, NAME_PAGES);
		changed++;
	}
	/* A page of unknown class holds no valid name: its nodes are dropped. */
	return changed;
}

static bool handle_is_usable(const struct arena *arena, const struct handle *h)
{
	if (h->node >= atomic_load(&arena->nodes_used) || h->kind > HANDLE_SNAPSHOT)
		return false;
	return atomic_load(&arena->nodes[h->node].state) == NODE_LIVE && check_is_backend(arena, h->backend);
}

/* Amid a change no damage. The next worker mends them (handle_mend_ledger), but can no longer see that they were torn. */
static uint32_t check_ledger(struct handle *h)
{
	bool in_change = atomic_load(&h->ledger_changing), in_run = h->content.changing;
	bool torn = ledger_check(&h->unsynced), lacks = content_check(&h->content);

	if (torn)
		atomic_store(&h->ledger_changing, 1);
	return (torn && !in_change) + (lacks && !in_run);
}

/* A ref of `type = sftp` is a number of the transport's, which knows whether it has it. */
static bool is_ref(const struct arena *arena, const struct handle *h, int ref)
{
	if (handle_is_descriptor(ref) || ref < 0)
		return check_is_fd(ref);
	return h->backend < arena->board.config.n_backends &&
	       arena->board.config.backends[h->backend].type == BACKEND_SFTP;
}

static uint32_t check_refs(const struct arena *arena, struct handle *h)
{
	int other = handle_other_fd(atomic_load(&h->other));
	uint32_t changed = 0;

	if (!is_ref(arena, h, atomic_load(&h->fd))) {
		atomic_store(&h->fd, -1);
		changed++;
	}
	if (atomic_load(&h->other) && (other == -1 || !is_ref(arena, h, other))) {
		atomic_store(&h->other, 0);
		changed++;
	}
	return changed;
}

static uint32_t tidy_handle(const struct arena *arena, struct handle *h)
{
	uint32_t changed = check_refs(arena, h);
	int32_t error = atomic_load(&h->error);

	if (atomic_load(&h->snapshot_kib) > SNAPSHOT_KIB_MAX)
		atomic_store(&h->snapshot_kib, 0);
	if (!check_is_fd(h->snapshot_fd)) {
		h->snapshot_fd = -1;
		changed++;
	}
	if (error < 0 || error >= ERRNO_LIMIT)
		atomic_store(&h->error, EIO);
	if (atomic_load(&h->draft) >= DRAFT_END ||
	    (atomic_load(&h->draft) && (h->kind != HANDLE_FILE || h->backend >= CONFIG_BACKENDS_MAX))) {
		atomic_store(&h->draft, DRAFT_NONE);
		changed++;
	}
	if (atomic_load(&h->draft_last) >= LAST_END ||
	    (atomic_load(&h->draft_last) && atomic_load(&h->draft) != DRAFT_NEW)) {
		atomic_store(&h->draft_last, LAST_NONE);
		changed++;
	}
	if (atomic_load(&h->sync_last) >= SYNC_END ||
	    (atomic_load(&h->sync_last) && (h->kind != HANDLE_FILE || h->backend >= CONFIG_BACKENDS_MAX))) {
		atomic_store(&h->sync_last, SYNC_NONE);
		changed++;
	}
	changed += atomic_load(&h->job) > JOB_MAX;
	if (atomic_load(&h->job) > JOB_MAX)
		atomic_store(&h->job, JOB_NONE);
	changed += check_ledger(h);
	changed += atomic_load(&h->tail_length) > HANDLE_TAIL_MAX;
	if (atomic_load(&h->tail_length) > HANDLE_TAIL_MAX)
		atomic_store(&h->tail_length, 0);
	h->flags &= ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC);
	return changed;
}

static uint32_t check_handles(struct arena *arena)
{
	uint32_t used = atomic_load(&arena->handles_used);
	uint32_t dropped = 0;

	if (used > HANDLE_MAX) {
		used = HANDLE_MAX;
		atomic_store(&arena->handles_used, used);
		dropped++;
	}
	for (uint32_t i = 0; i < used; i++) {
		struct handle *h = &arena->handles[i];
		uint32_t state = atomic_load(&h->state);

		if (state == HANDLE_LIVE && handle_is_usable(arena, h)) {
			dropped += tidy_handle(arena, h);
		} else if (state != HANDLE_FREE) {
			atomic_store(&h->state, HANDLE_FREE);
			dropped++;
		}
	}
	return dropped;
}

static uint32_t check_slot(const struct arena *arena, struct slot *slot)
{
	uint32_t changed = 0, backend = atomic_load(&slot->backend);

	if (atomic_load(&slot->state) > SLOT_ORPHAN) {
		atomic_store(&slot->state, SLOT_FREE);
		changed++;
	}
	if (backend >= arena->board.config.n_backends && backend != SLOT_LOCAL) {
		atomic_store(&slot->backend, SLOT_LOCAL);
		changed += backend != 0; /* 0: a slot that was never used */
	}
	if (atomic_load(&slot->inside) > 1)
		atomic_store(&slot->inside, 1);
	if (atomic_load(&slot->reply_length) > SLOT_REPLY_MAX &&
	    atomic_load(&slot->reply_length) != SLOT_REPLY_BIG) {
		atomic_store(&slot->reply_length, 0);
		changed++;
	}
	changed += FORCE_BELOW(slot->op_class, (unsigned)OP_CLASS_COUNT, OP_METADATA);
	changed += FORCE_BELOW(slot->park_reason, PARK_ROOM + 1u, PARK_NONE);
	changed += FORCE_BELOW(slot->owed_node, NODE_MAX, 0);
	changed += FORCE_BELOW(slot->length, SLOT_BUFFER_SIZE + 1u, 0);
	if (slot->append_from > INT64_MAX) {
		slot->append_from = 0;
		changed++;
	}
	if (slot->handle > atomic_load(&arena->handles_used)) {
		slot->handle = 0;
		changed++;
	}
	/* No damage: a slot keeps the number until its next request, and has it before the handle is made. */
	if (slot->handle > 0 && atomic_load(&arena->handles[slot->handle - 1].state) != HANDLE_LIVE)
		slot->handle = 0;
	return changed;
}

static uint32_t check_extent(struct arena *arena, struct extent *e)
{
	uint32_t changed = 0;

	if (atomic_load(&e->state) == EXTENT_FREE)
		return 0;
	if (!arena_owed_handle(arena, e)) {
		atomic_store(&e->state, EXTENT_FREE);
		return 1;
	}
	if (atomic_load(&arena->owed.sequence) < e->sequence)
		atomic_store(&arena->owed.sequence, e->sequence);
	/* A search then looks for it everywhere. */
	if (e->append_from > INT64_MAX - EXTENT_SIZE) {
		e->append_from = 0;
		changed++;
	}
	if (atomic_load(&e->append_begun) >= APPEND_BEGUN_END) {
		atomic_store(&e->append_begun, APPEND_FOLLOWED);
		changed++;
	}
	return changed + FORCE_BELOW(e->appends, 2u, 0);
}

static uint32_t check_halfway(struct arena *arena)
{
	uint32_t dropped = 0;

	for (unsigned b = 0; b < CONFIG_BACKENDS_MAX; b++)
		for (uint32_t i = 0; i < HALFWAY_MAX; i++) {
			_Atomic uint64_t *seal = &arena->halfway.records[b][i].seal;

			if (!atomic_load(seal) || arena_halfway(arena, b, i))
				continue;
			atomic_store(seal, 0);
			dropped++;
		}
	return dropped;
}

static uint32_t check_extents(struct arena *arena)
{
	uint32_t changed = 0;

	for (uint32_t i = 0; i < EXTENT_MAX; i++)
		changed += check_extent(arena, &arena->owed.extents[i]);
	return changed;
}

static uint32_t check_slots(struct arena *arena)
{
	uint32_t changed = 0;

	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		changed += check_slot(arena, &arena->slots[i]);
		if (atomic_load(&arena->slots[i].state) != SLOT_FREE && i >= atomic_load(&arena->slots_used))
			atomic_store(&arena->slots_used, i + 1);
	}
	return changed;
}

static uint32_t check_jobs(struct arena *arena)
{
	return job_check(&arena->jobs);
}

static uint32_t check_suspects(struct arena *arena)
{
	return suspect_check(&arena->suspects, arena->board.config.n_backends);
}

static uint32_t check_head(struct arena *arena)
{
	return check_header(&arena->header);
}

static uint32_t check_board_of(struct arena *arena)
{
	return check_board(&arena->board);
}

static uint32_t check_names_of(struct arena *arena)
{
	return check_names(&arena->names);
}

/* In this order: later ones refer to earlier ones. */
static const struct {
	const char *name;
	uint32_t (*check)(struct arena *arena);
} parts[] = {
    {"header", check_head},	  {"board", check_board_of},  {"names", check_names_of},
    {"nodes", check_nodes},	  {"handles", check_handles}, {"jobs", check_jobs},
    {"suspects", check_suspects}, {"renames", check_halfway}, {"extents", check_extents},
    {"slots", check_slots},
};

uint32_t arena_check_telling(struct arena *arena, char text[ARENA_TOLD_MAX])
{
	uint32_t all = 0;
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		uint32_t changed = parts[i].check(arena);

		if (changed > 0 && used < ARENA_TOLD_MAX)
			used += (size_t)snprintf(text + used, ARENA_TOLD_MAX - used, "%s%s: %u",
						 used > 0 ? ", " : "", parts[i].name, changed);
		all += changed;
	}
	return all;
}

uint32_t arena_check(struct arena *arena)
{
	char text[ARENA_TOLD_MAX];

	return arena_check_telling(arena, text);
}
