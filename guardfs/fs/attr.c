/* GETATTR, SETATTR, READLINK, STATFS. */
#include "fs/attr.h"
#include "fs/behind.h"
#include "fs/context.h"
#include "fs/dirs.h"
#include "fs/draft.h"
#include "fs/entry.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/links.h"
#include "fs/listed.h"
#include "fs/look.h"
#include "fs/node.h"
#include "fs/others.h"
#include "fs/publish_last.h"
#include "fs/statefiles.h"
#include "fs/view.h"
#include "fs/wire.h"
#include "fs/writer.h"
#include "policy/server.h"
#include "policy/symlink.h"

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <limits.h>
#include <unistd.h>

static void reply_attr(fuse_req_t req, struct node *node, struct stat *st, double seconds)
{
	view_present(node, st);
	fuse_reply_attr(req, st, MIN(seconds, entry_seconds(node)));
}

/* A nameless file, or one whose handle storage refuses, is reached through an open file. */
static struct handle *nameless_handle(const struct node *node, ssize_t rc)
{
	if (rc != -ESTALE && rc != -ENOENT && rc != BACKEND_NODE_GONE)
		return NULL;
	return handle_find(node_index(node), false);
}

static ssize_t getattr_open(struct backend *b, struct handle *h, struct stat *st)
{
	const struct node *node = &fs.arena->nodes[h->node];
	struct look_question question;
	ssize_t rc;

	if (!b->board)
		return b->ops->getattr(b, h->node, atomic_load(&h->fd), st);
	question = look_ask(node);
	look_enter(node);
	rc = b->ops->getattr(b, h->node, atomic_load(&h->fd), st);
	look_leave(node);
	if (rc < 0)
		return rc;
	if (h->unlinked == HANDLE_NAMED)
		look_answered(node, st, &question);
	look_at_own(b, h, st);
	return 0;
}

/* Unless known to be another file. */
static ssize_t getattr_named(struct backend *b, const struct node *node, struct stat *st)
{
	bool is_dir = S_ISDIR(node->mode);
	struct dirs_question question = {.dir = NODE_NONE};
	ssize_t rc = b->board ? publish_last_await(b, node_index(node), false) : 0;

	if (rc < 0)
		return rc;
	/* A file must not take a directory's place there. */
	if (is_dir)
		question = dirs_ask(b, node_index(node), dirs_now(b));
	if (b->board)
		look_enter(node);
	rc = links_getattr(b, &fs.arena->nodes[node_index(node)], st);
	if (b->board)
		look_leave(node);
	if (rc == 0 && is_dir)
		dirs_answered(b, &question, st, dirs_now(b));
	if (rc < 0 || !b->board || !S_ISREG(st->st_mode))
		return rc;
	if (!node_is_still(node, st))
		return BACKEND_NODE_GONE;
	if (look_is_another(b, node, st))
		node_recall(node, st);
	return 0;
}

static ssize_t getattr_stray(struct backend *b, const struct node *node, struct stat *st, ssize_t otherwise)
{
	struct handle *h = handle_find(node_index(node), true);
	ssize_t rc = otherwise;

	if (!h)
		return rc;
	if (handle_ensure(b, h) == 0)
		rc = getattr_open(b, h, st);
	handle_put(h);
	return rc;
}

/* A caller by name finds the present file, or has just opened the lost one. */
static ssize_t getattr_by_name(struct backend *b, const struct node *node, struct stat *st)
{
	ssize_t rc = getattr_named(b, node, st), named = rc;
	struct handle *h = nameless_handle(node, rc);

	if (h) {
		rc = handle_ensure(b, h);
		if (rc == 0)
			rc = getattr_open(b, h, st);
		handle_put(h);
	}
	if (named == BACKEND_NODE_GONE && (rc == named || rc == GUARD_POISONED))
		rc = getattr_stray(b, node, st, named);
	return rc;
}

static bool is_open_otherwise(const struct node *node)
{
	struct handle *h = handle_find(node_index(node), false);

	if (h)
		handle_put(h);
	return h != NULL;
}

static ssize_t getattr_node(struct backend *b, const struct node *node, struct handle *h, struct stat *st)
{
	/* The kernel takes the answer for the node's. */
	bool own = h && h->kind == HANDLE_FILE && !draft_is(h) &&
		   !(h->unlinked == HANDLE_STRAY && is_open_otherwise(node));
	errint_t rc = own ? handle_ensure(b, h) : -EBADF;
	ssize_t named;

	if (rc == 0)
		return getattr_open(b, h, st);
	named = getattr_by_name(b, node, st);
	return rc == GUARD_POISONED && named < 0 ? rc : named;
}

/* A removed working directory: empty, without a name. */
static bool recall_removed(const struct node *object, struct stat *st)
{
	if (!S_ISDIR(object->mode) || !(object->flags & NODE_UNLINKED))
		return false;
	node_recall(object, st);
	st->st_nlink = 0;
	return true;
}

/* NULL: by name. */
static bool is_own(const struct node *node, const struct handle *h)
{
	return !h || (h->kind == HANDLE_FILE && h->unlinked == HANDLE_NAMED && h->node == node_index(node));
}

/* From its directory's listing, unless it is open: for how many seconds the kernel may keep it. */
static double recall_listed(const struct backend *b, const struct node *object, struct stat *st)
{
	double age_s;

	if (!listed_find_node(b, object, st, &age_s) || is_open_otherwise(object) ||
	    (st->st_mode & S_IFMT) != (object->mode & S_IFMT))
		return 0;
	return fs_cache_seconds(b) - age_s;
}

/* From memory: for how many seconds the kernel may keep it. h: NULL, or asked for through it. */
static double recall_attr(const struct backend *b, const struct node *object, const struct handle *h,
			  struct stat *st)
{
	double seconds = 0;

	/* It has no links any more. */
	if (object->flags & NODE_UNLINKED)
		return 0;
	if (S_ISDIR(object->mode))
		seconds = dirs_recall(b, node_index(object), st, dirs_now(b));
	else if (b->board && is_own(object, h))
		seconds = look_recall(b, object, st);
	return seconds > 0 || h ? seconds : recall_listed(b, object, st);
}

/* lseek(2) to the end of a file that is being written: where what was written ends, for as long as its size on storage
 * may be remembered. All other attributes are asked for again. True: answered. */
static bool reply_end(fuse_req_t req, const struct backend *b, struct node *node, const struct node *object,
		      uint64_t fh)
{
	struct handle *h = handle_get(fh);
	struct timespec atime;
	struct stat st;
	uint64_t end;
	bool known = h && h->kind == HANDLE_FILE && is_own(object, h) && (h->flags & O_ACCMODE) != O_RDONLY &&
		     !(h->flags & O_APPEND) && !atomic_load(&h->error) && guard_takes_writes(b) &&
		     look_is_fresh(b, object, &atime) && behind_end(node_index(object), &end);

	if (h)
		handle_put(h);
	if (!known)
		return false;
	node_recall(object, &st);
	backend_show_size(&st, MAX(st.st_size, (off_t)end));
	reply_attr(req, node, &st, 0);
	return true;
}

/* Asked for through a draft, as by lseek(2) to its end: its size. Others ask again. True: answered. */
static bool reply_draft_attr(fuse_req_t req, struct node *node, const struct node *object, uint64_t fh)
{
	struct handle *h = handle_get(fh);
	struct stat st;
	off_t size;
	bool is_draft = h && draft_is_new(h) && draft_size(h, &size) == 0;

	if (h)
		handle_put(h);
	if (!is_draft)
		return false;
	node_recall(object, &st);
	backend_show_size(&st, size);
	reply_attr(req, node, &st, 0);
	return true;
}

void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *node = node_from_id(ino), *object;
	struct backend *b;
	struct handle *h;
	struct stat st;
	uint64_t known;
	double recalled;
	ssize_t rc;

	if (!node) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (node->backend == NODE_VIRTUAL) {
		entry_virtual_stat(node, &st);
		fuse_reply_attr(req, &st, 0);
		return;
	}
	b = fs_backend(node);
	object = view_object(node);
	if (fi && b->board &&
	    (reply_draft_attr(req, node, object, fi->fh) || reply_end(req, b, node, object, fi->fh)))
		return;
	if (!guard_enter(req, b, OP_METADATA, GUARD_BY_NAME, 0))
		return;
	known = b->board ? node_size(object) : 0;
	h = fi ? handle_get(fi->fh) : NULL;
	recalled = recall_attr(b, object, h, &st);
	rc = recalled > 0 ? 0 : getattr_node(b, object, h, &st);
	if (rc == -ENOENT && node->flags & NODE_ROUTE_ROOT)
		rc = -EIO; /* a route without its target is down, not absent */
	else if (rc == -ENOENT && recall_removed(object, &st))
		rc = 0;
	if (h)
		handle_put(h);
	if (!guard_leave(req, b, &rc))
		return;
	/* On ESTALE the kernel looks the name up again: a working directory has none. */
	if (rc == -ENOENT && b->board && !S_ISDIR(object->mode))
		rc = -ESTALE;
	if (rc < 0) {
		fs_reply_rc(req, rc);
		return;
	}
	if (b->board)
		look_tell(b, object, known, &st);
	reply_attr(req, node, &st, recalled > 0 ? recalled : DBL_MAX);
}

/* A program may be executed that anybody may execute; all else is the server's to judge. The kernel asks where it is not told to
 * check permissions itself: access(2), and each chdir(2), which no outage is to keep from a directory that is known. */
void fs_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct node *node = node_from_id(ino), *object;
	struct backend *b;
	struct stat st;
	ssize_t rc;

	if (!node) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	object = node->backend == NODE_VIRTUAL ? node : view_object(node);
	if (!(mask & X_OK) || node->backend == NODE_VIRTUAL || !S_ISREG(object->mode)) {
		fuse_reply_err(req, 0);
		return;
	}
	b = fs_backend(node);
	if (!guard_enter(req, b, OP_METADATA, GUARD_BY_NAME, 0))
		return;
	rc = recall_attr(b, object, NULL, &st) > 0 ? 0 : getattr_node(b, object, NULL, &st);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc == 0) {
		view_present(node, &st);
		rc = st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH) ? 0 : -EACCES;
	}
	fuse_reply_err(req, (int)-rc);
}

static unsigned set_from_fuse(int to_set)
{
	static const struct {
		int fuse;
		unsigned ours;
	} map[] = {
	    {FUSE_SET_ATTR_MODE, SET_MODE},
	    {FUSE_SET_ATTR_UID, SET_UID},
	    {FUSE_SET_ATTR_GID, SET_GID},
	    {FUSE_SET_ATTR_SIZE, SET_SIZE},
	    {FUSE_SET_ATTR_ATIME, SET_ATIME},
	    {FUSE_SET_ATTR_MTIME, SET_MTIME},
	    {FUSE_SET_ATTR_ATIME_NOW, SET_ATIME_NOW},
	    {FUSE_SET_ATTR_MTIME_NOW, SET_MTIME_NOW},
	    {FUSE_SET_ATTR_CTIME, SET_CTIME},
	};
	unsigned set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (to_set & map[i].fuse)
			set |= map[i].ours;
	/* Nothing to set: chown(-1, -1), or before a write by the kernel itself (passthrough, fallocate).
	 * Both clear set-id bits. */
	if (set == 0 || wire_setattr_kills_priv(call.buffer))
		set |= SET_KILL_PRIV;
	return set;
}

static ssize_t setattr_node(struct backend *b, struct node *node, struct handle *h, const struct stat *want,
			    unsigned set, struct stat *st)
{
	ssize_t rc;

	/* A name may lead to another file. */
	if (h && h->kind == HANDLE_FILE && !draft_is(h)) {
		rc = handle_ensure(b, h);
		if (rc == 0)
			rc = b->ops->setattr(b, node_index(node), atomic_load(&h->fd), want, set, st);
		return rc;
	}
	rc = b->ops->setattr(b, node_index(node), -1, want, set, st);
	h = nameless_handle(node, rc);
	if (h) {
		rc = handle_ensure(b, h);
		if (rc == 0)
			rc = b->ops->setattr(b, node_index(node), atomic_load(&h->fd), want, set, st);
		handle_put(h);
	}
	return rc;
}

/* chown(-1, -1) clears set-id bits for the owner alone, a write for anybody. */
static bool may_drop_set_id(fuse_req_t req, struct backend *b, const struct node *node)
{
	uid_t uid = fuse_req_ctx(req)->uid;
	struct stat st;

	if (b->board || uid == 0 || b->ops->getattr(b, node_index(node), -1, &st) < 0)
		return true;
	return uid == st.st_uid || S_ISDIR(st.st_mode) || !(st.st_mode & (S_ISUID | S_ISGID)) ||
	       (S_ISREG(st.st_mode) && st.st_mode & (S_IWGRP | S_IWOTH));
}

/* By name another file than the open one, whose inode the kernel has, may have been changed. */
static void keep_own(struct backend *b, const struct node *node, struct handle *h, struct stat *st)
{
	if (h && h->kind == HANDLE_FILE && !draft_is(h))
		look_at_own(b, h, st);
	else if (look_is_another(b, node, st))
		node_recall(node, st);
}

/* ftruncate(2) of a draft. True: answered. */
static bool cut_draft(fuse_req_t req, struct node *node, uint64_t fh, const struct stat *want, unsigned set)
{
	struct handle *h = set & SET_SIZE ? handle_get(fh) : NULL;
	errint_t rc = h && draft_is_new(h) ? draft_cut(h, want->st_size) : -EFBIG;
	struct stat st;

	if (h)
		handle_put(h);
	if (rc == -EFBIG)
		return false; /* it goes on in place */
	if (rc < 0) {
		fs_reply_rc(req, rc);
		return true;
	}
	node_recall(node, &st);
	view_present(node, &st);
	fuse_reply_attr(req, &st, 0);
	return true;
}

/* A state file open for writing is cut to nothing: a draft begins. False: in place. */
static bool cut_to_draft(fuse_req_t req, struct backend *b, const struct node *node, struct handle *h,
			 const struct stat *want, unsigned set, struct stat *st)
{
	int fd;

	if (!h || !(set & SET_SIZE) || want->st_size != 0 || !h->is_statefile || draft_is(h) || h->unlinked ||
	    h->flags & O_DSYNC || (h->flags & O_ACCMODE) == O_RDONLY || atomic_load(&h->error) ||
	    b->ops->getattr(b, node_index(node), -1, st) < 0 || !node_is_still(node, st) ||
	    !draft_may_begin(node, st, h) || draft_begin(h, st) < 0)
		return false;
	h->draft_owner = writer_process((uint32_t)fuse_req_ctx(req)->pid);
	/* New users go to the draft. Former ones may still need the descriptor: it stays until the close. */
	fd = atomic_load(&h->users) > 1 ? -1 : atomic_exchange(&h->fd, -1);
	if (fd >= 0)
		b->ops->release(b, fd);
	handle_forget_writes(h);
	return true;
}

/* Times for a version not published yet. True: storage is not asked. */
static bool set_draft_times(fuse_req_t req, const struct node *node, const struct stat *want, unsigned set,
			    struct stat *st)
{
	const unsigned times = SET_MTIME | SET_ATIME | SET_MTIME_NOW | SET_ATIME_NOW | SET_CTIME;

	if (!(set & (SET_MTIME | SET_ATIME)) || set & ~times ||
	    !draft_set_times(node_index(node), (uint32_t)fuse_req_ctx(req)->pid, want, set))
		return false;
	node_recall(node, st);
	return true;
}

/* SFTP sets both times or none. A program that leaves the time of last access as it is, as tar does, need not wait for
 * storage to tell it. That of content another client may have changed. */
static ssize_t set_attributes(struct backend *b, struct node *node, struct handle *h, const struct stat *want,
			      unsigned set, struct stat *st)
{
	struct look_question question;
	struct stat both = *want;
	ssize_t rc;

	if (!b->board || backend_is_plain(b->config->type) || !is_own(node, h) ||
	    !(S_ISREG(node->mode) || S_ISDIR(node->mode)))
		return setattr_node(b, node, h, want, set, st);
	if (S_ISREG(node->mode) && set & (SET_MTIME | SET_MTIME_NOW) &&
	    !(set & (SET_ATIME | SET_ATIME_NOW)) && look_is_fresh(b, node, &both.st_atim))
		set |= SET_ATIME;
	question = look_ask(node);
	rc = setattr_node(b, node, h, &both, set, st);
	if (rc == 0)
		look_answered(node, st, &question);
	else
		look_doubted(node);
	return rc;
}

/* Are owners and modes shown as storage has them? */
static bool shows_owners(const struct backend *b)
{
	const struct config_backend *c = b->config;

	return !c->present_owner && !c->uid_map.n && !c->gid_map.n && !c->has_uid && !c->has_gid &&
	       !c->has_umask && !strstr(c->sshfs_options, "id=");
}

/* Owner and mode that it has, as tar(1) and rsync(1) set them for each file. That changes nothing on a server that tells
 * no time of change, and an account may do so to what it has made. True: *st is what is remembered, older times perhaps
 * among it. */
static bool is_set_already(const struct backend *b, const struct node *node, const struct stat *want,
			   unsigned set, struct stat *st)
{
	const unsigned known = SET_UID | SET_GID | SET_MODE;

	if (!b->board || !(set & known) || set & ~(known | SET_CTIME | SET_KILL_PRIV) ||
	    backend_is_plain(b->config->type) || !shows_owners(b) || !look_knows_owner(b, node))
		return false;
	node_recall(node, st);
	return !(st->st_mode & (S_ISUID | S_ISGID)) && (!(set & SET_UID) || st->st_uid == want->st_uid) &&
	       (!(set & SET_GID) || st->st_gid == want->st_gid) &&
	       (!(set & SET_MODE) || (st->st_mode & 07777) == (want->st_mode & 07777));
}

static ssize_t change_node(fuse_req_t req, struct backend *b, struct node *object, struct handle *h,
			   const struct stat *want, unsigned set, struct stat *st)
{
	ssize_t rc;

	if (b->board &&
	    (cut_to_draft(req, b, object, h, want, set, st) || set_draft_times(req, object, want, set, st)))
		return 0;
	if (h && draft_is_new(h) && set & SET_SIZE) {
		rc = draft_spill(b, h);
		if (rc == 0 && call_is_late())
			rc = GUARD_POISONED;
		if (rc < 0)
			return rc;
	}
	rc = set_attributes(b, object, h, want, set, st);
	if (b->board && rc == 0 && !(set & SET_SIZE))
		keep_own(b, object, h, st);
	if (b->board && set & SET_SIZE)
		handle_truncation_ended(rc, node_index(object), h, (uint64_t)want->st_size);
	return rc;
}

void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *want, int to_set, struct fuse_file_info *fi)
{
	struct node *node = node_from_id(ino), *object;
	unsigned set = set_from_fuse(to_set);
	struct backend *b;
	struct handle *h;
	struct stat st;
	bool recalled;
	ssize_t rc;

	if (!node || node->backend == NODE_VIRTUAL) {
		fuse_reply_err(req, node ? EROFS : ESTALE);
		return;
	}
	b = fs_backend(node);
	if (to_set == 0 && !may_drop_set_id(req, b, node)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	object = view_object(node);
	if (fi && b->board && cut_draft(req, object, fi->fh, want, set))
		return;
	if (!guard_enter(req, b, OP_METADATA, GUARD_MUTATING, guard_target_node(node_index(object))))
		return;
	h = fi ? handle_get(fi->fh) : NULL;
	recalled = is_set_already(b, object, want, set, &st);
	if (b->board)
		look_enter(object);
	rc = recalled ? 0 : change_node(req, b, object, h, want, set, &st);
	if (b->board)
		look_leave(object);
	if (!recalled)
		dirs_changed(b, node_index(object), dirs_now(b));
	if (h)
		handle_put(h);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc < 0) {
		fs_reply_rc(req, rc);
		return;
	}
	if (b->board && !recalled)
		look_tell_change(object, &st);
	if (S_ISDIR(st.st_mode) && !recalled)
		others_drop_attributes(node);
	reply_attr(req, node, &st, recalled ? 0 : DBL_MAX);
}

/* As seen through the mount, if its backend is to have links so. */
static void present_link(const struct backend *b, const struct node *node, char target[PATH_MAX])
{
	char link[PATH_MAX], relative[PATH_MAX];

	if (b->config && b->config->relative_links &&
	    node_path_in_tier(node_index(node), false, link, sizeof(link)) == 0 &&
	    symlink_make_relative(b->config->path, link, target, relative, sizeof(relative)))
		memcpy(target, relative, strlen(relative) + 1);
}

void fs_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct node *node = node_from_id(ino);
	char target[PATH_MAX];
	struct backend *b;
	ssize_t rc;

	if (!node || node->backend == NODE_VIRTUAL) {
		fuse_reply_err(req, node ? EINVAL : ESTALE);
		return;
	}
	b = fs_backend(node);
	if (!guard_enter(req, b, OP_METADATA, GUARD_NONE, 0))
		return;
	rc = b->ops->readlink(b, node_index(node), target, sizeof(target) - 1);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc < 0) {
		fs_reply_rc(req, rc);
		return;
	}
	target[rc] = '\0';
	present_link(b, node, target);
	if (fs_hides_link(b, target))
		fuse_reply_err(req, EPERM);
	else
		fuse_reply_readlink(req, target);
}

/* SFTP has them in an extension, without which sshfs makes some up. */
static bool tells_no_figures(const struct backend *b)
{
	return b->config->type == BACKEND_SFTP && atomic_load(&b->board->server_lacks) & 1u << SERVER_STATVFS;
}

/* As of the last probe: df and node_exporter must not wait for storage. */
static errint_t statfs_known(const struct backend *b, struct statvfs *st)
{
	const struct board_statfs *known = &b->board->statfs;

	if (tells_no_figures(b)) {
		*st = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};
		return 0;
	}
	if (!atomic_load(&known->valid))
		return -fs.config->error;
	*st = (struct statvfs){.f_bsize = atomic_load(&known->bsize),
			       .f_frsize = atomic_load(&known->frsize),
			       .f_blocks = atomic_load(&known->blocks),
			       .f_bfree = atomic_load(&known->bfree),
			       .f_bavail = atomic_load(&known->bavail),
			       .f_files = atomic_load(&known->files),
			       .f_ffree = atomic_load(&known->ffree),
			       .f_namemax = atomic_load(&known->namelen)};
	return 0;
}

void fs_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct node *node = node_from_id(ino);
	struct backend *b = node && node->backend < CONFIG_BACKENDS_MAX ? fs_backend(node) : NULL;
	struct statvfs st;
	errint_t rc;

	/* Before the first connection. */
	if (b && !atomic_load(&b->board->statfs.valid) && !tells_no_figures(b) && !guard_await(req, b))
		return;
	if (b)
		rc = statfs_known(b, &st);
	else
		rc = fs.local.ops->statfs(&fs.local,
					  node && node->backend == NODE_LOCAL ? node_index(node) : 0, &st);
	if (rc < 0)
		fs_reply_rc(req, rc);
	else
		fuse_reply_statfs(req, &st);
}
