/* The fault filter's operations. */
#include "backend/fault_ops.h"
#include "backend/fault.h"

#include <errno.h>

/* Runs call between fault_begin and fault_end. Needs b. */
#define PASS(subject_op, subject_node, subject_ref, subject_name, call)                                  \
	({                                                                                               \
		struct fault_subject s_ = {subject_op, subject_node, subject_ref, subject_name};         \
		struct fault_verdict v_ = fault_begin(b, &s_);                                           \
		v_.action == FAULT_ERROR ? -(ssize_t)v_.number : fault_end(b, &s_, v_, (ssize_t)(call)); \
	})

#define PASS_NAME(op, name, call) PASS(op, NODE_NONE, -1, name, b->next->ops->call)
#define PASS_NODE(op, node, call) PASS(op, node, -1, NULL, b->next->ops->call)
#define PASS_REF(op, ref, call)	  PASS(op, NODE_NONE, ref, NULL, b->next->ops->call)

/* An operation that shall seem failed leaves no file open. */
static errint_t close_if_lost(struct backend *b, int *ref, errint_t rc)
{
	if (rc < 0 && *ref >= 0) {
		(void)b->next->ops->release(b->next, *ref);
		*ref = -1;
	}
	return rc;
}

static errint_t fault_lookup(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	return (errint_t)PASS_NAME(FAULT_LOOKUP, name, lookup(b->next, parent, name, found));
}

static errint_t fault_find(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	return (errint_t)PASS_NAME(FAULT_LOOKUP, name, find(b->next, parent, name, found));
}

static errint_t fault_getattr(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	return (errint_t)PASS(FAULT_GETATTR, node, ref, NULL, b->next->ops->getattr(b->next, node, ref, st));
}

static errint_t fault_setattr(struct backend *b, uint32_t node, int ref, const struct stat *want,
			      unsigned set, struct stat *st)
{
	return (errint_t)PASS(FAULT_SETATTR, node, ref, NULL,
			      b->next->ops->setattr(b->next, node, ref, want, set, st));
}

static ssize_t fault_readlink(struct backend *b, uint32_t node, char *buf, size_t size)
{
	return PASS_NODE(FAULT_READLINK, node, readlink(b->next, node, buf, size));
}

static errint_t fault_mkdir(struct backend *b, uint32_t parent, const char *name, mode_t mode,
			    const struct caller *c, struct found *found)
{
	return (errint_t)PASS_NAME(FAULT_MKDIR, name, mkdir(b->next, parent, name, mode, c, found));
}

static errint_t fault_mknod(struct backend *b, uint32_t parent, const char *name, mode_t mode, dev_t rdev,
			    const struct caller *c, struct found *found)
{
	return (errint_t)PASS_NAME(FAULT_MKNOD, name, mknod(b->next, parent, name, mode, rdev, c, found));
}

static errint_t fault_symlink(struct backend *b, const char *target, uint32_t parent, const char *name,
			      const struct caller *c, struct found *found)
{
	return (errint_t)PASS_NAME(FAULT_SYMLINK, name, symlink(b->next, target, parent, name, c, found));
}

static errint_t fault_link(struct backend *b, uint32_t node, uint32_t parent, const char *name,
			   struct found *found)
{
	return (errint_t)PASS_NAME(FAULT_LINK, name, link(b->next, node, parent, name, found));
}

static errint_t fault_unlink(struct backend *b, uint32_t parent, const char *name)
{
	return (errint_t)PASS_NAME(FAULT_UNLINK, name, unlink(b->next, parent, name));
}

static errint_t fault_rmdir(struct backend *b, uint32_t parent, const char *name, bool holds_removed)
{
	return (errint_t)PASS_NAME(FAULT_RMDIR, name, rmdir(b->next, parent, name, holds_removed));
}

static errint_t fault_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			     const char *newname, unsigned flags)
{
	return (errint_t)PASS_NAME(FAULT_RENAME, name,
				   rename(b->next, parent, name, newparent, newname, flags));
}

static errint_t fault_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	*ref = -1;
	return close_if_lost(b, ref, (errint_t)PASS_NODE(FAULT_OPEN, node, open(b->next, node, flags, ref)));
}

static errint_t fault_reopen(struct backend *b, uint32_t node, int ref, int flags, int *again)
{
	*again = -1;
	return close_if_lost(b, again,
			     (errint_t)PASS_REF(FAULT_OPEN, ref, reopen(b->next, node, ref, flags, again)));
}

static errint_t fault_create(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
			     const struct caller *c, struct found *found, int *ref)
{
	*ref = -1;
	return close_if_lost(b, ref,
			     (errint_t)PASS_NAME(FAULT_CREATE, name,
						 create(b->next, parent, name, flags, mode, c, found, ref)));
}

static errint_t fault_tmpfile(struct backend *b, uint32_t parent, int flags, mode_t mode,
			      const struct caller *c, struct found *found, int *ref)
{
	*ref = -1;
	return close_if_lost(
	    b, ref,
	    (errint_t)PASS_NODE(FAULT_TMPFILE, parent, tmpfile(b->next, parent, flags, mode, c, found, ref)));
}

static ssize_t fault_read(struct backend *b, int ref, void *buf, size_t size, off_t offset, off_t end)
{
	struct fault_subject s = {FAULT_READ, NODE_NONE, ref, NULL};
	struct fault_verdict v = fault_begin(b, &s);

	if (v.action == FAULT_ERROR)
		return -(ssize_t)v.number;
	if (v.action == FAULT_SHORT)
		size = MIN(size, v.number);
	return fault_end(b, &s, v, b->next->ops->read(b->next, ref, buf, size, offset, end));
}

static ssize_t fault_written(struct backend *b, int ref, size_t size,
			     ssize_t (*go_on)(struct backend *b, int ref, size_t size, void *arg), void *arg)
{
	struct fault_subject s = {FAULT_WRITE, NODE_NONE, ref, NULL};
	struct fault_verdict v = fault_begin(b, &s);

	if (v.action == FAULT_ERROR)
		return -(ssize_t)v.number;
	if (v.action == FAULT_EIO_LATE)
		return fault_mark_late(b, ref) ? (ssize_t)size : -EIO;
	if (v.action == FAULT_SHORT)
		size = MIN(size, v.number);
	return fault_end(b, &s, v, go_on(b->next, ref, size, arg));
}

struct write_rest {
	const void *buf;
	off_t offset;
	bool kill_priv;
};

static ssize_t go_on_writing(struct backend *b, int ref, size_t size, void *arg)
{
	const struct write_rest *rest = arg;

	return b->ops->write(b, ref, rest->buf, size, rest->offset, rest->kill_priv);
}

static ssize_t go_on_handing_over(struct backend *b, int ref, size_t size, void *arg)
{
	const struct write_rest *rest = arg;

	return b->ops->hand_over(b, ref, rest->buf, size, rest->offset);
}

static ssize_t fault_write(struct backend *b, int ref, const void *buf, size_t size, off_t offset,
			   bool kill_priv)
{
	struct write_rest rest = {buf, offset, kill_priv};

	return fault_written(b, ref, size, go_on_writing, &rest);
}

static errint_t fault_begin_write(struct backend *b, int ref, const void *buf, size_t size, off_t offset,
				  struct backend_write *w)
{
	struct fault_subject s = {FAULT_WRITE, NODE_NONE, ref, NULL};
	struct fault_verdict v = fault_begin(b, &s);
	errint_t rc;

	if (v.action == FAULT_ERROR || v.action == FAULT_EIO_LATE)
		return v.action == FAULT_ERROR ? -(errint_t)v.number : -EIO;
	if (v.action == FAULT_SHORT)
		size = MIN(size, v.number);
	rc = b->next->ops->begin_write(b->next, ref, buf, size, offset, w);
	w->action = v.action;
	w->number = v.number;
	return rc;
}

static ssize_t fault_end_write(struct backend *b, int ref, struct backend_write *w)
{
	const struct fault_subject s = {FAULT_WRITE, NODE_NONE, ref, NULL};
	const struct fault_verdict v = {.action = (enum fault_action)w->action, .number = w->number};

	return fault_end(b, &s, v, b->next->ops->end_write(b->next, ref, w));
}

static ssize_t fault_hand_over(struct backend *b, int ref, const void *buf, size_t size, off_t offset)
{
	struct write_rest rest = {buf, offset, false};

	return fault_written(b, ref, size, go_on_handing_over, &rest);
}

static errint_t fault_confirm(struct backend *b, int ref)
{
	errint_t rc = (errint_t)PASS_REF(FAULT_FLUSH, ref, confirm(b->next, ref));

	return fault_take_late(b, ref) ? -EIO : rc;
}

static errint_t fault_flush(struct backend *b, int ref)
{
	errint_t rc = (errint_t)PASS_REF(FAULT_FLUSH, ref, flush(b->next, ref));

	return fault_take_late(b, ref) ? -EIO : rc;
}

static errint_t fault_fsync(struct backend *b, int ref, bool data_only)
{
	errint_t rc = (errint_t)PASS_REF(FAULT_FSYNC, ref, fsync(b->next, ref, data_only));

	return fault_take_late(b, ref) ? -EIO : rc;
}

/* The ref is gone whatever the rules say: its number may be reused. */
static errint_t fault_release(struct backend *b, int ref)
{
	struct fault_subject s = {FAULT_RELEASE, NODE_NONE, ref, NULL};
	struct fault_verdict v = fault_begin(b, &s);
	errint_t rc;

	(void)fault_take_late(b, ref);
	rc = b->next->ops->release(b->next, ref);
	return v.action == FAULT_ERROR ? -(errint_t)v.number : (errint_t)fault_end(b, &s, v, rc);
}

static void fault_drop(struct backend *b, int ref)
{
	(void)fault_take_late(b, ref);
	b->next->ops->drop(b->next, ref);
}

static errint_t fault_find_end(struct backend *b, int ref, off_t *end)
{
	return (errint_t)PASS_REF(FAULT_GETATTR, ref, find_end(b->next, ref, end));
}

static errint_t fault_look(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	return (errint_t)PASS_NODE(FAULT_GETATTR, node, look(b->next, node, ref, st));
}

static errint_t fault_compare_end(struct backend *b, int ref, off_t end)
{
	return (errint_t)PASS_REF(FAULT_READ, ref, compare_end(b->next, ref, end));
}

static errint_t fault_fallocate(struct backend *b, int ref, int mode, off_t offset, off_t length)
{
	return (errint_t)PASS_REF(FAULT_FALLOCATE, ref, fallocate(b->next, ref, mode, offset, length));
}

static off_t fault_lseek(struct backend *b, int ref, off_t offset, int whence)
{
	return (off_t)PASS_REF(FAULT_LSEEK, ref, lseek(b->next, ref, offset, whence));
}

static ssize_t fault_copy_range(struct backend *b, int ref_in, off_t off_in, int ref_out, off_t off_out,
				size_t size)
{
	return PASS_REF(FAULT_COPY_RANGE, ref_out,
			copy_range(b->next, ref_in, off_in, ref_out, off_out, size));
}

static errint_t fault_opendir(struct backend *b, uint32_t node, int *ref)
{
	*ref = -1;
	return close_if_lost(b, ref, (errint_t)PASS_NODE(FAULT_OPENDIR, node, opendir(b->next, node, ref)));
}

static errint_t fault_readdir(struct backend *b, int ref, int64_t offset, readdir_fn emit, void *arg)
{
	return (errint_t)PASS_REF(FAULT_READDIR, ref, readdir(b->next, ref, offset, emit, arg));
}

static ssize_t fault_getxattr(struct backend *b, uint32_t node, const char *name, void *value, size_t size)
{
	return PASS_NODE(FAULT_GETXATTR, node, getxattr(b->next, node, name, value, size));
}

static errint_t fault_setxattr(struct backend *b, uint32_t node, const char *name, const void *value,
			       size_t size, int flags)
{
	return (errint_t)PASS_NODE(FAULT_SETXATTR, node, setxattr(b->next, node, name, value, size, flags));
}

static ssize_t fault_listxattr(struct backend *b, uint32_t node, char *list, size_t size)
{
	return PASS_NODE(FAULT_LISTXATTR, node, listxattr(b->next, node, list, size));
}

static errint_t fault_removexattr(struct backend *b, uint32_t node, const char *name)
{
	return (errint_t)PASS_NODE(FAULT_REMOVEXATTR, node, removexattr(b->next, node, name));
}

static errint_t fault_statfs(struct backend *b, uint32_t node, struct statvfs *st)
{
	return (errint_t)PASS_NODE(FAULT_STATFS, node, statfs(b->next, node, st));
}

static const struct backend_ops fault_ops = {
    .name = "fault",
    .lookup = fault_lookup,
    .find = fault_find,
    .getattr = fault_getattr,
    .setattr = fault_setattr,
    .readlink = fault_readlink,
    .mkdir = fault_mkdir,
    .mknod = fault_mknod,
    .symlink = fault_symlink,
    .link = fault_link,
    .unlink = fault_unlink,
    .rmdir = fault_rmdir,
    .rename = fault_rename,
    .open = fault_open,
    .reopen = fault_reopen,
    .create = fault_create,
    .tmpfile = fault_tmpfile,
    .read = fault_read,
    .write = fault_write,
    .begin_write = fault_begin_write,
    .end_write = fault_end_write,
    .hand_over = fault_hand_over,
    .confirm = fault_confirm,
    .flush = fault_flush,
    .fsync = fault_fsync,
    .release = fault_release,
    .drop = fault_drop,
    .find_end = fault_find_end,
    .look = fault_look,
    .compare_end = fault_compare_end,
    .fallocate = fault_fallocate,
    .lseek = fault_lseek,
    .copy_range = fault_copy_range,
    .opendir = fault_opendir,
    .readdir = fault_readdir,
    .getxattr = fault_getxattr,
    .setxattr = fault_setxattr,
    .listxattr = fault_listxattr,
    .removexattr = fault_removexattr,
    .statfs = fault_statfs,
};

errint_t fault_wrap(const struct backend *inner, struct backend *b)
{
	errint_t rc = fault_setup(inner, b);

	if (rc == 0)
		b->ops = &fault_ops;
	return rc;
}
