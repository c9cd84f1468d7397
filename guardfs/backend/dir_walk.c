/* dir_walk.c: reaching nodes by name. Names are read without a lock: the path is built again after the walk,
 * and walked again if it changed. */
#include "backend/dir.h"
#include "base/cleanup.h"
#include "base/fd.h"

#define WALK_PATH_MAX 4096
#define WALK_TRIES    8
#define WALK_PIECES   256 /* a longer chain is damaged, or a loop */

static errint_t reach_piece(struct backend *b, uint32_t node, struct reached *r, unsigned pieces);

/* Not on the stack: a deep tree is reached in nested pieces. */
static _Thread_local char walk_text[2][WALK_PATH_MAX];

/* In one epoch. */
struct walk {
	uint32_t epoch;
	/* NODE_NONE: the backend's root. */
	uint32_t base;
	char *text;
	/* Within text; relative, "": the base itself. */
	char *path;
};

static void path_start(struct walk *w)
{
	w->path = w->text + WALK_PATH_MAX - 1;
	*w->path = '\0';
}

static errint_t path_prepend(struct walk *w, const char *part)
{
	size_t n = strlen(part);
	size_t slash = *w->path != '\0';

	if (n == 0)
		return 0;
	if ((size_t)(w->path - w->text) < n + slash)
		return -ENAMETOOLONG;
	if (slash)
		*--w->path = '/';
	w->path -= n;
	memcpy(w->path, part, n);
	return 0;
}

static uint32_t parent_of(const struct node *node)
{
	return __atomic_load_n(&node->parent, __ATOMIC_RELAXED);
}

static bool is_root(const struct node *node)
{
	return atomic_load_explicit(&node->flags, memory_order_relaxed) & NODE_ROUTE_ROOT;
}

/* A view (fs/view.h) is not. */
static bool is_in_tree(const struct backend *b, const struct node *node)
{
	return node->backend == b->index &&
	       !(atomic_load_explicit(&node->flags, memory_order_relaxed) & NODE_VIEW);
}

static const char *name_of(const struct backend *b, const struct node *node)
{
	if (atomic_load_explicit(&node->flags, memory_order_relaxed) & NODE_UNLINKED)
		return "";
	return name_get(&b->arena->names, __atomic_load_n(&node->name, __ATOMIC_ACQUIRE));
}

static bool is_directory(const struct node *node)
{
	return S_ISDIR(__atomic_load_n(&node->mode, __ATOMIC_RELAXED));
}

/* The root is configured: without it the backend is down. */
static errint_t gone(const struct node *node)
{
	return is_root(node) ? -ESTALE : BACKEND_NODE_GONE;
}

/* A removed directory is empty and takes nothing. */
errint_t dir_nameless(const struct node *node)
{
	return is_directory(node) && !is_root(node) ? -ENOENT : gone(node);
}

errint_t dir_check_type(const struct node *node, mode_t mode)
{
	return posix_check_type(node, mode) < 0 ? gone(node) : 0;
}

/* NODE_NONE: the backend's root. */
static errint_t path_from(const struct backend *b, uint32_t base, uint32_t node, struct walk *w)
{
	const struct node *whole = &b->arena->nodes[node];

	path_start(w);
	while (node != base) {
		const struct node *n;
		const char *name;
		errint_t rc;

		if (node >= NODE_MAX)
			return -ESTALE;
		n = &b->arena->nodes[node];
		if (!is_in_tree(b, n))
			return -ESTALE;
		if (is_root(n))
			return base == NODE_NONE ? 0 : -ESTALE;
		name = name_of(b, n);
		rc = name[0] ? path_prepend(w, name) : dir_nameless(whole);
		if (rc < 0)
			return rc;
		node = parent_of(n);
	}
	return 0;
}

/* The nearest ancestor with a descriptor of the epoch, pinned into r; else the root. */
static errint_t find_base(struct backend *b, uint32_t node, unsigned pieces, struct walk *w,
			  struct reached *r)
{
	uint32_t n = node;
	size_t length = 0;
	int fd;

	w->base = NODE_NONE;
	while (!is_root(&b->arena->nodes[n])) {
		length += strlen(name_of(b, &b->arena->nodes[n])) + 1;
		n = parent_of(&b->arena->nodes[n]);
		if (n >= NODE_MAX || !is_in_tree(b, &b->arena->nodes[n]))
			return -ESTALE;
		fd = nodefd_pin(b->arena, n, w->epoch);
		if (fd >= 0) {
			w->base = n;
			*r = (struct reached){b->arena, n, fd, REACHED_PINNED};
			return 0;
		}
		if (length > WALK_PATH_MAX / 2) {
			w->base = n;
			return reach_piece(b, n, r, pieces + 1);
		}
	}
	return 0;
}

/* -ENOTCONN: there is no root of the breaker's epoch. */
static errint_t present_epoch(const struct backend *b, uint32_t *epoch)
{
	*epoch = atomic_load(&b->board->root_epoch);
	if (atomic_load(&b->board->root_fd) < 0 || breaker_epoch(atomic_load(&b->board->breaker)) != *epoch)
		return -ENOTCONN;
	return 0;
}

/* Duplicates that epoch's root, which may be closed and its number reused at any moment: it must be unchanged
 * afterwards. */
static int hold_root(const struct backend *b, uint32_t epoch)
{
	int root = atomic_load(&b->board->root_fd);
	int fd;

	if (root < 0)
		return -ENOTCONN;
	do
		fd = dup(root);
	while (fd < 0 && nodefd_shed(errno));
	/* No trouble of the backend. */
	if (fd < 0 && errno != EBADF)
		return -errno;
	if (fd >= 0 && atomic_load(&b->board->root_fd) == root && atomic_load(&b->board->root_epoch) == epoch)
		return fd;
	if (fd >= 0)
		close(fd);
	return -ENOTCONN;
}

/* An inode's type never changes, so storage need not be asked. */
static errint_t check_fd_type(const struct node *node, int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0)
		return -errno;
	return dir_check_type(node, stx.stx_mode);
}

/* Nothing is mounted within our own sshfs. */
static uint32_t root_mount(const struct backend *b, uint32_t epoch)
{
	struct dir *d = b->state;
	uint64_t known = atomic_load_explicit(&d->root_mount, memory_order_relaxed);

	if (known >> 32 != epoch) {
		known = (uint64_t)epoch << 32 | posix_mount_of(atomic_load(&b->board->root_fd));
		atomic_store_explicit(&d->root_mount, known, memory_order_relaxed);
	}
	return (uint32_t)known;
}

/* For a directory about to be cached. */
static void note_mount(const struct backend *b, struct node *node, uint32_t epoch, int fd)
{
	bool was = atomic_load_explicit(&node->flags, memory_order_relaxed) & NODE_MOUNTED;
	bool is = b->config->type == BACKEND_DIR && posix_mount_of(fd) != root_mount(b, epoch);

	if (is && !was)
		atomic_fetch_or(&node->flags, NODE_MOUNTED);
	else if (was && !is)
		atomic_fetch_and(&node->flags, (uint8_t)~NODE_MOUNTED);
}

/* *changed: by a rename. A new descriptor or -errno. */
static int walk_once(struct backend *b, uint32_t node, unsigned pieces, struct walk *w, bool *changed)
{
	bool is_dir = is_directory(&b->arena->nodes[node]);
	CLEANUP_REACHED struct reached base = REACHED_NONE;
	struct walk again = {.text = walk_text[1]};
	errint_t rc = present_epoch(b, &w->epoch);
	int fd;

	if (rc == 0)
		rc = find_base(b, node, pieces, w, &base);
	if (rc == 0)
		rc = path_from(b, w->base, node, w);
	if (rc < 0)
		return rc;
	if (w->base == NODE_NONE)
		base = (struct reached){b->arena, NODE_NONE, hold_root(b, w->epoch), REACHED_OWN};
	if (base.fd < 0)
		return base.fd;
	do
		fd = fd_open_beneath(base.fd, w->path, O_PATH | O_NOFOLLOW | (is_dir ? O_DIRECTORY : 0),
				     false);
	while (fd < 0 && nodefd_shed(-fd));
	rc = path_from(b, w->base, node, &again);
	*changed = rc == 0 && strcmp(w->path, again.path) != 0;
	return fd;
}

static int walk(struct backend *b, uint32_t node, unsigned pieces, struct walk *w)
{
	for (int tries = 0;; tries++) {
		bool changed = false;
		int fd = walk_once(b, node, pieces, w, &changed);

		if (!changed)
			return fd;
		if (fd >= 0)
			close(fd);
		if (tries == WALK_TRIES)
			return -EIO;
	}
}

/* O_DIRECTORY reports a replaced directory first. */
static errint_t walk_error(const struct node *node, errint_t rc)
{
	return rc == -ENOTDIR && is_directory(node) ? gone(node) : rc;
}

/* sshfs cannot reach a nameless object, not even by descriptor. */
static bool is_lost(const struct backend *b, const struct node *node)
{
	return b->config->type == BACKEND_SSHFS &&
	       atomic_load_explicit(&node->flags, memory_order_relaxed) & NODE_UNLINKED;
}

static errint_t reach_piece(struct backend *b, uint32_t index, struct reached *r, unsigned pieces)
{
	struct node *node = &b->arena->nodes[index];
	struct walk w = {.text = walk_text[0]};
	errint_t rc;
	int fd;

	if (pieces > WALK_PIECES)
		return -ELOOP;
	rc = present_epoch(b, &w.epoch);
	if (rc == 0 && is_lost(b, node))
		rc = dir_nameless(node);
	if (rc < 0)
		return rc;
	fd = nodefd_pin(b->arena, index, w.epoch);
	if (fd >= 0) {
		*r = (struct reached){b->arena, index, fd, REACHED_PINNED};
		return 0;
	}
	fd = walk(b, index, pieces, &w);
	if (fd < 0)
		return walk_error(node, fd);
	rc = check_fd_type(node, fd);
	if (rc < 0) {
		close(fd);
	} else if (is_directory(node)) {
		note_mount(b, node, w.epoch, fd);
		posix_keep(b, index, w.epoch, fd, r);
	} else {
		*r = (struct reached){b->arena, index, fd, REACHED_OWN};
	}
	return rc;
}

errint_t dir_reach(struct backend *b, uint32_t index, struct reached *r)
{
	return reach_piece(b, index, r, 0);
}

errint_t dir_reach_parent(struct backend *b, uint32_t index, struct reached *r, char *name)
{
	const struct node *node = &b->arena->nodes[index];
	uint32_t parent, ref;

	/* Of one moment: a rename changes both, and frees the old name's bytes. */
	do {
		parent = parent_of(node);
		ref = __atomic_load_n(&node->name, __ATOMIC_ACQUIRE);
		strncpy(name, name_of(b, node), NAME_LENGTH_MAX + 1);
		name[NAME_LENGTH_MAX] = '\0';
		atomic_thread_fence(memory_order_acquire);
	} while (parent != parent_of(node) || ref != __atomic_load_n(&node->name, __ATOMIC_RELAXED));
	if (is_root(node) || parent >= NODE_MAX)
		return -ESTALE;
	return name[0] ? dir_reach(b, parent, r) : BACKEND_NODE_GONE;
}
