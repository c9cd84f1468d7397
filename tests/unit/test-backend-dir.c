/* A guarded directory backend: nodes found by name, in the present epoch and nowhere else. As root. */
#include "backend-util.h"

#include "backend/cred.h"
#include "backend/nodefd.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define BACKEND 2

static struct place *place;
static struct backend dir;
static struct config_backend *config;
static const struct caller user_caller = {12345, 12346, 0, 027};
static uint32_t root; /* of the backend's tree */

static void install_root(const char *path, uint32_t epoch)
{
	struct board_backend *board = &place->arena->board.backends[BACKEND];
	int fd = open(path, O_PATH | O_DIRECTORY);

	assert_true(fd >= 0);
	atomic_store(&board->root_fd, fd);
	atomic_store(&board->root_epoch, epoch);
	atomic_store(&board->breaker, breaker_word(epoch, true));
}

static const char *below(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", place->dir, name);
	return path;
}

static int setup(void **state)
{
	(void)state;
	place = place_new();
	assert_int_equal(nodefd_init(place->arena, 64), 0);
	config = &place->arena->board.config.backends[BACKEND];
	config->type = BACKEND_DIR;
	assert_int_equal(backend_open(place->arena, BACKEND, &dir), 0);
	place_node(place, NODE_LOCAL, NODE_NONE, "", S_IFDIR | 0755); /* the mount's root */
	root = place_node(place, BACKEND, 0, "hot", S_IFDIR | 0755);
	place->arena->nodes[root].flags = NODE_ROUTE_ROOT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < place->arena->nodes_used; i++)
		nodefd_drop(place->arena, i);
	free(dir.state);
	place_free(place);
	return 0;
}

static void make_dirs(const char *path)
{
	char command[512];

	snprintf(command, sizeof(command), "mkdir -p '%s'", below(path));
	assert_int_equal(system(command), 0);
}

static void make_file(const char *name, const char *text)
{
	int fd = open(below(name), O_CREAT | O_WRONLY | O_TRUNC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static uint32_t look_up(uint32_t parent, const char *name)
{
	struct found found;

	assert_int_equal(dir.ops->lookup(&dir, parent, name, &found), 0);
	assert_int_equal(found.fh_length, 0);
	return place_found(place, BACKEND, parent, name, &found);
}

static void test_without_root(void **state)
{
	struct found found;
	struct stat st;
	int ref;

	(void)state;
	assert_int_equal(dir.ops->lookup(&dir, root, "a", &found), -ENOTCONN);
	assert_int_equal(dir.ops->getattr(&dir, root, -1, &st), -ENOTCONN);
	install_root(place->dir, 3);
	assert_int_equal(dir.ops->getattr(&dir, root, -1, &st), 0);
	/* The breaker has moved on, the root hasn't yet: a cached descriptor doesn't count either. */
	atomic_store(&place->arena->board.backends[BACKEND].breaker, breaker_word(4, false));
	assert_int_equal(dir.ops->getattr(&dir, root, -1, &st), -ENOTCONN);
	assert_int_equal(dir.ops->mkdir(&dir, root, "d", 0755, &user_caller, &found), -ENOTCONN);
	assert_int_equal(dir.ops->opendir(&dir, root, &ref), -ENOTCONN);
}

static void test_walk(void **state)
{
	uint32_t a, b, f;
	struct stat st;

	(void)state;
	make_dirs("base/a/b");
	make_file("base/a/b/f", "text");
	install_root(below("base"), 1);
	a = look_up(root, "a");
	b = look_up(a, "b");
	f = look_up(b, "f");
	assert_int_equal(dir.ops->getattr(&dir, f, -1, &st), 0);
	assert_int_equal(st.st_size, 4);
	nodefd_drop(place->arena, a);
	nodefd_drop(place->arena, b);
	nodefd_drop(place->arena, root);
	assert_int_equal(dir.ops->getattr(&dir, f, -1, &st), 0);
	/* What a route shows is no node of the tree. */
	place->arena->nodes[root].flags |= NODE_VIEW;
	nodefd_drop(place->arena, b);
	nodefd_drop(place->arena, a);
	nodefd_drop(place->arena, root);
	assert_int_equal(dir.ops->getattr(&dir, f, -1, &st), -ESTALE);
	assert_int_equal(dir.ops->getattr(&dir, root, -1, &st), -ESTALE);
}

/* No symlink is followed. */
static void test_walk_stays_beneath(void **state)
{
	uint32_t link = place_node(place, BACKEND, root, "link", S_IFDIR | 0755);
	uint32_t below_link = place_node(place, BACKEND, link, "x", S_IFDIR | 0755);
	struct stat st;

	(void)state;
	make_dirs("inside");
	make_dirs("outside/x");
	assert_int_equal(symlink("../outside", below("inside/link")), 0);
	install_root(below("inside"), 1);
	assert_int_equal(dir.ops->getattr(&dir, link, -1, &st), BACKEND_NODE_GONE);
	assert_true(dir.ops->getattr(&dir, below_link, -1, &st) < 0);
}

/* After a reconnect the same nodes lead to the new mount; nothing of the old epoch is used. */
static void test_new_epoch(void **state)
{
	uint32_t a, f;
	struct stat st;

	(void)state;
	make_dirs("one/a");
	make_dirs("two/a");
	make_file("one/a/f", "1");
	make_file("two/a/f", "22");
	install_root(below("one"), 1);
	a = look_up(root, "a");
	f = look_up(a, "f");
	assert_int_equal(dir.ops->getattr(&dir, f, -1, &st), 0);
	assert_int_equal(st.st_size, 1);
	install_root(below("two"), 2);
	assert_int_equal(dir.ops->getattr(&dir, f, -1, &st), 0);
	assert_int_equal(st.st_size, 2);
	assert_int_equal(nodefd_pin(place->arena, a, 1), -ENOENT);
	assert_true(nodefd_pin(place->arena, a, 2) >= 0);
	nodefd_unpin(place->arena, a);
}

static void test_other_type_is_stale(void **state)
{
	uint32_t a, f;
	struct stat st;
	struct found found;
	int ref;

	(void)state;
	make_dirs("a");
	make_file("f", "text");
	install_root(place->dir, 1);
	a = look_up(root, "a");
	f = look_up(root, "f");
	assert_int_equal(rmdir(below("a")), 0);
	assert_int_equal(unlink(below("f")), 0);
	assert_int_equal(dir.ops->getattr(&dir, f, -1, &st), -ENOENT);
	make_file("a", "now a file");
	assert_int_equal(mknod(below("f"), S_IFIFO | 0666, 0), 0);
	assert_int_equal(dir.ops->getattr(&dir, a, -1, &st), BACKEND_NODE_GONE);
	assert_int_equal(dir.ops->getattr(&dir, f, -1, &st), BACKEND_NODE_GONE);
	assert_int_equal(dir.ops->open(&dir, f, O_RDONLY, &ref),
			 BACKEND_NODE_GONE); /* and doesn't wait for a writer */
	assert_int_equal(
	    dir.ops->create(&dir, root, "f", O_WRONLY | O_CREAT, 0600, &user_caller, &found, &ref), -ENXIO);
}

static void test_nodes_without_a_way(void **state)
{
	uint32_t loop = place_node(place, BACKEND, NODE_NONE, "x", S_IFDIR | 0755);
	uint32_t f;
	struct stat st;

	(void)state;
	make_file("f", "text");
	install_root(place->dir, 1);
	f = look_up(root, "f");
	place->arena->nodes[f].flags |= NODE_UNLINKED;
	assert_int_equal(dir.ops->getattr(&dir, f, -1, &st), BACKEND_NODE_GONE);
	assert_int_equal(dir.ops->getattr(&dir, loop, -1, &st), -ESTALE);
	place->arena->nodes[loop].parent = loop;
	assert_true(dir.ops->getattr(&dir, loop, -1, &st) < 0);
}

static void *reach_deep(void *arg)
{
	const uint32_t *node = arg;
	struct stat st;

	return (void *)(intptr_t)dir.ops->getattr(&dir, *node, -1, &st);
}

/* Deeper than a path can be long, and than a worker's stack (worker/pool.c) would bear a path for each piece
 * of it. */
static void test_deep_tree(void **state)
{
	char name[NAME_LENGTH_MAX + 1];
	uint32_t node = root;
	struct found found;
	pthread_attr_t attr;
	pthread_t thread;
	void *rc;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	install_root(place->dir, 1);
	for (int depth = 0; depth < 1000; depth++) {
		assert_int_equal(dir.ops->mkdir(&dir, node, name, 0755, &user_caller, &found), 0);
		node = place_found(place, BACKEND, node, name, &found);
	}
	install_root(place->dir, 2);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	assert_int_equal(pthread_create(&thread, &attr, reach_deep, &node), 0);
	pthread_attr_destroy(&attr);
	assert_int_equal(pthread_join(thread, &rc), 0);
	assert_int_equal((intptr_t)rc, 0);
}

static void test_presented_owner(void **state)
{
	struct stat st,
	    want = {.st_mode = 0600, .st_uid = 1, .st_gid = 2, .st_size = 1, .st_mtim = {1000, 0}};
	struct found found;
	uint32_t f;
	int ref;

	(void)state;
	config->present_owner = config->has_uid = config->has_gid = config->has_umask = true;
	config->uid = 1000;
	config->gid = 999;
	config->umask = 0027;
	free(dir.state);
	assert_int_equal(backend_open(place->arena, BACKEND, &dir), 0);
	install_root(place->dir, 1);
	assert_int_equal(dir.ops->create(&dir, root, "f", O_RDWR | O_CREAT, 0666, &user_caller, &found, &ref),
			 0);
	assert_int_equal(found.st.st_mode, S_IFREG | 0750);
	f = place_found(place, BACKEND, root, "f", &found);
	assert_int_equal(dir.ops->write(&dir, ref, "text", 4, 0, true), 4);
	assert_int_equal(
	    dir.ops->setattr(&dir, f, -1, &want, SET_MODE | SET_UID | SET_GID | SET_KILL_PRIV, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0750);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_gid, 999);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(dir.ops->setattr(&dir, f, -1, &want, SET_MODE | SET_SIZE | SET_MTIME, &st), 0);
	assert_int_equal(st.st_size, 1);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(dir.ops->getattr(&dir, f, ref, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0750);
	assert_int_equal(dir.ops->release(&dir, ref), 0);
	assert_int_equal(stat(below("f"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_uid, 0);

	/* What shuts its maker out is still open to who serves it. */
	assert_int_equal(
	    dir.ops->create(&dir, root, "once", O_WRONLY | O_CREAT, 0400, &user_caller, &found, &ref), 0);
	assert_int_equal(dir.ops->release(&dir, ref), 0);
	assert_int_equal(dir.ops->mkdir(&dir, root, "shut", 0, &user_caller, &found), 0);
	assert_int_equal(stat(below("once"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(stat(below("shut"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
}

/* sshfs would set what a link points to. */
static void test_sshfs_leaves_links_alone(void **state)
{
	struct stat st, want = {.st_uid = 1, .st_mtim = {1000, 0}};
	struct found found;
	uint32_t link;
	int ref;

	(void)state;
	config->type = BACKEND_SSHFS;
	install_root(place->dir, 1);
	assert_int_equal(dir.ops->create(&dir, root, "f", O_RDWR | O_CREAT, 0666, &user_caller, &found, &ref),
			 0);
	assert_int_equal(dir.ops->release(&dir, ref), 0);
	assert_int_equal(dir.ops->symlink(&dir, "f", root, "link", &user_caller, &found), 0);
	link = place_found(place, BACKEND, root, "link", &found);
	assert_int_equal(dir.ops->setattr(&dir, link, -1, &want, SET_UID | SET_MTIME, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_not_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(lstat(below("link"), &st), 0);
	assert_int_not_equal(st.st_mtim.tv_sec, 1000);
	assert_int_not_equal(st.st_uid, 1);
}

/* Without it, a plain directory gives what is made to its caller. Ownership of an existing file isn't
 * touched. */
static void test_real_owner(void **state)
{
	struct backend owned;
	struct found found;
	struct stat st;
	int ref;

	(void)state;
	make_dirs("setgid");
	assert_int_equal(chown(below("setgid"), 0, 4444) | chmod(below("setgid"), 02777), 0);
	install_root(place->dir, 1);
	assert_int_equal(backend_open(place->arena, BACKEND, &owned), 0);
	assert_int_equal(
	    owned.ops->create(&owned, root, "f", O_RDWR | O_CREAT, 04777, &user_caller, &found, &ref), 0);
	assert_int_equal(found.st.st_uid, 12345);
	assert_int_equal(found.st.st_gid, 12346);
	assert_int_equal(found.st.st_mode, S_IFREG | 04750);
	assert_int_equal(owned.ops->write(&owned, ref, "x", 1, 0, true), 1);
	assert_int_equal(owned.ops->release(&owned, ref), 0);
	assert_int_equal(stat(below("f"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0750);
	make_file("old", "text");
	assert_int_equal(
	    owned.ops->create(&owned, root, "old", O_RDWR | O_CREAT, 0666, &user_caller, &found, &ref), 0);
	assert_int_equal(found.st.st_uid, 0);
	assert_int_equal(owned.ops->release(&owned, ref), 0);
	assert_int_equal(owned.ops->create(&owned, root, "old", O_RDWR | O_CREAT | O_EXCL, 0666, &user_caller,
					   &found, &ref),
			 -EEXIST);
	assert_int_equal(owned.ops->symlink(&owned, "t", root, "link", &user_caller, &found), 0);
	assert_int_equal(found.st.st_uid, 12345);
	assert_int_equal(owned.ops->mknod(&owned, root, "fifo", S_IFIFO | 0666, 0, &user_caller, &found), 0);
	assert_int_equal(found.st.st_uid, 12345);
	assert_int_equal(owned.ops->mkdir(&owned, look_up(root, "setgid"), "d", 0777, &user_caller, &found),
			 0);
	assert_int_equal(found.st.st_uid, 12345);
	assert_int_equal(found.st.st_gid, 4444);
	assert_int_equal(found.st.st_mode, S_IFDIR | 02750);
	free(owned.state);
}

static bool count_entries(void *arg, const char *name, size_t length, uint64_t ino, unsigned type,
			  int64_t next, const struct stat *st)
{
	(void)st;
	(void)name;
	(void)length;
	(void)ino;
	(void)type;
	(void)next;
	(*(unsigned *)arg)++;
	return true;
}

static void test_operations(void **state)
{
	uint32_t a, f;
	struct found found;
	struct statvfs vfs;
	unsigned n = 0;
	char buf[16];
	int ref;

	(void)state;
	install_root(place->dir, 1);
	assert_int_equal(dir.ops->mkdir(&dir, root, "a", 0755, &user_caller, &found), 0);
	a = place_found(place, BACKEND, root, "a", &found);
	assert_int_equal(dir.ops->create(&dir, a, "f", O_RDWR | O_CREAT, 0644, &user_caller, &found, &ref),
			 0);
	f = place_found(place, BACKEND, a, "f", &found);
	assert_int_equal(dir.ops->write(&dir, ref, "hello", 5, 0, false), 5);
	assert_int_equal(dir.ops->flush(&dir, ref), 0);
	assert_int_equal(dir.ops->fsync(&dir, ref, false), 0);
	assert_int_equal(dir.ops->release(&dir, ref), 0);
	assert_int_equal(dir.ops->open(&dir, f, O_RDONLY, &ref), 0);
	assert_int_equal(dir.ops->read(&dir, ref, buf, sizeof(buf), 1, 0), 4);
	/* It was longer, and has been cut: that is looked at, and believed. */
	assert_int_equal(dir.ops->read(&dir, ref, buf, sizeof(buf), 1, 4000), 4);
	assert_int_equal(dir.ops->read(&dir, ref, buf, sizeof(buf), 100, 4000), 0);
	assert_memory_equal(buf, "ello", 4);
	assert_int_equal(dir.ops->release(&dir, ref), 0);
	assert_int_equal(dir.ops->link(&dir, f, root, "hard", &found), 0);
	assert_int_equal(found.st.st_nlink, 2);
	assert_int_equal(dir.ops->symlink(&dir, "a/f", root, "soft", &user_caller, &found), 0);
	assert_int_equal(dir.ops->readlink(&dir, look_up(root, "soft"), buf, sizeof(buf)), 3);
	assert_int_equal(dir.ops->opendir(&dir, root, &ref), 0);
	assert_int_equal(dir.ops->readdir(&dir, ref, 0, count_entries, &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(dir.ops->release(&dir, ref), 0);
	assert_int_equal(dir.ops->rename(&dir, root, "hard", a, "g", 0), 0);
	assert_int_equal(dir.ops->rmdir(&dir, root, "a", false), -ENOTEMPTY);
	assert_int_equal(dir.ops->unlink(&dir, a, "g"), 0);
	assert_int_equal(dir.ops->unlink(&dir, a, "f"), 0);
	assert_int_equal(dir.ops->rmdir(&dir, root, "a", false), 0);
	assert_int_equal(dir.ops->lookup(&dir, root, "a", &found), -ENOENT);
	assert_int_equal(dir.ops->statfs(&dir, root, &vfs), 0);
}

/* The mount beneath is taken away: nothing is written to the directory under it. */
static void test_lost_mount(void **state)
{
	struct found found;
	struct stat st;
	int ref;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	make_dirs("mnt");
	assert_int_equal(mount("none", below("mnt"), "tmpfs", 0, NULL), 0);
	install_root(below("mnt"), 1);
	assert_int_equal(dir.ops->mkdir(&dir, root, "a", 0755, &user_caller, &found), 0);
	assert_int_equal(umount2(below("mnt"), MNT_DETACH), 0);
	assert_int_equal(dir.ops->create(&dir, root, "f", O_RDWR | O_CREAT, 0644, &user_caller, &found, &ref),
			 0);
	assert_int_equal(dir.ops->release(&dir, ref), 0);
	assert_int_equal(stat(below("mnt/f"), &st), -1);
	assert_int_equal(errno, ENOENT);
	close(atomic_load(&place->arena->board.backends[BACKEND].root_fd));
}

#define SFTP_SERVER "/usr/lib/openssh/sftp-server"
#define NOBODY	    "65534"

static bool is_mounted(const char *path)
{
	struct stat here, above;

	return stat(path, &here) == 0 && stat(place->dir, &above) == 0 && here.st_dev != above.st_dev;
}

/* A real sshfs over a real sftp-server that runs as nobody; no ssh between them. Exports the directory srv at
 * mnt. */
static pid_t start_sshfs(void)
{
	static const char script[] =
	    "#!/bin/sh\nexec setpriv --reuid=" NOBODY " --regid=" NOBODY " --clear-groups " SFTP_SERVER "\n";
	char command[128], source[128];
	pid_t pid;
	int fd = open(below("ssh"), O_CREAT | O_WRONLY, 0755);

	assert_int_equal(write(fd, script, sizeof(script) - 1), sizeof(script) - 1);
	close(fd);
	snprintf(command, sizeof(command), "ssh_command=%s", below("ssh"));
	snprintf(source, sizeof(source), "host:%s", below("srv"));
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
		execlp("sshfs", "sshfs", "-f", "-o", "sshfs_sync", "-o", command, source, below("mnt"),
		       (char *)NULL);
		_exit(127);
	}
	wait_until(is_mounted(below("mnt")));
	return pid;
}

static void make_server_tree(void)
{
	make_dirs("mnt");
	make_dirs("srv/ro");
	make_dirs("srv/full");
	make_dirs("srv/dir/inner");
	make_dirs("srv/empty");
	make_file("srv/file", "text");
	make_file("srv/ro/file", "text");
	assert_int_equal(chmod(below("srv/ro"), 0755), 0);
	assert_int_equal(mount("none", below("srv/full"), "tmpfs", 0, "size=256k"), 0);
	assert_int_equal(chmod(below("srv"), 0777) | chmod(below("srv/full"), 0777) |
			     chmod(below("srv/file"), 0666) | chmod(below("srv/dir"), 0777) |
			     chmod(below("srv/empty"), 0777) | chmod(below("srv/dir/inner"), 0777),
			 0);
	assert_int_equal(chown(below("srv/dir"), 65534, 65534) | chown(below("srv/empty"), 65534, 65534) |
			     chown(below("srv/file"), 65534, 65534),
			 0);
}

static void assert_name_errors(void)
{
	struct found found;
	uint32_t ro = look_up(root, "ro"), full = look_up(root, "full");
	int ref;

	assert_int_equal(dir.ops->lookup(&dir, root, "missing", &found), -ENOENT);
	assert_int_equal(dir.ops->mkdir(&dir, root, "dir", 0755, &user_caller, &found), -EEXIST);
	assert_int_equal(dir.ops->symlink(&dir, "t", root, "file", &user_caller, &found), -EEXIST);
	assert_int_equal(
	    dir.ops->create(&dir, root, "file", O_RDWR | O_CREAT | O_EXCL, 0644, &user_caller, &found, &ref),
	    -EEXIST);
	assert_int_equal(dir.ops->create(&dir, ro, "new", O_RDWR | O_CREAT, 0644, &user_caller, &found, &ref),
			 -EACCES);
	assert_int_equal(dir.ops->mkdir(&dir, ro, "new", 0755, &user_caller, &found), -EACCES);
	assert_int_equal(dir.ops->unlink(&dir, ro, "file"), -EACCES);
	assert_int_equal(dir.ops->unlink(&dir, root, "missing"), -ENOENT);
	assert_int_equal(dir.ops->rmdir(&dir, root, "dir", false), -ENOTEMPTY);
	assert_int_equal(dir.ops->rename(&dir, root, "empty", root, "dir", 0), -ENOTEMPTY);
	assert_int_equal(dir.ops->rename(&dir, root, "file", root, "dir", 0), -EISDIR);
	assert_int_equal(dir.ops->rename(&dir, root, "missing", root, "new", 0), -ENOENT);
	assert_int_equal(dir.ops->rename(&dir, root, "file", full, "file", 0), -EXDEV);
	assert_int_equal(dir.ops->link(&dir, look_up(root, "file"), full, "file", &found), -EXDEV);
}

static void assert_full_is_enospc(void)
{
	static char buf[65536];
	uint32_t full = look_up(root, "full");
	char long_target[3000];
	struct found found;
	ssize_t n;
	int ref;

	assert_int_equal(
	    dir.ops->create(&dir, full, "big", O_RDWR | O_CREAT, 0644, &user_caller, &found, &ref), 0);
	for (off_t at = 0; (n = dir.ops->write(&dir, ref, buf, sizeof(buf), at, false)) > 0; at += n)
		assert_true(at < 1 << 20);
	assert_int_equal(n, -ENOSPC);
	assert_int_equal(dir.ops->release(&dir, ref), 0);
	memset(long_target, 't', sizeof(long_target));
	long_target[sizeof(long_target) - 1] = '\0';
	assert_int_equal(dir.ops->symlink(&dir, long_target, full, "link", &user_caller, &found), -ENOSPC);
}

/* What sshfs makes of the server's errors is mended where it can be. */
static void test_sshfs_errors(void **state)
{
	pid_t pid;

	(void)state;
	if (access(SFTP_SERVER, X_OK) < 0 || system("command -v sshfs setpriv >/dev/null") != 0 ||
	    access("/dev/fuse", R_OK | W_OK) < 0)
		skip();
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	config->type = BACKEND_SSHFS;
	make_server_tree();
	pid = start_sshfs();
	install_root(below("mnt"), 1);
	assert_name_errors();
	assert_full_is_enospc();
	assert_int_equal(umount2(below("mnt"), MNT_DETACH), 0);
	for (uint32_t i = 0; i < place->arena->nodes_used; i++)
		nodefd_drop(place->arena, i);
	close(atomic_load(&place->arena->board.backends[BACKEND].root_fd));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(umount2(below("srv/full"), MNT_DETACH), 0);
}

static _Atomic bool stop_renaming;
static uint32_t other_name;

/* What fs/ does on a rename: the storage first, then the node's name. */
static void *rename_above(void *arg)
{
	struct node *a = &place->arena->nodes[*(uint32_t *)arg];
	const uint32_t names[2] = {a->name, other_name};

	for (unsigned i = 0; !atomic_load(&stop_renaming); i++) {
		if (rename(below(i % 2 ? "z" : "a"), below(i % 2 ? "a" : "z")) < 0)
			return (void *)1;
		__atomic_store_n(&a->name, names[(i + 1) % 2], __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Another file that has the old path must never be taken for the node. */
static void test_rename_during_walk(void **state)
{
	uint32_t a, b;
	unsigned found = 0;
	pthread_t thread;
	void *failed;
	struct stat st;
	ino_t ino;

	(void)state;
	make_dirs("a/b");
	install_root(place->dir, 1);
	a = look_up(root, "a");
	b = look_up(a, "b");
	assert_int_equal(dir.ops->getattr(&dir, b, -1, &st), 0);
	ino = st.st_ino;
	other_name = name_store(place->names, "z", 1);
	assert_int_equal(pthread_create(&thread, NULL, rename_above, &a), 0);
	for (int i = 0; i < 3000; i++) {
		nodefd_drop(place->arena, a);
		nodefd_drop(place->arena, b);
		if (dir.ops->getattr(&dir, b, -1, &st) == 0) {
			found++;
			assert_int_equal(st.st_ino, ino);
		}
	}
	atomic_store(&stop_renaming, true);
	pthread_join(thread, &failed);
	assert_null(failed);
	assert_true(found > 0);
}

/* This thread made something on the local tier before, for a caller with another umask. */
static void test_umask_left_by_another(void **state)
{
	const struct caller c = {0, 0, 0, 0};
	struct found found;

	(void)state;
	make_dirs("root");
	install_root(below("root"), 1);
	cred_set_umask(077);
	assert_int_equal(dir.ops->mkdir(&dir, root, "d", 0777, &c, &found), 0);
	assert_int_equal(found.st.st_mode & 0777, 0777);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_without_root),
	    TEST(test_walk),
	    TEST(test_walk_stays_beneath),
	    TEST(test_new_epoch),
	    TEST(test_other_type_is_stale),
	    TEST(test_nodes_without_a_way),
	    TEST(test_deep_tree),
	    TEST(test_presented_owner),
	    TEST(test_sshfs_leaves_links_alone),
	    TEST(test_real_owner),
	    TEST(test_operations),
	    TEST(test_rename_during_walk),
	    TEST(test_lost_mount),
	    TEST(test_sshfs_errors),
	    TEST(test_umask_left_by_another),
	};

	backend_thread_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
