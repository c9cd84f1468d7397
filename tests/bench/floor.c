/* floor.c: floor DIRECTORY|nothing MOUNTPOINT: the least that a libfuse file system can do: names of DIRECTORY, by one
 * fstatat(2) for each LOOKUP, and files made and removed in it, by one openat(2) and one unlinkat(2). "nothing" asks and
 * makes nothing: each name in the root is a directory, no other name is there, and each change is said to be made. What
 * they cost is the price of asking a process at all, on this machine. */
#define FUSE_USE_VERSION 314
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODES_MAX (1 << 20)

/* A node is a descriptor. Numbers are not used again: a run is over soon. */
static struct {
	pthread_mutex_t lock; /* fds, n */
	int fds[NODES_MAX];
	fuse_ino_t n;
} nodes = {.lock = PTHREAD_MUTEX_INITIALIZER, .n = FUSE_ROOT_ID + 1};

/* 0: there is no room. */
static fuse_ino_t node_add(int fd)
{
	fuse_ino_t ino = 0;

	pthread_mutex_lock(&nodes.lock);
	if (fd >= 0 && nodes.n < NODES_MAX) {
		ino = nodes.n++;
		nodes.fds[ino] = fd;
	}
	pthread_mutex_unlock(&nodes.lock);
	return ino;
}

static void floor_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.attr_timeout = 1, .entry_timeout = 1};

	if (fstatat(nodes.fds[parent], name, &e.attr, AT_SYMLINK_NOFOLLOW) < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	e.ino = node_add(openat(nodes.fds[parent], name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	if (e.ino)
		fuse_reply_entry(req, &e);
	else
		fuse_reply_err(req, ENFILE);
}

/* Each node was told of once. */
static void floor_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	(void)nlookup;
	if (ino != FUSE_ROOT_ID)
		close(nodes.fds[ino]);
	fuse_reply_none(req);
}

static void floor_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (fstatat(nodes.fds[ino], "", &st, AT_EMPTY_PATH) < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_attr(req, &st, 1);
}

/* The node keeps the descriptor. */
static void floor_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
			 struct fuse_file_info *fi)
{
	struct fuse_entry_param e = {.attr_timeout = 1, .entry_timeout = 1};
	int fd = openat(nodes.fds[parent], name, fi->flags | O_CREAT | O_CLOEXEC, mode);

	if (fd < 0 || fstat(fd, &e.attr) < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	e.ino = node_add(fd);
	if (e.ino)
		fuse_reply_create(req, &e, fi);
	else
		fuse_reply_err(req, ENFILE);
}

static void floor_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static void floor_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_reply_err(req, unlinkat(nodes.fds[parent], name, 0) < 0 ? errno : 0);
}

/* ---- nothing ---- */

/* In the numbers of directories. */
#define DIRECTORY (UINT64_C(1) << 40)

static _Atomic fuse_ino_t last_number = FUSE_ROOT_ID;

static struct fuse_entry_param made_up(fuse_ino_t ino)
{
	mode_t mode = ino == FUSE_ROOT_ID || ino & DIRECTORY ? S_IFDIR | 0755 : S_IFREG | 0644;

	return (struct fuse_entry_param){.ino = ino,
					 .attr = {.st_ino = ino, .st_mode = mode, .st_nlink = 1},
					 .attr_timeout = 1,
					 .entry_timeout = 60};
}

static void nothing_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;

	(void)name;
	if (parent != FUSE_ROOT_ID) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	e = made_up(DIRECTORY | ++last_number);
	fuse_reply_entry(req, &e);
}

static void nothing_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_entry_param e = made_up(ino);

	(void)fi;
	fuse_reply_attr(req, &e.attr, 1);
}

static void nothing_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
			   struct fuse_file_info *fi)
{
	struct fuse_entry_param e = made_up(++last_number);

	(void)parent;
	(void)name;
	(void)mode;
	fuse_reply_create(req, &e, fi);
}

static void nothing_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	fuse_reply_err(req, 0);
}

int main(int argc, char **argv)
{
	static const struct fuse_lowlevel_ops least = {.lookup = floor_lookup,
						       .forget = floor_forget,
						       .getattr = floor_getattr,
						       .create = floor_create,
						       .release = floor_release,
						       .unlink = floor_unlink},
					      nothing = {.lookup = nothing_lookup,
							 .getattr = nothing_getattr,
							 .create = nothing_create,
							 .release = floor_release,
							 .unlink = nothing_unlink};
	char name[] = "floor", option[] = "-odefault_permissions,allow_other",
	     *words[] = {name, option, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(2, words);
	struct fuse_session *session;
	bool does_nothing;
	int rc;

	if (argc != 3)
		errx(100, "usage: floor DIRECTORY|nothing MOUNTPOINT");
	does_nothing = strcmp(argv[1], "nothing") == 0;
	if (!does_nothing) {
		nodes.fds[FUSE_ROOT_ID] = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (nodes.fds[FUSE_ROOT_ID] < 0)
			err(1, "%s", argv[1]);
	}
	session = fuse_session_new(&args, does_nothing ? &nothing : &least, sizeof(least), NULL);
	if (!session || fuse_session_mount(session, argv[2]) != 0)
		return 1;
	rc = fuse_session_loop_mt(session, NULL);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	return rc != 0;
}
