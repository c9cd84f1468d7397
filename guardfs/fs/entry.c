/* entry.c: LOOKUP and FORGET. Where a name leads: virtual tree, route, pattern, local tier, guarded tier. */
#include "fs/entry.h"
#include "base/clock.h"
#include "fs/call.h"
#include "fs/grant.h"
#include "fs/guard.h"
#include "fs/node.h"
#include "fs/tiers.h"
#include "fs/virtual.h"
#include "fs/wire.h"

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

/* Every path into a route leads through its root: asking each time doubles or triples the requests. So short,
 * who asks when the breaker has opened cannot tell the difference from having asked just before. */
#define ROUTE_ROOT_SECONDS 0.02

double entry_seconds(const struct node *node)
{
	double seconds;

	if (node->backend == NODE_VIRTUAL)
		return 0;
	seconds = fs_cache_seconds(fs_backend(node));
	return node->flags & NODE_ROUTE_ROOT ? MIN(seconds, ROUTE_ROOT_SECONDS) : seconds;
}

/* The attributes of a route root come from memory here, whatever state its backend is in: they are never
 * cached, so that GETATTR follows, which asks the backend. */
void entry_fill(struct fuse_entry_param *e, const struct node *node, const struct stat *st)
{
	double seconds = entry_seconds(node);

	*e = (struct fuse_entry_param){.ino = node_id(node, node_index(node)),
				       .generation = node->generation,
				       .attr = *st,
				       .attr_timeout = node->flags & NODE_ROUTE_ROOT ? 0 : seconds,
				       .entry_timeout = seconds};
	if (node->backend != NODE_VIRTUAL)
		node_present(node, &e->attr);
}

int entry_reply(fuse_req_t req, struct node *node, const struct stat *st)
{
	struct fuse_entry_param e;
	int sent;

	if (!node)
		return fuse_reply_err(req, ENOMEM);
	entry_fill(&e, node, st);
	sent = fuse_reply_entry(req, &e);
	if (sent != -ENOENT)
		return sent;
	if (call.slot && atomic_load(&call.slot->n_granted))
		grant_take_back();
	else
		node_forget(node, 1); /* a route's root or a virtual file */
	return sent;
}

struct node *entry_intern(const struct backend *b, uint32_t parent, const char *name,
			  const struct found *found)
{
	struct node *node;
	int fd;

	if (b->board) {
		node = node_intern_guarded(b, parent, name, &found->st, 0, true);
		if (node) {
			grant_add(node);
			node_remember(node, &found->st);
		}
		return node;
	}
	node = node_intern_local(parent, name, found, true);
	if (node)
		grant_add(node);
	if (node && !found->fh_length) {
		fd = backend_found_fd();
		if (fd >= 0)
			nodefd_offer(fs.arena, node_index(node), 0, fd);
	}
	return node;
}

/* The answer from memory: with zero cache times, so that the kernel keeps the dentry, and everything it then
 * asks is asked again. */
static void recall_entry(struct fuse_entry_param *e, struct node *node)
{
	struct stat st;

	node_recall(node, &st);
	entry_fill(e, node, &st);
	e->entry_timeout = e->attr_timeout = 0;
}

/* The node that a slot's fallback promises to the kernel, with the lookup counted for it; NULL: none. */
static struct node *promised(const struct slot *slot)
{
	return slot->fallback_length ? node_from_id(wire_entry_node(slot->fallback)) : NULL;
}

void entry_forget_promised(struct slot *slot)
{
	struct node *node = promised(slot);

	if (node)
		node_forget(node, 1);
}

/* Promises the node that the kernel may hold under this name, if there is one. */
static struct node *promise(struct slot *slot, uint32_t parent, const char *name)
{
	struct node *known = node_find_guarded(parent, name, true);
	struct fuse_entry_param e;

	if (!known)
		return NULL;
	recall_entry(&e, known);
	slot->fallback_length =
	    (uint32_t)wire_entry_reply(slot->fallback, SLOT_FALLBACK_MAX, call.unique, &e);
	return known;
}

/* The answer from memory, which spends the promise: whoever gives it, guardian or we. */
static void reply_recalled(fuse_req_t req, struct node *known)
{
	struct fuse_entry_param e;

	recall_entry(&e, known);
	call.slot->spent = 1;
	fuse_reply_entry(req, &e);
}

/* Is a route's target not there at all? Then its names are not missing: nobody can say. */
static bool target_is_missing(struct backend *b, uint32_t node)
{
	struct stat st;

	return fs.arena->nodes[node].flags & NODE_ROUTE_ROOT && b->ops->getattr(b, node, -1, &st) == -ENOENT;
}

/* LOOKUP on a guarded tier. A node that the kernel holds is answered for even when the backend is not:
 * failing here would make the kernel drop the dentry, and with it every mount and working directory below.
 * `known` carries one lookup, for that answer. If our own answer finds nobody waiting, guardian has given
 * it, and the lookup belongs to the kernel. */
static void lookup_guarded(fuse_req_t req, struct backend *b, uint32_t parent, const char *name)
{
	struct slot *slot = call.slot;
	/* Run again (it was parked, or its worker died), it has its promise already. */
	struct node *known = slot->fallback_length ? promised(slot) : promise(slot, parent, name), *node;
	struct found found;
	int sent;
	ssize_t rc;

	switch (guard_try(req, b, OP_METADATA, known ? GUARD_BY_NAME : GUARD_NONE, 0)) {
	case GUARD_GO:
		break;
	case GUARD_DOWN:
		if (known)
			reply_recalled(req, known);
		else
			fuse_reply_err(req, fs.config->error);
		return;
	case GUARD_GONE:
		return;
	}
	rc = b->ops->lookup(b, parent, name, &found);
	if (rc == -ENOENT && target_is_missing(b, parent))
		rc = -EIO;
	bool infrastructure = rc < 0 && errclass_info(errclass_from_errno((int)-rc))->infrastructure;

	if (!guard_leave(req, b, &rc))
		return;
	if (infrastructure && known) {
		reply_recalled(req, known);
		return;
	}
	if (rc < 0) {
		/* What storage said may be old by now: who came after us may have made the name anew. */
		if (rc == -ENOENT && known && !call_answered())
			node_vanished(known, parent, name);
		sent = fuse_reply_err(req, (int)-rc);
	} else {
		node = entry_intern(b, parent, name, &found);
		sent = entry_reply(req, node, &found.st);
	}
	if (known && sent != -ENOENT)
		node_forget(known, 1);
}

static void lookup_local(fuse_req_t req, uint32_t parent, const char *name)
{
	struct found found;
	errint_t rc = fs.local.ops->lookup(&fs.local, parent, name, &found);

	if (rc < 0)
		fs_reply_rc(req, rc);
	else
		entry_reply(req, entry_intern(&fs.local, parent, name, &found), &found.st);
}

static void reply_route_root(fuse_req_t req, uint32_t parent, const char *name, const struct route *route)
{
	struct node *node = tiers_root_node(parent, name, route, true);
	struct stat st = {0};

	if (node)
		node_recall(node, &st);
	entry_reply(req, node, &st);
}

/* A name that a pattern would route: it lives on the backend if the backend has it, else here if it is here.
 * While the backend is down nobody can say, and a guess might put a guarded path on the local disk. */
static void lookup_pattern(fuse_req_t req, uint32_t parent, const char *name, const struct route *route)
{
	struct backend *b = &fs.guarded[route->backend];
	struct node *node = tiers_root_node(parent, name, route, true);
	struct stat st;
	ssize_t rc;

	if (!node) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (!guard_enter(req, b, OP_METADATA, GUARD_NONE, 0)) {
		node_forget(node, 1);
		return;
	}
	rc = b->ops->getattr(b, node_index(node), -1, &st);
	if (!guard_leave(req, b, &rc)) {
		node_forget(node, 1);
		return;
	}
	if (rc == 0 && S_ISDIR(st.st_mode)) {
		rc = tiers_add(route);
		if (rc == 0) {
			node_remember(node, &st);
			entry_reply(req, node, &st);
			return;
		}
	}
	node_forget(node, 1);
	if (rc == 0 || rc == -ENOENT || rc == -ENOTDIR)
		lookup_local(req, parent, name);
	else
		fs_reply_rc(req, rc);
}

static void lookup_virtual(fuse_req_t req, struct node *dir, const char *name)
{
	struct stat st;
	struct node *node;
	int id;

	if (dir->ino == VIRTUAL_BACKENDS) {
		int i = config_find_backend(fs.config, name);

		if (i < 0) {
			fuse_reply_err(req, ENOENT);
			return;
		}
		reply_route_root(req, node_index(dir), name, &(struct route){.backend = (uint8_t)i});
		return;
	}
	id = virtual_lookup((unsigned)dir->ino, name);
	if (id < 0) {
		fuse_reply_err(req, -id);
		return;
	}
	node = node_intern_virtual((unsigned)id, true);
	if (node)
		entry_virtual_stat(node, &st);
	entry_reply(req, node, &st);
}

void fs_lookup(fuse_req_t req, fuse_ino_t parent_id, const char *name)
{
	struct node *parent = node_from_id(parent_id);
	struct route route;
	uint32_t p;

	if (!parent) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	p = node_index(parent);
	if (parent->backend == NODE_VIRTUAL) {
		lookup_virtual(req, parent, name);
	} else if (parent->backend != NODE_LOCAL) {
		lookup_guarded(req, fs_backend(parent), p, name);
	} else if (p == 0 && strcmp(name, VIRTUAL_DIR_NAME) == 0) {
		struct stat st;
		struct node *node = node_intern_virtual(VIRTUAL_DIR, true);

		if (node)
			entry_virtual_stat(node, &st);
		entry_reply(req, node, &st);
	} else if (!tiers_concern(p)) {
		lookup_local(req, p, name);
	} else if (tiers_route_at(p, name, &route)) {
		reply_route_root(req, p, name, &route);
	} else if (tiers_pattern_at(p, name, &route)) {
		lookup_pattern(req, p, name, &route);
	} else {
		lookup_local(req, p, name);
	}
}

void fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	struct node *node = node_from_id(ino);

	if (node)
		node_forget(node, nlookup);
	fuse_reply_none(req);
}

void fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++) {
		struct node *node = node_from_id(forgets[i].ino);

		if (node)
			node_forget(node, forgets[i].nlookup);
	}
	fuse_reply_none(req);
}
