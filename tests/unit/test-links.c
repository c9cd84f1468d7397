/* Are the names of a file still one file? What storage shows under each of them decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/context.h"
#include "fs/links.h"
#include "fs/view.h"
#include "worker-util.h"

#include <errno.h>
#include <fcntl.h>

/* Storage: a file's size, or -errno, for each of the names a, b and c. */
static int shown[3];

static errint_t fake_find(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	int size = shown[name[0] - 'a'];

	(void)b;
	(void)parent;
	if (size < 0)
		return size;
	found->st = (struct stat){.st_mode = S_IFREG, .st_size = size};
	return 0;
}

/* Of the file that is open. */
static int open_size;

static errint_t fake_getattr(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	(void)b;
	(void)node;
	CHECK(ref == 70);
	*st = (struct stat){.st_mode = S_IFREG, .st_size = open_size};
	return 0;
}

static const struct backend_ops fake = {.find = fake_find, .getattr = fake_getattr};

static uint32_t dir;

/* A file of 100 bytes with these names, the first one its own. */
static struct node *file_named(const char *names)
{
	const struct stat st = {.st_mode = S_IFREG, .st_size = 100};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP), *node;
	char name[2] = {names[0], '\0'};

	call.slot = &fs.arena->slots[0];
	call.unique = 1;
	fs.guarded[0].ops = &fake;
	fs.board->config.backends[0].type = BACKEND_SFTP;
	dir = node_index(root);
	node = node_intern_guarded(&fs.guarded[0], dir, name, &st, NODE_LOOKED_UP);
	for (const char *n = names + 1; *n; n++) {
		name[0] = *n;
		CHECK(node_link(node, dir, name) == 0);
	}
	return node;
}

/* It was just found by that name, as storage shows it. */
static errint_t settle(struct node *node, const char *name)
{
	struct link_name at = {dir, name};
	struct found found = {0};

	CHECK(fake_find(&fs.guarded[0], dir, name, &found) == 0);
	return links_settle(&fs.guarded[0], node, &at, &found.st);
}

static void the_same_under_each_name(void)
{
	struct node *node = file_named("ab");

	shown[0] = shown[1] = 100;
	CHECK(settle(node, "b") == 0);
	shown[0] = shown[1] = 200; /* somebody wrote to it */
	CHECK(settle(node, "b") == 0 && node_names(node) == 2);
}

static void another_file_by_one_name(void)
{
	struct node *node = file_named("ab");

	shown[0] = 100;
	shown[1] = 200;
	CHECK(settle(node, "b") == BACKEND_NODE_GONE);
	CHECK(settle(node, "a") == 0);
}

/* Both have changed: the open file tells which of them is another. */
static void another_file_by_the_other_name(void)
{
	struct node *node = file_named("abc");

	CHECK(handle_new(node_index(node), HANDLE_FILE, 0, O_WRONLY, 70, 1, HANDLE_NAMED));
	shown[0] = 300;
	shown[1] = shown[2] = open_size = 200;
	CHECK(settle(node, "b") == 0 && node_names(node) == 2);
	CHECK(!node_find_guarded(dir, "a", NODE_UNHELD) && settle(node, "c") == 0);
	open_size = 400; /* that one has no name any more */
	shown[2] = 500;
	CHECK(settle(node, "c") == BACKEND_NODE_GONE && node_names(node) == 2);
}

static void a_name_that_is_missing_is_taken_away(void)
{
	struct node *node = file_named("abc");

	shown[0] = -ENOENT;
	shown[1] = 200;
	shown[2] = 200;
	CHECK(settle(node, "b") == 0 && node_names(node) == 2);
	CHECK(!node_find_guarded(dir, "a", NODE_UNHELD));
}

/* The other one lies in a directory that is closed to us: nobody can tell, and that is no error of this one. */
static void a_name_that_cannot_be_seen(void)
{
	struct node *node = file_named("ab");

	shown[0] = -EACCES;
	shown[1] = 200;
	CHECK(settle(node, "b") == 0 && node_names(node) == 2);
	shown[0] = -ECONNABORTED;
	CHECK(settle(node, "b") == -ECONNABORTED && node_names(node) == 2);
}

/* Nobody waits for it: it goes on with no further name. */
static void a_late_look(void)
{
	struct node *node = file_named("abc");

	shown[0] = -ENOENT;
	shown[1] = shown[2] = 200;
	atomic_store(&call.slot->deadline_ns, 1);
	CHECK(settle(node, "b") == 0 && node_names(node) == 3);
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(the_same_under_each_name)
WORKER_TEST(another_file_by_one_name)
WORKER_TEST(another_file_by_the_other_name)
WORKER_TEST(a_name_that_is_missing_is_taken_away)
WORKER_TEST(a_name_that_cannot_be_seen)
WORKER_TEST(a_late_look)

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_arena, teardown_arena)
	const struct CMUnitTest tests[] = {
	    TEST(test_the_same_under_each_name),       TEST(test_another_file_by_one_name),
	    TEST(test_another_file_by_the_other_name), TEST(test_a_name_that_is_missing_is_taken_away),
	    TEST(test_a_name_that_cannot_be_seen),     TEST(test_a_late_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
