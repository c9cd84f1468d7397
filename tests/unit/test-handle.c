/* Handles: who frees them, what is acknowledged, which of them may go on after a reconnect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/context.h"
#include "fs/guard.h"
#include "fs/wire.h"
#include "worker-util.h"
#include "fs/view.h"

#include <fcntl.h>

/* Storage: one file, as it is after the reconnect. */
static struct stat stored;
static errint_t open_error;

static errint_t fake_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	(void)b;
	(void)node;
	CHECK(!(flags & (O_TRUNC | O_CREAT | O_EXCL)));
	*ref = open_error ? -1 : open("/dev/null", O_RDWR);
	return open_error;
}

static errint_t fake_getattr(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	(void)b;
	(void)node;
	(void)ref;
	*st = stored;
	return 0;
}

static unsigned n_dropped;

static void fake_drop(struct backend *b, int ref)
{
	(void)b;
	n_dropped++;
	CHECK(close(ref) == 0);
}

/* How often, and how, a file that is open was opened once more. */
static unsigned n_reopened;
static int reopen_flags;

static errint_t fake_reopen(struct backend *b, uint32_t node, int ref, int flags, int *again)
{
	(void)b;
	(void)node;
	CHECK(ref >= 0);
	n_reopened++;
	reopen_flags = flags;
	*again = open("/dev/null", O_RDWR);
	return 0;
}

static const struct backend_ops fake = {.open = fake_open,
					.reopen = fake_reopen,
					.getattr = fake_getattr,
					.release = fake_close,
					.drop = fake_drop};

static void take_slot(void)
{
	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	call.unique = 5;
	fs.guarded[0].ops = &fake;
}

/* An open file of 100 bytes, and the backend in its second epoch, where it has `size`. */
static struct handle *open_then_reconnect(int flags, off_t size)
{
	const struct stat before = {.st_mode = S_IFREG, .st_size = 100, .st_mtim.tv_sec = 50};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	struct node *node =
	    node_intern_guarded(&fs.guarded[0], node_index(root), "f", &before, NODE_LOOKED_UP);
	struct handle *h;

	take_slot();
	h = handle_new(node_index(node), HANDLE_FILE, 0, flags | O_TRUNC, open("/dev/null", O_RDWR), 1,
		       HANDLE_NAMED);
	CHECK(h);
	h->known_end = 100;
	h->mtime_ns = 50 * (int64_t)NSEC_PER_SEC;
	atomic_store(&fs.board->backends[0].root_epoch, 2);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	stored = before;
	stored.st_size = size;
	return h;
}

static bool goes_on(struct handle *h)
{
	errint_t rc = handle_ensure(&fs.guarded[0], h);

	CHECK(rc == 0 || rc == GUARD_POISONED);
	CHECK((rc != 0) == (atomic_load(&h->error) != 0));
	CHECK(rc != 0 || (atomic_load(&h->epoch) == 2 && atomic_load(&h->fd) >= 0));
	/* Once poisoned, for ever. */
	CHECK(rc == 0 || handle_ensure(&fs.guarded[0], h) == GUARD_POISONED);
	return rc == 0;
}

/* Its ref of the old epoch is dropped: nothing of that epoch is asked for anything any more. */
static void reader_goes_on(void)
{
	struct handle *h = open_then_reconnect(O_RDONLY, 100);
	int old = atomic_load(&h->fd);

	CHECK(goes_on(h));
	CHECK(n_dropped == 1 && fcntl(old, F_GETFD) < 0);
}

static void reader_of_shorter_file(void)
{
	CHECK(!goes_on(open_then_reconnect(O_RDONLY, 99)));
}

static void reader_of_older_file(void)
{
	struct handle *h = open_then_reconnect(O_RDONLY, 100);

	stored.st_mtim.tv_sec = 40;
	CHECK(!goes_on(h));
}

static void writer_that_extended(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 150);

	handle_wrote(h, 100, NULL, 50);
	CHECK(goes_on(h));
}

static void writer_whose_data_is_lost(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 149);

	handle_wrote(h, 100, NULL, 50);
	CHECK(!goes_on(h));
}

/* What stands in the arena before the caller sees an error. */
static void loss_is_noted_with_its_ranges(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 100);
	const struct suspect_note *note;

	handle_wrote(h, 100, NULL, 50);
	handle_wrote(h, 10, NULL, 5);
	CHECK(!peek_note() && !goes_on(h));
	note = peek_note();
	CHECK(note && note->news == SUSPECT_POISONED && note->error == EIO && note->size == 150);
	CHECK(note->overwrote && strcmp(note->object, "f") == 0);
	CHECK(strcmp(note->path, ".guardfs/backends/cold/f") == 0);
	CHECK(note->ranges.n == 2 && note->ranges.ranges[0].from == 10 && note->ranges.ranges[0].to == 15 &&
	      note->ranges.ranges[1].from == 100 && note->ranges.ranges[1].to == 150);
}

/* With what was given up goes what storage had confirmed and no sync has covered: the open file is not found again, so
 * nobody sees whether it is still there. */
static void what_is_not_synced_goes_with_a_loss(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 100);
	struct ledger lost = {0};
	const struct suspect_note *note;

	handle_wrote(h, 100, NULL, 50);
	handle_synced(h, handle_sync_begins(h));
	handle_wrote(h, 150, NULL, 50);
	ledger_put(&lost, 200, 230, LEDGER_ACKNOWLEDGED);
	handle_lost(&fs.guarded[0], h->node, EIO, &lost);
	note = peek_note();
	CHECK(note && note->news == SUSPECT_LOST && note->ranges.n == 2 && !note->overwrote);
	CHECK(note->ranges.ranges[0].from == 150 && note->ranges.ranges[0].to == 200 &&
	      note->ranges.ranges[0].level == LEDGER_CONFIRMED);
	CHECK(note->ranges.ranges[1].from == 200 && note->ranges.ranges[1].to == 230 &&
	      note->ranges.ranges[1].level == LEDGER_ACKNOWLEDGED);
}

/* Through two open files. */
static void the_size_is_that_of_all(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 149), *other;

	other = handle_new(h->node, HANDLE_FILE, 0, O_WRONLY, open("/dev/null", O_RDWR), 1, HANDLE_NAMED);
	CHECK(other);
	handle_wrote(h, 100, NULL, 50);
	handle_wrote(other, 150, NULL, 50);
	CHECK(handle_known_end(h) == 150 && !goes_on(h));
	CHECK(peek_note()->size == 200);
}

/* As by a truncation after which the file is written anew, while an fsync of before is under way. */
static void a_sync_of_before_covers_nothing_new(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 100);
	uint32_t mark;

	handle_wrote(h, 100, NULL, 50);
	(void)handle_sync_begins(h);
	mark = handle_sync_begins(h);
	handle_forget_writes(h);
	handle_wrote(h, 0, NULL, 10);
	handle_synced(h, mark);
	CHECK(handle_unsynced(h) == 10);
}

static struct handle *torn;

static void die_in_a_change(void)
{
	torn = open_then_reconnect(O_WRONLY, 100);
	handle_wrote(torn, 100, NULL, 50);
	handle_wrote(torn, 10, NULL, 5);
	/* The first of two ranges, and the number of them before. */
	torn->unsynced.n = 1;
	atomic_store(&torn->ledger_changing, 1);
	CHECK(handle_number(torn) == 0);
}

static void find_all_of_it_unsafe(void)
{
	struct handle *h = &fs.arena->handles[0];

	CHECK(!atomic_load(&h->ledger_changing) && h->known_end == 150 && handle_unsynced(h) == 150);
	CHECK(h->content.unknown);
	/* What was whole stays as it was. */
	handle_synced(h, handle_sync_begins(h));
	handle_wrote(h, 10, NULL, 5);
}

static void find_it_as_it_was(void)
{
	CHECK(handle_unsynced(&fs.arena->handles[0]) == 5);
}

static void closed_with_success(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 100);

	handle_wrote(h, 100, NULL, 50);
	atomic_store(&h->flushed, 1);
	handle_closes(h);
	CHECK(!peek_note() && !atomic_load(&h->error));
	/* It was promised to be synced. */
	fs.board->config.backends[0].checkpoint.mib = 1;
	handle_closes(h);
	CHECK(peek_note()->news == SUSPECT_POISONED);
}

static void written_after_a_close(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 100);

	handle_wrote(h, 100, NULL, 50);
	atomic_store(&h->flushed, 1);
	handle_wrote(h, 150, NULL, 50);
	handle_closes(h);
	CHECK(peek_note());
}

/* Closed before anybody has seen over the new connection whether what was confirmed over the old one is there. */
static void closed_before_it_is_found_again(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 100);

	handle_closes(h);
	CHECK(!peek_note());
	handle_wrote(h, 100, NULL, 50);
	stored.st_size = 150;
	CHECK(goes_on(h));
	handle_closes(h);
	CHECK(!peek_note());
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, false));
	/* What is owed will go through it. */
	fs.arena->owed.extents[7].fh = handle_id(h, handle_number(h));
	atomic_store(&fs.arena->owed.extents[7].state, EXTENT_OWED);
	handle_closes(h);
	CHECK(!peek_note() && !atomic_load(&h->error));
	atomic_store(&fs.arena->owed.extents[7].state, EXTENT_FREE);
	handle_closes(h);
	CHECK(peek_note()->news == SUSPECT_POISONED);
	CHECK(peek_note()->ranges.ranges[0].from == 100);
}

/* Nobody can look at a file without a name. */
static void loss_without_a_name(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 100);

	handle_wrote(h, 10, NULL, 5);
	h->unlinked = HANDLE_UNLINKED;
	CHECK(!goes_on(h) && peek_note()->news == SUSPECT_READ);
}

static void writer_that_overwrote(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 100);

	handle_wrote(h, 10, NULL, 1);
	CHECK(!goes_on(h));
}

static void append(struct handle *h, const char *text)
{
	handle_appended(h, 9, h->known_end, text, strlen(text));
}

static void appender_whose_data_is_there(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY | O_APPEND, 105);

	append(h, "12345");
	CHECK(!h->overwrote && h->known_end == 105);
	CHECK(goes_on(h));
}

static void appender_whose_data_is_lost(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY | O_APPEND, 104);

	append(h, "12345");
	CHECK(!goes_on(h));
}

/* Another client has cut the file off: who owes nothing goes on at the end that there is. */
static void appender_that_synced(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY | O_APPEND, 7);

	append(h, "12345");
	handle_synced(h, handle_sync_begins(h));
	CHECK(goes_on(h));
}

static void cut_before_the_append(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY | O_APPEND, 12);

	handle_appended(h, 9, 7, "12345", 5); /* the node was seen to have 7 bytes by then */
	CHECK(h->known_end == 12);
	CHECK(goes_on(h));
}

static void cut_after_the_append(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY | O_APPEND, 7);

	append(h, "12345");
	handle_seen_cut(h->node, 7, 2); /* over the new connection: that is a loss */
	CHECK(h->known_end == 105);
	handle_seen_cut(h->node, 200, 1);
	CHECK(h->known_end == 105);
	handle_seen_cut(h->node, 7, 1);
	CHECK(h->known_end == 7);
	CHECK(goes_on(h));
}

static void how_it_ended(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY | O_APPEND, 100);
	uint8_t tail[HANDLE_TAIL_MAX];
	char text[2 * HANDLE_TAIL_MAX];

	CHECK(handle_tail(h, tail) == 0);
	append(h, "abc");
	CHECK(handle_tail(h, tail) == 3 && memcmp(tail, "abc", 3) == 0);
	CHECK(handle_has_appended(h, 9) == 3 && handle_has_appended(h, 8) == 0);
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text + sizeof(text) - 4, "end", 4);
	append(h, text);
	CHECK(handle_tail(h, tail) == HANDLE_TAIL_MAX && memcmp(tail + HANDLE_TAIL_MAX - 4, "xend", 4) == 0);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* One descriptor that appends, and one that does not: the second is opened when it is asked for, once. */
static void both_ways(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY | O_APPEND, 100);
	int at_end, by_offset, again, later;

	CHECK(goes_on(h));
	CHECK(handle_ensure_for(&fs.guarded[0], h, true, &at_end) == 0 && n_reopened == 0);
	CHECK(at_end == atomic_load(&h->fd));
	CHECK(handle_ensure_for(&fs.guarded[0], h, false, &by_offset) == 0 && n_reopened == 1);
	CHECK(by_offset != at_end && !(reopen_flags & O_APPEND) && (reopen_flags & O_ACCMODE) == O_WRONLY);
	CHECK(handle_ensure_for(&fs.guarded[0], h, false, &again) == 0 && again == by_offset);
	CHECK(n_reopened == 1);
	/* It belongs to its connection. */
	atomic_store(&fs.board->backends[0].root_epoch, 3);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(3, true));
	CHECK(handle_ensure_for(&fs.guarded[0], h, true, &later) == 0 && !atomic_load(&h->other));
	CHECK(!is_open(by_offset) || by_offset == later);
	CHECK(handle_ensure_for(&fs.guarded[0], h, false, &by_offset) == 0 && n_reopened == 2);
	handle_release(h);
	CHECK(!is_open(later) && !is_open(by_offset) && atomic_load(&h->state) == HANDLE_FREE);
}

static void appends_through_another(void)
{
	struct handle *h = open_then_reconnect(O_RDWR, 100);
	int at_end;

	CHECK(goes_on(h));
	CHECK(handle_ensure_for(&fs.guarded[0], h, true, &at_end) == 0 && n_reopened == 1);
	CHECK(at_end != atomic_load(&h->fd) && reopen_flags & O_APPEND);
}

/* What somebody else has cut off on purpose is no loss. */
static void cut_by_another(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 10);

	handle_wrote(h, 100, NULL, 50);
	handle_truncated(h->node, NULL, 200); /* longer takes nothing away */
	CHECK(h->known_end == 150);
	handle_truncated(h->node, NULL, 10);
	CHECK(goes_on(h));
}

/* Where inode numbers last they tell that the name has gone to another file. */
static void replaced(void)
{
	struct handle *h;

	fs.board->config.backends[0].type = BACKEND_DIR;
	h = open_then_reconnect(O_WRONLY, 100);
	CHECK(goes_on(h));
	atomic_store(&fs.board->backends[0].root_epoch, 3);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(3, true));
	stored.st_ino++;
	CHECK(handle_ensure(&fs.guarded[0], h) == GUARD_POISONED && atomic_load(&h->error) == EIO);
}

static void writer_that_synced(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 100);
	uint32_t mark;

	handle_wrote(h, 10, NULL, 1);
	mark = handle_sync_begins(h);
	handle_synced(h, mark);
	CHECK(goes_on(h));
}

static void write_during_a_sync(void)
{
	struct handle *h = open_then_reconnect(O_WRONLY, 100);
	uint32_t mark = handle_sync_begins(h);

	handle_wrote(h, 10, NULL, 1); /* acknowledged after the sync had begun: not covered by it */
	handle_synced(h, mark);
	CHECK(!goes_on(h));
}

static void another_type(void)
{
	struct handle *h = open_then_reconnect(O_RDONLY, 100);

	stored.st_mode = S_IFDIR;
	CHECK(!goes_on(h));
}

static void unlinked(void)
{
	struct handle *h = open_then_reconnect(O_RDONLY, 100);

	handle_mark_unlinked(h->node);
	CHECK(!goes_on(h));
}

static void gone(void)
{
	struct handle *h = open_then_reconnect(O_RDONLY, 100);

	open_error = -ENOENT;
	CHECK(!goes_on(h));
}

/* Trouble is not final. */
static void trouble(void)
{
	struct handle *h = open_then_reconnect(O_RDONLY, 100);

	open_error = -ENOTCONN;
	CHECK(handle_ensure(&fs.guarded[0], h) == -ENOTCONN && atomic_load(&h->error) == 0);
	open_error = 0;
	CHECK(goes_on(h));
}

static void last_user_frees(void)
{
	struct handle *h, *again;
	uint64_t fh;
	int fd = open("/dev/null", O_RDWR);

	take_slot();
	h = handle_new(0, HANDLE_FILE, NODE_LOCAL, O_RDWR, fd, 0, HANDLE_NAMED);
	fh = handle_id(h, (uint32_t)(h - fs.arena->handles));
	CHECK(call.slot->handle == 1);
	CHECK(handle_get(fh) == h);
	handle_release(h);
	CHECK(call.slot->handle == 0);
	CHECK(handle_find(0, false) == NULL && fcntl(fd, F_GETFD) == 0);
	handle_put(h);
	CHECK(fcntl(fd, F_GETFD) < 0 && handle_get(fh) == NULL);
	again = handle_new(0, HANDLE_FILE, NODE_LOCAL, O_RDWR, -1, 0, HANDLE_NAMED);
	CHECK(again == h && handle_get(fh) == NULL && atomic_load(&again->users) == 0);
}

/* What was opened to be executed counts from its opening to its release. */
static void program_runs(void)
{
	struct handle *reader, *program;

	take_slot();
	reader = handle_new(0, HANDLE_FILE, NODE_LOCAL, O_RDONLY, -1, 0, HANDLE_NAMED);
	CHECK(reader && !handle_is_executed(0));
	program = handle_new(0, HANDLE_FILE, NODE_LOCAL, O_RDONLY | WIRE_OPEN_EXEC, -1, 0, HANDLE_NAMED);
	CHECK(program && handle_is_executed(0) && !handle_is_executed(1));
	handle_retire(program);
	CHECK(!handle_is_executed(0));
	handle_finish(program);
	CHECK(!handle_is_executed(0));
	handle_release(reader);
}

/* While the breaker is open a close would reach a dead backend: it waits. */
static void close_waits(void)
{
	struct handle *h = open_then_reconnect(O_RDONLY, 100);

	CHECK(goes_on(h));
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, false));
	handle_release(h);
	CHECK(atomic_load(&h->state) == HANDLE_LIVE);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	CHECK(handle_is_unclosed(0));
	handle_sweep(0);
	CHECK(atomic_load(&h->state) == HANDLE_FREE && !handle_is_unclosed(0));
}

static void dying_worker(void)
{
	struct handle *answered, *unanswered, *released;

	take_slot();
	answered = handle_new(0, HANDLE_FILE, NODE_LOCAL, O_RDONLY, -1, 0, HANDLE_NAMED);
	atomic_store(&call.slot->state, SLOT_RUNNING);
	call.slot++;
	unanswered = handle_new(0, HANDLE_FILE, NODE_LOCAL, O_RDONLY, -1, 0, HANDLE_NAMED);
	memcpy(fs.arena->buffers[1] + 8, &(uint64_t){9}, 8); /* the request's unique */
	atomic_store(&call.slot->state, SLOT_RUNNING);
	call.slot++;
	released = handle_new(0, HANDLE_FILE, NODE_LOCAL, O_RDONLY, -1, 0, HANDLE_NAMED);
	handle_retire(released);
	CHECK(answered && unanswered);
}

static void successor(void)
{
	CHECK(atomic_load(&fs.arena->handles[0].closing) == 0);
	CHECK(atomic_load(&fs.arena->handles[1].closing) == 1);
	handle_sweep(NODE_LOCAL);
	CHECK(atomic_load(&fs.arena->handles[0].state) == HANDLE_LIVE);
	CHECK(atomic_load(&fs.arena->handles[1].state) == HANDLE_FREE);
	CHECK(atomic_load(&fs.arena->handles[2].state) == HANDLE_FREE);
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(reader_goes_on)
WORKER_TEST(reader_of_shorter_file)
WORKER_TEST(reader_of_older_file)
WORKER_TEST(writer_that_extended)
WORKER_TEST(writer_whose_data_is_lost)
WORKER_TEST(writer_that_overwrote)
WORKER_TEST(loss_is_noted_with_its_ranges)
WORKER_TEST(what_is_not_synced_goes_with_a_loss)
WORKER_TEST(the_size_is_that_of_all)
WORKER_TEST(a_sync_of_before_covers_nothing_new)
WORKER_TEST(closed_with_success)
WORKER_TEST(written_after_a_close)
WORKER_TEST(closed_before_it_is_found_again)
WORKER_TEST(loss_without_a_name)
WORKER_TEST(cut_by_another)
WORKER_TEST(appender_whose_data_is_there)
WORKER_TEST(appender_whose_data_is_lost)
WORKER_TEST(appender_that_synced)
WORKER_TEST(cut_before_the_append)
WORKER_TEST(cut_after_the_append)
WORKER_TEST(how_it_ended)
WORKER_TEST(both_ways)
WORKER_TEST(appends_through_another)
WORKER_TEST(replaced)
WORKER_TEST(writer_that_synced)
WORKER_TEST(write_during_a_sync)
WORKER_TEST(another_type)
WORKER_TEST(unlinked)
WORKER_TEST(gone)
WORKER_TEST(trouble)
WORKER_TEST(last_user_frees)
WORKER_TEST(program_runs)
WORKER_TEST(close_waits)

static void a_torn_ledger_is_that_of_the_whole_file(void **state)
{
	(void)state;
	assert_int_equal(as_worker(die_in_a_change), 0);
	assert_int_equal(as_worker(find_all_of_it_unsafe), 0);
	assert_int_equal(as_worker(find_it_as_it_was), 0);
}

static void test_next_worker(void **state)
{
	(void)state;
	assert_int_equal(as_worker(dying_worker), 0);
	assert_int_equal(as_worker(successor), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_reader_goes_on),
	    TEST(test_reader_of_shorter_file),
	    TEST(test_reader_of_older_file),
	    TEST(test_writer_that_extended),
	    TEST(test_writer_whose_data_is_lost),
	    TEST(test_writer_that_overwrote),
	    TEST(test_loss_is_noted_with_its_ranges),
	    TEST(test_what_is_not_synced_goes_with_a_loss),
	    TEST(test_the_size_is_that_of_all),
	    TEST(test_a_sync_of_before_covers_nothing_new),
	    TEST(test_closed_with_success),
	    TEST(test_written_after_a_close),
	    TEST(a_torn_ledger_is_that_of_the_whole_file),
	    TEST(test_closed_before_it_is_found_again),
	    TEST(test_loss_without_a_name),
	    TEST(test_cut_by_another),
	    TEST(test_appender_whose_data_is_there),
	    TEST(test_appender_whose_data_is_lost),
	    TEST(test_appender_that_synced),
	    TEST(test_cut_before_the_append),
	    TEST(test_cut_after_the_append),
	    TEST(test_how_it_ended),
	    TEST(test_both_ways),
	    TEST(test_appends_through_another),
	    TEST(test_replaced),
	    TEST(test_writer_that_synced),
	    TEST(test_write_during_a_sync),
	    TEST(test_another_type),
	    TEST(test_unlinked),
	    TEST(test_gone),
	    TEST(test_trouble),
	    TEST(test_last_user_frees),
	    TEST(test_program_runs),
	    TEST(test_close_waits),
	    TEST(test_next_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
