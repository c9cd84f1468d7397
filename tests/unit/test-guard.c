/* What is answered without being run again, after a first run of which nobody knows what it did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fs/guard.h"
#include "fs/view.h"
#include "worker-util.h"

#include <fcntl.h>
#include <linux/fuse.h>

/* libfuse's request, as far as the guard looks into it: its caller. */
static _Alignas(16) uint8_t request[4096];
static struct node *file;

static void begin_write(void)
{
	const struct stat st = {.st_mode = S_IFREG | 0644};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	struct {
		struct fuse_in_header header;
		struct fuse_write_in write;
		char data[10];
	} write = {.write = {.offset = 5, .size = 10}};

	fs.dev_fd = open("/dev/null", O_RDWR);
	file = node_intern_guarded(&fs.guarded[0], node_index(root), "f", &st, NODE_LOOKED_UP);
	CHECK(file);
	write.header = (struct fuse_in_header){.len = sizeof(write),
					       .opcode = FUSE_WRITE,
					       .unique = 7,
					       .nodeid = node_id(file, node_index(file))};
	memcpy(fs.arena->buffers[0], &write, sizeof(write));
	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	call.unique = 7;
	fs.arena->slots[0].length = sizeof(write);
	atomic_store(&fs.arena->slots[0].read_ns, clock_mono_ns());
	atomic_store(&fs.arena->slots[0].state, SLOT_RUNNING);
	fs.board->config.deadline.ms[OP_WRITE] = 60000;
	/* The operator's decision: nothing waits. */
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, false));
	atomic_store(&fs.board->backends[0].state, HEALTH_HELD);
}

static enum guard_result try_write(void)
{
	return guard_try((fuse_req_t)(void *)request, &fs.guarded[0], OP_WRITE,
			 GUARD_MUTATING | GUARD_PARKABLE, guard_target_node(node_index(file)));
}

static struct suspect_note note;

static bool is_noted(void)
{
	return suspect_peek(&fs.arena->suspects, &note);
}

static void what_was_never_begun_is_in_no_doubt(void)
{
	begin_write();
	CHECK(try_write() == GUARD_DOWN && !is_noted());
}

static void a_refused_second_run_of_a_write_makes_its_file_suspect(void)
{
	begin_write();
	fs.arena->slots[0].reruns = 1;
	CHECK(try_write() == GUARD_DOWN);
	CHECK(is_noted() && note.news == SUSPECT_FAILED && note.ranges.n == 1);
	CHECK(note.ranges.ranges[0].from == 5 && note.ranges.ranges[0].to == 15);
}

/* Just before it could be entered. */
static void so_does_an_answer_by_guardian(void)
{
	begin_write();
	fs.arena->slots[0].reruns = 1;
	atomic_store(&fs.arena->slots[0].answered, 7);
	CHECK(try_write() == GUARD_DOWN);
	CHECK(is_noted() && note.news == SUSPECT_FAILED);
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}
WORKER(what_was_never_begun_is_in_no_doubt)
WORKER(a_refused_second_run_of_a_write_makes_its_file_suspect)
WORKER(so_does_an_answer_by_guardian)

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_what_was_never_begun_is_in_no_doubt),
	    TEST(test_a_refused_second_run_of_a_write_makes_its_file_suspect),
	    TEST(test_so_does_an_answer_by_guardian),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
