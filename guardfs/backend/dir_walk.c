/* Reaching nodes by name. The path is built again after the walk (tree.h), and walked again if it
 * changed. */
#include "backend/dir.h"
#include "backend/guarded.h"
#include "backend/tree.h"
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
	/* WALK_PATH_MAX bytes. */
	struct tree_path path;
};

static errint_t path_from(const struct backend *b, uint32_t base, uint32_t node, struct tree_path *p)
{
	tree_path_start(p);
	return tree_path_of(b, base, node, p);
}

/* The nearest ancestor with a descriptor of the epoch, pinned into r; else the root. */
static errint_t find_base(struct backend *b, uint32_t node, unsigned pieces, struct walk *w,
			  struct reached *r)
{
	uint32_t n = node;
	size_t length = 0;
	int fd;

	w->base = NODE_NONE;
	while (!tree_is_root(&b->arena->nodes[n])) {
		length += strlen(tree_name(b, &b->arena->nodes[n])) + 1;
		n = tree_parent(&b->arena->nodes[n]);
		if (n >= NODE_MAX || !tree_has(b, &b->arena->nodes[n]))
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

/* Asks no storage: the type was just looked at, and an inode's never changes. */
static errint_t check_fd_type(const struct node *node, int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0)
		return -errno;
	return tree_check_type(node, stx.stx_mode);
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
	bool is = backend_is_plain(b->config->type) && posix_mount_of(fd) != root_mount(b, epoch);

	if (is && !was)
		atomic_fetch_or(&node->flags, NODE_MOUNTED);
	else if (was && !is)
		atomic_fetch_and(&node->flags, (uint8_t)~NODE_MOUNTED);
}

/* *changed: by a rename. A new descriptor or -errno. */
static int walk_once(struct backend *b, uint32_t node, unsigned pieces, struct walk *w, bool *changed)
{
	bool is_dir = tree_is_directory(&b->arena->nodes[node]);
	CLEANUP_REACHED struct reached base = REACHED_NONE;
	struct tree_path again = {.text = walk_text[1], .size = WALK_PATH_MAX};
	errint_t rc = guarded_epoch(b, &w->epoch);
	int fd;

	if (rc == 0)
		rc = find_base(b, node, pieces, w, &base);
	if (rc == 0)
		rc = path_from(b, w->base, node, &w->path);
	if (rc < 0)
		return rc;
	if (w->base == NODE_NONE)
		base = (struct reached){b->arena, NODE_NONE, guarded_hold_root(b, w->epoch), REACHED_OWN};
	if (base.fd < 0)
		return base.fd;
	do
		fd = fd_open_beneath(base.fd, w->path.path, O_PATH | O_NOFOLLOW | (is_dir ? O_DIRECTORY : 0),
				     false);
	while (fd < 0 && nodefd_shed(-fd));
	rc = path_from(b, w->base, node, &again);
	*changed = rc == 0 && strcmp(w->path.path, again.path) != 0;
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
	return rc == -ENOTDIR && tree_is_directory(node) ? tree_gone(node) : rc;
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
	struct walk w = {.path = {.text = walk_text[0], .size = WALK_PATH_MAX}};
	errint_t rc;
	int fd;

	if (pieces > WALK_PIECES)
		return -ELOOP;
	rc = guarded_epoch(b, &w.epoch);
	if (rc == 0 && is_lost(b, node))
		rc = tree_nameless(node);
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
	} else if (tree_is_directory(node)) {
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
	uint32_t parent = tree_place(b, node, name);

	if (tree_is_root(node) || parent >= NODE_MAX)
		return -ESTALE;
	return name[0] ? dir_reach(b, parent, r) : BACKEND_NODE_GONE;
}
