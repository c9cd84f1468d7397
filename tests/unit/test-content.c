/* What was written to an open file is known again by its checksums: as long as they are of all that was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/guard.h"
#include "fs/handle_content.h"
#include "fs/view.h"
#include "policy/content.h"
#include "worker-util.h"

#include <fcntl.h>
#include <string.h>

static struct content c;

static int begin_anew(void **state)
{
	(void)state;
	c = (struct content){0};
	return 0;
}

static void one_behind_the_other_is_one_run(void **state)
{
	(void)state;
	content_put(&c, 0, 100, "abc", 3);
	content_put(&c, 0, 103, "def", 3);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.runs[0].from, 100);
	assert_int_equal(c.runs[0].to, 106);
	assert_int_equal(c.runs[0].sum, content_sum(0, "abcdef", 6));
	assert_int_equal(c.unknown + c.changing, 0);
}

static void a_run_is_replaced_as_a_whole_or_not_known(void **state)
{
	(void)state;
	content_put(&c, 0, 100, "abc", 3);
	content_put(&c, 0, 200, "x", 1);
	content_put(&c, 0, 99, "12345", 5);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.unknown, 0);
	content_put(&c, 0, 101, "z", 1);
	assert_int_equal(c.unknown, 1);
	assert_int_equal(c.n, 2); /* that at 200, and the new one */
	content_put(&c, 0, 300, NULL, 5);
	assert_int_equal(c.n, 2);
}

static void too_many_runs_are_not_known(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < CONTENT_RUNS; i++)
		content_put(&c, 0, 10 * i, "a", 1);
	assert_int_equal(c.unknown, 0);
	content_put(&c, 0, 1000, "a", 1);
	assert_int_equal(c.n, CONTENT_RUNS);
	assert_int_equal(c.unknown, 1);
}

static void a_sync_covers_what_came_before(void **state)
{
	(void)state;
	content_put(&c, 4, 0, "abc", 3);
	content_put(&c, 4, 1, NULL, 1);
	content_put(&c, 5, 3, "def", 3); /* a run of its own */
	assert_int_equal(c.unknown, 1);
	content_synced(&c, 4);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.runs[0].from, 3);
	assert_int_equal(c.unknown, 0);
	content_put(&c, 5, 100, NULL, 1);
	content_synced(&c, 4);
	assert_int_equal(c.unknown, 1);
}

static void a_cut_file_has_no_more(void **state)
{
	(void)state;
	content_put(&c, 0, 0, "abc", 3);
	content_put(&c, 0, 10, "abc", 3);
	content_cut(&c, 0, 5);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.unknown, 0);
	content_cut(&c, 0, 2);
	assert_int_equal(c.n, 0);
	assert_int_equal(c.unknown, 1);
}

static void a_crash_in_between_is_not_known(void **state)
{
	(void)state;
	content_put(&c, 0, 0, "abc", 3);
	assert_false(content_check(&c));
	c.changing = 1;
	assert_true(content_check(&c));
	assert_int_equal(c.n, 0);
	assert_int_equal(c.unknown, 1);
	c = (struct content){.n = 1000};
	assert_true(content_check(&c));
	assert_int_equal(c.n, 0);
}

/* ---- comparing ---- */

static char stored[1 << 20];
static size_t n_read, n_answered_after = SIZE_MAX;

static errint_t fake_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	(void)b;
	(void)node;
	(void)flags;
	*ref = open("/dev/null", O_RDONLY);
	return 0;
}

static ssize_t fake_read(struct backend *b, int ref, void *buf, size_t size, off_t offset, off_t end)
{
	size_t n = MIN(size, sizeof(stored) - (size_t)offset);

	(void)b;
	(void)ref;
	(void)end;
	memcpy(buf, stored + offset, n);
	n_read += n;
	if (n_read >= n_answered_after)
		atomic_store(&call.slot->answered, call.unique);
	return (ssize_t)n;
}

static errint_t fake_getattr(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	(void)b;
	(void)node;
	(void)ref;
	*st = (struct stat){.st_mode = S_IFREG, .st_size = sizeof(stored)};
	return 0;
}

static void fake_drop(struct backend *b, int ref)
{
	(void)b;
	close(ref);
}

static const struct backend_ops fake = {
    .open = fake_open, .read = fake_read, .getattr = fake_getattr, .release = fake_close, .drop = fake_drop};

static struct handle *open_file(void)
{
	const struct stat st = {.st_mode = S_IFREG, .st_size = sizeof(stored)};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP), *node;

	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	call.unique = 5;
	fs.board->config.backends[0].replay_check = REPLAY_CONTENT;
	fs.guarded[0].ops = &fake;
	node = node_intern_guarded(&fs.guarded[0], node_index(root), "f", &st, NODE_LOOKED_UP);
	return handle_new(node_index(node), HANDLE_FILE, 0, O_WRONLY, open("/dev/null", O_RDWR), 1,
			  HANDLE_NAMED);
}

/* Two overwritten stretches of a file that storage has as they were written. */
static struct handle *write_file(void)
{
	struct handle *h = open_file();

	memset(stored, 'x', sizeof(stored));
	handle_start_ledger(h, sizeof(stored), 0);
	handle_wrote(h, 0, stored, 600000);
	handle_wrote(h, 700000, stored + 700000, 100000);
	return h;
}

static void reconnect(void)
{
	uint32_t epoch = atomic_load(&fs.board->backends[0].root_epoch) + 1;

	atomic_store(&fs.board->backends[0].root_epoch, epoch);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(epoch, true));
}

static const struct suspect_note *next_note(void)
{
	return peek_note();
}

static void the_same_is_gone_on_with(void)
{
	struct handle *h = write_file();

	reconnect();
	CHECK(handle_ensure(&fs.guarded[0], h) == 0 && n_read >= 700000 && !next_note());
	/* Another connection, another look. */
	n_read = 0;
	reconnect();
	CHECK(handle_ensure(&fs.guarded[0], h) == 0 && n_read >= 700000);
	/* What is synced is not looked at. */
	handle_synced(h, handle_sync_begins(h));
	n_read = 0;
	reconnect();
	CHECK(handle_ensure(&fs.guarded[0], h) == 0 && n_read == 0);
}

static void by_size_what_was_written_over_is_not(void)
{
	struct handle *h = write_file();

	fs.board->config.backends[0].replay_check = REPLAY_SIZE;
	reconnect();
	CHECK(handle_ensure(&fs.guarded[0], h) == GUARD_POISONED && n_read == 0);
}

static void another_content_is_suspect(void)
{
	struct handle *h = write_file();

	stored[750000] = 0;
	reconnect();
	CHECK(handle_ensure(&fs.guarded[0], h) == GUARD_POISONED && atomic_load(&h->error) == EIO);
	CHECK(next_note()->news == SUSPECT_POISONED && next_note()->ranges.n == 1 &&
	      next_note()->ranges.ranges[0].from == 700000 && next_note()->ranges.ranges[0].to == 800000);
}

static void an_answered_request_is_gone_on_with(void)
{
	struct handle *h = write_file();
	size_t before;

	stored[10] = 0;
	n_answered_after = 500000;
	reconnect();
	CHECK(handle_ensure(&fs.guarded[0], h) == GUARD_POISONED && !atomic_load(&h->error));
	before = n_read;
	n_answered_after = SIZE_MAX;
	call.unique = 6;
	CHECK(handle_ensure(&fs.guarded[0], h) == GUARD_POISONED && atomic_load(&h->error) == EIO);
	CHECK(n_read - before < 200000);
}

static void other_open_files_spoil_it(void)
{
	struct handle *h = write_file(), *other = open_file();

	handle_start_ledger(other, sizeof(stored), 0);
	handle_wrote(other, 700000, "y", 1);
	CHECK(!handle_knows_content(&fs.guarded[0], h) && handle_knows_content(&fs.guarded[0], other));
	handle_synced(h, handle_sync_begins(h));
	handle_wrote(h, 0, "abc", 3);
	CHECK(handle_knows_content(&fs.guarded[0], h));
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}
WORKER(the_same_is_gone_on_with)
WORKER(by_size_what_was_written_over_is_not)
WORKER(another_content_is_suspect)
WORKER(an_answered_request_is_gone_on_with)
WORKER(other_open_files_spoil_it)

#define PURE(function) cmocka_unit_test_setup(function, begin_anew)
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PURE(one_behind_the_other_is_one_run), PURE(a_run_is_replaced_as_a_whole_or_not_known),
	    PURE(too_many_runs_are_not_known),	   PURE(a_sync_covers_what_came_before),
	    PURE(a_cut_file_has_no_more),	   PURE(a_crash_in_between_is_not_known),
	    TEST(test_the_same_is_gone_on_with),   TEST(test_by_size_what_was_written_over_is_not),
	    TEST(test_another_content_is_suspect), TEST(test_an_answered_request_is_gone_on_with),
	    TEST(test_other_open_files_spoil_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
