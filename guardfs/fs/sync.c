#include "fs/sync.h"
#include "base/sync-ioctl.h"
#include "fs/fsync.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/view.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct sync_open_file) + 32 <= SLOT_REPLY_MAX,
	       "its reply is to be recorded as a whole");

static bool is_elsewhere(int fd)
{
	struct stat local, there;

	return fstat(fs.board->fds.local, &local) == 0 && fstat(fd, &there) == 0 &&
	       there.st_dev != local.st_dev;
}

/* fh may be mounted within the local tier. */
static errint_t sync_local_tier(uint64_t fh)
{
	struct handle *h = handle_get(fh);
	int fd = h && h->backend == NODE_LOCAL ? atomic_load(&h->fd) : -1;
	errint_t rc = syncfs(fs.board->fds.local) < 0 ? -errno : 0;

	if (rc == 0 && fd >= 0 && is_elsewhere(fd) && syncfs(fd) < 0)
		rc = -errno;
	if (h)
		handle_put(h);
	return rc;
}

static void sync_local(fuse_req_t req, const struct node *top, uint64_t fh)
{
	const uint32_t done = top->backend == NODE_LOCAL;
	errint_t rc = done ? sync_local_tier(fh) : 0;

	if (rc < 0)
		fs_reply_rc(req, rc);
	else
		fuse_reply_ioctl(req, 0, &done, sizeof(done));
}

/* Or closed with acknowledged bytes not on storage (a program killed in close leaves these), or not synced
 * yet. */
static bool is_open(const struct handle *h)
{
	return !atomic_load(&h->closing) || atomic_load(&h->sync_last) ||
	       atomic_load(&fs.arena->nodes[h->node].flags) & NODE_BEHIND;
}

static bool is_owed(const struct handle *h, uint32_t top)
{
	return atomic_load(&h->state) == HANDLE_LIVE && h->kind == HANDLE_FILE &&
	       h->backend != NODE_VIRTUAL && (h->flags & O_ACCMODE) != O_RDONLY &&
	       node_is_below(h->node, top) && is_open(h);
}

static void describe_file(const struct handle *h, struct sync_open_file *file)
{
	uint32_t named = h->backend == NODE_LOCAL ? node_directory(&fs.arena->nodes[h->node]) : h->node;
	char path[4096];
	size_t length;

	(void)copy_string(file->tier, sizeof(file->tier),
			  h->backend == NODE_LOCAL ? "local" : fs.config->backends[h->backend].name);
	if (named == NODE_NONE || node_last_path(named, path, sizeof(path)) < 0)
		return;
	length = strlen(path);
	(void)copy_string(file->path, sizeof(file->path),
			  path + (length < sizeof(file->path) ? 0 : length - sizeof(file->path) + 1));
}

/* In passing: SYNC_IOCTL_FILE finds out whether it was closed. */
static void find_next(fuse_req_t req, struct node *dir, const struct sync_open_file *from)
{
	uint32_t top = view_object_index(dir);
	struct sync_open_file file = {.cursor = from->cursor};
	uint32_t used = atomic_load(&fs.arena->handles_used);

	while (file.cursor < used && !file.fh) {
		const struct handle *h = &fs.arena->handles[file.cursor];

		if (is_owed(h, top)) {
			file.fh = handle_id(h, (uint32_t)file.cursor);
			describe_file(h, &file);
		}
		file.cursor++;
	}
	fuse_reply_ioctl(req, 0, &file, sizeof(file));
}

static int reply_done(fuse_req_t req, int error)
{
	return error ? fuse_reply_err(req, error) : fuse_reply_ioctl(req, 0, NULL, 0);
}

/* Meanwhile the kernel may forget the node. The kernel holds an open file's node: a node held before the
 * file is seen open is the right one. */
static void sync_file(fuse_req_t req, uint64_t fh)
{
	struct handle *h = handle_get(fh);
	struct node *node = NULL;

	if (h)
		node = node_hold(node_id(&fs.arena->nodes[h->node], h->node));
	if (node && is_open(h))
		fsync_for(req, fh, reply_done);
	else
		fuse_reply_err(req, EBADF);
	if (node)
		node_unpin(node);
	if (h)
		handle_put(h);
}

void fs_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int command, void *arg, struct fuse_file_info *fi,
	      unsigned flags, const void *in, size_t in_size, size_t out_size)
{
	struct node *top = node_from_id(ino);
	struct sync_open_file from;
	uint64_t fh;

	(void)arg;
	(void)flags;
	if (command != SYNC_IOCTL_LOCAL && command != SYNC_IOCTL_NEXT && command != SYNC_IOCTL_FILE)
		fuse_reply_err(req, ENOTTY);
	else if (fuse_req_ctx(req)->uid != 0)
		fuse_reply_err(req, EPERM);
	else if (!top)
		fuse_reply_err(req, ESTALE);
	else if (in_size < (_IOC_DIR(command) & _IOC_WRITE ? _IOC_SIZE(command) : 0) ||
		 out_size < (_IOC_DIR(command) & _IOC_READ ? _IOC_SIZE(command) : 0))
		fuse_reply_err(req, EINVAL);
	else if (command == SYNC_IOCTL_LOCAL)
		sync_local(req, top, fi->fh);
	else if (command == SYNC_IOCTL_NEXT)
		find_next(req, top, memcpy(&from, in, sizeof(from)));
	else
		sync_file(req, *(uint64_t *)memcpy(&fh, in, sizeof(fh)));
}
