/* The local tier does what its file system does: each thing is done natively by a child with the caller's
 * identity in one directory, through the backend in another, and the results are compared. As root, on a file
 * system with file handles. */
#include "backend-util.h"

#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <dirent.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define USER_UID  12345
#define USER_GID  12346
#define OTHER_GID 12347

static struct place *place;
static struct backend local;
static char native_dir[128];
static const struct caller root_caller = {0, 0, 0, 022};
static const struct caller user_caller = {USER_UID, USER_GID, 0, 022};

static int setup(void **state)
{
	struct found found;
	char root[96];

	(void)state;
	place = place_new();
	assert_int_equal(nodefd_init(place->arena, 64), 0);
	snprintf(root, sizeof(root), "%s/root", place->dir);
	snprintf(native_dir, sizeof(native_dir), "%s/native", place->dir);
	assert_int_equal(mkdir(root, 0777) | chmod(root, 0777), 0);
	assert_int_equal(mkdir(native_dir, 0777) | chmod(native_dir, 0777), 0);
	assert_int_equal(backend_local_open(place->arena, root, &local, &found), 0);
	assert_int_equal(place_found(place, NODE_LOCAL, NODE_NONE, "", &found), 0);
	assert_int_not_equal(found.fh_length, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < place->arena->nodes_used; i++)
		nodefd_drop(place->arena, i);
	close(backend_local_root_fd(&local));
	free(local.state);
	place_free(place);
	return 0;
}

/* Several may be in use at once, hence the buffers in turn. */
static const char *native_path(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", native_dir, name);
	return path;
}

static const char *root_path(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/root/%s", place->dir, name);
	return path;
}

/* Runs action in a child that is the caller natively. Returns its errno. */
static int as_user(const struct caller *c, int (*action)(const char *path), const char *name)
{
	const gid_t groups[] = {c->gid, OTHER_GID};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (setgroups(2, groups) || setresgid(c->gid, c->gid, c->gid) ||
		    setresuid(c->uid, c->uid, c->uid))
			_exit(255);
		umask(c->umask);
		_exit(action(native_path(name)) < 0 ? errno : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_same(const struct stat *a, const struct stat *b)
{
	assert_int_equal(a->st_mode, b->st_mode);
	assert_int_equal(a->st_uid, b->st_uid);
	assert_int_equal(a->st_gid, b->st_gid);
	assert_int_equal(a->st_nlink, b->st_nlink);
	assert_int_equal(a->st_size, b->st_size);
	assert_int_equal(a->st_rdev, b->st_rdev);
}

static void assert_like_native(const char *name, const struct stat *st)
{
	struct stat native;

	assert_int_equal(lstat(native_path(name), &native), 0);
	assert_same(st, &native);
}

static uint32_t look_up(uint32_t parent, const char *name)
{
	struct found found;

	assert_int_equal(local.ops->lookup(&local, parent, name, &found), 0);
	return place_found(place, NODE_LOCAL, parent, name, &found);
}

static uint32_t make_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(root_path(name), O_CREAT | O_EXCL | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return look_up(0, name);
}

static void test_lookup(void **state)
{
	struct found found;
	struct stat st;
	uint32_t n = make_file("file", "text", 0640);

	(void)state;
	assert_int_equal(local.ops->lookup(&local, 0, "missing", &found), -ENOENT);
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(symlink("file", root_path("link")), 0);
	assert_int_equal(local.ops->lookup(&local, 0, "link", &found), 0);
	assert_true(S_ISLNK(found.st.st_mode));
	assert_int_equal(local.ops->lookup(&local, n, "below-a-file", &found), -ENOTDIR);
}

/* A node is the object, not its name: it follows a rename and is not confused with what comes after. */
static void test_node_is_the_object(void **state)
{
	uint32_t n = make_file("a", "old", 0644);
	struct stat st;

	(void)state;
	assert_int_equal(rename(root_path("a"), root_path("b")), 0);
	make_file("a", "newer", 0644);
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), 0);
	assert_int_equal(st.st_size, 3);
	nodefd_drop(place->arena, n);
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), 0);
	assert_int_equal(st.st_size, 3);
	nodefd_drop(place->arena, n);
	assert_int_equal(unlink(root_path("b")), 0);
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), -ESTALE);
}

static int native_mkdir(const char *path)
{
	return mkdir(path, 0777);
}

static int native_fifo(const char *path)
{
	return mknod(path, S_IFIFO | 0666, 0);
}

static int native_device(const char *path)
{
	return mknod(path, S_IFCHR | 0666, makedev(1, 3));
}

static int native_symlink(const char *path)
{
	return symlink("target", path);
}

static int native_create(const char *path)
{
	return open(path, O_CREAT | O_EXCL | O_RDWR, 02775);
}

static void compare_creation(const struct caller *c)
{
	struct found found;
	int ref;

	assert_int_equal(as_user(c, native_mkdir, "d"), 0);
	assert_int_equal(local.ops->mkdir(&local, 0, "d", 0777, c, &found), 0);
	assert_like_native("d", &found.st);
	assert_int_equal(as_user(c, native_fifo, "p"), 0);
	assert_int_equal(local.ops->mknod(&local, 0, "p", S_IFIFO | 0666, 0, c, &found), 0);
	assert_like_native("p", &found.st);
	assert_int_equal(as_user(c, native_symlink, "l"), 0);
	assert_int_equal(local.ops->symlink(&local, "target", 0, "l", c, &found), 0);
	assert_like_native("l", &found.st);
	assert_int_equal(as_user(c, native_create, "f"), 0);
	assert_int_equal(local.ops->create(&local, 0, "f", O_RDWR | O_CREAT | O_EXCL, 02775, c, &found, &ref),
			 0);
	assert_like_native("f", &found.st);
	assert_int_equal(local.ops->release(&local, ref), 0);
	assert_int_equal(local.ops->create(&local, 0, "f", O_RDWR | O_CREAT | O_EXCL, 0666, c, &found, &ref),
			 -EEXIST);
	assert_int_equal(local.ops->mkdir(&local, 0, "d", 0777, c, &found), -EEXIST);
}

static void test_creation_as_root(void **state)
{
	struct found found;

	(void)state;
	compare_creation(&root_caller);
	assert_int_equal(as_user(&root_caller, native_device, "null"), 0);
	assert_int_equal(
	    local.ops->mknod(&local, 0, "null", S_IFCHR | 0666, makedev(1, 3), &root_caller, &found), 0);
	assert_like_native("null", &found.st);
}

static void test_creation_as_user(void **state)
{
	(void)state;
	compare_creation(&user_caller);
	/* The thread is root again, with all it had. */
	assert_int_equal(syscall(SYS_setfsuid, -1), 0);
	assert_int_equal(syscall(SYS_setfsgid, -1), 0);
	assert_int_equal(chown(root_path("f"), 1, 1), 0);
}

static void test_creation_as_root_of_other_group(void **state)
{
	const struct caller c = {0, USER_GID, 0, 027};

	(void)state;
	compare_creation(&c);
}

static void set_directories(uid_t uid, gid_t gid, mode_t mode)
{
	assert_int_equal(chown(native_dir, uid, gid) | chown(root_path(""), uid, gid), 0);
	assert_int_equal(chmod(native_dir, mode) | chmod(root_path(""), mode), 0);
}

static void test_creation_in_setgid_directory(void **state)
{
	(void)state;
	set_directories(0, 4444, 02777);
	compare_creation(&user_caller);
}

/* The set-group-id bit that was asked for stays if the caller is in the directory's group, as /proc says. */
static void test_creation_asks_for_groups(void **state)
{
	const gid_t groups[] = {OTHER_GID};
	struct caller c = user_caller;
	pid_t pid;

	(void)state;
	set_directories(0, OTHER_GID, 02777);
	pid = fork();
	if (pid == 0) {
		if (setgroups(1, groups) == 0)
			pause();
		_exit(1);
	}
	c.pid = pid;
	wait_until(({
		char path[32], status[4096];
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
		fd = open(path, O_RDONLY);
		n = read(fd, status, sizeof(status) - 1);
		close(fd);
		status[n > 0 ? n : 0] = '\0';
		strstr(status, "Groups:\t12347") != NULL;
	}));
	compare_creation(&c);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* A caller who may write only through a group that we can't see: the kernel has let it through. */
static void test_creation_through_invisible_group(void **state)
{
	(void)state;
	set_directories(0, OTHER_GID, 0770);
	compare_creation(&user_caller);
}

static void set_default_acl(const char *dir)
{
	/* user::rwx user:12345:r-x group::r-x mask::rwx other::--- */
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[5];
	} acl = {2,
		 {{0x01, 7, UINT32_MAX},
		  {0x02, 5, USER_UID},
		  {0x04, 5, UINT32_MAX},
		  {0x10, 7, UINT32_MAX},
		  {0x20, 0, UINT32_MAX}}};

	assert_int_equal(setxattr(dir, "system.posix_acl_default", &acl, sizeof(acl), 0), 0);
}

/* With a default ACL the umask does not count. */
static void test_creation_under_default_acl(void **state)
{
	char ours[256], theirs[256];
	ssize_t n;

	(void)state;
	set_default_acl(native_dir);
	set_default_acl(root_path(""));
	compare_creation(&user_caller);
	n = local.ops->getxattr(&local, look_up(0, "f"), "system.posix_acl_access", ours, sizeof(ours));
	assert_true(n > 0);
	assert_int_equal(getxattr(native_path("f"), "system.posix_acl_access", theirs, sizeof(theirs)), n);
	assert_memory_equal(ours, theirs, (size_t)n);
}

static int native_write(const char *path)
{
	int fd = open(path, O_WRONLY);

	return fd < 0 ? -1 : (int)pwrite(fd, "x", 1, 0);
}

static int native_truncate(const char *path)
{
	return truncate(path, 2);
}

/* Writes and truncates files of each mode natively and through the backend, as the kernel would ask for a
 * caller without CAP_FSETID. */
static void test_set_id_bits_go(void **state)
{
	static const mode_t modes[] = {04777, 02777, 06777, 02767, 06767, 0777};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct stat st, want = {.st_size = 2};
		uint32_t n;
		char name[16];
		int fd, ref;

		snprintf(name, sizeof(name), "w%zu", i);
		n = make_file(name, "text", modes[i]);
		fd = open(native_path(name), O_CREAT | O_WRONLY, 0600);
		assert_int_equal(write(fd, "text", 4), 4);
		assert_int_equal(fchmod(fd, modes[i]), 0);
		assert_int_equal(local.ops->open(&local, n, O_RDWR, &ref), 0);
		/* Root: nothing goes. */
		assert_int_equal(as_user(&root_caller, native_write, name), 0);
		assert_int_equal(local.ops->write(&local, ref, "x", 1, 0, false), 1);
		assert_int_equal(local.ops->getattr(&local, n, ref, &st), 0);
		assert_like_native(name, &st);
		if (!(modes[i] & S_ISGID) || (modes[i] & S_IXGRP)) {
			assert_int_equal(as_user(&user_caller, native_write, name), 0);
			assert_int_equal(local.ops->write(&local, ref, "x", 1, 0, true), 1);
			assert_int_equal(local.ops->getattr(&local, n, -1, &st), 0);
			assert_like_native(name, &st);
			assert_int_equal(st.st_mode & 07777, 0777);
		}
		assert_int_equal(fchmod(fd, modes[i]) | fchmod(ref, modes[i]), 0);
		assert_int_equal(as_user(&root_caller, native_truncate, name), 0);
		assert_int_equal(local.ops->setattr(&local, n, ref, &want, SET_SIZE, &st), 0);
		assert_like_native(name, &st);
		if (!(modes[i] & S_ISGID) || (modes[i] & S_IXGRP)) {
			assert_int_equal(as_user(&user_caller, native_truncate, name), 0);
			assert_int_equal(
			    local.ops->setattr(&local, n, -1, &want, SET_SIZE | SET_KILL_PRIV, &st), 0);
			assert_like_native(name, &st);
		}
		assert_int_equal(fchmod(fd, modes[i]) | fchmod(ref, modes[i]), 0);
		want.st_gid = OTHER_GID;
		assert_int_equal(fchown(fd, (uid_t)-1, OTHER_GID), 0);
		assert_int_equal(local.ops->setattr(&local, n, -1, &want, SET_GID | SET_KILL_PRIV, &st), 0);
		assert_like_native(name, &st);
		close(fd);
		assert_int_equal(local.ops->release(&local, ref), 0);
	}
}

/* File capabilities go at any write, change of size or owner. */
static void test_capabilities_go(void **state)
{
	static const uint32_t capability[5] = {0x02000001, 1u << 10, 0, 0, 0};
	uint32_t n = make_file("capable", "text", 0755);
	struct stat st, want = {.st_size = 2, .st_gid = OTHER_GID};
	char value[64];
	int ref;

	(void)state;
	assert_int_equal(local.ops->open(&local, n, O_RDWR, &ref), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    local.ops->setxattr(&local, n, "security.capability", capability, sizeof(capability), 0),
		    0);
		assert_int_equal(local.ops->getxattr(&local, n, "security.capability", value, sizeof(value)),
				 20);
		if (i == 0)
			assert_int_equal(local.ops->write(&local, ref, "x", 1, 0, true), 1);
		else
			assert_int_equal(local.ops->setattr(&local, n, i == 1 ? ref : -1, &want,
							    (i == 1 ? SET_SIZE : SET_GID) | SET_KILL_PRIV,
							    &st),
					 0);
		assert_int_equal(local.ops->getxattr(&local, n, "security.capability", value, sizeof(value)),
				 -ENODATA);
	}
	assert_int_equal(local.ops->release(&local, ref), 0);
}

static void test_setattr(void **state)
{
	uint32_t n = make_file("file", "text", 0644);
	struct stat st, want = {.st_mode = 0600,
				.st_uid = 77,
				.st_gid = 78,
				.st_size = 100,
				.st_atim = {1000, 5},
				.st_mtim = {2000, 6}};

	(void)state;
	for (int ref = -1, round = 0; round < 2; round++) {
		if (round)
			assert_int_equal(local.ops->open(&local, n, O_RDWR, &ref), 0);
		want.st_size += round;
		assert_int_equal(
		    local.ops->setattr(&local, n, ref, &want,
				       SET_MODE | SET_UID | SET_GID | SET_SIZE | SET_ATIME | SET_MTIME, &st),
		    0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_int_equal(st.st_uid, 77);
		assert_int_equal(st.st_gid, 78);
		assert_int_equal(st.st_size, 100 + round);
		assert_int_equal(st.st_atim.tv_sec, 1000);
		assert_int_equal(st.st_mtim.tv_nsec, 6);
		assert_int_equal(local.ops->setattr(&local, n, ref, &want, SET_MTIME_NOW | SET_MTIME, &st),
				 0);
		assert_int_equal(st.st_atim.tv_sec, 1000);
		assert_true(st.st_mtim.tv_sec > 1000000);
		assert_int_equal(local.ops->setattr(&local, n, ref, &want, SET_CTIME, &st), 0);
		if (ref >= 0)
			assert_int_equal(local.ops->release(&local, ref), 0);
	}
}

static void test_setattr_of_symlink(void **state)
{
	struct stat st, want = {.st_mode = 0600, .st_uid = 77, .st_mtim = {2000, 6}};
	uint32_t target = make_file("target", "text", 0644), n;
	char buf[16];

	(void)state;
	assert_int_equal(symlink("target", root_path("link")), 0);
	n = look_up(0, "link");
	assert_int_equal(local.ops->setattr(&local, n, -1, &want, SET_UID | SET_MTIME, &st), 0);
	assert_int_equal(st.st_uid, 77);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	assert_int_equal(local.ops->setattr(&local, n, -1, &want, SET_MODE, &st), -EOPNOTSUPP);
	assert_int_equal(local.ops->getattr(&local, target, -1, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(local.ops->readlink(&local, n, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "target", 6);
}

/* A file without a name works through its open file. */
static void test_unlinked_open_file(void **state)
{
	uint32_t n = make_file("file", "text", 0644);
	struct stat st, want = {.st_mode = 0600, .st_size = 1};
	char buf[8];
	int ref;

	(void)state;
	assert_int_equal(local.ops->open(&local, n, O_RDWR, &ref), 0);
	assert_int_equal(local.ops->unlink(&local, 0, "file"), 0);
	assert_int_equal(local.ops->getattr(&local, n, ref, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(local.ops->setattr(&local, n, ref, &want, SET_MODE | SET_SIZE, &st), 0);
	assert_int_equal(local.ops->read(&local, ref, buf, sizeof(buf), 0), 1);
	assert_int_equal(local.ops->release(&local, ref), 0);
}

static void test_io(void **state)
{
	uint32_t n = make_file("file", "0123456789", 0644);
	_Alignas(16) char buf[65];
	struct stat st;
	int ref, copy;
	struct found found;

	(void)state;
	assert_int_equal(local.ops->open(&local, n, O_RDWR | O_DIRECT, &ref), 0);
	assert_int_equal(local.ops->read(&local, ref, buf + 1, 64, 3), 7); /* O_DIRECT, yet unaligned */
	assert_memory_equal(buf + 1, "3456789", 7);
	assert_int_equal(local.ops->write(&local, ref, "abc", 3, 20, false), 3);
	assert_int_equal(local.ops->getattr(&local, n, ref, &st), 0);
	assert_int_equal(st.st_size, 23);
	assert_int_equal(local.ops->read(&local, ref, buf, 64, 23), 0);
	assert_int_equal(local.ops->fsync(&local, ref, true), 0);
	assert_int_equal(local.ops->fsync(&local, ref, false), 0);
	assert_int_equal(local.ops->flush(&local, ref), 0);
	assert_int_equal(
	    local.ops->create(&local, 0, "copy", O_RDWR | O_CREAT, 0600, &root_caller, &found, &copy), 0);
	assert_int_equal(local.ops->copy_range(&local, ref, 2, copy, 1, 5), 5);
	assert_int_equal(local.ops->read(&local, copy, buf, 64, 1), 5);
	assert_memory_equal(buf, "23456", 5);
	assert_int_equal(local.ops->release(&local, copy), 0);
	assert_int_equal(local.ops->release(&local, ref), 0);
	assert_int_equal(local.ops->open(&local, n, O_RDONLY, &ref), 0);
	assert_int_equal(local.ops->write(&local, ref, "x", 1, 0, false), -EBADF);
	assert_int_equal(local.ops->release(&local, ref), 0);
	assert_int_equal(local.ops->open(&local, n, O_WRONLY | O_TRUNC, &ref), 0);
	assert_int_equal(local.ops->release(&local, ref), 0);
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void test_holes(void **state)
{
	uint32_t n = make_file("file", "", 0644);
	struct stat st;
	int ref;

	(void)state;
	assert_int_equal(local.ops->open(&local, n, O_RDWR, &ref), 0);
	assert_int_equal(local.ops->fallocate(&local, ref, 0, 0, 65536), 0);
	assert_int_equal(local.ops->fallocate(&local, ref, FALLOC_FL_KEEP_SIZE, 0, 131072), 0);
	assert_int_equal(local.ops->write(&local, ref, "x", 1, 1 << 20, false), 1);
	assert_int_equal(local.ops->lseek(&local, ref, 131072, SEEK_DATA), 1 << 20);
	assert_int_equal(local.ops->lseek(&local, ref, 2 << 20, SEEK_DATA), -ENXIO);
	assert_int_equal(
	    local.ops->fallocate(&local, ref, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 4096), 0);
	assert_int_equal(local.ops->lseek(&local, ref, 131072, SEEK_DATA), -ENXIO);
	assert_int_equal(local.ops->getattr(&local, n, ref, &st), 0);
	assert_int_equal(st.st_size, (1 << 20) + 1);
	assert_int_equal(local.ops->release(&local, ref), 0);
}

static void test_links_and_renames(void **state)
{
	uint32_t n = make_file("a", "a", 0644), dir;
	struct found found;

	(void)state;
	make_file("b", "bb", 0644);
	assert_int_equal(local.ops->mkdir(&local, 0, "dir", 0755, &root_caller, &found), 0);
	dir = place_found(place, NODE_LOCAL, 0, "dir", &found);
	assert_int_equal(local.ops->link(&local, n, dir, "a2", &found), 0);
	assert_int_equal(found.st.st_nlink, 2);
	assert_memory_equal(found.fh, place->arena->nodes[n].fh, found.fh_length);
	assert_int_equal(local.ops->link(&local, n, dir, "a2", &found), -EEXIST);
	assert_int_equal(local.ops->link(&local, dir, dir, "no", &found), -EPERM);
	assert_int_equal(local.ops->rename(&local, 0, "a", 0, "b", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(local.ops->rename(&local, 0, "a", 0, "b", RENAME_EXCHANGE), 0);
	assert_int_equal(local.ops->lookup(&local, 0, "a", &found), 0);
	assert_int_equal(found.st.st_size, 2);
	assert_int_equal(local.ops->rename(&local, 0, "a", dir, "c", 0), 0);
	assert_int_equal(local.ops->rmdir(&local, 0, "dir"), -ENOTEMPTY);
	assert_int_equal(local.ops->unlink(&local, 0, "dir"), -EISDIR);
	assert_int_equal(local.ops->rmdir(&local, dir, "c"), -ENOTDIR);
	assert_int_equal(local.ops->unlink(&local, dir, "c"), 0);
	assert_int_equal(local.ops->unlink(&local, dir, "c"), -ENOENT);
}

static void test_tmpfile(void **state)
{
	struct found found;
	uint32_t n;
	int ref;

	(void)state;
	assert_int_equal(local.ops->tmpfile(&local, 0, O_RDWR, 0666, &user_caller, &found, &ref), 0);
	assert_int_equal(found.st.st_nlink, 0);
	assert_int_equal(found.st.st_uid, USER_UID);
	assert_int_equal(found.st.st_mode, S_IFREG | 0644);
	n = place_found(place, NODE_LOCAL, NODE_NONE, "", &found);
	assert_int_equal(local.ops->link(&local, n, 0, "named", &found), 0);
	assert_int_equal(found.st.st_nlink, 1);
	assert_int_equal(local.ops->release(&local, ref), 0);
}

struct listing {
	char seen[300];
	unsigned n, stop_after;
	int64_t next;
};

static bool collect(void *arg, const char *name, size_t length, uint64_t ino, unsigned type, int64_t next)
{
	struct listing *l = arg;

	(void)ino;
	if (l->n == l->stop_after)
		return false;
	l->n++;
	l->next = next;
	if (name[0] == 'e') {
		assert_int_equal(length, 4);
		assert_int_equal(type, DT_REG);
		l->seen[atoi(name + 1)]++;
	}
	return true;
}

/* Read piecewise, each entry comes exactly once. */
static void test_readdir(void **state)
{
	struct listing l = {.stop_after = 0};
	char name[16];
	int ref;

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "e%03d", i);
		close(open(root_path(name), O_CREAT | O_WRONLY, 0600));
	}
	assert_int_equal(local.ops->opendir(&local, 0, &ref), 0);
	for (unsigned before = UINT32_MAX; before != l.n;) {
		before = l.n;
		l.stop_after += 7;
		assert_int_equal(local.ops->readdir(&local, ref, l.next, collect, &l), 0);
	}
	assert_int_equal(l.n, 302);
	for (int i = 0; i < 300; i++)
		assert_int_equal(l.seen[i], 1);
	assert_int_equal(local.ops->release(&local, ref), 0);
}

static void test_xattrs(void **state)
{
	uint32_t n = make_file("file", "", 0644), link;
	char buf[256];
	ssize_t length;

	(void)state;
	assert_int_equal(local.ops->setxattr(&local, n, "user.a", "value", 5, XATTR_CREATE), 0);
	assert_int_equal(local.ops->setxattr(&local, n, "user.a", "value", 5, XATTR_CREATE), -EEXIST);
	assert_int_equal(local.ops->getxattr(&local, n, "user.a", NULL, 0), 5);
	assert_int_equal(local.ops->getxattr(&local, n, "user.a", buf, 2), -ERANGE);
	assert_int_equal(local.ops->getxattr(&local, n, "user.a", buf, sizeof(buf)), 5);
	length = local.ops->listxattr(&local, n, buf, sizeof(buf));
	assert_true(length >= 7);
	assert_int_equal(local.ops->removexattr(&local, n, "user.a"), 0);
	assert_int_equal(local.ops->removexattr(&local, n, "user.a"), -ENODATA);
	/* On the symlink itself, never on what it points to. */
	assert_int_equal(symlink("file", root_path("link")), 0);
	link = look_up(0, "link");
	assert_int_equal(local.ops->setxattr(&local, link, "user.a", "v", 1, 0), -EPERM);
	assert_int_equal(local.ops->setxattr(&local, link, "trusted.a", "v", 1, 0), 0);
	assert_int_equal(lgetxattr(root_path("link"), "trusted.a", buf, sizeof(buf)), 1);
	assert_int_equal(local.ops->getxattr(&local, n, "trusted.a", buf, sizeof(buf)), -ENODATA);
}

static void test_statfs(void **state)
{
	struct statvfs st;

	(void)state;
	assert_int_equal(local.ops->statfs(&local, 0, &st), 0);
	assert_true(st.f_blocks > 0 && st.f_namemax == 255);
}

/* Descriptors stay bounded, and every node is reached again by its handle. */
static void test_many_nodes(void **state)
{
	uint32_t nodes[200];
	unsigned before = count_descriptors();
	struct stat st;
	char name[16];

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		nodes[i] = make_file(name, "", 0644);
		assert_int_equal(local.ops->getattr(&local, nodes[i], -1, &st), 0);
	}
	for (int i = 0; i < 200; i++)
		assert_int_equal(local.ops->getattr(&local, nodes[i], -1, &st), 0);
	assert_in_range(count_descriptors(), before, before + 64);
}

/* Below a mount point handles lead nowhere from our root: such objects are kept by descriptor. */
static void test_mount_inside(void **state)
{
	struct found found;
	uint32_t dir, n;
	struct stat st;
	int fd, ref;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mkdir(root_path("inner"), 0755), 0);
	assert_int_equal(mount("none", root_path("inner"), "tmpfs", 0, NULL), 0);
	/* The root again, as seen from this mount namespace. */
	close(backend_local_root_fd(&local));
	free(local.state);
	assert_int_equal(backend_local_open(place->arena, root_path(""), &local, &found), 0);
	assert_int_equal(local.ops->lookup(&local, 0, "inner", &found), 0);
	assert_int_equal(found.fh_length, 0);
	fd = backend_found_fd();
	assert_true(fd >= 0);
	dir = place_found(place, NODE_LOCAL, NODE_NONE, "", &found);
	nodefd_offer(place->arena, dir, 0, fd);
	assert_int_equal(
	    local.ops->create(&local, dir, "file", O_RDWR | O_CREAT, 0644, &root_caller, &found, &ref), 0);
	fd = backend_found_fd();
	n = place_found(place, NODE_LOCAL, NODE_NONE, "", &found);
	nodefd_offer(place->arena, n, 0, fd);
	assert_int_equal(local.ops->write(&local, ref, "abc", 3, 0, false), 3);
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(local.ops->release(&local, ref), 0);
	assert_int_equal(local.ops->open(&local, n, O_RDONLY, &ref), 0);
	assert_int_equal(local.ops->release(&local, ref), 0);
	/* Without the descriptor, by name. */
	nodefd_drop(place->arena, n);
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), -ESTALE);
	assert_int_equal(local.ops->lookup(&local, dir, "file", &found), 0);
	n = place_found(place, NODE_LOCAL, dir, "file", &found);
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), 0);
	assert_int_equal(local.ops->lookup(&local, 0, "missing", &found), -ENOENT);
	close(backend_found_fd());
	for (uint32_t i = 0; i < place->arena->nodes_used; i++)
		nodefd_drop(place->arena, i);
	assert_int_equal(umount(root_path("inner")), 0);
}

static void *renamer(void *arg)
{
	_Atomic bool *stop = arg;
	char a[512], b[512];

	snprintf(a, sizeof(a), "%s", root_path("x"));
	snprintf(b, sizeof(b), "%s", root_path("y"));
	while (!atomic_load(stop))
		(void)renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
	return NULL;
}

/* While two files swap names, handle and attributes still are of one and the same. */
static void test_lookup_during_renames(void **state)
{
	_Atomic bool stop = false;
	pthread_t thread;

	(void)state;
	make_file("x", "1", 0644);
	make_file("y", "22", 0600);
	assert_int_equal(pthread_create(&thread, NULL, renamer, &stop), 0);
	for (int i = 0; i < 2000; i++) {
		struct found found;
		uint32_t ino;

		assert_int_equal(local.ops->lookup(&local, 0, "x", &found), 0);
		assert_int_equal(found.fh_type, 1);
		memcpy(&ino, found.fh, 4);
		assert_int_equal(ino, found.st.st_ino);
		assert_int_equal(found.st.st_mode & 0777, found.st.st_size == 1 ? 0644 : 0600);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_lookup),
	    TEST(test_node_is_the_object),
	    TEST(test_creation_as_root),
	    TEST(test_creation_as_user),
	    TEST(test_creation_as_root_of_other_group),
	    TEST(test_creation_in_setgid_directory),
	    TEST(test_creation_asks_for_groups),
	    TEST(test_creation_through_invisible_group),
	    TEST(test_creation_under_default_acl),
	    TEST(test_set_id_bits_go),
	    TEST(test_capabilities_go),
	    TEST(test_setattr),
	    TEST(test_setattr_of_symlink),
	    TEST(test_unlinked_open_file),
	    TEST(test_io),
	    TEST(test_holes),
	    TEST(test_links_and_renames),
	    TEST(test_tmpfile),
	    TEST(test_readdir),
	    TEST(test_xattrs),
	    TEST(test_statfs),
	    TEST(test_many_nodes),
	    TEST(test_lookup_during_renames),
	    TEST(test_mount_inside),
	};

	backend_thread_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
