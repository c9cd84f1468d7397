/* What the second run of a change makes of what it finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/again.h"
#include "fs/context.h"
#include "fs/view.h"
#include "worker-util.h"

#include <fcntl.h>

/* What stands under every name, as a backend shows it. */
static struct {
	struct stat st;
	const char *target;
	bool entries;
	errint_t trouble;
	int opened, owner;
} there;

static errint_t lookup(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	(void)b, (void)parent, (void)name;
	*found = (struct found){.st = there.st};
	return there.trouble;
}

static errint_t getattr(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	(void)ref;
	*st = (struct stat){.st_mode = b->arena->nodes[node].mode,
			    .st_size = (off_t)b->arena->nodes[node].size,
			    .st_mtim.tv_sec = 5};
	return 0;
}

static errint_t setattr(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
			struct stat *st)
{
	(void)b, (void)node, (void)ref, (void)set;
	there.owner = (int)want->st_uid;
	*st = there.st;
	return 0;
}

static ssize_t readlink_(struct backend *b, uint32_t node, char *buf, size_t size)
{
	(void)b, (void)node;
	if (!there.target)
		return -EPERM;
	return snprintf(buf, size, "%s", there.target);
}

static errint_t opendir_(struct backend *b, uint32_t node, int *ref)
{
	(void)b, (void)node;
	*ref = 7;
	there.opened++;
	return there.trouble;
}

static errint_t readdir_(struct backend *b, int ref, int64_t offset, readdir_fn emit, void *arg)
{
	(void)b, (void)ref, (void)offset;
	if (emit(arg, ".", 1, 1, 0, 1, NULL) && emit(arg, "..", 2, 1, 0, 2, NULL) && there.entries)
		emit(arg, "entry", 5, 9, 0, 3, NULL);
	return 0;
}

static errint_t release(struct backend *b, int ref)
{
	(void)b, (void)ref;
	there.opened--;
	return 0;
}

static errint_t create(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
		       const struct caller *c, struct found *found, int *ref)
{
	(void)b, (void)parent, (void)name, (void)mode, (void)c;
	CHECK(!(flags & O_EXCL));
	*found = (struct found){.st = there.st};
	*ref = 8;
	there.opened += there.trouble == 0;
	return there.trouble;
}

static const struct backend_ops ops = {.lookup = lookup,
				       .getattr = getattr,
				       .setattr = setattr,
				       .readlink = readlink_,
				       .opendir = opendir_,
				       .readdir = readdir_,
				       .release = release,
				       .create = create};

static const struct caller somebody = {.uid = 1000, .gid = 1000};
static struct found found;
static struct node *root;

static void begin(void)
{
	fs.guarded[0].ops = &ops;
	root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	CHECK(root);
	call.slot = &fs.arena->slots[0];
	call.slot->reruns = 1;
}

static void stands(mode_t mode, off_t size)
{
	there.st = (struct stat){.st_mode = mode, .st_size = size, .st_ino = 3, .st_mtim.tv_sec = 5};
}

static errint_t made(const struct make_args *what, errint_t rc)
{
	errint_t result = again_made(&fs.guarded[0], node_index(root), "name", what, &somebody, &found, rc);

	CHECK(there.opened == 0);
	return result;
}

static uint64_t made_before(void)
{
	return atomic_load(&fs.guarded[0].board->counters[COUNT_MADE_BEFORE]);
}

static void a_first_run_believes_what_it_is_told(void)
{
	const struct make_args dir = {.what = MAKE_DIR};

	begin();
	stands(S_IFDIR | 0755, 0);
	call.slot->reruns = 0;
	CHECK(!again_is_running());
	CHECK(made(&dir, -EEXIST) == -EEXIST);
	CHECK(again_removed(&fs.guarded[0], -ENOENT) == -ENOENT);
	call.slot->replays = 1;
	CHECK(made(&dir, -EEXIST) == 0);
	CHECK(made(&dir, -ENOSPC) == -ENOSPC && made(&dir, 0) == 0);
	CHECK(made_before() == 1);
	CHECK(again_removed(&fs.guarded[0], -ENOENT) == 0 && again_removed(&fs.guarded[0], -EIO) == -EIO);
	CHECK(made_before() == 2);
}

static void what_is_as_it_would_be_made_is_ours(void)
{
	const struct make_args dir = {.what = MAKE_DIR}, file = {.what = MAKE_NODE, .mode = 0644},
			       fifo = {.what = MAKE_NODE, .mode = S_IFIFO | 0644},
			       link = {.what = MAKE_SYMLINK, .target = "there"};

	begin();
	stands(S_IFDIR | 0755, 0);
	CHECK(made(&dir, -EEXIST) == 0 && S_ISDIR(found.st.st_mode));
	CHECK(made(&file, -EEXIST) == -EEXIST && made(&link, -EEXIST) == -EEXIST);
	there.entries = true;
	CHECK(made(&dir, -EEXIST) == -EEXIST);
	stands(S_IFREG | 0644, 0);
	CHECK(made(&file, -EEXIST) == 0 && made(&dir, -EEXIST) == -EEXIST && made(&fifo, -EEXIST) == -EEXIST);
	stands(S_IFREG | 0644, 1);
	CHECK(made(&file, -EEXIST) == -EEXIST);
	stands(S_IFIFO | 0644, 0);
	CHECK(made(&fifo, -EEXIST) == 0);
	stands(S_IFLNK | 0777, 5);
	there.target = "there";
	CHECK(made(&link, -EEXIST) == 0);
	there.target = "them!";
	CHECK(made(&link, -EEXIST) == -EEXIST);
	there.target = NULL; /* cannot be read: its length counts */
	CHECK(made(&link, -EEXIST) == 0);
	stands(S_IFLNK | 0777, 6);
	CHECK(made(&link, -EEXIST) == -EEXIST);
}

/* sshfs has no inode numbers that last. */
static void another_name_is_known_by_what_it_shows(void)
{
	const struct stat st = {.st_mode = S_IFREG | 0644, .st_size = 10};
	struct make_args link = {.what = MAKE_LINK};
	struct node *file;

	begin();
	file = node_intern_guarded(&fs.guarded[0], node_index(root), "file", &st, NODE_LOOKED_UP);
	link.node = node_index(file);
	stands(S_IFREG | 0644, 10);
	CHECK(made(&link, -EEXIST) == 0);
	stands(S_IFREG | 0644, 11);
	CHECK(made(&link, -EEXIST) == -EEXIST);
	stands(S_IFIFO | 0644, 10);
	CHECK(made(&link, -EEXIST) == -EEXIST);
}

/* It decides whether the request is run once more. */
static void trouble_in_looking_comes_back(void)
{
	const struct make_args dir = {.what = MAKE_DIR};

	begin();
	stands(S_IFDIR | 0755, 0);
	there.trouble = -ENOTCONN;
	CHECK(made(&dir, -EEXIST) == -ENOTCONN);
}

static void a_file_made_exclusively_is_opened(void)
{
	int ref = -1;

	begin();
	stands(S_IFREG | 0644, 0);
	CHECK(again_created(&fs.guarded[0], node_index(root), "name", O_RDWR | O_CREAT | O_EXCL, 0644,
			    &somebody, &found, &ref, -EEXIST) == 0);
	CHECK(ref == 8 && there.opened == 1);
	there.opened = 0;
	stands(S_IFREG | 0644, 4);
	CHECK(again_created(&fs.guarded[0], node_index(root), "name", O_RDWR | O_CREAT | O_EXCL, 0644,
			    &somebody, &found, &ref, -EEXIST) == -EEXIST);
	CHECK(ref == -1 && there.opened == 0);
	there.trouble = -EACCES;
	CHECK(again_created(&fs.guarded[0], node_index(root), "name", O_RDWR | O_CREAT | O_EXCL, 0444,
			    &somebody, &found, &ref, -EEXIST) == -EIO);
}

/* The first run may not have come to that. Where owners are presented, or storage has its own idea, there is
 * nothing to give. */
static void its_owner_is_the_caller(void)
{
	const struct make_args dir = {.what = MAKE_DIR};

	begin();
	stands(S_IFDIR | 0755, 0);
	CHECK(made(&dir, -EEXIST) == 0 && there.owner == 0);
	fs.board->config.backends[0].type = BACKEND_DIR;
	CHECK(made(&dir, -EEXIST) == 0 && there.owner == 1000);
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(a_first_run_believes_what_it_is_told)
WORKER_TEST(what_is_as_it_would_be_made_is_ours)
WORKER_TEST(another_name_is_known_by_what_it_shows)
WORKER_TEST(trouble_in_looking_comes_back)
WORKER_TEST(a_file_made_exclusively_is_opened)
WORKER_TEST(its_owner_is_the_caller)

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_first_run_believes_what_it_is_told),   TEST(test_what_is_as_it_would_be_made_is_ours),
	    TEST(test_another_name_is_known_by_what_it_shows), TEST(test_trouble_in_looking_comes_back),
	    TEST(test_a_file_made_exclusively_is_opened),      TEST(test_its_owner_is_the_caller),
	};

	return cmocka_run_group_tests_name("again", tests, NULL, NULL);
}
