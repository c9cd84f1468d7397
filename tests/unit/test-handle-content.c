/* After a reconnect, with replay_check = content: what is not synced is read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fs/context.h"
#include "fs/guard.h"
#include "fs/view.h"
#include "worker-util.h"

#include <fcntl.h>

#define SIZE	1000u
#define READ_MS 10u

static uint8_t content_byte;

static errint_t fake_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	(void)b, (void)node, (void)flags;
	*ref = open("/dev/null", O_RDWR);
	return 0;
}

static errint_t fake_getattr(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	(void)b, (void)node, (void)ref;
	*st = (struct stat){.st_mode = S_IFREG, .st_size = SIZE};
	return 0;
}

static ssize_t fake_read(struct backend *b, int ref, void *data, size_t n, off_t offset, off_t end)
{
	uint64_t until_ns = clock_mono_ns() + READ_MS * NSEC_PER_MSEC;

	(void)b, (void)ref, (void)offset, (void)end;
	while (clock_mono_ns() < until_ns)
		usleep(1000); /* sleep-ok: storage takes its time */
	memset(data, content_byte, n);
	return (ssize_t)n;
}

static void fake_drop(struct backend *b, int ref)
{
	(void)b;
	CHECK(close(ref) == 0);
}

static struct backend_ops fake = {
    .open = fake_open, .getattr = fake_getattr, .read = fake_read, .release = fake_close, .drop = fake_drop};

/* An open file of SIZE bytes that are not synced, and the backend in its second epoch. */
static struct handle *write_then_reconnect(void)
{
	static uint8_t written[SIZE];
	const struct stat st = {.st_mode = S_IFREG};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	struct node *node = node_intern_guarded(&fs.guarded[0], node_index(root), "f", &st, NODE_LOOKED_UP);
	struct handle *h;

	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	call.unique = 5;
	fs.guarded[0].ops = &fake;
	fs.board->config.backends[0].replay_check = REPLAY_CONTENT;
	h = handle_new(node_index(node), HANDLE_FILE, 0, O_WRONLY, open("/dev/null", O_RDWR), 1,
		       HANDLE_NAMED);
	CHECK(h);
	memset(written, content_byte = 7, sizeof(written));
	handle_wrote(h, 0, written, sizeof(written));
	atomic_store(&fs.board->backends[0].root_epoch, 2);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	return h;
}

static void reading_back_is_no_silence(void)
{
	struct handle *h = write_then_reconnect();
	uint64_t before_ns = clock_mono_ns();

	CHECK(handle_ensure(&fs.guarded[0], h) == 0 && !atomic_load(&h->error));
	CHECK(atomic_load(&fs.board->backends[0].last_completion_ns) >= before_ns + READ_MS * NSEC_PER_MSEC);
}

static void other_bytes_are_found(void)
{
	struct handle *h = write_then_reconnect();

	content_byte = 8;
	CHECK(handle_ensure(&fs.guarded[0], h) == GUARD_POISONED && atomic_load(&h->error) == EIO);
	CHECK(peek_note()->news == SUSPECT_POISONED);
}

static unsigned n_opened;

static errint_t fake_open_once(struct backend *b, uint32_t node, int flags, int *ref)
{
	return n_opened++ ? -ENOENT : fake_open(b, node, flags, ref);
}

/* The second open is for reading back. */
static void gone_between_two_opens(void)
{
	struct handle *h = write_then_reconnect();

	fake.open = fake_open_once;
	CHECK(handle_ensure(&fs.guarded[0], h) == GUARD_POISONED && n_opened == 2);
	CHECK(atomic_load(&h->error) == EIO && peek_note()->news == SUSPECT_POISONED);
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}
WORKER(reading_back_is_no_silence)
WORKER(other_bytes_are_found)
WORKER(gone_between_two_opens)

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_reading_back_is_no_silence),
	    TEST(test_other_bytes_are_found),
	    TEST(test_gone_between_two_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
