/* Open files and directories. */
#include "backend/sftp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define REOPEN_TRIES 3

static unsigned open_flags(int flags)
{
	int mode = flags & O_ACCMODE;
	unsigned f = mode == O_RDONLY ? SFTP_OPEN_READ : mode == O_WRONLY ? SFTP_OPEN_WRITE : 0;

	if (mode == O_RDWR)
		f = SFTP_OPEN_READ | SFTP_OPEN_WRITE;
	f |= flags & O_APPEND ? SFTP_OPEN_APPEND : 0;
	f |= flags & O_TRUNC ? SFTP_OPEN_TRUNCATE : 0;
	f |= flags & O_CREAT ? SFTP_OPEN_CREATE : 0;
	return f | (flags & O_EXCL ? SFTP_OPEN_EXCLUSIVE : 0);
}

/* Attributes by name, asked for right behind this thread's last open, for the look that follows. */
static _Thread_local struct {
	/* 0: nothing. */
	uint32_t ref;
	struct sftp_attributes attrs;
} just_opened;

/* The server opens whatever has the name, a link's target too. */
static errint_t check_opened(struct backend *b, const struct sftp_link *link, uint32_t node, uint32_t ref,
			     const struct sftp_attributes *attrs)
{
	errint_t rc = attrs->has ? tree_check_type(&b->arena->nodes[node], attrs->permissions) : 0;

	if (rc < 0)
		(void)client_close(&link->user, ref);
	return rc;
}

/* An opener that would create the file must not be told ENOENT. */
errint_t sftp_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	struct sftp_attributes attrs = {0};
	struct sftp_place place;
	uint32_t opened = 0;
	errint_t rc = sftp_reach(b, node, NULL, &place);

	if (rc < 0)
		return rc == -ENOENT ? BACKEND_NODE_GONE : rc;
	rc = client_open(&place.link->user, place.at.path, open_flags(flags), NULL, &opened, &attrs);
	if (rc == 0)
		rc = check_opened(b, place.link, node, opened, &attrs);
	else if (rc == -EIO && (flags & O_ACCMODE) != O_RDONLY)
		rc = sftp_mend_make(&place.link->user, place.at.path, true, rc);
	sftp_leave(b, place.link);
	just_opened.ref = rc == 0 && attrs.has ? opened : 0;
	just_opened.attrs = attrs;
	if (rc == 0)
		*ref = (int)opened;
	return rc == -ENOENT ? BACKEND_NODE_GONE : sftp_mend_named(place.at.path, rc);
}

errint_t sftp_look(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	errint_t rc;

	if (just_opened.ref != (uint32_t)ref)
		return sftp_getattr(b, node, ref, st);
	just_opened.ref = 0;
	rc = tree_check_type(&b->arena->nodes[node], just_opened.attrs.permissions);
	if (rc == 0)
		sftp_show(b, &just_opened.attrs, st);
	return rc;
}

static bool are_alike(const struct sftp_attributes *a, const struct sftp_attributes *b)
{
	return a->size == b->size && a->mtime == b->mtime && a->uid == b->uid && a->gid == b->gid &&
	       a->permissions == b->permissions;
}

/* By name, if that file looks like the open one. */
static errint_t reopen_once(struct backend *b, uint32_t node, int ref, int flags, int *again)
{
	struct sftp_attributes known, found;
	struct sftp_link *link;
	errint_t rc = sftp_open(b, node, flags & ~O_TRUNC, again);

	if (rc < 0)
		return rc;
	rc = sftp_enter_with(b, ref, &link);
	if (rc < 0) {
		/* The one may be of another epoch than the other. */
		(void)sftp_release(b, *again);
		return rc;
	}
	rc = client_fstat(&link->user, (uint32_t)ref, &known);
	if (rc == 0)
		rc = client_fstat(&link->user, (uint32_t)*again, &found);
	if (rc == 0 && !are_alike(&known, &found))
		rc = -EAGAIN;
	if (rc < 0 && rc != -ENOTCONN)
		(void)client_close(&link->user, (uint32_t)*again);
	sftp_leave(b, link);
	return rc;
}

/* A file that grows may look different for a moment. */
errint_t sftp_reopen(struct backend *b, uint32_t node, int ref, int flags, int *again)
{
	errint_t rc = -EAGAIN;

	for (unsigned i = 0; i < REOPEN_TRIES && rc == -EAGAIN; i++)
		rc = reopen_once(b, node, ref, flags, again);
	return rc == -EAGAIN || rc == BACKEND_NODE_GONE || rc == -ENOENT ? -EIO : sftp_mend(rc);
}

/* Only regular files are created: nothing else that has come there is opened. */
static errint_t describe_created(struct backend *b, const struct sftp_link *link, uint32_t ref,
				 struct sftp_attributes *attrs, struct found *found)
{
	errint_t rc = attrs->has ? 0 : client_fstat(&link->user, ref, attrs);

	if (rc == 0 && !S_ISREG(attrs->permissions))
		rc = S_ISLNK(attrs->permissions) ? -ELOOP : -ESTALE;
	if (rc == 0)
		sftp_describe(b, attrs, found);
	else
		(void)client_close(&link->user, ref);
	return rc;
}

errint_t sftp_create(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
		     const struct caller *c, struct found *found, int *ref)
{
	mode_t wanted = guarded_new_mode(b, c, mode & 07777);
	const struct sftp_attributes set = {.has = SFTP_ATTR_PERMISSIONS, .permissions = wanted & 07777};
	struct sftp_attributes attrs;
	struct sftp_place place;
	uint32_t opened = 0;
	errint_t rc = sftp_reach(b, parent, name, &place);

	if (rc < 0)
		return rc;
	rc =
	    client_open(&place.link->user, place.at.path, open_flags(flags | O_CREAT), &set, &opened, &attrs);
	if (rc == 0)
		rc = describe_created(b, place.link, opened, &attrs, found);
	else
		rc = sftp_mend_make(&place.link->user, place.at.path, !(flags & O_EXCL), rc);
	sftp_leave(b, place.link);
	if (rc == 0)
		*ref = (int)opened;
	return rc;
}

/* The server itself says where a file ends, or comes short where it is known to end: nothing is to be doubted. */
ssize_t sftp_read(struct backend *b, int ref, void *buf, size_t size, off_t offset, off_t end)
{
	struct sftp_link *link;
	ssize_t rc = sftp_enter_with(b, ref, &link);

	if (rc < 0)
		return rc;
	rc = client_read(&link->user, (uint32_t)ref, buf, size, (uint64_t)offset, (uint64_t)end);
	sftp_leave(b, link);
	return rc < 0 ? sftp_mend((errint_t)rc) : rc;
}

static errint_t mend_write(struct backend *b, const struct sftp_link *link, size_t size, errint_t rc)
{
	return sftp_mend_write(&link->user, sftp_root(b), size, rc);
}

ssize_t sftp_write(struct backend *b, int ref, const void *buf, size_t size, off_t offset, bool kill_priv)
{
	struct sftp_link *link;
	ssize_t rc = sftp_enter_with(b, ref, &link);

	(void)kill_priv;
	if (rc < 0)
		return rc;
	rc = client_write(&link->user, (uint32_t)ref, buf, size, (uint64_t)offset, NULL);
	if (rc < 0)
		rc = mend_write(b, link, size, (errint_t)rc);
	sftp_leave(b, link);
	return rc;
}

errint_t sftp_begin_write(struct backend *b, int ref, const void *buf, size_t size, off_t offset,
			  struct backend_write *w)
{
	struct sftp_link *link;
	errint_t rc = sftp_enter_with(b, ref, &link);
	int ticket;

	if (rc < 0)
		return rc;
	ticket = client_begin_write(&link->user, (uint32_t)ref, buf, size, (uint64_t)offset);
	if (ticket < 0) {
		sftp_leave(b, link);
		return ticket;
	}
	*w = (struct backend_write){.link = link, .ticket = ticket, .size = size};
	return 0;
}

ssize_t sftp_end_write(struct backend *b, int ref, struct backend_write *w)
{
	struct sftp_link *link = w->link;
	errint_t error;
	ssize_t rc = client_end_write(&link->user, w->ticket, w->size, &error);

	(void)ref;
	if (rc < 0)
		rc = mend_write(b, link, w->size, (errint_t)rc);
	sftp_leave(b, link);
	return rc;
}

/* -EOPNOTSUPP: a server without the extension has no way to be asked; doctor says so. */
errint_t sftp_fsync(struct backend *b, int ref, bool data_only)
{
	struct sftp_link *link;
	errint_t rc = sftp_enter_with(b, ref, &link);

	(void)data_only;
	if (rc < 0)
		return rc;
	rc = client_fsync(&link->user, (uint32_t)ref);
	if (rc == -EIO)
		rc = mend_write(b, link, 0, rc);
	sftp_leave(b, link);
	return rc == -EOPNOTSUPP ? rc : sftp_mend(rc);
}

/* One of another epoch has gone with its transport. */
errint_t sftp_release(struct backend *b, int ref)
{
	struct sftp_link *link;
	errint_t rc = sftp_enter_with(b, ref, &link);

	if (rc < 0)
		return rc == -ENOTCONN ? 0 : rc;
	rc = client_close(&link->user, (uint32_t)ref);
	sftp_leave(b, link);
	return sftp_mend(rc);
}

static errint_t ask_end(struct backend *b, int ref, off_t *end)
{
	struct stat st;
	errint_t rc = sftp_getattr(b, NODE_NONE, ref, &st);

	if (rc == 0)
		*end = st.st_size;
	return rc;
}

errint_t sftp_find_end(struct backend *b, int ref, off_t *end)
{
	return ask_end(b, ref, end);
}

errint_t sftp_compare_end(struct backend *b, int ref, off_t end)
{
	off_t there = 0;
	errint_t rc = ask_end(b, ref, &there);

	if (rc < 0)
		return rc;
	return there < end ? END_BEFORE : there == end ? END_THERE : END_BEYOND;
}

/* Nothing is known of holes: all is data. */
off_t sftp_lseek(struct backend *b, int ref, off_t offset, int whence)
{
	off_t end = 0;
	errint_t rc = ask_end(b, ref, &end);

	if (rc < 0)
		return rc;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	if (offset < 0 || offset >= end)
		return -ENXIO;
	return whence == SEEK_DATA ? offset : end;
}

errint_t sftp_opendir(struct backend *b, uint32_t node, int *ref)
{
	struct sftp_place place;
	uint32_t opened = 0;
	errint_t rc = sftp_reach(b, node, NULL, &place);

	if (rc < 0)
		return rc;
	rc = client_opendir(&place.link->user, place.at.path, &opened);
	sftp_leave(b, place.link);
	if (rc == 0)
		*ref = (int)opened;
	return sftp_mend_named(place.at.path, rc);
}

struct emission {
	const struct backend *b;
	readdir_fn emit;
	void *arg;
	/* Entries given, and those to be left out at the beginning. */
	int64_t n, skipped;
};

static unsigned type_of(const struct sftp_attributes *attrs)
{
	return attrs->has & SFTP_ATTR_PERMISSIONS ? (attrs->permissions & S_IFMT) >> 12 : 0;
}

static bool emit_entry(void *arg, const char *name, size_t length, const struct sftp_attributes *attrs)
{
	struct emission *e = arg;
	const struct config_backend *c = e->b->config;
	unsigned type = type_of(attrs);
	struct stat st;

	/* It is looked up: what a link leads to, or that its owner is unknown here. */
	if ((c->follow_links && type == DT_LNK) || guarded_known_owner(e->b, attrs->uid, attrs->gid) < 0)
		type = 0;

	if (e->n++ < e->skipped)
		return true;
	if (type)
		sftp_show(e->b, attrs, &st);
	return e->emit(e->arg, name, length, 0, type, e->n, type ? &st : NULL);
}

/* SFTP cannot seek in a listing: an opened directory is read once, from the beginning. */
errint_t sftp_readdir(struct backend *b, int ref, int64_t offset, readdir_fn emit, void *arg)
{
	struct emission e = {.b = b, .emit = emit, .arg = arg, .skipped = offset};
	struct sftp_link *link;
	errint_t rc = sftp_enter_with(b, ref, &link);

	if (rc < 0)
		return rc;
	if (offset == 0 &&
	    !(emit(arg, ".", 1, 0, DT_DIR, 0, NULL) && emit(arg, "..", 2, 0, DT_DIR, 0, NULL))) {
		sftp_leave(b, link);
		return 0;
	}
	rc = client_readdir(&link->user, (uint32_t)ref, emit_entry, &e);
	sftp_leave(b, link);
	return sftp_mend(rc);
}
