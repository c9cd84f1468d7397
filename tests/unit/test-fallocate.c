/* What fallocate(2) changes is not what was written there: it is not known by its content after a reconnect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fs/context.h"
#include "fs/guard.h"
#include "fs/view.h"
#include "worker/session.h"
#include "worker-util.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <sys/socket.h>

static struct handle *file;
static int kernel;

static errint_t fake_fallocate(struct backend *b, int ref, int mode, off_t offset, off_t length)
{
	(void)b, (void)ref, (void)mode, (void)offset, (void)length;
	return 0;
}

static const struct backend_ops fake = {.fallocate = fake_fallocate};

static void open_file(void)
{
	const struct {
		struct fuse_in_header header;
		struct fuse_init_in init;
	} request = {.header = {.len = sizeof(request), .opcode = FUSE_INIT, .unique = 2},
		     .init = {.major = 7, .minor = 38, .max_readahead = 1 << 17}};
	const struct stat st = {.st_mode = S_IFREG};
	struct node *root, *node;
	char reply[4096];
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
	memcpy(fs.arena->header.init_request, &request, sizeof(request));
	fs.arena->header.init_request_length = sizeof(request);
	CHECK(session_open(fs.arena, ends[0]) == 0);
	fs.dev_fd = ends[0];
	kernel = ends[1];
	CHECK(recv(kernel, reply, sizeof(reply), 0) > 0);
	fs.guarded[0].ops = &fake;
	fs.board->config.deadline.ms[OP_WRITE] = 60000;
	fs.board->config.backends[0].replay_check = REPLAY_CONTENT;
	root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	node = node_intern_guarded(&fs.guarded[0], node_index(root), "f", &st, NODE_LOOKED_UP);
	file = handle_new(node_index(node), HANDLE_FILE, 0, O_WRONLY, open("/dev/null", O_RDWR), 1,
			  HANDLE_NAMED);
	CHECK(file);
}

static void allocate(uint32_t mode, uint64_t offset, uint64_t length)
{
	const struct {
		struct fuse_in_header header;
		struct fuse_fallocate_in in;
	} request = {.header = {.len = sizeof(request),
				.opcode = FUSE_FALLOCATE,
				.unique = 4,
				.nodeid = node_id(&fs.arena->nodes[file->node], file->node)},
		     .in = {.fh = handle_id(file, handle_number(file)),
			    .offset = offset,
			    .length = length,
			    .mode = mode}};
	struct fuse_out_header answer;

	call.slot = &fs.arena->slots[0];
	call.buffer = arena_slot_buffer(fs.arena, call.slot);
	call.unique = 4;
	memcpy(call.buffer, &request, sizeof(request));
	atomic_store(&call.slot->read_ns, clock_mono_ns());
	session_dispatch(sizeof(request));
	guard_end_request();
	CHECK(recv(kernel, &answer, sizeof(answer), MSG_DONTWAIT) == (ssize_t)sizeof(answer));
	CHECK(answer.error == 0);
}

static bool is_known(void)
{
	struct content content;

	handle_content(file, &content);
	return content.n == 1 && !content.unknown && content.runs[0].from == 0 && content.runs[0].to == 100;
}

static void write_bytes(void)
{
	const uint8_t data[100] = {1};

	open_file();
	handle_wrote(file, 0, data, sizeof(data));
	CHECK(is_known());
}

static void room_changes_no_byte(void)
{
	write_bytes();
	allocate(0, 0, 200);
	allocate(FALLOC_FL_KEEP_SIZE, 0, 1000);
	CHECK(is_known());
}

static void a_hole_does(void)
{
	write_bytes();
	allocate(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 100, 10);
	CHECK(is_known());
	allocate(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 50, 10);
	CHECK(!is_known());
}

static void what_moves_does(void)
{
	write_bytes();
	allocate(FALLOC_FL_COLLAPSE_RANGE, 0, 4096);
	CHECK(!is_known());
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}
WORKER(room_changes_no_byte)
WORKER(a_hole_does)
WORKER(what_moves_does)

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_room_changes_no_byte),
	    TEST(test_a_hole_does),
	    TEST(test_what_moves_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
