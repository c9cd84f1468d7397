/* OPEN and CREATE when no handle is left: what was opened is closed again under the guard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/context.h"
#include "fs/look.h"
#include "fs/view.h"
#include "worker/session.h"
#include "worker-util.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/socket.h>

#define FILE_REF 7

static const struct stat file = {.st_mode = S_IFREG | 0644, .st_size = 3};
static unsigned n_opened, n_released;

static errint_t fake_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	(void)b, (void)node, (void)flags;
	n_opened++;
	*ref = FILE_REF;
	return 0;
}

static errint_t fake_look(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	(void)b, (void)node, (void)ref;
	*st = file;
	return 0;
}

static errint_t fake_compare_end(struct backend *b, int ref, off_t end)
{
	(void)b, (void)ref;
	return end == file.st_size ? END_THERE : END_BEYOND;
}

static errint_t fake_create(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
			    const struct caller *c, struct found *found, int *ref)
{
	(void)parent, (void)name, (void)mode, (void)c;
	*found = (struct found){.st = file};
	return fake_open(b, 0, flags, ref);
}

/* guardian answers in time for whoever hangs here only if the request is inside, with its deadline. */
static errint_t fake_release(struct backend *b, int ref)
{
	CHECK(ref == FILE_REF);
	CHECK(atomic_load(&call.slot->inside));
	CHECK(atomic_load(&call.slot->deadline_ns));
	CHECK(atomic_load(&b->board->inflight) == 1);
	n_released++;
	return 0;
}

static const struct backend_ops fake = {.open = fake_open,
					.look = fake_look,
					.compare_end = fake_compare_end,
					.create = fake_create,
					.release = fake_release};

/* A worker that has negotiated, with a socket for the kernel, and no room in its table of handles. */
static int start_session_without_handles(void)
{
	const struct {
		struct fuse_in_header header;
		struct fuse_init_in init;
	} request = {.header = {.len = sizeof(request), .opcode = FUSE_INIT, .unique = 2},
		     .init = {.major = 7, .minor = 38, .max_readahead = 1 << 17}};
	int ends[2];

	CHECK(look_init() == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
	memcpy(fs.arena->header.init_request, &request, sizeof(request));
	fs.arena->header.init_request_length = sizeof(request);
	CHECK(session_open(fs.arena, ends[0]) == 0);
	fs.dev_fd = ends[0];
	fs.guarded[0].ops = &fake;
	atomic_store(&fs.arena->handles_used, HANDLE_MAX);
	return ends[1];
}

/* Runs a request about node as the thread of slot 0, and returns the errno of its answer. */
static int answer_to(int kernel, uint32_t opcode, const struct node *node, const void *body, size_t size)
{
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + size),
					.opcode = opcode,
					.unique = 4,
					.nodeid = node_id(node, node_index(node))};
	struct fuse_out_header answer = {.error = 0};
	char reply[4096];

	/* INIT's answer came first. */
	CHECK(recv(kernel, reply, sizeof(reply), 0) > 0);
	call.slot = &fs.arena->slots[0];
	call.buffer = arena_slot_buffer(fs.arena, call.slot);
	call.unique = header.unique;
	memcpy(call.buffer, &header, sizeof(header));
	memcpy(call.buffer + sizeof(header), body, size);
	atomic_store(&call.slot->read_ns, 1);
	session_dispatch(header.len);
	CHECK(recv(kernel, &answer, sizeof(answer), 0) == (ssize_t)sizeof(answer));
	CHECK(answer.unique == header.unique);
	return -answer.error;
}

/* Nothing of the request is left behind. */
static void check_left(void)
{
	CHECK(n_opened == 1 && n_released == 1);
	CHECK(!atomic_load(&call.slot->inside));
	CHECK(atomic_load(&fs.board->backends[0].inflight) == 0);
	CHECK(atomic_load(&call.slot->n_granted) == 0);
}

static void open_without_handles(void)
{
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	struct node *node = node_intern_guarded(&fs.guarded[0], node_index(root), "f", &file, NODE_LOOKED_UP);
	struct fuse_open_in body = {.flags = O_RDONLY};

	CHECK(answer_to(start_session_without_handles(), FUSE_OPEN, node, &body, sizeof(body)) == ENFILE);
	check_left();
}

static void create_without_handles(void)
{
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	struct {
		struct fuse_create_in in;
		char name[2];
	} body = {.in = {.flags = O_WRONLY | O_CREAT, .mode = S_IFREG | 0644}, .name = "n"};

	CHECK(answer_to(start_session_without_handles(), FUSE_CREATE, root, &body, sizeof(body)) == ENFILE);
	check_left();
	CHECK(!node_find_guarded(node_index(root), "n", NODE_UNHELD));
}

static void opening_without_handles_is_undone_under_the_guard(void **state)
{
	(void)state;
	assert_int_equal(as_worker(open_without_handles), 0);
}

static void creating_without_handles_is_undone_under_the_guard(void **state)
{
	(void)state;
	assert_int_equal(as_worker(create_without_handles), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(opening_without_handles_is_undone_under_the_guard, setup_arena,
					    teardown_arena),
	    cmocka_unit_test_setup_teardown(creating_without_handles_is_undone_under_the_guard, setup_arena,
					    teardown_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
