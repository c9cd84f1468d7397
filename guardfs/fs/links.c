#include "fs/links.h"
#include "base/cleanup.h"
#include "fs/context.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/look.h"
#include "fs/node_numbers.h"
#include "fs/others.h"
#include "policy/errclass.h"

#include <errno.h>

/* Somebody may be writing to the file all the while. */
#define COMPARE_TRIES 4

#define NAMES_TRIED 8

static bool is_alike(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       version_is_same(version_of(a), version_of(b));
}

static bool is_as_known(const struct node *node, const struct stat *st)
{
	struct stat known;

	node_recall(node, &known);
	return is_alike(&known, st);
}

static bool is_missing(errint_t rc)
{
	return rc == -ENOENT || rc == BACKEND_NODE_GONE;
}

/* sshfs may show a file as it was before a write. */
static bool may_be_stale(const struct backend *b, uint32_t writes)
{
	return b->config->type == BACKEND_SSHFS &&
	       (guard_writes_ended(b) != writes || guard_is_write_inside(b));
}

/* 0; -ENOENT: it is gone; 1: storage does not show it, as in a directory that is closed to us; -errno of trouble. */
static errint_t find_shown(struct backend *b, const struct link_name *at, struct found *found)
{
	errint_t rc = b->ops->find(b, at->dir, at->name, found);

	if (rc == 0 || is_missing(rc))
		return rc == 0 ? 0 : -ENOENT;
	return errclass_info(errclass_from_errno(-rc))->infrastructure ? rc : 1;
}

/* Two files are seen to be two when one stays as it is while the other is looked at. 1: one file, as far as can be told;
 * 0: two, other's is *there; -ENOENT: other is gone; -errno. */
static errint_t is_one_file(struct backend *b, const struct link_name *at, const struct stat *st,
			    const struct link_name *other, struct stat *there)
{
	struct stat before = *st;

	for (int tries = 0; tries < COMPARE_TRIES; tries++) {
		uint32_t writes = guard_writes_ended(b);
		struct found found = {0}, again = {0};
		errint_t rc = find_shown(b, other, &found);

		*there = found.st;
		if (rc != 0 || is_alike(there, &before))
			return rc < 0 ? rc : 1;
		rc = find_shown(b, at, &again);
		/* The next look at it will tell. */
		if (rc == -ENOENT)
			return 1;
		if (rc != 0 || is_alike(there, &again.st))
			return rc < 0 ? rc : 1;
		if (is_alike(&before, &again.st) && !may_be_stale(b, writes))
			return 0;
		before = again.st;
	}
	return 1;
}

/* Of two files that have names of node's: is the one of `at`, st, open as node's file, and not the other one, there? 1, 0,
 * or -errno of trouble. */
static errint_t is_open_at(struct backend *b, const struct node *node, const struct stat *st,
			   const struct stat *there)
{
	struct handle *h;
	struct stat open;
	errint_t rc = -ESTALE;

	/* sshfs shows of an open file what its name leads to. */
	if (b->config->type != BACKEND_SFTP)
		return look_is_another(b, node, there) && !look_is_another(b, node, st);
	h = handle_find(node_index(node), false);
	if (!h)
		return 0;
	if (atomic_load(&h->epoch) == atomic_load(&b->board->root_epoch))
		rc = b->ops->getattr(b, node_index(node), atomic_load(&h->fd), &open);
	handle_put(h);
	if (rc < 0)
		return rc != -ESTALE && errclass_info(errclass_from_errno(-rc))->infrastructure ? rc : 0;
	return is_alike(&open, st);
}

/* NODE_NONE: none. */
static void find_other(const struct node *node, const struct link_name *at, struct link_name *other,
		       char name[NAME_LENGTH_MAX + 1])
{
	*other = (struct link_name){NODE_NONE, name};
	for (uint32_t n = 0; n < 2; n++)
		if (node_nth_name(node, n, &other->dir, name) &&
		    (other->dir != at->dir || strcmp(name, at->name) != 0))
			return;
	other->dir = NODE_NONE;
}

errint_t links_settle(struct backend *b, struct node *node, const struct link_name *at, const struct stat *st)
{
	char name[NAME_LENGTH_MAX + 1];
	struct link_name other;
	struct stat there;
	errint_t rc = -ENOENT;

	if (node_names(node) == 1 || is_as_known(node, st))
		return 0;
	if (number_is_of_storage(b))
		return node_is_still(node, st) ? 0 : BACKEND_NODE_GONE;
	/* Of a node that shadows another one no name goes away; nobody waits for a late answer. */
	while (rc == -ENOENT && !call_is_late()) {
		find_other(node, at, &other, name);
		if (other.dir == NODE_NONE)
			return 0;
		rc = is_one_file(b, at, st, &other, &there);
		if (rc == 0) {
			rc = is_open_at(b, node, st, &there);
			rc = rc > 0 ? -ENOENT : rc; /* to node */
		}
		if (rc == -ENOENT)
			node_vanished(node, other.dir, other.name);
	}
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	return rc > 0 ? 0 : BACKEND_NODE_GONE;
}

errint_t links_getattr(struct backend *b, struct node *node, struct stat *st)
{
	char name[NAME_LENGTH_MAX + 1];
	struct link_name at = {NODE_NONE, name};
	errint_t rc;

	for (int tries = 0;; tries++) {
		bool has_several = node_names(node) > 1 && node_nth_name(node, 0, &at.dir, name),
		     apart = false;

		rc = b->ops->getattr(b, node_index(node), -1, st);
		if (rc == 0 && has_several) {
			rc = links_settle(b, node, &at, st);
			apart = rc == BACKEND_NODE_GONE;
		}
		if (apart)
			node_vanished(node, at.dir, name);
		else if (!is_missing(rc) || !has_several || !node_try_next_name(node))
			return rc;
		if (tries == NAMES_TRIED || call_is_late())
			return rc;
	}
}

void links_made(struct backend *b, struct node *node, uint32_t dir, const char *name, const struct stat *st)
{
	char own[NAME_LENGTH_MAX + 1];
	struct link_name at = {NODE_NONE, own};
	bool had_one = node_names(node) == 1;

	if (S_ISDIR(st->st_mode) || (node->mode & S_IFMT) != (st->st_mode & S_IFMT) ||
	    !node_is_still(node, st) || !node_nth_name(node, 0, &at.dir, own) || look_is_another(b, node, st))
		return;
	/* The link was made by node's own name. */
	if (links_settle(b, node, &at, st) < 0 || node_link(node, dir, name) < 0)
		return;
	if (had_one)
		others_expire_everywhere(&fs.arena->nodes[at.dir], own);
}
