/* After a reconnect a stray that nobody has read is opened anew by its name; one that was read is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/view.h"
#include "worker-util.h"

#include <errno.h>
#include <fcntl.h>

/* Storage: what has the name after the reconnect. */
static struct stat stored;
static errint_t open_error;
/* A read of it ends well while it is opened anew. */
static struct handle *read_meanwhile;
static int opened_last;

static errint_t fake_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	(void)b;
	(void)node;
	(void)flags;
	*ref = opened_last = open_error ? -1 : open("/dev/null", O_RDWR);
	return open_error;
}

static errint_t fake_getattr(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	(void)b;
	(void)node;
	(void)ref;
	*st = stored;
	if (read_meanwhile)
		CHECK(handle_read_stray(read_meanwhile, 1) == 0);
	return 0;
}

static void fake_drop(struct backend *b, int ref)
{
	(void)b;
	CHECK(close(ref) == 0);
}

static const struct backend_ops fake = {
    .open = fake_open, .getattr = fake_getattr, .release = fake_close, .drop = fake_drop};

static void connect_as(uint32_t epoch)
{
	atomic_store(&fs.board->backends[0].root_epoch, epoch);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(epoch, true));
}

/* What has the name now is shorter than what was opened, and older. */
static struct handle *stray_then_reconnect(void)
{
	const struct stat before = {.st_mode = S_IFREG, .st_size = 100, .st_mtim.tv_sec = 50};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	struct node *node =
	    node_intern_guarded(&fs.guarded[0], node_index(root), "f", &before, NODE_LOOKED_UP);
	struct handle *h;

	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	call.unique = 5;
	fs.guarded[0].ops = &fake;
	h = handle_new(node_index(node), HANDLE_FILE, 0, O_RDONLY, open("/dev/null", O_RDWR), 1,
		       HANDLE_STRAY);
	CHECK(h);
	handle_start_ledger(h, 100, 50 * (int64_t)NSEC_PER_SEC);
	connect_as(2);
	stored = (struct stat){.st_mode = S_IFREG, .st_size = 7, .st_mtim.tv_sec = 1};
	return h;
}

static void expect_refused(struct handle *h)
{
	CHECK(handle_ensure(&fs.guarded[0], h) == GUARD_POISONED && atomic_load(&h->error) == EIO);
	/* For ever. */
	CHECK(handle_ensure(&fs.guarded[0], h) == GUARD_POISONED);
}

static void unread_stray(void)
{
	struct handle *h = stray_then_reconnect();

	CHECK(handle_ensure(&fs.guarded[0], h) == 0 && atomic_load(&h->epoch) == 2);
	CHECK(h->unlinked == HANDLE_STRAY && h->known_end == 0);
	/* And another time. */
	connect_as(3);
	CHECK(handle_ensure(&fs.guarded[0], h) == 0 && atomic_load(&h->epoch) == 3);
	CHECK(handle_read_stray(h, 3) == 0);
	/* A read over an older connection, which ends now, is of another file. */
	CHECK(handle_read_stray(h, 2) == GUARD_POISONED);
}

static void stray_that_was_read(void)
{
	struct handle *h = stray_then_reconnect();

	CHECK(handle_read_stray(h, 1) == 0);
	expect_refused(h);
}

static void stray_read_meanwhile(void)
{
	struct handle *h = stray_then_reconnect();

	int before = atomic_load(&h->fd);

	read_meanwhile = h;
	expect_refused(h);
	/* A descriptor of this connection under the older one's number would be closed unguarded. */
	CHECK(atomic_load(&h->fd) == before && atomic_load(&h->epoch) == 1);
	CHECK(opened_last != before && fcntl(opened_last, F_GETFD) < 0);
}

static void stray_without_a_name(void)
{
	struct handle *h = stray_then_reconnect();

	open_error = -ENOENT;
	expect_refused(h);
}

static void stray_become_a_directory(void)
{
	struct handle *h = stray_then_reconnect();

	stored.st_mode = S_IFDIR;
	expect_refused(h);
}

static void stray_become_private(void)
{
	struct handle *h = stray_then_reconnect();

	stored.st_uid = 1;
	expect_refused(h);
	h = stray_then_reconnect();
	stored.st_mode = S_IFREG | 0600;
	expect_refused(h);
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(unread_stray)
WORKER_TEST(stray_that_was_read)
WORKER_TEST(stray_read_meanwhile)
WORKER_TEST(stray_without_a_name)
WORKER_TEST(stray_become_a_directory)
WORKER_TEST(stray_become_private)

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_arena, teardown_arena)
	const struct CMUnitTest tests[] = {
	    TEST(test_unread_stray),
	    TEST(test_stray_that_was_read),
	    TEST(test_stray_read_meanwhile),
	    TEST(test_stray_without_a_name),
	    TEST(test_stray_become_a_directory),
	    TEST(test_stray_become_private),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
