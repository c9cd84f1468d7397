/* An open file that has lost one of its names: the next worker, too, knows the directory where sshfs may have hidden it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/view.h"
#include "worker-util.h"

#include <fcntl.h>

static uint32_t make_node(const char *name, mode_t type)
{
	const struct stat st = {.st_mode = type | 0755};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	struct node *node = node_intern_guarded(&fs.guarded[0], node_index(root), name, &st, NODE_LOOKED_UP);

	CHECK(node);
	return node_index(node);
}

static void loses_a_name(void)
{
	uint32_t dir = make_node("dir", S_IFDIR), file = make_node("file", S_IFREG);

	CHECK(handle_new(file, HANDLE_FILE, 0, O_RDONLY, open("/dev/null", O_RDONLY), 1, HANDLE_NAMED));
	CHECK(!handle_is_removed_from(dir));
	node_left(&fs.arena->nodes[file], dir);
	CHECK(handle_is_removed_from(dir));
}

static void knows_where(void)
{
	uint32_t dir = make_node("dir", S_IFDIR), file = make_node("file", S_IFREG);

	CHECK(handle_is_removed_from(dir));
	CHECK(!handle_is_removed_from(file));
}

static void test_next_worker(void **state)
{
	(void)state;
	assert_int_equal(as_worker(loses_a_name), 0);
	assert_int_equal(as_worker(knows_where), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_next_worker, setup_arena, teardown_arena)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
