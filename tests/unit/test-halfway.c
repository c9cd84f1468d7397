/* Renames that broke off halfway: when they are finished. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/halfway.h"
#include "fs/halfway_finish.h"
#include "fs/view.h"
#include "worker-util.h"

#include <linux/fuse.h>

#define SIZE 4711

static uint32_t make_directory(const char *name)
{
	const struct stat st = {.st_mode = S_IFDIR | 0755};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_UNHELD);
	struct node *dir = node_intern_guarded(&fs.guarded[0], node_index(root), name, &st, NODE_PINNED);

	CHECK(dir);
	return node_index(dir);
}

static void make_file(uint32_t dir, const char *name)
{
	const struct stat st = {.st_mode = S_IFREG | 0644, .st_size = SIZE};
	struct node *file = node_intern_guarded(&fs.guarded[0], dir, name, &st, NODE_LOOKED_UP);

	CHECK(file);
	node_remember(file, &st);
}

/* The rename of one known file over another. */
static void note_rename(uint32_t from, const char *name, uint32_t to, const char *newname)
{
	struct {
		struct fuse_in_header header;
		struct fuse_rename_in rename;
		char names[2 * NAME_MAX + 2];
	} request = {
	    .header = {.opcode = FUSE_RENAME, .unique = 7, .nodeid = node_id(&fs.arena->nodes[from], from)},
	    .rename = {.newdir = node_id(&fs.arena->nodes[to], to)}};

	make_file(from, name);
	make_file(to, newname);
	request.header.len = (uint32_t)sizeof(request);
	memcpy(request.names, name, strlen(name) + 1);
	memcpy(request.names + strlen(name) + 1, newname, strlen(newname) + 1);
	memcpy(fs.arena->buffers[0], &request, sizeof(request));
	halfway_note(fs.arena->buffers[0]);
}

static void waits_for_another_connection(void)
{
	uint32_t dir = make_directory("dir");
	struct halfway h;

	atomic_store(&fs.arena->slots[0].epoch, 1);
	note_rename(dir, "next", dir, "published");
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0) && !halfway_take(0, &h));
	/* A probe is asked for. Its verdict comes too soon: the kernel still remembers the name. */
	CHECK(atomic_load(&fs.board->backends[0].suspect) == 1);
	atomic_fetch_add(&fs.board->backends[0].verdicts, 1);
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0));
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, false));
	CHECK(!halfway_may_finish(0) && !halfway_take(0, &h));
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	CHECK(halfway_may_finish(0) && halfway_take(0, &h));
	/* Tried, in vain, over this one. */
	call.slot = &fs.arena->slots[0];
	atomic_store(&call.slot->epoch, 2);
	halfway_begin_try(0, &h);
	halfway_give_back(0, &h);
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0) && h.tries == 1);
}

static void nobody_looks_over_the_same_connection(void **state)
{
	(void)state;
	assert_int_equal(as_worker(waits_for_another_connection), 0);
}

static int set_up(void **state)
{
	if (setup_arena(state) < 0)
		return -1;
	fs.board->fds.nudge = -1; /* nobody */
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nobody_looks_over_the_same_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
