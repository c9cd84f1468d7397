/* test-backend-local-rights.c: whose a new object is, what set-id bits and ACLs become: as the file system
 * itself does it. */
#include "local-util.h"

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

/* The thread keeps a umask from one request to the next. */
static void test_each_callers_umask_counts(void **state)
{
	static const mode_t masks[] = {077, 0, 022, 022, 077, 0};
	struct caller c = root_caller;
	struct found found;
	char name[] = "0";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++, name[0]++) {
		c.umask = masks[i];
		assert_int_equal(local.ops->mkdir(&local, 0, name, 0777, &c, &found), 0);
		assert_int_equal(found.st.st_mode, S_IFDIR | (0777 & ~masks[i]));
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
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
	    TEST(test_each_callers_umask_counts),
	};

	backend_thread_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
