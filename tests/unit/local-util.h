/* local-util.h: what the tests of the local tier share: a local tier in a directory of its own, and native
 * calls to compare with. */
#ifndef TESTS_LOCAL_UTIL_H
#define TESTS_LOCAL_UTIL_H

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

static inline int setup(void **state)
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
	assert_int_equal(backend_local_open(place->arena, open(root, O_RDONLY | O_DIRECTORY), &local, &found),
			 0);
	assert_int_equal(place_found(place, NODE_LOCAL, NODE_NONE, "", &found), 0);
	assert_int_not_equal(found.fh_length, 0);
	return 0;
}

static inline int teardown(void **state)
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
static inline const char *native_path(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", native_dir, name);
	return path;
}

static inline const char *root_path(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/root/%s", place->dir, name);
	return path;
}

/* Runs action in a child that is the caller natively. Returns its errno. */
static inline int as_user(const struct caller *c, int (*action)(const char *path), const char *name)
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

static inline void assert_same(const struct stat *a, const struct stat *b)
{
	assert_int_equal(a->st_mode, b->st_mode);
	assert_int_equal(a->st_uid, b->st_uid);
	assert_int_equal(a->st_gid, b->st_gid);
	assert_int_equal(a->st_nlink, b->st_nlink);
	assert_int_equal(a->st_size, b->st_size);
	assert_int_equal(a->st_rdev, b->st_rdev);
}

static inline void assert_like_native(const char *name, const struct stat *st)
{
	struct stat native;

	assert_int_equal(lstat(native_path(name), &native), 0);
	assert_same(st, &native);
}

static inline uint32_t look_up(uint32_t parent, const char *name)
{
	struct found found;

	assert_int_equal(local.ops->lookup(&local, parent, name, &found), 0);
	return place_found(place, NODE_LOCAL, parent, name, &found);
}

static inline uint32_t make_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(root_path(name), O_CREAT | O_EXCL | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return look_up(0, name);
}

#endif
