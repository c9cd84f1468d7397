/* After a rename or removal of which nobody knows whether it was made, no file open as the one replaced is found by the name: the one renamed may
 * have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/doubt.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/view.h"
#include "worker-util.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fuse.h>

#define SIZE 100

/* Storage shows any file as one that may be gone on with. */
static const struct stat stored = {.st_mode = S_IFREG | 0644, .st_size = SIZE, .st_mtim.tv_sec = 50};

static errint_t fake_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	(void)b;
	(void)node;
	(void)flags;
	*ref = open("/dev/null", O_RDWR);
	return 0;
}

static errint_t fake_getattr(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	(void)b;
	(void)node;
	(void)ref;
	*st = stored;
	return 0;
}

static void fake_drop(struct backend *b, int ref)
{
	(void)b;
	CHECK(close(ref) == 0);
}

static const struct backend_ops fake = {
    .open = fake_open, .getattr = fake_getattr, .release = fake_close, .drop = fake_drop};

/* In place of the library's: there is no request. */
void fuse_reply_none(fuse_req_t req)
{
	(void)req;
}

static void connect_as(uint32_t epoch)
{
	atomic_store(&fs.board->backends[0].root_epoch, epoch);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(epoch, true));
}

static uint32_t root_index(void)
{
	return node_index(view_backend_root(&fs.guarded[0], NODE_UNHELD));
}

static struct handle *open_file(const char *name, int flags)
{
	struct node *node = node_intern_guarded(&fs.guarded[0], root_index(), name, &stored, NODE_LOOKED_UP);
	struct handle *h =
	    handle_new(node_index(node), HANDLE_FILE, 0, flags, open("/dev/null", O_RDWR), 1, HANDLE_NAMED);

	CHECK(h);
	handle_start_ledger(h, SIZE, 50 * (int64_t)NSEC_PER_SEC);
	return h;
}

static struct handle *source, *writer, *reader;

static void open_files_and_ask(void)
{
	static struct {
		struct fuse_in_header header;
		struct fuse_rename_in rename;
		char names[16];
	} request = {.header = {.opcode = FUSE_RENAME, .unique = 5, .len = sizeof(request)},
		     .names = "new\0published"};
	uint64_t root;

	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	call.unique = 5;
	fs.dev_fd = -1;
	fs.guarded[0].ops = &fake;
	CHECK(view_backend_root(&fs.guarded[0], NODE_LOOKED_UP));
	source = open_file("new", O_WRONLY);
	writer = open_file("published", O_WRONLY | O_APPEND);
	reader = open_file("published", O_RDONLY);
	root = node_id(&fs.arena->nodes[root_index()], root_index());
	request.header.nodeid = request.rename.newdir = root;
	memcpy(fs.arena->buffers[0], &request, sizeof(request));
}

static bool goes_on(struct handle *h)
{
	return handle_ensure(&fs.guarded[0], h) == 0;
}

static void without_a_rename(void)
{
	open_files_and_ask();
	connect_as(2);
	CHECK(goes_on(source) && goes_on(writer) && goes_on(reader));
}

static void perhaps_replaced(void)
{
	open_files_and_ask();
	doubt_raise(call.buffer);
	/* Over the connection of before they have their own file. */
	CHECK(goes_on(source) && goes_on(writer) && goes_on(reader));
	connect_as(2);
	CHECK(goes_on(source));
	CHECK(!goes_on(writer) && atomic_load(&writer->error) == EIO);
	CHECK(!goes_on(reader) && atomic_load(&reader->error) == EIO);
}

static void ask_to_exchange(uint64_t dir)
{
	static struct {
		struct fuse_in_header header;
		struct fuse_rename2_in rename;
		char names[16];
	} request = {.header = {.opcode = FUSE_RENAME2, .unique = 5, .len = sizeof(request)},
		     .rename.flags = RENAME_EXCHANGE,
		     .names = "new\0published"};

	request.header.nodeid = request.rename.newdir = dir;
	memcpy(fs.arena->buffers[0], &request, sizeof(request));
}

static void perhaps_exchanged(void)
{
	open_files_and_ask();
	ask_to_exchange(node_id(&fs.arena->nodes[root_index()], root_index()));
	doubt_raise(call.buffer);
	CHECK(goes_on(source) && goes_on(writer) && goes_on(reader));
	connect_as(2);
	CHECK(!goes_on(source) && !goes_on(writer) && !goes_on(reader));
}

/* Where they last each is known by its number. */
static void exchanged_with_inode_numbers(void)
{
	fs.board->config.backends[0].type = BACKEND_DIR;
	open_files_and_ask();
	ask_to_exchange(node_id(&fs.arena->nodes[root_index()], root_index()));
	doubt_raise(call.buffer);
	CHECK(!atomic_load(&source->perhaps_replaced) && !atomic_load(&writer->perhaps_replaced));
}

/* With it goes what is open below, and nothing beside it. */
static void perhaps_exchanged_directory(void)
{
	const struct stat st = {.st_mode = S_IFDIR | 0755};
	const struct node *dir;
	struct handle *below;
	struct node *node;

	open_files_and_ask();
	dir = node_intern_guarded(&fs.guarded[0], root_index(), "published-dir", &st, NODE_LOOKED_UP);
	node = node_intern_guarded(&fs.guarded[0], node_index(dir), "f", &stored, NODE_LOOKED_UP);
	below = handle_new(node_index(node), HANDLE_FILE, 0, O_WRONLY | O_APPEND, open("/dev/null", O_RDWR),
			   1, HANDLE_NAMED);
	CHECK(below);
	ask_to_exchange(node_id(&fs.arena->nodes[root_index()], root_index()));
	memcpy(fs.arena->buffers[0] + sizeof(struct fuse_in_header) + sizeof(struct fuse_rename2_in),
	       "x\0published-dir", sizeof("x\0published-dir"));
	((struct fuse_in_header *)fs.arena->buffers[0])->len += 8;
	doubt_raise(call.buffer);
	connect_as(2);
	CHECK(!goes_on(below) && goes_on(source) && goes_on(writer));
}

/* The one who removes it makes another one by that name. */
static void perhaps_removed(void)
{
	static struct {
		struct fuse_in_header header;
		char name[16];
	} request = {.header = {.opcode = FUSE_UNLINK, .unique = 5, .len = sizeof(request)},
		     .name = "published"};

	open_files_and_ask();
	request.header.nodeid = node_id(&fs.arena->nodes[root_index()], root_index());
	memcpy(fs.arena->buffers[0], &request, sizeof(request));
	doubt_raise(call.buffer);
	CHECK(goes_on(writer) && goes_on(reader));
	connect_as(2);
	CHECK(goes_on(source) && !goes_on(writer) && !goes_on(reader));
}

/* The handle's place in the table is used again. */
static void place_used_again(void)
{
	struct handle *h;

	open_files_and_ask();
	doubt_raise(call.buffer);
	handle_release(reader);
	h = open_file("published", O_RDONLY);
	CHECK(h == reader);
	connect_as(2);
	CHECK(goes_on(h));
}

/* A worker has noted it, and died before it answered: the file renamed has the name. */
static void noted_before(void)
{
	open_files_and_ask();
	node_renamed(root_index(), "new", root_index(), "published", false);
	doubt_raise(call.buffer);
	connect_as(2);
	CHECK(goes_on(source));
}

/* It waits to be run again: over the next connection others may come first. */
static void to_be_run_again(void)
{
	ssize_t rc = -EIO;

	open_files_and_ask();
	fs.board->config.patience_ms = 10000;
	fs.board->config.deadline.ms[OP_METADATA] = 60000;
	atomic_store(&call.slot->read_ns, clock_mono_ns());
	call.slot->mutating = 1;
	atomic_store(&call.slot->inside, 1);
	CHECK(!guard_leave(NULL, &fs.guarded[0], &rc));
	/* Of another request. */
	call.slot = &fs.arena->slots[1];
	connect_as(2);
	CHECK(goes_on(source) && !goes_on(writer) && !goes_on(reader));
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(without_a_rename)
WORKER_TEST(perhaps_replaced)
WORKER_TEST(perhaps_exchanged)
WORKER_TEST(exchanged_with_inode_numbers)
WORKER_TEST(perhaps_exchanged_directory)
WORKER_TEST(perhaps_removed)
WORKER_TEST(place_used_again)
WORKER_TEST(noted_before)
WORKER_TEST(to_be_run_again)

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_arena, teardown_arena)
	const struct CMUnitTest tests[] = {
	    TEST(test_without_a_rename),
	    TEST(test_perhaps_replaced),
	    TEST(test_perhaps_exchanged),
	    TEST(test_exchanged_with_inode_numbers),
	    TEST(test_perhaps_exchanged_directory),
	    TEST(test_perhaps_removed),
	    TEST(test_place_used_again),
	    TEST(test_noted_before),
	    TEST(test_to_be_run_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
