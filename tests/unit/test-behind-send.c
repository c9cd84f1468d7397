/* How owed bytes are brought to storage: once, in spite of a worker's death or another connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fs/behind.h"
#include "fs/behind_send.h"
#include "fs/view.h"
#include "worker-util.h"

#include <fcntl.h>

static uint8_t bytes[1000];
static struct handle *file;

/* What storage was given. */
static struct {
	size_t handed_over, written, confirmed;
	size_t takes; /* of the next write; 0: all */
	size_t begun;
	unsigned next_between; /* pieces to be had while one is under way */
	int lacks;	       /* the errno of a want */
	bool tears;	       /* an append */
} storage;

static ssize_t take_handed_over(struct backend *b, int ref, const void *data, size_t n, off_t offset)
{
	(void)b;
	(void)ref;
	(void)data;
	(void)offset;
	if (storage.lacks)
		return -storage.lacks;
	storage.handed_over += n;
	return (ssize_t)n;
}

static ssize_t take_written(struct backend *b, int ref, const void *data, size_t n, off_t offset, bool kill)
{
	size_t takes = storage.takes ? storage.takes : n;

	(void)b;
	(void)ref;
	(void)data;
	(void)offset;
	(void)kill;
	if (storage.tears)
		return BACKEND_APPEND_TORN;
	storage.takes = 0;
	storage.written += takes;
	return (ssize_t)takes;
}

/* Written in two steps: the file's next extent may go in between. */
static errint_t begin_writing(struct backend *b, int ref, const void *data, size_t n, off_t offset,
			      struct backend_write *w)
{
	(void)b;
	(void)ref;
	(void)data;
	(void)offset;
	*w = (struct backend_write){.size = n};
	storage.begun += n;
	return 0;
}

static ssize_t end_writing(struct backend *b, int ref, struct backend_write *w)
{
	size_t takes = storage.takes ? storage.takes : w->size;
	struct behind_work work;

	(void)b;
	(void)ref;
	if (behind_next(0, 1, 0, &work)) {
		storage.next_between++;
		behind_abandon(&work);
	}
	storage.takes = 0;
	storage.written += takes;
	return (ssize_t)takes;
}

static errint_t confirm_all(struct backend *b, int ref)
{
	(void)b;
	(void)ref;
	storage.confirmed++;
	return 0;
}

/* What is read back. */
static uint8_t stored[sizeof(bytes)];
static unsigned n_read;

static errint_t open_null(struct backend *b, uint32_t node, int flags, int *ref)
{
	(void)b;
	(void)node;
	(void)flags;
	*ref = open("/dev/null", O_RDWR);
	return 0;
}

static ssize_t read_stored(struct backend *b, int ref, void *buf, size_t n, off_t offset, off_t end)
{
	(void)b;
	(void)ref;
	(void)end;
	n_read++;
	memcpy(buf, stored + offset, n);
	return (ssize_t)n;
}

static errint_t stat_stored(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	(void)b;
	(void)node;
	(void)ref;
	*st = (struct stat){.st_mode = S_IFREG, .st_size = 100};
	return 0;
}

static errint_t close_ref(struct backend *b, int ref)
{
	(void)b;
	return close(ref) < 0 ? -errno : 0;
}

static void drop_ref(struct backend *b, int ref)
{
	(void)close_ref(b, ref);
}

static const struct backend_ops ops = {.write = take_written,
				       .hand_over = take_handed_over,
				       .confirm = confirm_all,
				       .open = open_null,
				       .getattr = stat_stored,
				       .read = read_stored,
				       .release = close_ref,
				       .drop = drop_ref,
				       .begin_write = begin_writing,
				       .end_write = end_writing};

static struct node *node_of_file(void)
{
	return &fs.arena->nodes[file->node];
}

/* 100 bytes are owed of a file opened to append. */
static void owe(void)
{
	const struct stat st = {.st_mode = S_IFREG};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP), *node;

	fs.board->config.backends[0].durability = DURABILITY_BEHIND;
	fs.board->config.backends[0].buffer_mib = 8;
	fs.guarded[0].ops = &ops;
	fs.guarded[0].hands_over = true;
	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	behind_init();
	node = node_intern_guarded(&fs.guarded[0], node_index(root), "f", &st, NODE_LOOKED_UP);
	file = handle_new(node_index(node), HANDLE_FILE, 0, O_WRONLY | O_APPEND, open("/dev/null", O_RDWR), 1,
			  HANDLE_NAMED);
	CHECK(behind_take(&fs.guarded[0], file, 7, bytes, 100, 0, true) == BEHIND_TAKEN);
}

static uint64_t owed(void)
{
	return atomic_load(&fs.board->backends[0].owed_bytes);
}

static void appends_are_handed_over(void)
{
	owe();
	CHECK(behind_send_step(0) && storage.handed_over == 100 && owed() == 100);
	CHECK(behind_send_step(0) && storage.confirmed == 1 && owed() == 0);
	CHECK(!behind_send_step(0));
	CHECK(node_size(node_of_file()) == 100 && handle_known_end(file) == 100);
}

/* Storage took a part, the rest is handed over: the file is not known to be longer than it is. */
static void the_rest_of_an_append(void)
{
	fs.guarded[0].hands_over = false;
	owe();
	fs.guarded[0].hands_over = false;
	storage.takes = 40;
	CHECK(behind_send_step(0) && storage.written == 40 && owed() == 100);
	fs.guarded[0].hands_over = true;
	CHECK(behind_send_step(0) && storage.handed_over == 60);
	/* The next one lies behind it. */
	CHECK(behind_take(&fs.guarded[0], file, 8, bytes, 50, 100, true) == BEHIND_TAKEN);
	CHECK(behind_is_owed(file->node, behind_now()));
	CHECK(behind_send_step(0) && storage.handed_over == 110);
	CHECK(fs.arena->owed.extents[0].append_from == 40 && fs.arena->owed.extents[1].append_from == 100);
	CHECK(behind_send_step(0) && storage.confirmed == 1 && owed() == 0);
	CHECK(node_size(node_of_file()) == 150 && handle_known_end(file) == 150);
}

/* Later bytes lie in the place of earlier ones: it is told, and nothing more is appended. */
static void a_torn_append_is_a_loss(void)
{
	owe();
	fs.guarded[0].hands_over = false;
	storage.tears = true;
	CHECK(behind_take(&fs.guarded[0], file, 8, bytes, 50, 100, true) == BEHIND_TAKEN);
	CHECK(behind_send_step(0));
	storage.tears = false;
	while (behind_send_step(0))
		;
	CHECK(storage.written == 0 && owed() == 0);
	CHECK(atomic_load(&file->error) == EIO);
}

/* The worker died when the handle's ledger had the part, and the extent did not. */
static void a_part_is_not_appended_twice(void)
{
	const struct extent *e = &fs.arena->owed.extents[0];

	owe();
	handle_appended(file, 1ull << 63 | e->sequence << 21, 0, bytes, 40);
	node_grown(node_of_file(), 40);
	CHECK(behind_send_step(0) && storage.handed_over == 0 && storage.written == 0 && e->done == 40);
	CHECK(behind_send_step(0) && storage.handed_over == 60);
}

/* The connection was lost, and another one has come, just as the first is to be asked. */
static void another_connection_is_not_blamed(void)
{
	owe();
	CHECK(behind_send_step(0) && storage.handed_over == 100);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	CHECK(behind_send_step(0) && storage.confirmed == 0 && owed() == 100);
	CHECK(atomic_load(&fs.board->backends[0].breaker) == breaker_word(2, true));
}

/* Its close is past its deadline, and runs: guardian says EIO at any moment. */
static void what_a_running_close_is_told_of_is_lost(void)
{
	struct slot *slot = &fs.arena->slots[3];

	owe();
	slot->owed_node = file->node;
	slot->owed_point = behind_now();
	slot->op_class = OP_SYNC;
	slot->park_reason = PARK_OWED;
	atomic_store(&slot->backend, 0);
	atomic_store(&slot->deadline_ns, 1);
	atomic_store(&slot->state, SLOT_RUNNING);
	atomic_store(&fs.board->backends[0].parked, 1);
	CHECK(behind_send_step(0) && storage.handed_over == 0 && behind_send_step(0) && owed() == 0);
	CHECK(atomic_load(&file->error) == EIO);
}

/* 100 bytes at 0 were handed over, and go again over the next connection; replay_check = content. */
static void hand_over_twice(void)
{
	static uint8_t data[EXTENT_SIZE];

	memset(bytes, 'b', sizeof(bytes));
	owe();
	CHECK(behind_send_step(0) && behind_send_step(0) && owed() == 0);
	fs.board->config.backends[0].replay_check = REPLAY_CONTENT;
	call.data = data;
	file->flags = O_WRONLY;
	CHECK(behind_take(&fs.guarded[0], file, 9, bytes, 100, 0, false) == BEHIND_TAKEN);
	handle_synced(file, handle_sync_begins(file));
	CHECK(behind_send_step(0) && storage.handed_over == 200 && owed() == 100);
	atomic_store(&fs.board->backends[0].root_epoch, 2);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	CHECK(behind_send_step(0) && storage.handed_over == 300 && owed() == 100 && n_read == 0);
}

static void bytes_that_go_again_are_read_back(void)
{
	memset(stored, 'b', sizeof(stored));
	hand_over_twice();
	CHECK(behind_send_step(0) && n_read == 1 && owed() == 0 && !atomic_load(&file->error));
	/* Not those that go for the first time. */
	CHECK(behind_take(&fs.guarded[0], file, 10, bytes, 100, 0, false) == BEHIND_TAKEN);
	CHECK(behind_send_step(0) && behind_send_step(0) && n_read == 1 && owed() == 0);
}

/* Written once more, then given up. */
static void bytes_that_cannot_be_read_back_are_lost(void)
{
	hand_over_twice();
	CHECK(behind_send_step(0) && n_read == 1 && owed() == 100);
	CHECK(behind_send_step(0) && n_read == 2 && storage.written == 100 && owed() == 100);
	atomic_fetch_add(&fs.board->backends[0].verdicts, 1);
	CHECK(behind_send_step(0) && n_read == 3 && storage.written == 200);
	CHECK(behind_send_step(0) && owed() == 0 && atomic_load(&file->error) == EIO);
}

/* Two steps, between which another sender may send what follows. */
static void many_are_under_way(void)
{
	struct backend *b = &fs.guarded[0];

	owe();
	CHECK(behind_send_step(0) && storage.handed_over == 100 && behind_send_step(0) && owed() == 0);
	b->hands_over = false;
	b->pipelines = true;
	file->flags = O_WRONLY;
	CHECK(behind_take(b, file, 8, bytes, 100, 100, false) == BEHIND_TAKEN);
	CHECK(behind_take(b, file, 9, bytes, 100, 500, false) == BEHIND_TAKEN);
	CHECK(behind_is_owed(file->node, behind_now()));
	storage.takes = 40;
	CHECK(behind_send_step(0) && storage.begun == 100 && storage.next_between == 1 && owed() == 200);
	CHECK(behind_send_step(0) && storage.begun == 160 && storage.next_between == 2 && owed() == 100);
	CHECK(behind_send_step(0) && storage.next_between == 2 && owed() == 0);
	CHECK(!behind_send_step(0) && storage.written == 200 && node_size(node_of_file()) == 600);
}

/* Of what a short write has brought nobody would find out there whether the server still has it. */
static void a_part_goes_again_over_another_connection(void)
{
	struct behind_work work;

	owe();
	CHECK(behind_send_step(0) && behind_send_step(0) && owed() == 0);
	file->flags = O_WRONLY;
	CHECK(behind_take(&fs.guarded[0], file, 8, bytes, 100, 100, false) == BEHIND_TAKEN);
	CHECK(behind_next(0, 1, 0, &work));
	behind_advanced(&work, 60);
	CHECK(behind_next(0, 1, 0, &work) && work.extent->done == 60);
	behind_advanced(&work, 20);
	CHECK(behind_next(0, 2, 0, &work) && work.extent->done == 0);
	behind_advanced(&work, 60);
	CHECK(behind_next(0, 2, 0, &work) && work.extent->done == 60);
}

/* More than counts between three tries. */
#define TWO_STEPS_MS 600u
#define WANT_MS	     300u

/* 100 bytes by offset, for which no descriptor is left. */
static void owe_in_want(void)
{
	owe();
	CHECK(behind_send_step(0) && behind_send_step(0) && owed() == 0);
	file->flags = O_WRONLY;
	CHECK(behind_take(&fs.guarded[0], file, 8, bytes, 100, 100, false) == BEHIND_TAKEN);
	storage.lacks = ENFILE;
}

/* That may pass. */
static void a_want_passes(void)
{
	owe_in_want();
	fs.board->config.deadline.ms[OP_SYNC] = TWO_STEPS_MS;
	CHECK(behind_send_step(0) && behind_send_step(0) && owed() == 100);
	/* Nobody tried: an outage. */
	usleep((TWO_STEPS_MS + 100) * 1000); /* sleep-ok: the time itself is looked at */
	CHECK(behind_send_step(0) && owed() == 100 && !atomic_load(&file->error));
	storage.lacks = 0;
	CHECK(behind_send_step(0) && storage.handed_over == 200 && behind_send_step(0) && owed() == 0);
}

/* Or not: then the bytes are lost, and whoever has the file open is told so. */
static void a_want_does_not_last_for_ever(void)
{
	uint64_t began_ns = clock_mono_ns();

	owe_in_want();
	fs.board->config.deadline.ms[OP_SYNC] = WANT_MS;
	while (owed() > 0 && clock_mono_ns() < began_ns + 20 * NSEC_PER_SEC)
		CHECK(behind_send_step(0));
	CHECK(owed() == 0 && atomic_load(&file->error) == ENFILE && storage.handed_over == 100);
	CHECK(clock_mono_ns() >= began_ns + WANT_MS * NSEC_PER_MSEC);
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}
WORKER(appends_are_handed_over)
WORKER(the_rest_of_an_append)
WORKER(a_part_is_not_appended_twice)
WORKER(a_torn_append_is_a_loss)
WORKER(another_connection_is_not_blamed)
WORKER(what_a_running_close_is_told_of_is_lost)
WORKER(bytes_that_go_again_are_read_back)
WORKER(bytes_that_cannot_be_read_back_are_lost)
WORKER(many_are_under_way)
WORKER(a_part_goes_again_over_another_connection)
WORKER(a_want_passes)
WORKER(a_want_does_not_last_for_ever)

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_appends_are_handed_over),
	    TEST(test_the_rest_of_an_append),
	    TEST(test_a_part_is_not_appended_twice),
	    TEST(test_a_torn_append_is_a_loss),
	    TEST(test_another_connection_is_not_blamed),
	    TEST(test_what_a_running_close_is_told_of_is_lost),
	    TEST(test_bytes_that_go_again_are_read_back),
	    TEST(test_bytes_that_cannot_be_read_back_are_lost),
	    TEST(test_many_are_under_way),
	    TEST(test_a_part_goes_again_over_another_connection),
	    TEST(test_a_want_passes),
	    TEST(test_a_want_does_not_last_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
