#include "fs/xattr.h"
#include "fs/context.h"
#include "fs/guard.h"
#include "fs/node.h"
#include "fs/view.h"

#include <errno.h>
#include <stdio.h>
#include <linux/xattr.h>

#define OWN_PREFIX "user.guardfs."

/* SFTP has none: asking sshfs costs a round trip. Guarded tiers have no ACLs: ownership is presented. */
static bool tier_has_xattr(const struct backend *b, const char *name)
{
	if (!b->board)
		return true;
	return backend_is_plain(b->config->type) &&
	       (!name || strncmp(name, XATTR_SYSTEM_PREFIX, XATTR_SYSTEM_PREFIX_LEN) != 0);
}

/* The kernel asks for the ACL when it checks others' permissions than the owner's. It fails the operation
 * on errors but "none". */
static bool is_acl(const char *name)
{
	return strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS) == 0 ||
	       strcmp(name, XATTR_NAME_POSIX_ACL_DEFAULT) == 0;
}

static void reply_value(fuse_req_t req, const char *value, size_t length, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, length);
	else if (length > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value, length);
}

/* That need a look, at or below it. */
static void reply_suspects(fuse_req_t req, const struct node *node, size_t size)
{
	char path[SUSPECT_PATH_MAX], text[16];

	/* Local files have no name of their own, and are never suspect. */
	if (node->backend == NODE_VIRTUAL || (node->backend == NODE_LOCAL && !S_ISDIR(node->mode)) ||
	    node_path(node_index(node), path, sizeof(path)) < 0) {
		fuse_reply_err(req, ENODATA);
		return;
	}
	snprintf(text, sizeof(text), "%u", suspect_count_below(&fs.arena->suspects, path));
	reply_value(req, text, strlen(text), size);
}

static void reply_own(fuse_req_t req, const struct node *node, const char *name, size_t size)
{
	struct backend *b = node->backend == NODE_VIRTUAL ? &fs.local : fs_backend(node);
	const char *value = NULL;

	if (strcmp(name, OWN_PREFIX "tier") == 0)
		value = node->backend == NODE_VIRTUAL ? "virtual" : b->board ? b->config->name : "local";
	else if (strcmp(name, OWN_PREFIX "state") == 0)
		value = b->board ? health_state_name(board_state(b->board)) : "healthy";
	if (!value)
		fuse_reply_err(req, ENODATA);
	else if (guard_await(req, b))
		reply_value(req, value, strlen(value), size);
}

/* NULL: answered. */
static struct node *xattr_target(fuse_req_t req, fuse_ino_t ino, const char *name, bool change)
{
	struct node *node = node_from_id(ino);
	int err = 0;

	if (!node)
		err = ESTALE;
	else if (change && node->backend == NODE_VIRTUAL)
		err = EROFS;
	else if (node->backend == NODE_VIRTUAL || !tier_has_xattr(fs_backend(node), name))
		err = !change && is_acl(name) ? ENODATA : EOPNOTSUPP;
	else if (change && strncmp(name, OWN_PREFIX, sizeof(OWN_PREFIX) - 1) == 0)
		err = EPERM;
	if (err)
		fuse_reply_err(req, err);
	return err ? NULL : node;
}

void fs_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct node *node = node_from_id(ino);
	struct backend *b;
	ssize_t rc;

	if (node && strcmp(name, OWN_PREFIX "suspects") == 0) {
		reply_suspects(req, node, size);
		return;
	}
	if (node && strncmp(name, OWN_PREFIX, sizeof(OWN_PREFIX) - 1) == 0) {
		reply_own(req, node, name, size);
		return;
	}
	node = xattr_target(req, ino, name, false);
	if (!node)
		return;
	b = fs_backend(node);
	if (!guard_enter(req, b, OP_METADATA, GUARD_NONE, 0))
		return;
	rc = b->ops->getxattr(b, view_object_index(node), name, call.data, MIN(size, (size_t)CALL_DATA_SIZE));
	if (!guard_leave(req, b, &rc))
		return;
	if (rc < 0)
		fs_reply_rc(req, rc);
	else if (size == 0)
		fuse_reply_xattr(req, (size_t)rc);
	else
		fuse_reply_buf(req, (const char *)call.data, (size_t)rc);
}

void fs_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	struct node *node = xattr_target(req, ino, name, true);
	struct backend *b;
	ssize_t rc;

	if (!node)
		return;
	b = fs_backend(node);
	if (!guard_enter(req, b, OP_METADATA, GUARD_MUTATING, guard_target_node(view_object_index(node))))
		return;
	rc = b->ops->setxattr(b, view_object_index(node), name, value, size, flags);
	if (guard_leave(req, b, &rc))
		fs_reply_rc(req, rc);
}

/* Trusted attributes, from the unprivileged. Returns the new length. */
static ssize_t hide_trusted(char *list, ssize_t length)
{
	char *to = list;

	for (char *name = list; name < list + length;) {
		size_t n = strlen(name) + 1;

		if (strncmp(name, XATTR_TRUSTED_PREFIX, XATTR_TRUSTED_PREFIX_LEN) != 0) {
			memmove(to, name, n);
			to += n;
		}
		name += n;
	}
	return to - list;
}

/* In call.data. */
static ssize_t list_names(fuse_req_t req, struct backend *b, struct node *node)
{
	ssize_t n = b->ops->listxattr(b, view_object_index(node), (char *)call.data, CALL_DATA_SIZE);

	return n > 0 && fuse_req_ctx(req)->uid != 0 ? hide_trusted((char *)call.data, n) : n;
}

void fs_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct node *node = node_from_id(ino);
	struct backend *b;
	ssize_t rc;

	if (!node || node->backend == NODE_VIRTUAL || !tier_has_xattr(fs_backend(node), NULL)) {
		if (size == 0)
			fuse_reply_xattr(req, 0);
		else
			fuse_reply_buf(req, NULL, 0);
		return;
	}
	b = fs_backend(node);
	if (!guard_enter(req, b, OP_METADATA, GUARD_NONE, 0))
		return;
	rc = list_names(req, b, node);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc < 0)
		fs_reply_rc(req, rc);
	else
		reply_value(req, (const char *)call.data, (size_t)rc, size);
}

void fs_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct node *node = xattr_target(req, ino, name, true);
	struct backend *b;
	ssize_t rc;

	if (!node)
		return;
	b = fs_backend(node);
	if (!guard_enter(req, b, OP_METADATA, GUARD_MUTATING, guard_target_node(view_object_index(node))))
		return;
	rc = b->ops->removexattr(b, view_object_index(node), name);
	if (guard_leave(req, b, &rc))
		fs_reply_rc(req, rc);
}
