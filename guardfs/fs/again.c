#include "fs/again.h"
#include "fs/context.h"
#include "fs/node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

bool again_is_running(void)
{
	return call.slot && (call.slot->replays > 0 || call.slot->reruns > 0);
}

void again_note(const struct backend *b)
{
	if (b->board)
		board_count(b->board, COUNT_MADE_BEFORE, 1);
}

errint_t again_removed(const struct backend *b, errint_t rc)
{
	if (rc != -ENOENT || !again_is_running())
		return rc;
	again_note(b);
	return 0;
}

static bool is_dot(const char *name, size_t length)
{
	return (length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.');
}

static bool note_entry(void *arg, const char *name, size_t length, uint64_t ino, unsigned type, int64_t next,
		       const struct stat *st)
{
	bool *empty = arg;

	(void)ino, (void)type, (void)next, (void)st;
	*empty = is_dot(name, length);
	return *empty;
}

/* 1, 0, or -errno. */
static errint_t is_empty_directory(struct backend *b, uint32_t node)
{
	bool empty = true;
	int ref = -1;
	errint_t rc = b->ops->opendir(b, node, &ref);

	if (rc < 0)
		return rc;
	rc = b->ops->readdir(b, ref, 0, note_entry, &empty);
	b->ops->release(b, ref);
	return rc < 0 ? rc : empty;
}

/* sshfs does not read links that lead out of the mount: the length decides. */
static errint_t is_link_to(struct backend *b, uint32_t node, const struct stat *st, const char *target)
{
	char text[PATH_MAX];
	ssize_t n = b->ops->readlink(b, node, text, sizeof(text));
	size_t length = strlen(target);

	if (n < 0 && errclass_info(errclass_from_errno((int)-n))->infrastructure)
		return (errint_t)n;
	if (n < 0)
		return (size_t)st->st_size == length;
	return (size_t)n == length && memcmp(text, target, length) == 0;
}

static errint_t is_same_file(struct backend *b, uint32_t node, const struct stat *st)
{
	struct stat known;
	errint_t rc = b->ops->getattr(b, node, -1, &known);

	if (rc < 0)
		return rc;
	if (!b->board)
		return known.st_dev == st->st_dev && known.st_ino == st->st_ino;
	return node_is_still(&fs.arena->nodes[node], st) &&
	       (known.st_mode & S_IFMT) == (st->st_mode & S_IFMT) && known.st_size == st->st_size &&
	       known.st_mtim.tv_sec == st->st_mtim.tv_sec;
}

static errint_t is_what_was_wanted(struct backend *b, uint32_t node, const struct make_args *what,
				   const struct stat *st)
{
	if (what->what == MAKE_LINK)
		return is_same_file(b, what->node, st);
	if (what->what == MAKE_SYMLINK)
		return S_ISLNK(st->st_mode) ? is_link_to(b, node, st, what->target) : 0;
	if (what->what == MAKE_DIR)
		return S_ISDIR(st->st_mode) ? is_empty_directory(b, node) : 0;
	if ((what->mode & S_IFMT ? what->mode & S_IFMT : S_IFREG) != (st->st_mode & S_IFMT))
		return 0;
	return S_ISREG(st->st_mode) ? st->st_size == 0 : st->st_rdev == what->rdev;
}

/* A backend sets the owner after making an object (backend/dir.c): the first run may have missed it.
 * Failure is no error. */
static void give_to_caller(struct backend *b, uint32_t parent, uint32_t node, const struct caller *c,
			   struct found *found)
{
	struct stat want = {.st_uid = c->uid, .st_gid = c->gid}, st;
	unsigned set = SET_UID | SET_GID;

	if (!b->board || !backend_is_plain(b->config->type) || b->config->present_owner ||
	    found->st.st_uid == c->uid)
		return;
	if (b->ops->getattr(b, parent, -1, &st) == 0 && st.st_mode & S_ISGID)
		set = SET_UID; /* the group is inherited */
	if (b->ops->setattr(b, node, -1, &want, set, &st) == 0)
		found->st = st;
}

/* For a visit, until node_forget. */
static struct node *node_to_visit(const struct backend *b, uint32_t parent, const char *name,
				  const struct found *found)
{
	return b->board ? node_intern_guarded(b, parent, name, &found->st, NODE_LOOKED_UP)
			: node_intern_local(parent, name, found, true);
}

errint_t again_made(struct backend *b, uint32_t parent, const char *name, const struct make_args *what,
		    const struct caller *c, struct found *found, errint_t rc)
{
	struct node *node;
	errint_t same;

	if (rc != -EEXIST || !again_is_running())
		return rc;
	same = b->ops->lookup(b, parent, name, found);
	node = same == 0 ? node_to_visit(b, parent, name, found) : NULL;
	if (!node)
		return same < 0 ? same : -ENOMEM;
	same = is_what_was_wanted(b, node_index(node), what, &found->st);
	if (same > 0 && what->what != MAKE_LINK)
		give_to_caller(b, parent, node_index(node), c, found);
	node_forget(node, 1);
	if (same > 0)
		again_note(b);
	return same < 0 ? same : same > 0 ? 0 : rc;
}

errint_t again_created(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
		       const struct caller *c, struct found *found, int *ref, errint_t rc)
{
	struct node *node;

	if (rc != -EEXIST || !again_is_running())
		return rc;
	rc = b->ops->create(b, parent, name, flags & ~O_EXCL, mode, c, found, ref);
	if (rc < 0)
		return rc == -EACCES ? -EIO : rc; /* made, but not to be opened: nobody can tell */
	if (found->st.st_size != 0) {
		b->ops->release(b, *ref);
		*ref = -1;
		return -EEXIST;
	}
	again_note(b);
	node = node_to_visit(b, parent, name, found);
	if (node) {
		give_to_caller(b, parent, node_index(node), c, found);
		node_forget(node, 1);
	}
	return 0;
}
