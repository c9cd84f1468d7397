#include "fs/entry.h"
#include "base/clock.h"
#include "fs/context.h"
#include "fs/grant.h"
#include "fs/guard.h"
#include "fs/look.h"
#include "fs/node.h"
#include "fs/view.h"
#include "fs/virtual.h"

#include <errno.h>

void entry_virtual_stat(const struct node *node, struct stat *st)
{
	const struct virtual_file *file = virtual_get((unsigned)node->ino);
	uint64_t started = atomic_load(&fs.board->started_real_ns);

	*st = (struct stat){.st_ino = 1ull << 61 | node->ino,
			    .st_mode = file ? file->mode : S_IFREG,
			    .st_nlink = file && S_ISDIR(file->mode) ? 2 : 1,
			    .st_blksize = 4096};
	st->st_mtim.tv_sec = (time_t)(started / NSEC_PER_SEC);
	st->st_ctim = st->st_atim = st->st_mtim;
}

/* docs/INTERNALS.md, "Tiers", has the reason. */
#define ROUTE_ROOT_SECONDS 0.02

double entry_seconds(const struct node *node)
{
	double seconds;

	if (node->backend == NODE_VIRTUAL)
		return 0;
	seconds = fs_cache_seconds(fs_backend(node));
	return node->flags & NODE_ROUTE_ROOT ? MIN(seconds, ROUTE_ROOT_SECONDS) : seconds;
}

/* GETATTR and OPEN also tell whether a file exists (docs/INTERNALS.md, "Made again"). */
#define REMOTE_NAME_SECONDS 10.0

/* A route's root may show another directory a moment later. */
static bool is_below_target(const struct node *node)
{
	const struct node *object =
	    node->flags & NODE_VIEW ? &fs.arena->nodes[node_object_index(node)] : node;
	uint32_t parent = __atomic_load_n(&object->parent, __ATOMIC_RELAXED);

	return parent < NODE_MAX && fs.arena->nodes[parent].flags & (NODE_TARGET | NODE_ROUTE_ROOT);
}

static double name_seconds(const struct node *node)
{
	const struct backend *b = fs_backend(node);
	double seconds = entry_seconds(node);

	/* Each name is to be asked for before the file is opened by it (docs/INTERNALS.md, "Several names"). */
	if (node_names(node) > 1)
		return 0;
	if (!b->board || !backend_has_carrier(b->config->type) || node->flags & NODE_ROUTE_ROOT ||
	    seconds == 0 || is_below_target(node))
		return seconds;
	return REMOTE_NAME_SECONDS;
}

/* A route root's attributes come from memory, and are never cached: the next GETATTR asks the backend. */
void entry_fill(struct fuse_entry_param *e, struct node *node, const struct stat *st)
{
	double seconds = entry_seconds(node);

	*e = (struct fuse_entry_param){.ino = node_id(node, node_index(node)),
				       .generation = node->generation,
				       .attr = *st,
				       .attr_timeout = node->flags & NODE_ROUTE_ROOT ? 0 : seconds,
				       .entry_timeout =
					   node->backend == NODE_VIRTUAL ? 0 : name_seconds(node)};
	if (node->backend != NODE_VIRTUAL)
		view_present(node, &e->attr);
}

void entry_fill_aged(struct fuse_entry_param *e, struct node *node, const struct stat *st, double age_s)
{
	entry_fill(e, node, st);
	e->attr_timeout = MAX(e->attr_timeout - age_s, 0.0);
	e->entry_timeout = MAX(e->entry_timeout - age_s, 0.0);
}

int entry_reply_aged(fuse_req_t req, struct node *node, const struct stat *st, double age_s)
{
	struct fuse_entry_param e;
	int sent;

	if (!node)
		return fuse_reply_err(req, ENFILE);
	entry_fill_aged(&e, node, st, age_s);
	sent = fuse_reply_entry(req, &e);
	if (sent != -ENOENT)
		return sent;
	if (call.slot && atomic_load(&call.slot->n_granted))
		grant_take_back();
	else
		node_forget(node, 1); /* a route's root or virtual */
	return sent;
}

int entry_reply(fuse_req_t req, struct node *node, const struct stat *st)
{
	return entry_reply_aged(req, node, st, 0);
}

static void tell_kernel(struct node *node, struct stat *st)
{
	if (call.flags & GUARD_MUTATING)
		look_tell_change(node, st);
	else
		look_tell(fs_backend(node), node, 0, st);
}

struct node *entry_intern(struct node *parent, const char *name, struct found *found)
{
	struct node *node;
	int fd;

	if (parent->backend != NODE_LOCAL) {
		node = view_intern(parent, name, &found->st);
		if (node)
			grant_add(node);
		if (node && S_ISREG(found->st.st_mode))
			tell_kernel(node, &found->st);
		return node;
	}
	node = node_intern_local(node_index(parent), name, found, true);
	if (node)
		grant_add(node);
	if (node && !found->fh_length) {
		fd = backend_found_fd();
		if (fd >= 0)
			nodefd_offer(fs.arena, node_index(node), 0, fd);
	}
	return node;
}
