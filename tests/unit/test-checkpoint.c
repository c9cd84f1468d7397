/* Files that sync by themselves: after so many bytes, after so much time, at their close; and what a failure comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fs/checkpoint.h"
#include "fs/checkpoint_wait.h"
#include "fs/guard.h"
#include "fs/view.h"
#include "policy/server.h"
#include "worker-util.h"

#include <fcntl.h>

#define MIB (1u << 20)

static unsigned n_syncs;
static errint_t sync_error;
static struct handle *file;

static errint_t fake_fsync(struct backend *b, int ref, bool data_only)
{
	(void)b;
	(void)ref;
	(void)data_only;
	n_syncs++;
	return sync_error;
}

static const struct backend_ops fake = {.fsync = fake_fsync, .release = fake_close};

static void open_file(uint32_t mib, uint32_t ms)
{
	const struct stat st = {.st_mode = S_IFREG};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP), *node;

	fs.board->config.backends[0].checkpoint = (struct config_checkpoint){mib, ms};
	fs.board->config.deadline.ms[OP_SYNC] = 100;
	fs.guarded[0].ops = &fake;
	node = node_intern_guarded(&fs.guarded[0], node_index(root), "f", &st, NODE_LOOKED_UP);
	file = handle_new(node_index(node), HANDLE_FILE, 0, O_WRONLY, open("/dev/null", O_RDWR), 1,
			  HANDLE_NAMED);
	CHECK(file);
}

static bool step(void)
{
	uint64_t due_ns;

	return checkpoint_step(0, &due_ns);
}

static const struct suspect_note *next_note(void)
{
	return peek_note();
}

static void off_by_default(void)
{
	uint64_t due_ns;

	open_file(0, 0);
	handle_wrote(file, 0, NULL, 1000 * (uint64_t)MIB);
	CHECK(!checkpoint_is_on(0) && !checkpoint_is_left(file));
	CHECK(!checkpoint_step(0, &due_ns) && due_ns == UINT64_MAX && n_syncs == 0);
}

static void after_so_many_bytes(void)
{
	open_file(2, 0);
	handle_wrote(file, 0, NULL, 2 * MIB - 1);
	CHECK(!step() && n_syncs == 0);
	handle_wrote(file, 2 * MIB - 1, NULL, 1);
	CHECK(step() && n_syncs == 1 && handle_unsynced(file) == 0 && !step());
	CHECK(atomic_load(&fs.board->backends[0].counters[COUNT_CHECKPOINTS]) == 1);
	handle_wrote(file, 0, NULL, MIB);
	CHECK(!step() && n_syncs == 1);
}

static void after_so_much_time(void)
{
	uint64_t due_ns, since_ns;

	open_file(0, 60000);
	handle_wrote(file, 0, NULL, 1);
	since_ns = file->unsynced_since_ns;
	CHECK(since_ns <= clock_mono_ns());
	CHECK(!checkpoint_step(0, &due_ns) && due_ns == since_ns + 60 * NSEC_PER_SEC);
	handle_wrote(file, 1, NULL, 1);
	CHECK(file->unsynced_since_ns == since_ns);
	file->unsynced_since_ns -= 60 * NSEC_PER_SEC;
	CHECK(step() && n_syncs == 1 && handle_unsynced(file) == 0);
	/* A byte that came while the sync was under way is as old as that. */
	file->unsynced_since_ns = 0;
	handle_wrote(file, 0, NULL, 1);
	handle_synced(file, handle_sync_begins(file) - 1);
	CHECK(handle_unsynced(file) == 1 && file->unsynced_since_ns == file->sync_began_ns);
}

static void storage_refuses(void)
{
	open_file(1, 0);
	handle_wrote(file, 0, NULL, MIB);
	sync_error = -ENOSPC;
	(void)step();
	CHECK(n_syncs == 1 && atomic_load(&file->error) == ENOSPC);
	CHECK(next_note() && next_note()->news == SUSPECT_LOST && next_note()->error == ENOSPC &&
	      next_note()->ranges.n == 1 && next_note()->ranges.ranges[0].to == MIB &&
	      next_note()->ranges.ranges[0].level == LEDGER_WRITTEN);
	/* Told once for all. */
	CHECK(!step() && n_syncs == 1 && !checkpoint_is_left(file));
}

/* The connection says nothing of the bytes. */
static void a_lost_connection_is_not_told(void)
{
	open_file(1, 0);
	handle_wrote(file, 0, NULL, MIB);
	sync_error = -ENOTCONN;
	CHECK(!step() && n_syncs == 1 && !atomic_load(&file->error) && !next_note());
	CHECK(!guard_breaker_is_closed(&fs.guarded[0]));
	sync_error = 0;
	CHECK(!step() && n_syncs == 1);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, true));
	CHECK(step() && n_syncs == 2 && handle_unsynced(file) == 0);
}

static void fail_with_eio(void)
{
	open_file(1, 0);
	handle_wrote(file, 0, NULL, MIB);
	sync_error = -EIO;
	CHECK(!step() && n_syncs == 1 && !atomic_load(&file->error));
	CHECK(atomic_load(&fs.board->backends[0].suspect) == 1);
	/* Nobody knows yet whether it was the connection's. */
	CHECK(!step() && n_syncs == 1 && !atomic_load(&file->error));
	sync_error = 0;
}

static void an_error_of_storage_stands(void)
{
	fail_with_eio();
	atomic_fetch_add(&fs.board->backends[0].verdicts, 1);
	(void)step();
	CHECK(n_syncs == 1 && atomic_load(&file->error) == EIO && next_note()->news == SUSPECT_LOST);
}

static void an_error_of_a_connection_does_not(void)
{
	fail_with_eio();
	atomic_store(&fs.board->backends[0].root_epoch, 2);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	atomic_store(&file->epoch, 2);
	CHECK(step() && n_syncs == 2 && handle_unsynced(file) == 0 && !atomic_load(&file->error));
}

static void close_it(void)
{
	CHECK(checkpoint_is_left(file));
	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	call.unique = 7;
	checkpoint_closes(file);
	handle_retire(file);
	checkpoint_last(file);
	handle_finish(file);
}

/* 8 places, of which a user has half. */
static void fill_places(bool full)
{
	static unsigned n;

	while (full && shares_enter(0, file->uid, false))
		n++;
	for (; !full && n > 0; n--)
		shares_leave(0, file->uid);
}

static uint32_t pins(void)
{
	return atomic_load(&fs.arena->nodes[file->node].pins);
}

static void a_close_syncs(void)
{
	open_file(64, 0);
	handle_wrote(file, 0, NULL, 1);
	close_it();
	CHECK(n_syncs == 1 && !next_note() && atomic_load(&file->state) == HANDLE_FREE);
}

static void a_close_that_cannot_sync_is_suspect(void)
{
	open_file(64, 0);
	handle_wrote(file, 0, NULL, 10);
	sync_error = -EDQUOT;
	close_it();
	CHECK(n_syncs == 1 && next_note()->news == SUSPECT_LOST && next_note()->error == EDQUOT);
}

static void a_close_without_a_connection_is_suspect(void)
{
	open_file(64, 0);
	handle_wrote(file, 0, NULL, 10);
	sync_error = -ENOTCONN;
	close_it();
	CHECK(next_note()->news == SUSPECT_POISONED && next_note()->ranges.ranges[0].to == 10);
}

/* Its thread does not wait in the slot for a place. */
static void a_close_without_a_place_is_left_to_the_thread(void)
{
	uint64_t due_ns;
	uint32_t before;

	open_file(64, 0);
	before = pins();
	handle_wrote(file, 0, NULL, 1);
	fill_places(true);
	close_it();
	CHECK(n_syncs == 0 && !next_note() && atomic_load(&file->state) == HANDLE_LIVE &&
	      pins() == before + 1);
	CHECK(!checkpoint_step(0, &due_ns) && n_syncs == 0 && due_ns < UINT64_MAX);
	fill_places(false);
	CHECK(checkpoint_step(0, &due_ns) && n_syncs == 1 && !next_note());
	CHECK(atomic_load(&file->state) == HANDLE_FREE && pins() == before);
	CHECK(!checkpoint_step(0, &due_ns) && due_ns == UINT64_MAX);
}

static void a_file_removed_before_its_sync_needs_none(void)
{
	open_file(64, 0);
	handle_wrote(file, 0, NULL, 1);
	fill_places(true);
	close_it();
	fill_places(false);
	handle_mark_unlinked(file->node);
	CHECK(step() && n_syncs == 0 && !next_note() && atomic_load(&file->state) == HANDLE_FREE);
}

/* Of other users, and of the same one. */
static void files_that_cannot_be_entered_stop_no_others(void)
{
	struct handle *other, *late;
	struct slot *slot = &fs.arena->slots[3];

	open_file(1, 0);
	call.uid = 1000;
	other = handle_new(file->node, HANDLE_FILE, 0, O_WRONLY, open("/dev/null", O_RDWR), 1, HANDLE_NAMED);
	CHECK(other && other->uid != file->uid);
	handle_wrote(file, 0, NULL, MIB);
	handle_wrote(other, 0, NULL, MIB);
	file->uid = 2000;
	fill_places(true);
	CHECK(step() && n_syncs == 1 && handle_unsynced(other) == 0 && handle_unsynced(file) == MIB);
	CHECK(!step() && n_syncs == 1);
	fill_places(false);
	late = file;
	file = NULL;
	/* A task whose caller was answered is inside. */
	atomic_store(&slot->backend, 0);
	slot->mutating = 1;
	slot->target = guard_target_node(late->node);
	atomic_store(&slot->state, SLOT_ORPHAN);
	atomic_store(&slot->inside, 1);
	atomic_store(&fs.board->backends[0].late, 1);
	{
		const struct stat st = {.st_mode = S_IFREG};
		struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
		struct node *node =
		    node_intern_guarded(&fs.guarded[0], node_index(root), "g", &st, NODE_LOOKED_UP);

		other = handle_new(node_index(node), HANDLE_FILE, 0, O_WRONLY, open("/dev/null", O_RDWR), 1,
				   HANDLE_NAMED);
	}
	CHECK(other);
	other->uid = late->uid;
	handle_wrote(other, 0, NULL, MIB);
	CHECK(step() && n_syncs == 2 && handle_unsynced(other) == 0 && handle_unsynced(late) == MIB);
}

/* Such a server says 0 by sshfs, and nothing was synced: what it may lose is found as ever. */
static void a_server_that_cannot_sync_is_not_asked(void)
{
	uint64_t due_ns;

	open_file(1, 0);
	handle_wrote(file, 0, NULL, MIB);
	atomic_store(&fs.board->backends[0].server_lacks, SERVER_KNOWN | 1u << SERVER_FSYNC);
	CHECK(!checkpoint_step(0, &due_ns) && n_syncs == 0 && handle_unsynced(file) == MIB);
	CHECK(!checkpoint_is_left(file) && due_ns > clock_mono_ns());
	atomic_store(&fs.board->backends[0].server_lacks, SERVER_KNOWN);
	CHECK(step() && n_syncs == 1 && handle_unsynced(file) == 0);
}

static void storage_that_cannot_sync_is_asked_once_a_connection(void)
{
	open_file(1, 0);
	handle_wrote(file, 0, NULL, MIB);
	sync_error = -EINVAL;
	CHECK(step() && n_syncs == 1 && handle_unsynced(file) == MIB && !next_note());
	CHECK(atomic_load(&fs.board->backends[0].counters[COUNT_CHECKPOINTS]) == 0);
	CHECK(!step() && n_syncs == 1 && !checkpoint_is_left(file));
	sync_error = 0;
	atomic_store(&fs.board->backends[0].root_epoch, 2);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	atomic_store(&file->epoch, 2);
	CHECK(step() && n_syncs == 2 && handle_unsynced(file) == 0);
}

/* As of a pipe, say. */
static void a_file_that_cannot_sync_keeps_no_other_from_it(void)
{
	struct handle *odd;

	open_file(1, 0);
	odd = file;
	handle_wrote(odd, 0, NULL, MIB);
	sync_error = -EINVAL;
	CHECK(step() && n_syncs == 1 && !step() && !checkpoint_is_left(odd));
	sync_error = 0;
	file = handle_new(odd->node, HANDLE_FILE, 0, O_WRONLY, open("/dev/null", O_RDWR), 1, HANDLE_NAMED);
	CHECK(file);
	handle_wrote(file, 0, NULL, MIB);
	CHECK(checkpoint_is_left(file));
	CHECK(step() && n_syncs == 2 && handle_unsynced(file) == 0 && handle_unsynced(odd) == MIB);
	CHECK(!step() && n_syncs == 2);
}

/* Nobody has synced it, and nobody will. */
static void what_waits_for_its_sync_at_the_end_is_suspect(void)
{
	open_file(64, 0);
	CHECK(!checkpoint_waits());
	handle_wrote(file, 0, NULL, 10);
	fill_places(true);
	close_it();
	fill_places(false);
	CHECK(checkpoint_waits() && arena_unsynced(fs.arena) == 1 && !next_note());
	checkpoint_give_up();
	CHECK(!checkpoint_waits() && arena_unsynced(fs.arena) == 0 && next_note() &&
	      next_note()->news == SUSPECT_POISONED && next_note()->ranges.ranges[0].to == 10);
	CHECK(atomic_load(&file->state) == HANDLE_LIVE); /* closing it might hang */
}

/* Another thread is at it, and hangs. */
static void what_is_being_synced_at_the_end_is_suspect(void)
{
	open_file(64, 0);
	handle_wrote(file, 0, NULL, 10);
	fill_places(true);
	close_it();
	fill_places(false);
	atomic_store(&file->sync_last, SYNC_TAKEN);
	checkpoint_give_up();
	CHECK(next_note() && next_note()->news == SUSPECT_POISONED);
	CHECK(atomic_load(&file->state) == HANDLE_LIVE);
}

static void die_before_a_sync(void)
{
	open_file(64, 0);
	handle_wrote(file, 0, NULL, 1);
	fill_places(true);
	close_it();
	/* It was about to do it. */
	atomic_store(&file->sync_last, SYNC_TAKEN);
}

static void sync_what_a_predecessor_closed(void)
{
	file = &fs.arena->handles[0];
	fs.guarded[0].ops = &fake;
	atomic_store(&fs.board->backends[0].inflight, 0);
	checkpoint_init();
	handle_sweep(0);
	CHECK(atomic_load(&file->state) == HANDLE_LIVE && pins() == 1);
	CHECK(step() && n_syncs == 1 && atomic_load(&file->state) == HANDLE_FREE && pins() == 0);
}

static void many_closes_sync_by_themselves(void)
{
	struct handle *last;

	open_file(64, 0);
	for (unsigned i = 0; i < 64; i++) {
		struct handle *h = handle_new(file->node, HANDLE_FILE, 0, O_WRONLY, open("/dev/null", O_RDWR),
					      1, HANDLE_NAMED);

		CHECK(h);
		handle_wrote(h, 0, NULL, 1);
		CHECK(!checkpoint_is_crowded(h));
		checkpoint_closes(h);
		handle_retire(h);
	}
	last = file;
	CHECK(!checkpoint_is_crowded(last));
	handle_wrote(last, 0, NULL, 1);
	CHECK(checkpoint_is_crowded(last));
	CHECK(checkpoint_at_close(&fs.guarded[0], last, false) == 0 && n_syncs == 1);
	CHECK(handle_unsynced(last) == 0 && !checkpoint_is_left(last));
	CHECK(step() && n_syncs == 2 && !checkpoint_is_crowded(last));
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}
WORKER(off_by_default)
WORKER(after_so_many_bytes)
WORKER(after_so_much_time)
WORKER(storage_refuses)
WORKER(a_lost_connection_is_not_told)
WORKER(an_error_of_storage_stands)
WORKER(an_error_of_a_connection_does_not)
WORKER(a_close_syncs)
WORKER(a_close_that_cannot_sync_is_suspect)
WORKER(a_close_without_a_connection_is_suspect)
WORKER(a_close_without_a_place_is_left_to_the_thread)
WORKER(a_file_removed_before_its_sync_needs_none)
WORKER(many_closes_sync_by_themselves)
WORKER(a_server_that_cannot_sync_is_not_asked)
WORKER(storage_that_cannot_sync_is_asked_once_a_connection)
WORKER(a_file_that_cannot_sync_keeps_no_other_from_it)
WORKER(what_waits_for_its_sync_at_the_end_is_suspect)
WORKER(what_is_being_synced_at_the_end_is_suspect)
WORKER(files_that_cannot_be_entered_stop_no_others)

static void test_a_close_outlives_the_worker(void **state)
{
	(void)state;
	assert_int_equal(as_worker(die_before_a_sync), 0);
	assert_int_equal(as_worker(sync_what_a_predecessor_closed), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_off_by_default),
	    TEST(test_after_so_many_bytes),
	    TEST(test_after_so_much_time),
	    TEST(test_storage_refuses),
	    TEST(test_a_lost_connection_is_not_told),
	    TEST(test_an_error_of_storage_stands),
	    TEST(test_an_error_of_a_connection_does_not),
	    TEST(test_a_close_syncs),
	    TEST(test_a_close_that_cannot_sync_is_suspect),
	    TEST(test_a_close_without_a_connection_is_suspect),
	    TEST(test_a_close_without_a_place_is_left_to_the_thread),
	    TEST(test_a_file_removed_before_its_sync_needs_none),
	    TEST(test_many_closes_sync_by_themselves),
	    TEST(test_a_server_that_cannot_sync_is_not_asked),
	    TEST(test_storage_that_cannot_sync_is_asked_once_a_connection),
	    TEST(test_a_file_that_cannot_sync_keeps_no_other_from_it),
	    TEST(test_what_waits_for_its_sync_at_the_end_is_suspect),
	    TEST(test_what_is_being_synced_at_the_end_is_suspect),
	    TEST(test_files_that_cannot_be_entered_stop_no_others),
	    TEST(test_a_close_outlives_the_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
