/* An sshfs whose connection breaks while a name is looked up, or a file is read. As root. */
#include "backend-util.h"

#include "backend/nodefd.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#define BACKEND 0

static struct place *place;
static struct backend dir;
static uint32_t root;

/* What asks the server fails. */
static bool connection_lost;
static int statvfs_error;
/* sshfs has made a new connection: files that are open stay broken. */
static bool connected_anew;

static int fail_with(int error)
{
	errno = error;
	return -1;
}

int statx(int dirfd, const char *restrict path, int flags, unsigned mask, struct statx *restrict stx)
{
	if (connection_lost && flags & AT_STATX_FORCE_SYNC)
		return fail_with(ENOTCONN);
	return (int)syscall(SYS_statx, dirfd, path, flags, mask, stx);
}

int fstatvfs(int fd, struct statvfs *st)
{
	(void)fd;
	*st = (struct statvfs){.f_bsize = 4096};
	return connection_lost ? fail_with(statvfs_error) : 0;
}

/* sshfs is asked by the close of a duplicate whether the file is still open on the server. */
int close(int fd)
{
	int rc = (int)syscall(SYS_close, fd);

	return rc == 0 && connected_anew ? fail_with(EIO) : rc;
}

int mknodat(int dirfd, const char *path, mode_t mode, dev_t dev)
{
	return connection_lost ? fail_with(ENOTCONN) : (int)syscall(SYS_mknodat, dirfd, path, mode, dev);
}

static int setup(void **state)
{
	struct board_backend *board;

	(void)state;
	place = place_new();
	assert_int_equal(nodefd_init(place->arena, 64), 0);
	place->arena->board.config.backends[BACKEND].type = BACKEND_SSHFS;
	assert_int_equal(backend_open(place->arena, BACKEND, &dir), 0);
	place_node(place, NODE_LOCAL, NODE_NONE, "", S_IFDIR | 0755); /* the mount's root */
	root = place_node(place, BACKEND, 0, "cold", S_IFDIR | 0755);
	place->arena->nodes[root].flags = NODE_ROUTE_ROOT;
	board = &place->arena->board.backends[BACKEND];
	atomic_store(&board->root_fd, open(place->dir, O_PATH | O_DIRECTORY));
	atomic_store(&board->root_epoch, 1);
	atomic_store(&board->breaker, breaker_word(1, true));
	connection_lost = connected_anew = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	nodefd_drop(place->arena, root);
	free(dir.state);
	place_free(place);
	return 0;
}

static errint_t find(const char *name)
{
	struct found found;

	return dir.ops->find(&dir, root, name, &found);
}

static void expect_lost_and_not_gone(const char *name)
{
	connection_lost = false;
	assert_int_equal(find(name), 0);
	connection_lost = true;
	statvfs_error = ESTALE; /* it was gone before the connection was */
	assert_int_equal(find(name), -ENOTCONN);
}

static void test_file(void **state)
{
	int top = atomic_load(&place->arena->board.backends[BACKEND].root_fd);

	(void)state;
	assert_int_equal(mknodat(top, "file", S_IFREG | 0644, 0), 0);
	expect_lost_and_not_gone("file");
}

static void test_directory(void **state)
{
	int top = atomic_load(&place->arena->board.backends[BACKEND].root_fd);

	(void)state;
	assert_int_equal(mkdirat(top, "directory", 0755), 0);
	expect_lost_and_not_gone("directory");
}

/* sshfs says of a read that failed that the file ends there. */
static void test_unknown_end(void **state)
{
	int top = atomic_load(&place->arena->board.backends[BACKEND].root_fd), ref;
	char buf[8];

	(void)state;
	ref = openat(top, "file", O_RDWR | O_CREAT, 0644);
	assert_int_equal(write(ref, "text", 4), 4);
	assert_int_equal(dir.ops->read(&dir, ref, buf, sizeof(buf), 0, 0), 4);
	assert_int_equal(dir.ops->read(&dir, ref, buf, sizeof(buf), 4, 0), 0);
	connection_lost = true;
	statvfs_error = ENOTCONN;
	assert_int_equal(dir.ops->read(&dir, ref, buf, 4, 0, 0), 4);
	assert_int_equal(dir.ops->read(&dir, ref, buf, sizeof(buf), 0, 0), -ENOTCONN);
	/* The server has answered: another client has removed the file. */
	statvfs_error = ENOENT;
	assert_int_equal(dir.ops->read(&dir, ref, buf, sizeof(buf), 0, 0), 4);
	connection_lost = false;
	connected_anew = true;
	assert_int_equal(dir.ops->read(&dir, ref, buf, 4, 0, 0), 4);
	assert_int_equal(dir.ops->read(&dir, ref, buf, sizeof(buf), 0, 0), -EIO);
	connected_anew = false;
	assert_int_equal(close(ref), 0);
}

/* The same where it is asked whether the file ends there. */
static void test_compared_end(void **state)
{
	int top = atomic_load(&place->arena->board.backends[BACKEND].root_fd), ref;

	(void)state;
	ref = openat(top, "file", O_RDWR | O_CREAT, 0644);
	assert_int_equal(ftruncate(ref, 4), 0);
	assert_int_equal(dir.ops->compare_end(&dir, ref, 4), END_THERE);
	assert_int_equal(dir.ops->compare_end(&dir, ref, 100), END_BEFORE);
	connection_lost = true;
	statvfs_error = ENOTCONN;
	assert_int_equal(dir.ops->compare_end(&dir, ref, 100), -ENOTCONN);
	connection_lost = false;
	connected_anew = true;
	assert_int_equal(dir.ops->compare_end(&dir, ref, 4), END_THERE);
	assert_int_equal(dir.ops->compare_end(&dir, ref, 100), -EIO);
	connected_anew = false;
	assert_int_equal(close(ref), 0);
}

/* A write that failed is told once, and to the writer: by no close but his. */
static void test_owed_report(void **state)
{
	int top = atomic_load(&place->arena->board.backends[BACKEND].root_fd), ref;
	struct config_backend *config = &place->arena->board.config.backends[BACKEND];

	(void)state;
	ref = openat(top, "file", O_RDWR | O_CREAT, 0644);
	connected_anew = true;
	config->durability = DURABILITY_BEHIND;
	assert_int_equal(dir.ops->compare_end(&dir, ref, 100), END_BEFORE);
	config->durability = DURABILITY_THROUGH;
	assert_int_equal(dir.ops->compare_end(&dir, ref, 100), -EIO);
	connected_anew = false;
	assert_int_equal(close(ref), 0);
	config->durability = DURABILITY_BEHIND;
	ref = openat(top, "file", O_RDONLY);
	connected_anew = true;
	assert_int_equal(dir.ops->compare_end(&dir, ref, 100), -EIO);
	connected_anew = false;
	assert_int_equal(close(ref), 0);
}

static void test_nothing(void **state)
{
	(void)state;
	assert_int_equal(find("nothing"), -ENOENT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_file),	    TEST(test_directory),    TEST(test_nothing),
	    TEST(test_unknown_end), TEST(test_compared_end), TEST(test_owed_report),
	};

	backend_thread_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
