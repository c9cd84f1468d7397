/* The table of the backend that speaks SFTP. */
#include "backend/sftp.h"

#include <errno.h>
#include <stdlib.h>

static errint_t sftp_tmpfile(struct backend *b, uint32_t parent, int flags, mode_t mode,
			     const struct caller *c, struct found *found, int *ref)
{
	(void)b, (void)parent, (void)flags, (void)mode, (void)c, (void)found, (void)ref;
	return -EOPNOTSUPP;
}

static errint_t sftp_fallocate(struct backend *b, int ref, int mode, off_t offset, off_t length)
{
	(void)b, (void)ref, (void)mode, (void)offset, (void)length;
	return -EOPNOTSUPP;
}

static ssize_t sftp_copy_range(struct backend *b, int ref_in, off_t off_in, int ref_out, off_t off_out,
			       size_t size)
{
	(void)b, (void)ref_in, (void)off_in, (void)ref_out, (void)off_out, (void)size;
	return -EOPNOTSUPP;
}

static ssize_t sftp_getxattr(struct backend *b, uint32_t node, const char *name, void *value, size_t size)
{
	(void)b, (void)node, (void)name, (void)value, (void)size;
	return -EOPNOTSUPP;
}

static errint_t sftp_setxattr(struct backend *b, uint32_t node, const char *name, const void *value,
			      size_t size, int flags)
{
	(void)b, (void)node, (void)name, (void)value, (void)size, (void)flags;
	return -EOPNOTSUPP;
}

static ssize_t sftp_listxattr(struct backend *b, uint32_t node, char *list, size_t size)
{
	(void)b, (void)node, (void)list, (void)size;
	return -EOPNOTSUPP;
}

static errint_t sftp_removexattr(struct backend *b, uint32_t node, const char *name)
{
	(void)b, (void)node, (void)name;
	return -EOPNOTSUPP;
}

/* The server answered each write before. */
static ssize_t sftp_hand_over(struct backend *b, int ref, const void *buf, size_t size, off_t offset)
{
	return sftp_write(b, ref, buf, size, offset, false);
}

static errint_t sftp_confirm(struct backend *b, int ref)
{
	(void)b, (void)ref;
	return 0;
}

/* It has gone with its transport. */
static void sftp_drop(struct backend *b, int ref)
{
	(void)b, (void)ref;
}

static const struct backend_ops sftp_ops = {
    .name = "sftp",
    .lookup = sftp_lookup,
    .find = sftp_find,
    .getattr = sftp_getattr,
    .setattr = sftp_setattr,
    .readlink = sftp_readlink,
    .mkdir = sftp_mkdir,
    .mknod = sftp_mknod,
    .symlink = sftp_symlink,
    .link = sftp_link_to,
    .unlink = sftp_unlink,
    .rmdir = sftp_rmdir,
    .rename = sftp_rename,
    .open = sftp_open,
    .reopen = sftp_reopen,
    .create = sftp_create,
    .tmpfile = sftp_tmpfile,
    .read = sftp_read,
    .write = sftp_write,
    .begin_write = sftp_begin_write,
    .end_write = sftp_end_write,
    .hand_over = sftp_hand_over,
    .confirm = sftp_confirm,
    .flush = sftp_confirm,
    .fsync = sftp_fsync,
    .release = sftp_release,
    .drop = sftp_drop,
    .find_end = sftp_find_end,
    .look = sftp_look,
    .compare_end = sftp_compare_end,
    .fallocate = sftp_fallocate,
    .lseek = sftp_lseek,
    .copy_range = sftp_copy_range,
    .opendir = sftp_opendir,
    .readdir = sftp_readdir,
    .getxattr = sftp_getxattr,
    .setxattr = sftp_setxattr,
    .listxattr = sftp_listxattr,
    .removexattr = sftp_removexattr,
    .statfs = sftp_statfs,
};

errint_t backend_sftp_open(struct arena *arena, unsigned index, struct backend *b)
{
	struct sftp *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	pthread_mutex_init(&state->lock, NULL);
	*b = (struct backend){.ops = &sftp_ops,
			      .arena = arena,
			      .board = &arena->board.backends[index],
			      .config = &arena->board.config.backends[index],
			      .index = (uint8_t)index,
			      .pipelines = true,
			      .state = state};
	return 0;
}
