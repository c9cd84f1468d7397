/* The local tier does what its file system does: each thing is done natively by a child with the caller's
 * identity in one directory, through the backend in another, and the results are compared. As root, on a file
 * system with file handles. */
#include "local-util.h"

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

/* The kernel's answers to open_by_handle_at that come before the true one. */
static unsigned out_of_memory;

int open_by_handle_at(int mount_fd, struct file_handle *handle, int flags)
{
	if (out_of_memory > 0) {
		out_of_memory--;
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_open_by_handle_at, mount_fd, handle, flags);
}

/* The kernel says ENOMEM of a file that is no more while its inode number is being given to a new one. */
static void test_number_being_reused(void **state)
{
	uint32_t n = make_file("file", "text", 0644);
	struct stat st;

	(void)state;
	nodefd_drop(place->arena, n);
	out_of_memory = 2;
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), 0);
	nodefd_drop(place->arena, n);
	assert_int_equal(unlink(root_path("file")), 0);
	out_of_memory = 2;
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), -ESTALE);
	/* What does not pass is true. */
	out_of_memory = 1000000;
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), -ENOMEM);
	out_of_memory = 0;
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
	assert_int_equal(local.ops->read(&local, ref, buf, sizeof(buf), 0, 0), 1);
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
	assert_int_equal(local.ops->read(&local, ref, buf + 1, 64, 3, 0), 7); /* O_DIRECT, yet unaligned */
	assert_memory_equal(buf + 1, "3456789", 7);
	assert_int_equal(local.ops->write(&local, ref, "abc", 3, 20, false), 3);
	assert_int_equal(local.ops->getattr(&local, n, ref, &st), 0);
	assert_int_equal(st.st_size, 23);
	assert_int_equal(local.ops->read(&local, ref, buf, 64, 23, 0), 0);
	assert_int_equal(local.ops->fsync(&local, ref, true), 0);
	assert_int_equal(local.ops->fsync(&local, ref, false), 0);
	assert_int_equal(local.ops->flush(&local, ref), 0);
	assert_int_equal(
	    local.ops->create(&local, 0, "copy", O_RDWR | O_CREAT, 0600, &root_caller, &found, &copy), 0);
	assert_int_equal(local.ops->copy_range(&local, ref, 2, copy, 1, 5), 5);
	assert_int_equal(local.ops->read(&local, copy, buf, 64, 1, 0), 5);
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
	assert_int_equal(local.ops->rmdir(&local, 0, "dir", false), -ENOTEMPTY);
	assert_int_equal(local.ops->unlink(&local, 0, "dir"), -EISDIR);
	assert_int_equal(local.ops->rmdir(&local, dir, "c", false), -ENOTDIR);
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

static bool collect(void *arg, const char *name, size_t length, uint64_t ino, unsigned type, int64_t next,
		    const struct stat *st)
{
	struct listing *l = arg;

	assert_null(st);
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
	assert_int_equal(
	    backend_local_open(place->arena, open(root_path(""), O_RDONLY | O_DIRECTORY), &local, &found), 0);
	assert_int_equal(local.ops->lookup(&local, 0, "inner", &found), 0);
	assert_int_equal(found.fh_length, 0);
	assert_true(found.mounted);
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
	nodefd_drop(place->arena, n);
	/* Only if it is the same. */
	assert_int_equal(rename(root_path("inner/file"), root_path("inner/moved")), 0);
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), -ESTALE);
	close(open(root_path("inner/file"), O_CREAT | O_WRONLY, 0644));
	assert_int_equal(local.ops->getattr(&local, n, -1, &st), -ESTALE);
	assert_int_equal(rename(root_path("inner/moved"), root_path("inner/file")), 0);
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
	    TEST(test_number_being_reused),
	    TEST(test_mount_inside),
	};

	backend_thread_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
