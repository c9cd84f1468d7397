/* OPENDIR, READDIR, READDIRPLUS, RELEASEDIR, FSYNCDIR.
 *
 * Local directories are read piece by piece. Guarded ones, and local ones with routes in them, are listed
 * whole at the first read. */
#include "fs/dir.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/context.h"
#include "fs/dirs.h"
#include "fs/entry.h"
#include "fs/grant.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/listed.h"
#include "fs/leftovers.h"
#include "fs/listing.h"
#include "fs/look.h"
#include "fs/node.h"
#include "fs/shares.h"
#include "fs/statefiles.h"
#include "fs/tiers.h"
#include "fs/view.h"
#include "fs/virtual.h"
#include "policy/blame.h"
#include "policy/errclass.h"
#include "policy/statefile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

struct reply {
	fuse_req_t req;
	/* NULL: virtual */
	struct backend *b;
	struct node *dir;
	bool plus;
	size_t size, used;
};

static _Thread_local struct reply reply;

/* ---- OPENDIR ---- */

static bool needs_listing(const struct node *node)
{
	return node->backend != NODE_LOCAL || tiers_concern(node_index(node));
}

void fs_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *node = node_from_id(ino);
	struct handle *h;
	errint_t rc = 0;
	int ref = -1;

	if (!node) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (node->backend != NODE_VIRTUAL && !guard_await(req, fs_backend(node)))
		return;
	if (!handle_admit())
		rc = -EMFILE;
	else if (node->backend == NODE_LOCAL)
		rc = fs.local.ops->opendir(&fs.local, node_index(node), &ref);
	if (rc < 0) {
		fs_reply_rc(req, rc);
		return;
	}
	h = handle_new(node_index(node), HANDLE_DIRECTORY, node->backend, O_RDONLY | O_DIRECTORY, ref, 0,
		       HANDLE_NAMED);
	if (!h) {
		if (ref >= 0)
			fs.local.ops->release(&fs.local, ref);
		fuse_reply_err(req, ENFILE);
		return;
	}
	fi->fh = handle_id(h, handle_number(h));
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_release(h);
}

/* Directories over whose listing a backend was lost. */
static struct {
	pthread_mutex_t lock;
	struct blame of[CONFIG_BACKENDS_MAX];
} blamed = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A view has no number of its own. */
static uint64_t blame_key(struct node *dir)
{
	return fs.arena->nodes[view_object_index(dir)].ino;
}

static bool listing_is_refused(const struct backend *b, struct node *dir)
{
	ACQUIRE_LOCK(&blamed.lock);
	return blame_refuses(&blamed.of[b->index], blame_key(dir), clock_mono_ns());
}

static void blame_listing(const struct backend *b, struct node *dir, uint32_t strikes)
{
	char path[1024];

	{
		ACQUIRE_LOCK(&blamed.lock);
		blame_strike(&blamed.of[b->index], blame_key(dir), strikes, clock_mono_ns());
	}
	if (!listing_is_refused(b, dir))
		return;
	if (node_last_path(node_index(dir), path, sizeof(path)) < 0)
		(void)copy_string(path, sizeof(path), "a directory");
	log_warning("backend %s was lost over listing %s: it is not listed again for some minutes",
		    b->config->name, path);
}

/* docs/INTERNALS.md, "A listing", has the rule. */
static void judge_listing(const struct backend *b, struct node *dir, ssize_t rc)
{
	uint32_t epoch = atomic_load(&call.slot->epoch);
	uint64_t silence_ns = fs.config->deadline.ms[OP_METADATA] * NSEC_PER_MSEC;

	if (rc >= 0 || !errclass_info(errclass_from_errno((int)-rc))->infrastructure)
		return;
	if (atomic_load(&b->board->gorged_epoch) == epoch)
		blame_listing(b, dir, BLAME_STRIKES);
	else if (atomic_load(&b->board->opened_by) == DETECTOR_GUARDIAN &&
		 clock_mono_ns() >= call.entered_ns + silence_ns)
		blame_listing(b, dir, 1);
}

struct collect {
	struct listing_writer writer;
	struct listed_maker listed_maker;
	struct backend *b;
	uint32_t dir;
	/* As the kernel has it. */
	const struct node *shown;
	bool listed;
	bool holds_removed;
	/* The routes in the writer's first bytes. */
	size_t routes;
	uint32_t entries;
	/* Memory counted to the caller. */
	uint32_t kib;
};

#define PROGRESS_EVERY 256u

static bool is_dot(const char *name, size_t length)
{
	return (length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.');
}

/* Routes come first and hide storage's names. Directories on the way to routes, which storage mostly has,
 * come last. */
static void collect_route(void *arg, const char *name, bool is_route)
{
	struct collect *c = arg;
	struct route route;
	uint64_t ino = 1;

	if (is_route == c->listed || (!is_route && listing_has(&c->writer, c->writer.used, name)))
		return;
	/* tiers_children and the look-up both hold the map's lock for reading. */
	if (is_route && tiers_route_at(c->dir, name, &route))
		ino = view_target_ino(&fs.guarded[route.backend], route.target);
	listing_add(&c->writer, name, strlen(name), ino, DT_DIR);
}

static uint64_t shown_ino(uint32_t node)
{
	if (node == NODE_NONE)
		return 1;
	return fs.arena->nodes[node].ino | (fs.arena->nodes[node].backend == NODE_VIRTUAL ? 1ull << 61 : 0);
}

/* As shown, not storage's own. A route's or backend's root lies where it is shown. */
static uint64_t dot_ino(const struct collect *c, bool up)
{
	const struct node *dir = &fs.arena->nodes[c->dir];

	if (!up)
		return dir->ino;
	return shown_ino(c->shown->flags & NODE_ROUTE_ROOT ? c->shown->parent : dir->parent);
}

/* Memory doubles, so this is rare. */
static bool count_memory(struct collect *c)
{
	uint32_t kib = (uint32_t)(c->writer.size / 1024);

	if (kib <= c->kib)
		return true;
	if (!shares_take(SHARE_LISTING_KIB, call.uid, kib - c->kib)) {
		c->writer.error = -ENFILE;
		return false;
	}
	c->kib = kib;
	return true;
}

/* It is there, and not shown. */
static bool leave_out(struct collect *c, const char *name, size_t length)
{
	listed_add(&c->listed_maker, name, length, NULL);
	return true;
}

static bool collect_entry(void *arg, const char *name, size_t length, uint64_t ino, unsigned type,
			  int64_t next, const struct stat *st)
{
	struct collect *c = arg;
	char z[256];

	(void)next;
	if (c->b->board && c->entries++ % PROGRESS_EVERY == 0)
		atomic_store(&call.slot->progress_ns, clock_mono_ns());
	if (length == 0 || length >= sizeof(z))
		return leave_out(c, name, length);
	memcpy(z, name, length);
	z[length] = '\0';
	/* sshfs gave this name, and it goes with the last close; or a rewriting. */
	if (c->holds_removed && backend_is_hidden(z))
		return leave_out(c, name, length);
	if (c->b->board && statefile_is_beside(z)) {
		leftovers_seen(c->dir, z);
		return leave_out(c, name, length);
	}
	if (c->b->board)
		ino = is_dot(name, length) ? dot_ino(c, length == 2) : node_child_ino(c->b, c->dir, z, ino);
	/* A route hides a local directory. */
	if (!c->b->board && listing_has(&c->writer, c->routes, z))
		return true;
	listing_add(&c->writer, name, length, ino, type);
	if (!is_dot(name, length))
		listed_add(&c->listed_maker, name, length, st);
	return count_memory(c) && c->writer.error == 0;
}

static errint_t collect_storage(struct collect *c, int dir_ref)
{
	int ref = dir_ref;
	errint_t rc = 0;

	if (ref < 0)
		rc = c->b->ops->opendir(c->b, c->dir, &ref);
	if (rc < 0)
		return rc;
	rc = c->b->ops->readdir(c->b, ref, 0, collect_entry, c);
	if (dir_ref < 0)
		c->b->ops->release(c->b, ref);
	return rc;
}

static void collect_virtual(struct collect *c, const struct node *dir)
{
	listing_add(&c->writer, ".", 1, 1ull << 61 | dir->ino, DT_DIR);
	listing_add(&c->writer, "..", 2,
		    dir->ino == VIRTUAL_DIR ? fs.arena->nodes[0].ino : 1ull << 61 | VIRTUAL_DIR, DT_DIR);
	for (int id = virtual_next((unsigned)dir->ino, 0); id > 0;
	     id = virtual_next((unsigned)dir->ino, (unsigned)id)) {
		const struct virtual_file *f = virtual_get((unsigned)id);

		listing_add(&c->writer, f->name, strlen(f->name), 1ull << 61 | (uint64_t)id,
			    S_ISDIR(f->mode) ? DT_DIR : DT_REG);
	}
	for (uint32_t i = 0; dir->ino == VIRTUAL_BACKENDS && i < fs.config->n_backends; i++) {
		const char *name = fs.config->backends[i].name;

		listing_add(&c->writer, name, strlen(name), view_target_ino(&fs.guarded[i], ""), DT_DIR);
	}
}

static errint_t keep_listing(struct collect *c, struct handle *h)
{
	if (!handle_count_listing(h, (uint32_t)(c->writer.used / 1024)))
		return -ENFILE;
	if (h->snapshot_fd < 0) {
		int fd = handle_memfd("guardfs-listing");

		if (fd < 0)
			return fd;
		h->snapshot_fd = fd;
	}
	return listing_finish(&c->writer, h->snapshot_fd);
}

/* From memory only for a directory opened anew: a reader that rewinds wants it as it is now. */
static errint_t collect_guarded(struct collect *c, const struct handle *h)
{
	pid_t caller = fuse_req_ctx(reply.req)->pid;

	if (c->b->board && h->snapshot_fd < 0 && listed_repeat(c->b, c->dir, caller, collect_entry, c))
		return 0;
	if (c->b->board)
		listed_begin(&c->listed_maker, c->b, c->dir, caller);
	return collect_storage(c, atomic_load(&h->fd));
}

/* Into the handle's memfd. Within the guard. */
static errint_t make_listing(struct backend *b, struct node *dir, struct handle *h)
{
	struct collect c = {.b = b, .dir = view_object_index(dir), .shown = dir};
	errint_t rc = 0;

	if (dir->backend == NODE_VIRTUAL) {
		collect_virtual(&c, dir);
	} else {
		if (dir->backend == NODE_LOCAL)
			tiers_children(c.dir, collect_route, &c);
		c.routes = c.writer.used;
		c.holds_removed = b->board && handle_is_removed_from(c.dir);
		rc = collect_guarded(&c, h);
		c.listed = true;
		if (rc == 0 && dir->backend == NODE_LOCAL)
			tiers_children(c.dir, collect_route, &c);
	}
	if (rc == 0)
		rc = c.writer.error;
	listed_end(&c.listed_maker, rc == 0);
	/* The caller was told of a failure: this listing is void. */
	if (rc == 0 && call_answered())
		rc = GUARD_POISONED;
	if (rc == 0)
		rc = keep_listing(&c, h);
	listing_discard(&c.writer);
	if (c.kib)
		shares_give_back(SHARE_LISTING_KIB, call.uid, c.kib);
	return rc;
}

/* ---- replies ---- */

/* False: full. */
static bool reply_add_plain(const char *name, uint64_t ino, unsigned type, int64_t next)
{
	struct stat st = {.st_ino = ino, .st_mode = (mode_t)type << 12};
	size_t room = reply.size - reply.used;
	size_t need = fuse_add_direntry(reply.req, (char *)call.data + reply.used, room, name, &st, next);

	if (need > room)
		return false;
	reply.used += need;
	return true;
}

static bool has_time(void)
{
	uint64_t deadline_ns = atomic_load(&call.slot->deadline_ns);

	return clock_mono_ns() + fs.config->deadline.ms[OP_METADATA] * NSEC_PER_MSEC / 2 < deadline_ns;
}

static errint_t find_entry(const char *name, struct found *found, double *age_s)
{
	uint32_t dir = view_object_index(reply.dir);

	*age_s = 0;
	return listed_find(reply.b, dir, name, found, age_s)
		   ? 0
		   : reply.b->ops->lookup(reply.b, dir, name, found);
}

/* Counts a lookup. NULL: the kernel asks, if need be. *age_s: of the attributes. */
static struct node *look_up(const char *name, struct found *found, double *age_s)
{
	struct node *known = view_find(reply.dir, name, NODE_PINNED), *node;
	uint64_t asked_ns = clock_mono_ns();
	bool asked;

	/* Storage lacks some of it, or is about to replace it: a caller asking for attributes waits. Whether one of several
	 * names still is the file's, a look-up finds out. */
	if (known && (atomic_load(&known->flags) & NODE_BEHIND || node_names(known) > 1 ||
		      statefiles_is_replaced(view_object_index(reply.dir), name))) {
		node_unpin(known);
		return NULL;
	}
	if (known)
		look_enter(known);
	asked = find_entry(name, found, age_s) < 0 || (known && look_is_another(reply.b, known, &found->st));
	if (known) {
		look_leave(known);
		node_unpin(known);
	}
	node = asked ? NULL : entry_intern(reply.dir, name, found);
	if (node)
		dirs_seen(reply.b, view_object_index(node), &found->st,
			  asked_ns - (uint64_t)(*age_s * NSEC_PER_SEC));
	return node;
}

/* Without attributes (gone, a route, "." and "..") the kernel asks later. */
static bool reply_add_plus(const char *name, uint64_t ino, unsigned type, int64_t next)
{
	struct fuse_entry_param e = {.attr = {.st_ino = ino, .st_mode = (mode_t)type << 12}};
	size_t room = reply.size - reply.used, need;
	struct node *node = NULL;
	struct found found;
	double age_s;

	need = fuse_add_direntry_plus(reply.req, NULL, 0, name, &e, next);
	if (need > room)
		return false;
	/* Worth it where a look-up is a round trip. Locally listings would cost five times as much. */
	bool look =
	    reply.b && reply.b->board && !is_dot(name, strlen(name)) && grant_has_room() && has_time();

	if (look)
		node = look_up(name, &found, &age_s);
	if (node)
		entry_fill_aged(&e, node, &found.st, age_s);
	reply.used += fuse_add_direntry_plus(reply.req, (char *)call.data + reply.used, room, name, &e, next);
	return true;
}

static bool reply_add(const char *name, uint64_t ino, unsigned type, int64_t next)
{
	return reply.plus ? reply_add_plus(name, ino, type, next) : reply_add_plain(name, ino, type, next);
}

static bool reply_from_storage(void *arg, const char *name, size_t length, uint64_t ino, unsigned type,
			       int64_t next, const struct stat *st)
{
	char z[256];

	(void)arg;
	(void)st;
	if (length == 0 || length >= sizeof(z))
		return true;
	memcpy(z, name, length);
	z[length] = '\0';
	return reply_add(z, ino, type, next);
}

static errint_t reply_from_listing(const struct handle *h, int64_t offset)
{
	static _Thread_local struct listing_reader reader;
	struct listing_entry e;
	int64_t next;
	int rc;

	reader.held = 0; /* another pass */
	while ((rc = listing_read(&reader, h->snapshot_fd, offset, &e, &next)) > 0) {
		if (!reply_add(e.name, e.ino, e.type, next))
			return 0;
		offset = next;
	}
	return rc;
}

static bool lists_anew(const struct handle *h, int64_t offset)
{
	return offset == 0 || h->snapshot_fd < 0;
}

static ssize_t fill_reply(struct backend *b, struct node *dir, struct handle *h, int64_t offset)
{
	errint_t rc = dir->backend == NODE_LOCAL ? handle_ensure(b, h) : 0;

	if (rc < 0)
		return rc;
	if (!needs_listing(dir) && h->snapshot_fd < 0)
		return b->ops->readdir(b, atomic_load(&h->fd), offset, reply_from_storage, NULL);
	if (lists_anew(h, offset)) {
		rc = make_listing(b, dir, h);
		if (b->board)
			judge_listing(b, dir, rc);
	}
	return rc < 0 ? rc : reply_from_listing(h, offset);
}

static void read_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, uint64_t fh, bool plus)
{
	struct node *dir = node_from_id(ino);
	struct handle *h = handle_get(fh);
	struct backend *b = &fs.local;
	ssize_t rc;

	if (!h || !dir || h->kind != HANDLE_DIRECTORY) {
		if (h)
			handle_put(h);
		fuse_reply_err(req, EBADF);
		return;
	}
	if (dir->backend != NODE_VIRTUAL)
		b = fs_backend(dir);
	if (b->board && lists_anew(h, offset) && listing_is_refused(b, dir)) {
		board_count(b->board, COUNT_ERRORS, 1);
		handle_put(h);
		fuse_reply_err(req, fs.config->error);
		return;
	}
	if (!guard_enter(req, b, OP_METADATA, lists_anew(h, offset) ? GUARD_LISTING : GUARD_NONE, 0)) {
		handle_put(h);
		return;
	}
	reply.req = req;
	reply.b = dir->backend == NODE_VIRTUAL ? NULL : b;
	reply.dir = dir;
	reply.plus = plus;
	reply.size = MIN(size, (size_t)CALL_DATA_SIZE);
	reply.used = 0;
	rc = fill_reply(b, dir, h, offset);
	handle_put(h);
	if (!guard_leave(req, b, &rc)) {
		grant_take_back();
		return;
	}
	if (rc < 0) {
		grant_take_back();
		fs_reply_rc(req, rc);
	} else if (fuse_reply_buf(req, (const char *)call.data, reply.used) == -ENOENT) {
		grant_take_back();
	}
}

void fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	read_directory(req, ino, size, offset, fi->fh, false);
}

void fs_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	read_directory(req, ino, size, offset, fi->fh, true);
}

void fs_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = arena_handle(fs.arena, fi->fh);

	(void)ino;
	if (h)
		handle_retire(h);
	fuse_reply_err(req, 0);
	if (h)
		handle_finish(h);
}

/* Guarded directories are open only during reads. */
static errint_t sync_guarded(struct backend *b, uint32_t dir, bool data_only)
{
	int ref = -1;
	errint_t rc = b->ops->opendir(b, dir, &ref);

	if (rc < 0)
		return rc;
	rc = b->ops->fsync(b, ref, data_only);
	b->ops->release(b, ref);
	return rc;
}

static void fsyncdir_guarded(fuse_req_t req, struct backend *b, uint32_t dir, bool data_only)
{
	ssize_t rc;

	/* SFTP cannot sync a directory; raw sshfs says yes too. */
	if (!backend_is_plain(b->config->type)) {
		fuse_reply_err(req, 0);
		return;
	}
	if (!guard_enter(req, b, OP_SYNC, GUARD_NONE, 0))
		return;
	rc = sync_guarded(b, dir, data_only);
	if (guard_leave(req, b, &rc))
		fs_reply_rc(req, rc);
}

void fs_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct node *dir = node_from_id(ino);
	struct handle *h;
	errint_t rc = 0;

	if (dir && dir->backend < CONFIG_BACKENDS_MAX) {
		fsyncdir_guarded(req, fs_backend(dir), view_object_index(dir), datasync != 0);
		return;
	}
	h = handle_get(fi->fh);
	if (h && h->backend == NODE_LOCAL && atomic_load(&h->fd) >= 0)
		rc = fs.local.ops->fsync(&fs.local, atomic_load(&h->fd), datasync != 0);
	if (h)
		handle_put(h);
	fs_reply_rc(req, rc);
}
