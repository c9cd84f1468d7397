/* arena_check: counts are bounded first, then records are checked alone, then against one another. */
#include "shm/arena.h"
#include "base/child.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SNAPSHOT_KIB_MAX (1u << 20)
#define FD_LIMIT	 (1 << 24) /* fits a node's descriptor word */
#define NODE_FLAGS_ALL                                                                            \
	(NODE_ROUTE_ROOT | NODE_UNLINKED | NODE_KNOWN | NODE_KEEPS_FD | NODE_VIEW | NODE_TARGET | \
	 NODE_MOUNTED | NODE_BEHIND)
#define ERRNO_LIMIT 4096

enum mark { MARK_NEW, MARK_ON_CHAIN, MARK_GOOD, MARK_BAD };

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

/* Guardian has the lower ones (base/child.h). */
static bool fd_is_possible(int64_t fd)
{
	return fd == -1 || (fd >= FD_RESERVED && fd < FD_LIMIT);
}

static uint32_t force_fd(_Atomic int32_t *fd)
{
	if (fd_is_possible(atomic_load(fd)))
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

static bool backend_is_possible(const struct arena *arena, uint8_t backend)
{
	return backend < arena->board.config.n_backends || backend == NODE_LOCAL || backend == NODE_VIRTUAL;
}

/* Node 0, where the whole mount shows a backend's tree (fs/view.h). */
static bool is_mount_root(const struct arena *arena, const struct node *node)
{
	return node == &arena->nodes[0] && node->parent == NODE_NONE &&
	       (node->flags & (NODE_ROUTE_ROOT | NODE_VIEW)) == (NODE_ROUTE_ROOT | NODE_VIEW);
}

static bool node_is_usable(const struct arena *arena, const struct node *node)
{
	if (!backend_is_possible(arena, node->backend) || node->fh_length > NODE_FH_MAX)
		return false;
	if (node->name != 0 && !name_is_valid(&arena->names, node->name))
		return false;
	/* A guarded node is found again by name alone, except a directory below a route. */
	return node->backend >= NODE_VIRTUAL || is_mount_root(arena, node) ||
	       (node_is_below_route(node) ? node->name == 0 : node->name != 0 || node->flags & NODE_UNLINKED);
}

static void tidy_node(struct node *node)
{
	if (node->backend >= NODE_VIRTUAL)
		node->flags &= (uint8_t) ~(NODE_VIEW | NODE_TARGET);
	if (!fd_is_possible((int64_t)(atomic_load(&node->fd) >> 40) - 1))
		atomic_store(&node->fd, 0);
	node->flags &= NODE_FLAGS_ALL;
	if (node->backing_id < 0)
		node->backing_id = 0;
}

static uint32_t check_each_node(struct arena *arena, uint32_t used)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < used; i++) {
		struct node *node = &arena->nodes[i];
		uint32_t state = atomic_load(&node->state);

		if (state == NODE_FREE || node_is_name(node))
			continue;
		if (state != NODE_LIVE || !node_is_usable(arena, node)) {
			atomic_store(&node->state, NODE_FREE);
			dropped++;
			continue;
		}
		tidy_node(node);
	}
	return dropped;
}

/* From node i to the first decided node, none, or a cycle. *length: nodes newly marked. */
static enum mark judge_chain(const struct arena *arena, uint32_t used, uint8_t *marks, uint32_t i,
			     uint32_t *length)
{
	*length = 0;
	while (i != NODE_NONE) {
		if (i >= used || atomic_load(&arena->nodes[i].state) != NODE_LIVE ||
		    marks[i] == MARK_ON_CHAIN)
			return MARK_BAD;
		if (marks[i] != MARK_NEW)
			return (enum mark)marks[i];
		marks[i] = MARK_ON_CHAIN;
		++*length;
		i = arena->nodes[i].parent;
	}
	return MARK_GOOD;
}

/* The highest node of a bad chain that needs no parent (local, with a file handle): its position + 1, or 0. */
static uint32_t find_anchor(const struct arena *arena, uint32_t i, uint32_t length)
{
	uint32_t anchor = 0;

	for (uint32_t n = 1; n <= length; n++) {
		if (arena->nodes[i].backend == NODE_LOCAL && arena->nodes[i].fh_length > 0)
			anchor = n;
		i = arena->nodes[i].parent;
	}
	return anchor;
}

static uint32_t settle_chain(struct arena *arena, uint8_t *marks, uint32_t i, uint32_t length,
			     enum mark verdict)
{
	uint32_t kept = verdict == MARK_GOOD ? length : find_anchor(arena, i, length);
	uint32_t changed = verdict == MARK_BAD && kept > 0;

	for (uint32_t n = 1; n <= length; n++) {
		struct node *node = &arena->nodes[i];
		uint32_t parent = node->parent;

		marks[i] = n <= kept ? MARK_GOOD : MARK_BAD;
		if (n > kept) {
			atomic_store(&node->state, NODE_FREE);
			changed++;
		} else if (n == kept && verdict == MARK_BAD) {
			node->parent = NODE_NONE;
		}
		i = parent;
	}
	return changed;
}

static bool is_guarded(const struct node *node)
{
	return node->backend < NODE_VIRTUAL;
}

static const struct node *live_node(const struct arena *arena, uint32_t used, uint32_t index)
{
	const struct node *node = index < used ? &arena->nodes[index] : NULL;

	return node && atomic_load(&node->state) == NODE_LIVE ? node : NULL;
}

/* A backend's tree hangs on the virtual node, a route's root on a local directory, a view on its root. */
static bool is_in_place(const struct arena *arena, uint32_t used, const struct node *node)
{
	const struct node *parent = live_node(arena, used, node->parent);

	if (!is_guarded(node))
		return !parent || !is_guarded(parent);
	if (!parent)
		return is_mount_root(arena, node);
	if (node->flags & NODE_ROUTE_ROOT)
		return parent->backend == (node->flags & NODE_VIEW ? NODE_LOCAL : NODE_VIRTUAL);
	return parent->backend == node->backend && (parent->flags & NODE_VIEW) == (node->flags & NODE_VIEW) &&
	       (!(node->flags & NODE_VIEW) || parent->flags & NODE_ROUTE_ROOT);
}

static bool shows_directory(const struct arena *arena, uint32_t used, const struct node *view)
{
	const struct node *object = live_node(arena, used, node_object_index(view));

	return object && object->backend == view->backend && S_ISDIR(object->mode) &&
	       !(object->flags & NODE_VIEW);
}

static uint32_t check_places(struct arena *arena, uint32_t used)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < used; i++) {
		struct node *node = &arena->nodes[i];

		if (atomic_load(&node->state) != NODE_LIVE || is_in_place(arena, used, node))
			continue;
		if (is_guarded(node))
			atomic_store(&node->state, NODE_FREE);
		else
			node->parent = NODE_NONE;
		dropped++;
	}
	return dropped;
}

/* Once it is known which nodes stay. A route's root without object looks for it again. */
static uint32_t check_objects(struct arena *arena, uint32_t used)
{
	uint32_t changed = 0;

	for (uint32_t i = 0; i < used; i++) {
		struct node *node = &arena->nodes[i];

		if (atomic_load(&node->state) != NODE_LIVE || !(node->flags & NODE_VIEW) ||
		    shows_directory(arena, used, node))
			continue;
		if (!(node->flags & NODE_ROUTE_ROOT)) {
			atomic_store(&node->state, NODE_FREE);
		} else if (node_object_index(node) != i) {
			atomic_store(&node->object, i);
		} else {
			continue;
		}
		changed++;
	}
	return changed;
}

static bool is_file_with_names(const struct node *file)
{
	return is_guarded(file) && !S_ISDIR(file->mode) && file->name != 0 &&
	       !(file->flags & (NODE_VIEW | NODE_ROUTE_ROOT | NODE_UNLINKED));
}

static bool name_is_usable(const struct arena *arena, uint32_t used, struct node *name)
{
	const struct node *file = live_node(arena, used, node_object_index(name)), *parent;

	if (!file || !is_file_with_names(file) || file->backend != name->backend)
		return false;
	node_settle_name(file, name);
	parent = live_node(arena, used, name->parent);
	return name_is_valid(&arena->names, name->name) && parent && S_ISDIR(parent->mode) &&
	       parent->backend == name->backend && !(parent->flags & NODE_VIEW);
}

/* Once it is known which nodes stay. */
static uint32_t check_file_names(struct arena *arena, uint32_t used)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < used; i++) {
		struct node *name = &arena->nodes[i];

		if (!node_is_name(name) || name_is_usable(arena, used, name))
			continue;
		atomic_store(&name->state, NODE_FREE);
		dropped++;
	}
	return dropped;
}

static uint32_t check_parents(struct arena *arena, uint32_t used)
{
	/* Not allocated: untouched marks cost nothing. */
	uint8_t *marks =
	    mmap(NULL, NODE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint32_t dropped = 0;

	if (marks == MAP_FAILED)
		abort(); /* without 4 MiB of address space nothing else would work */
	for (uint32_t i = 0; i < used; i++) {
		uint32_t length;
		enum mark verdict;

		if (atomic_load(&arena->nodes[i].state) != NODE_LIVE || marks[i] != MARK_NEW)
			continue;
		verdict = judge_chain(arena, used, marks, i, &length);
		dropped += settle_chain(arena, marks, i, length, verdict);
	}
	munmap(marks, NODE_MAX);
	return dropped;
}

static uint32_t check_nodes(struct arena *arena)
{
	uint32_t used = atomic_load(&arena->nodes_used);
	uint32_t dropped = 0;

	if (used > NODE_MAX) {
		used = NODE_MAX;
		atomic_store(&arena->nodes_used, used);
		dropped++;
	}
	dropped += check_each_node(arena, used);
	dropped += check_places(arena, used);
	dropped += check_parents(arena, used);
	dropped += check_objects(arena, used);
	return dropped + check_file_names(arena, used);
}

static bool handle_is_usable(const struct arena *arena, const struct handle *h)
{
	if (h->node >= atomic_load(&arena->nodes_used) || h->kind > HANDLE_SNAPSHOT)
		return false;
	return atomic_load(&arena->nodes[h->node].state) == NODE_LIVE &&
	       backend_is_possible(arena, h->backend);
}

static uint32_t tidy_handle(struct handle *h)
{
	uint32_t changed = force_fd(&h->fd);
	int other = handle_other_fd(atomic_load(&h->other));
	int32_t error = atomic_load(&h->error);

	if (atomic_load(&h->snapshot_kib) > SNAPSHOT_KIB_MAX)
		atomic_store(&h->snapshot_kib, 0);
	if (!fd_is_possible(h->snapshot_fd)) {
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
	if (atomic_load(&h->other) && (other == -1 || !fd_is_possible(other))) {
		atomic_store(&h->other, 0);
		changed++;
	}
	changed += ledger_check(&h->unsynced) + content_check(&h->content);
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
			dropped += tidy_handle(h);
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
	if (slot->handle > atomic_load(&arena->handles_used) ||
	    (slot->handle > 0 && atomic_load(&arena->handles[slot->handle - 1].state) != HANDLE_LIVE)) {
		slot->handle = 0;
		changed++;
	}
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

uint32_t arena_check(struct arena *arena)
{
	uint32_t changed = check_header(&arena->header);

	changed += check_board(&arena->board);
	changed += check_names(&arena->names);
	changed += check_nodes(arena);
	changed += check_handles(arena);
	changed += job_check(&arena->jobs);
	changed += suspect_check(&arena->suspects, arena->board.config.n_backends);
	changed += check_halfway(arena);
	for (uint32_t i = 0; i < EXTENT_MAX; i++)
		changed += check_extent(arena, &arena->owed.extents[i]);
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		changed += check_slot(arena, &arena->slots[i]);
		if (atomic_load(&arena->slots[i].state) != SLOT_FREE && i >= atomic_load(&arena->slots_used))
			atomic_store(&arena->slots_used, i + 1);
	}
	return changed;
}
