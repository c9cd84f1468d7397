/* OPEN, CREATE (and TMPFILE), RELEASE; passthrough of local regular files. */
#include "fs/open.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "fs/again.h"
#include "fs/behind.h"
#include "fs/checkpoint.h"
#include "fs/checkpoint_wait.h"
#include "fs/context.h"
#include "fs/draft.h"
#include "fs/entry.h"
#include "fs/grant.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/jobs.h"
#include "fs/links.h"
#include "fs/look.h"
#include "fs/make.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/publish.h"
#include "fs/publish_last.h"
#include "fs/statefiles.h"
#include "fs/suspects.h"
#include "fs/sync_failed.h"
#include "fs/view.h"
#include "fs/virtual.h"
#include "fs/wire.h"
#include "fs/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

/* ---- passthrough ---- */

/* The kernel demands one mode and one backing id for all open files of an inode: the first open decides,
 * until the last close. seen: of fstat, or NULL. */
static void passthrough_begin(struct node *node, struct handle *h, int fd, const struct stat *seen)
{
	if (!fs.board->kernel_passthrough || !S_ISREG(node->mode))
		return;
	ACQUIRE_LOCK(node_lock(node));
	if (node->opens == 0) {
		struct stat st = seen ? *seen : (struct stat){0};
		/* The kernel would write with our privileges, and keep set-id bits that a caller's write
		 * must clear. */
		bool known = seen || fstat(fd, &st) == 0, set_id = known && st.st_mode & (S_ISUID | S_ISGID);
		int id = set_id ? 0 : wire_backing_open(fs.dev_fd, fd);

		node->backing_id = id > 0 ? id : 0;
		if (known)
			jobs_seen(node, &st);
	}
	node->opens++;
	h->passthrough = 1;
	jobs_watch_by_stat(h, node);
	call.backing_id = node->backing_id;
}

static void passthrough_end(struct node *node, struct handle *h)
{
	if (!h->passthrough)
		return;
	ACQUIRE_LOCK(node_lock(node));
	h->passthrough = 0;
	if (node->opens > 0 && --node->opens > 0)
		return;
	if (node->backing_id)
		wire_backing_close(fs.dev_fd, node->backing_id);
	node->backing_id = 0;
}

/* ---- OPEN ---- */

/* docs/INTERNALS.md, "Pages", has the rule. */
static bool keeps_pages(const struct backend *b, struct node *node, const struct handle *h)
{
	uint32_t epoch = h->epoch;

	if (!b->board)
		return true;
	return atomic_exchange(&node->pages_epoch, epoch) == epoch &&
	       (b->keeps_pages || node->mtime_ns % (int64_t)NSEC_PER_SEC != 0);
}

/* changed: the kernel knew another version. */
static void fill_file_info(struct fuse_file_info *fi, const struct backend *b, struct node *node,
			   const struct handle *h, bool changed)
{
	fi->fh = handle_id(h, handle_number(h));
	fi->keep_cache = keeps_pages(b, node, h) && !changed;
	/* These closes have nothing to report, and must not wait for absent storage. */
	fi->noflush = b->board == NULL || (fi->flags & O_ACCMODE) == O_RDONLY;
}

/* The kernel got no answer. */
static void undo_open(struct node *node, struct handle *h)
{
	jobs_closed(h);
	passthrough_end(node, h);
	handle_release(h);
}

/* A handle of the file opened for node (NULL: no room, the file is closed). Within the guard, for closing
 * may hang. */
static errint_t take_handle(struct backend *b, const struct node *node, int flags, int ref, uint32_t epoch,
			    enum handle_name name, struct handle **h)
{
	*h = node ? handle_new(node_index(node), HANDLE_FILE, node->backend, flags, ref, epoch, name) : NULL;
	if (*h)
		return 0;
	if (ref >= 0)
		b->ops->release(b, ref);
	return -ENFILE;
}

static int backend_flags(int flags)
{
	/* The caller's kernel has checked the rest. */
	return flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_NOFOLLOW);
}

static void open_virtual(fuse_req_t req, const struct node *node, struct fuse_file_info *fi)
{
	struct handle *h;
	char *text = NULL;
	size_t length = 0;
	errint_t rc;
	int fd;

	if ((fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC) {
		fuse_reply_err(req, EROFS);
		return;
	}
	if (!handle_admit()) {
		fuse_reply_err(req, EMFILE);
		return;
	}
	rc = virtual_render(fs.arena, (unsigned)node->ino, &text, &length);
	if (rc < 0) {
		fs_reply_rc(req, rc);
		return;
	}
	h = handle_new(node_index(node), HANDLE_SNAPSHOT, NODE_VIRTUAL, O_RDONLY, -1, 0, HANDLE_NAMED);
	fd = h ? handle_memfd("guardfs-virtual") : -ENFILE;
	if (fd >= 0)
		h->snapshot_fd = fd;
	rc = fd < 0 ? -ENFILE : fd_write_all(fd, text, length);
	free(text);
	if (rc < 0) {
		if (h)
			handle_release(h);
		fs_reply_rc(req, rc);
		return;
	}
	fi->fh = handle_id(h, handle_number(h));
	fi->direct_io = 1; /* the size is unknown */
	fi->noflush = 1;
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_release(h);
}

/* By then a name is replaced as fast as it can be opened. */
#define SUCCESSORS_TRIED 8

/* As truncation by open does, unless by root. */
static ssize_t open_node(struct backend *b, uint32_t node, int flags, int *ref)
{
	ssize_t rc = b->ops->open(b, node, backend_flags(flags), ref);
	struct stat st;

	if (b->board && flags & O_TRUNC)
		handle_truncation_ended(rc, node, NULL, 0);
	if (rc == 0 && b->board && flags & O_TRUNC)
		node_cut(&fs.arena->nodes[node], 0);
	if (rc < 0 || !(flags & O_TRUNC) || !wire_open_kills_priv(call.buffer))
		return rc;
	rc = b->ops->setattr(b, node, *ref, &(struct stat){0}, SET_KILL_PRIV, &st);
	if (rc < 0) {
		b->ops->release(b, *ref);
		*ref = -1;
	}
	return rc;
}

/* A reader may bypass the kernel's inode, which is another file by now: on ESTALE the kernel looks a name
 * up only once more. Only just after a lookup, since a new lookup keeps the pages. */
static bool may_read_directly(const struct node *node, int flags, const struct opened *o)
{
	return (flags & O_ACCMODE) == O_RDONLY && !(flags & O_TRUNC) &&
	       (o->unsure || look_was_just_found(node));
}

/* The kernel has checked the former one's rights. */
static bool has_rights_of(const struct node *node, const struct node *former)
{
	return S_ISREG(node->mode) && node->mode == former->mode && node->uid == former->uid &&
	       node->gid == former->gid;
}

/* Opens for reading what was renamed over node's file. */
static errint_t open_successor(struct backend *b, const struct node *node, int flags, struct opened *o)
{
	char name[NAME_LENGTH_MAX + 1];
	errint_t rc = BACKEND_NODE_GONE;
	struct node *other;
	uint32_t dir;

	if (node_place(node, &dir, name) < 0)
		return rc;
	for (int tries = 0; tries < SUCCESSORS_TRIED && rc == BACKEND_NODE_GONE; tries++) {
		other = node_find_guarded(dir, name, NODE_PINNED);
		if (!other)
			return rc;
		/* What is owed to it is shown to its own readers alone. */
		if (other == node || !has_rights_of(other, node) ||
		    behind_is_owed(node_index(other), behind_now())) {
			node_unpin(other);
			return rc;
		}
		look_enter(other);
		rc = b->ops->open(b, node_index(other), flags, &o->ref);
		if (rc == 0)
			rc = b->ops->look(b, node_index(other), o->ref, &o->st);
		look_leave(other);
		node_unpin(other);
		o->looked = rc == 0;
		if (rc < 0 && o->ref >= 0) {
			b->ops->release(b, o->ref);
			o->ref = -1;
		}
	}
	return rc;
}

static ssize_t open_and_look(struct backend *b, struct node *node, struct fuse_file_info *fi,
			     struct opened *o)
{
	char name[NAME_LENGTH_MAX + 1];
	struct link_name by = {NODE_NONE, name};
	bool has_several = node_names(node) > 1 && node_nth_name(node, 0, &by.dir, name);
	ssize_t rc;

	look_begin(b, node, o);
	rc = open_node(b, node_index(node), fi->flags, &o->ref);
	if (rc == 0 && b->board && !(fi->flags & O_TRUNC))
		rc = look_at_opened(b, node, backend_flags(fi->flags), o);
	if (rc == 0 && has_several && o->looked)
		rc = links_settle(b, node, &by, &o->st);
	if (b->board)
		look_leave(node);
	/* Which of its names is meant, the next look-up will tell. */
	if (rc == BACKEND_NODE_GONE && has_several) {
		if (o->ref >= 0 && !o->unlike && !call_answered())
			node_vanished(node, by.dir, name);
		o->replaced = false;
	} else if (rc == BACKEND_NODE_GONE && b->board && may_read_directly(node, fi->flags, o)) {
		if (o->ref < 0)
			rc = open_successor(b, node, backend_flags(fi->flags), o);
		else
			rc = 0;
		if (rc == 0)
			fi->direct_io = 1;
	}
	if (rc < 0 && o->ref >= 0)
		b->ops->release(b, o->ref);
	return rc;
}

struct state_open {
	/* Of a state file: its place (statefiles_enter). */
	bool is_one;
	int place;
	/* It truncates, and begins a draft, which is to replace this version. */
	bool begins_draft;
	struct stat former;
};

static bool is_rewrite(int flags)
{
	return flags & O_TRUNC && (flags & O_ACCMODE) != O_RDONLY;
}

/* Is the file, as storage has it now, to be rewritten through a draft? */
static ssize_t begin_rewrite(struct backend *b, const struct node *node, struct state_open *s)
{
	errint_t rc = b->ops->getattr(b, node_index(node), -1, &s->former);

	if (rc == 0 && !node_is_still(node, &s->former))
		rc = BACKEND_NODE_GONE;
	if (rc == 0)
		s->begins_draft = draft_may_begin(node, &s->former, NULL);
	return rc == -ENOENT ? BACKEND_NODE_GONE : rc;
}

static ssize_t open_any(struct backend *b, struct node *node, struct fuse_file_info *fi, struct state_open *s,
			struct opened *o)
{
	char name[NAME_LENGTH_MAX + 1];
	uint32_t dir;
	ssize_t rc = 0;

	if (!s->is_one || node_place(node, &dir, name) < 0)
		return open_and_look(b, node, fi, o);
	rc = publish_last_await(b, node_index(node), true);
	if (rc < 0)
		return rc;
	s->place = statefiles_enter(dir, name);
	if (s->place == STATEFILES_REPLACED)
		return BACKEND_NODE_GONE;
	/* docs/STATEFILES.md, "What is no rewriting". */
	if (is_rewrite(fi->flags) && !(fi->flags & O_DSYNC))
		rc = begin_rewrite(b, node, s);
	if (rc == 0 && !s->begins_draft)
		rc = open_and_look(b, node, fi, o);
	return rc;
}

/* Reads go past the kernel's pages and size (docs/STATEFILES.md, "What is seen"). */
static void note_state_open(fuse_req_t req, const struct state_open *s, struct handle *h,
			    const struct opened *o, struct fuse_file_info *fi)
{
	if (!s->is_one || (o->looked && (uint64_t)o->st.st_size > statefiles_size()))
		return;
	h->is_statefile = 1;
	fi->direct_io = 1;
	if (!s->begins_draft)
		return;
	h->unlinked = HANDLE_NAMED;
	h->draft_owner = writer_process((uint32_t)fuse_req_ctx(req)->pid);
}

/* The kernel checks this, but for an open that truncates without writing only afterwards, when the program
 * is gone. */
static bool truncates_program(const struct node *node, int flags)
{
	return (flags & (O_ACCMODE | O_TRUNC)) == (O_RDONLY | O_TRUNC) &&
	       handle_is_executed(node_index(node));
}

static void start_ledger(const struct node *node, struct handle *h, const struct opened *o, bool truncated)
{
	struct version version = o->looked ? version_of(&o->st) : node_version(node);

	handle_start_ledger(h, truncated || o->unlike ? 0 : version.size, version.mtime_ns);
}

/* It goes on another time. */
static void end_open(const struct state_open *state, uint32_t job)
{
	statefiles_leave(state->place);
	jobs_leave(job);
}

void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *node = node_from_id(ino);
	struct backend *b;
	struct handle *h = NULL;
	uint32_t epoch, job;
	struct opened opened = {.ref = -1};
	struct state_open state = {.place = STATEFILES_NO_PLACE};
	ssize_t rc;

	if (!node) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (node->backend == NODE_VIRTUAL) {
		open_virtual(req, node, fi);
		return;
	}
	if (truncates_program(node, fi->flags)) {
		fuse_reply_err(req, ETXTBSY);
		return;
	}
	if (!handle_admit()) {
		fuse_reply_err(req, EMFILE);
		return;
	}
	b = fs_backend(node);
	state.is_one = b->board && statefiles_is(node);
	job = jobs_enter(node);
	if (!guard_enter(req, b, OP_METADATA,
			 GUARD_BY_NAME | (fi->flags & O_TRUNC ? GUARD_MUTATING : GUARD_NONE),
			 guard_target_node(node_index(node)))) {
		jobs_leave(job);
		return;
	}
	epoch = b->board ? atomic_load(&b->board->root_epoch) : 0;
	rc = open_any(b, node, fi, &state, &opened);
	if (rc == 0)
		rc = take_handle(b, node, fi->flags, opened.ref, epoch, HANDLE_STRAY, &h);
	if (rc == 0 && state.begins_draft)
		rc = draft_begin(h, &state.former);
	if (!guard_leave(req, b, &rc)) {
		end_open(&state, job);
		return;
	}
	if (rc < 0) {
		if (h)
			handle_release(h);
		statefiles_leave(state.place);
		if (opened.replaced && !call_answered())
			node_replaced(node);
		jobs_leave(job);
		fs_reply_rc(req, rc);
		return;
	}
	jobs_opened(h, job);
	start_ledger(node, h, &opened, fi->flags & O_TRUNC);
	if ((fi->flags & O_ACCMODE) != O_RDONLY && !state.begins_draft)
		suspects_written(node_index(node));
	if (!state.begins_draft && !fi->direct_io && !look_accept(b, node, fi->flags, &opened, h))
		fi->direct_io = 1;
	note_state_open(req, &state, h, &opened, fi);
	statefiles_leave(state.place);
	if (!b->board)
		passthrough_begin(node, h, opened.ref, NULL);
	fill_file_info(fi, b, node, h, opened.changed);
	if (fuse_reply_open(req, fi) == -ENOENT)
		undo_open(node, h);
}

/* ---- CREATE ---- */

static ssize_t create_in(struct backend *b, uint32_t p, const char *name, mode_t mode, int flags,
			 const struct caller *c, struct found *found, int *ref)
{
	if (strcmp(name, WIRE_TMPFILE_NAME) == 0)
		return b->ops->tmpfile(b, p, backend_flags(flags), mode, c, found, ref);
	flags = backend_flags(flags) | O_CREAT | (flags & O_EXCL);
	return again_created(b, p, name, flags, mode, c, found, ref,
			     b->ops->create(b, p, name, flags, mode, c, found, ref));
}

static void reply_create(fuse_req_t req, struct node *node, struct handle *h, const struct stat *st,
			 struct fuse_file_info *fi)
{
	struct fuse_entry_param e;

	entry_fill(&e, node, st);
	fill_file_info(fi, fs_backend(node), node, h, false);
	if (fuse_reply_create(req, &e, fi) == -ENOENT) {
		undo_open(node, h);
		grant_take_back();
	}
}

void fs_create(fuse_req_t req, fuse_ino_t parent_id, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct node *parent = make_parent(req, parent_id, name, false), *node = NULL;
	struct caller caller;
	bool unnamed = strcmp(name, WIRE_TMPFILE_NAME) == 0;
	struct found found;
	struct backend *b;
	struct handle *h = NULL;
	struct listed_moment begun;
	uint32_t epoch, job, p;
	int ref = -1;
	ssize_t rc;

	if (!parent)
		return;
	caller = fs_caller(req);
	if (!handle_admit()) {
		fuse_reply_err(req, EMFILE);
		return;
	}
	b = fs_backend(parent);
	p = view_object_index(parent);
	job = jobs_enter_below(view_object(parent));
	if (!guard_enter(req, b, OP_METADATA, GUARD_MUTATING, guard_target_name(p, name))) {
		jobs_leave(job);
		return;
	}
	epoch = b->board ? atomic_load(&b->board->root_epoch) : 0;
	begun = names_begin(b);
	rc = create_in(b, p, name, mode, fi->flags, &caller, &found, &ref);
	if (rc < 0) {
		names_doubted(b, p);
	} else {
		if (!unnamed)
			names_made(b, p, name, &found.st, &begun);
		node = entry_intern(parent, name, &found);
		if (node && b->board && S_ISREG(found.st.st_mode))
			look_created(node, &found.st, begun.at_ns, fi->flags & O_EXCL && !again_is_running());
		rc = take_handle(b, node, fi->flags, ref, epoch, HANDLE_NAMED, &h);
	}
	if (!guard_leave(req, b, &rc)) {
		jobs_leave(job);
		return;
	}
	if (rc < 0) {
		jobs_leave(job);
		grant_take_back();
		fs_reply_rc(req, rc);
		return;
	}
	jobs_opened(h, job);
	handle_start_ledger(h, 0, node_version(node).mtime_ns);
	if (unnamed)
		nodefd_offer(fs.arena, node_index(node), 0,
			     dup(ref)); /* no file handle leads to a nameless file */
	if (!b->board)
		passthrough_begin(node, h, ref, &found.st);
	reply_create(req, node, h, &found.st, fi);
}

static bool leaves_sync(struct handle *h)
{
	bool left = checkpoint_is_left(h);

	if (left)
		checkpoint_closes(h);
	return left;
}

void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *node = node_from_id(ino);
	struct handle *h = arena_handle(fs.arena, fi->fh);
	bool used = h && h->backend < CONFIG_BACKENDS_MAX && checkpoint_is_on(h->backend), syncs;

	if (h)
		jobs_closed(h);
	if (h && h->backend < CONFIG_BACKENDS_MAX)
		sync_failed_at_close(&fs.guarded[h->backend], h);
	if (h)
		handle_closes(h);
	if (h && node)
		passthrough_end(node, h);
	/* Nobody waits for the answer, until which the kernel keeps the node: a draft's deadline counts on
	 * it. */
	if (h && publish_last_is_due(h)) {
		publish_last(h);
		fuse_reply_err(req, 0);
		handle_finish(h);
		return;
	}
	if (h)
		draft_closes(h);
	/* Once retired, it goes to the next open when anybody's use ends. */
	if (used)
		atomic_fetch_add(&h->users, 1);
	syncs = used && leaves_sync(h);
	if (h)
		handle_retire(h);
	/* The sender of owed bytes that arrived meanwhile saw the file open. */
	if (used && !syncs)
		syncs = leaves_sync(h);
	fuse_reply_err(req, 0);
	if (syncs)
		checkpoint_last(h);
	if (used)
		handle_put(h);
	else if (h)
		handle_finish(h);
}
