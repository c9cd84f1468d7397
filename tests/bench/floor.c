/* floor.c: floor DIRECTORY MOUNTPOINT: the least that a libfuse file system can do: names and attributes of
 * DIRECTORY, by one fstatat(2) for each LOOKUP and nothing else. What it costs is the price of asking a
 * process at all, on this machine. */
#define FUSE_USE_VERSION 314
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODES_MAX 65536

/* A node is an O_PATH descriptor, and never forgotten: a run is over soon. */
static struct {
	pthread_mutex_t lock; /* fds, n */
	int fds[NODES_MAX];
	fuse_ino_t n;
} nodes = {.lock = PTHREAD_MUTEX_INITIALIZER, .n = FUSE_ROOT_ID + 1};

static fuse_ino_t node_add(int parent, const char *name)
{
	int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
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
	e.ino = node_add(nodes.fds[parent], name);
	if (e.ino)
		fuse_reply_entry(req, &e);
	else
		fuse_reply_err(req, ENFILE);
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

int main(int argc, char **argv)
{
	static const struct fuse_lowlevel_ops ops = {.lookup = floor_lookup, .getattr = floor_getattr};
	char name[] = "floor", option[] = "-odefault_permissions,allow_other",
	     *words[] = {name, option, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(2, words);
	struct fuse_session *session;
	int rc;

	if (argc != 3)
		errx(100, "usage: floor DIRECTORY MOUNTPOINT");
	nodes.fds[FUSE_ROOT_ID] = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (nodes.fds[FUSE_ROOT_ID] < 0)
		err(1, "%s", argv[1]);
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (!session || fuse_session_mount(session, argv[2]) != 0)
		return 1;
	rc = fuse_session_loop_mt(session, NULL);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	return rc != 0;
}
