/* A server says once that a sync failed: whoever syncs or closes the file afterwards is told so all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fs/checkpoint.h"
#include "fs/context.h"
#include "fs/guard.h"
#include "fs/view.h"
#include "policy/server.h"
#include "worker/session.h"
#include "worker-util.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/socket.h>

#define MIB    (1u << 20)
#define PARKED (-1)

static unsigned n_syncs;
static errint_t sync_error;
static struct handle *file;
static int kernel;

/* Errors are given once. */
static errint_t fake_fsync(struct backend *b, int ref, bool data_only)
{
	errint_t rc = sync_error;

	(void)b, (void)ref, (void)data_only;
	n_syncs++;
	sync_error = 0;
	return rc;
}

static errint_t fake_flush(struct backend *b, int ref)
{
	return fake_fsync(b, ref, false);
}

static const struct backend_ops fake = {.fsync = fake_fsync, .flush = fake_flush, .release = fake_close};

static void start_session(void)
{
	const struct {
		struct fuse_in_header header;
		struct fuse_init_in init;
	} request = {.header = {.len = sizeof(request), .opcode = FUSE_INIT, .unique = 2},
		     .init = {.major = 7, .minor = 38, .max_readahead = 1 << 17}};
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
}

static void open_file(void)
{
	const struct stat st = {.st_mode = S_IFREG};
	struct node *root, *node;

	fs.board->config.deadline.ms[OP_SYNC] = 60000;
	fs.board->config.backends[0].checkpoint = (struct config_checkpoint){.mib = 1};
	start_session();
	root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	node = node_intern_guarded(&fs.guarded[0], node_index(root), "f", &st, NODE_LOOKED_UP);
	file = handle_new(node_index(node), HANDLE_FILE, 0, O_WRONLY, open("/dev/null", O_RDWR), 1,
			  HANDLE_NAMED);
	CHECK(file);
	handle_wrote(file, 0, NULL, MIB);
}

/* Runs a request about the open file in the slot: the errno of its answer, or PARKED. */
static int run(unsigned slot, uint32_t opcode)
{
	static uint64_t unique = 4;
	const struct {
		struct fuse_in_header header;
		union {
			struct fuse_fsync_in fsync;
			struct fuse_flush_in flush;
			struct fuse_release_in release;
		} in;
	} request = {.header = {.len = sizeof(request),
				.opcode = opcode,
				.unique = unique += 2,
				.nodeid = node_id(&fs.arena->nodes[file->node], file->node)},
		     .in.fsync.fh = handle_id(file, handle_number(file))};
	struct fuse_out_header answer = {.error = 0};

	call.slot = &fs.arena->slots[slot];
	call.buffer = arena_slot_buffer(fs.arena, call.slot);
	call.unique = unique;
	call.parked = false;
	memcpy(call.buffer, &request, sizeof(request));
	atomic_store(&fs.arena->slots[slot].read_ns, clock_mono_ns());
	session_dispatch(sizeof(request));
	if (call.parked) {
		guard_end_request();
		return PARKED;
	}
	guard_end_request();
	CHECK(recv(kernel, &answer, sizeof(answer), MSG_DONTWAIT) == (ssize_t)sizeof(answer));
	CHECK(answer.unique == unique);
	return -answer.error;
}

static void have_verdict(void)
{
	atomic_fetch_add(&fs.board->backends[0].verdicts, 1);
}

static void have_another_connection(void)
{
	atomic_store(&fs.board->backends[0].root_epoch, 2);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	atomic_store(&file->epoch, 2);
}

static bool checkpoint(void)
{
	uint64_t due_ns;

	return checkpoint_step(0, &due_ns);
}

static void fail_a_checkpoint(void)
{
	open_file();
	sync_error = -EIO;
	CHECK(!checkpoint() && n_syncs == 1 && !atomic_load(&file->error));
}

static const struct suspect_note *next_note(void)
{
	return peek_note();
}

static bool is_told_lost(int error)
{
	return atomic_load(&file->error) == error && next_note() && next_note()->news == SUSPECT_LOST &&
	       next_note()->error == (uint32_t)error && next_note()->ranges.n == 1 &&
	       next_note()->ranges.ranges[0].to == MIB;
}

static void an_fsync_waits_for_a_checkpoints_verdict(void)
{
	fail_a_checkpoint();
	CHECK(run(0, FUSE_FSYNC) == PARKED && n_syncs == 1);
	CHECK(run(1, FUSE_FLUSH) == PARKED && n_syncs == 1);
	CHECK(!next_note() && handle_unsynced(file) == MIB);
	have_verdict();
	CHECK(run(2, FUSE_FSYNC) == EIO && n_syncs == 1);
	CHECK(is_told_lost(EIO));
	CHECK(run(3, FUSE_FLUSH) == EIO);
}

static void another_connection_ends_the_doubt(void)
{
	fail_a_checkpoint();
	have_another_connection();
	have_verdict();
	CHECK(run(0, FUSE_FSYNC) == 0 && n_syncs == 2);
	CHECK(!next_note() && handle_unsynced(file) == 0 && !atomic_load(&file->error));
}

static void a_close_before_the_verdict_is_suspect(void)
{
	fail_a_checkpoint();
	CHECK(run(0, FUSE_RELEASE) == 0 && n_syncs == 1);
	CHECK(next_note() && next_note()->news == SUSPECT_LOST && next_note()->ranges.ranges[0].to == MIB);
}

/* Without checkpoints nobody else looks. */
static void fail_an_fsync(errint_t rc, int answer)
{
	open_file();
	fs.board->config.backends[0].checkpoint.mib = 0;
	sync_error = rc;
	CHECK(run(0, FUSE_FSYNC) == answer && n_syncs == 1);
}

static void an_fsync_that_failed_has_failed_for_all(void)
{
	fail_an_fsync(-EIO, PARKED);
	CHECK(run(1, FUSE_FSYNC) == PARKED && n_syncs == 1);
	have_verdict();
	CHECK(run(2, FUSE_FLUSH) == EIO && n_syncs == 1);
	CHECK(is_told_lost(EIO));
	CHECK(run(3, FUSE_FSYNC) == EIO);
}

static void an_fsync_that_storage_refused_stays_refused(void)
{
	fail_an_fsync(-ENOSPC, ENOSPC);
	CHECK(is_told_lost(ENOSPC));
	CHECK(run(1, FUSE_FSYNC) == ENOSPC && run(2, FUSE_FLUSH) == ENOSPC && n_syncs == 1);
}

static void an_fsync_that_failed_with_its_connection_is_made_again(void)
{
	fail_an_fsync(-EIO, PARKED);
	have_another_connection();
	CHECK(run(1, FUSE_FSYNC) == 0 && n_syncs == 2 && !next_note());
}

/* Storage that cannot sync at all loses nothing by it. */
static void an_fsync_that_cannot_be_is_told_alone(void)
{
	fail_an_fsync(-EINVAL, EINVAL);
	CHECK(!next_note() && !atomic_load(&file->error));
	CHECK(run(1, FUSE_FLUSH) == 0);
}

/* Its caller is told 0, as by raw sshfs; but what it may lose is found as ever. */
static void a_server_that_cannot_be_asked_makes_nothing_durable(void)
{
	open_file();
	handle_wrote(file, 0, NULL, 1);
	CHECK(file->overwrote);
	fs.board->config.backends[0].type = BACKEND_SFTP;
	sync_error = -EOPNOTSUPP;
	CHECK(run(0, FUSE_FSYNC) == 0 && n_syncs == 1);
	CHECK(handle_unsynced(file) == MIB && file->overwrote && !next_note());
	/* sshfs says 0 by itself. */
	fs.board->config.backends[0].type = BACKEND_SSHFS;
	atomic_store(&fs.board->backends[0].server_lacks, SERVER_KNOWN | 1u << SERVER_FSYNC);
	CHECK(run(1, FUSE_FSYNC) == 0 && n_syncs == 2);
	CHECK(handle_unsynced(file) == MIB && file->overwrote && !next_note());
	atomic_store(&fs.board->backends[0].server_lacks, SERVER_KNOWN);
	CHECK(run(2, FUSE_FSYNC) == 0 && n_syncs == 3);
	CHECK(handle_unsynced(file) == 0 && !file->overwrote);
}

static void die_with_a_doubt(void)
{
	fail_a_checkpoint();
}

static void inherit_a_doubt(void)
{
	fs.guarded[0].ops = &fake;
	file = &fs.arena->handles[0];
	CHECK(!checkpoint() && n_syncs == 0 && !atomic_load(&file->error));
	have_verdict();
	(void)checkpoint();
	CHECK(n_syncs == 0 && is_told_lost(EIO));
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}
WORKER(an_fsync_waits_for_a_checkpoints_verdict)
WORKER(another_connection_ends_the_doubt)
WORKER(a_close_before_the_verdict_is_suspect)
WORKER(an_fsync_that_failed_has_failed_for_all)
WORKER(an_fsync_that_storage_refused_stays_refused)
WORKER(an_fsync_that_failed_with_its_connection_is_made_again)
WORKER(an_fsync_that_cannot_be_is_told_alone)
WORKER(a_server_that_cannot_be_asked_makes_nothing_durable)

static void test_a_doubt_outlives_the_worker(void **state)
{
	(void)state;
	assert_int_equal(as_worker(die_with_a_doubt), 0);
	assert_int_equal(as_worker(inherit_a_doubt), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_an_fsync_waits_for_a_checkpoints_verdict),
	    TEST(test_another_connection_ends_the_doubt),
	    TEST(test_a_close_before_the_verdict_is_suspect),
	    TEST(test_an_fsync_that_failed_has_failed_for_all),
	    TEST(test_an_fsync_that_storage_refused_stays_refused),
	    TEST(test_an_fsync_that_failed_with_its_connection_is_made_again),
	    TEST(test_an_fsync_that_cannot_be_is_told_alone),
	    TEST(test_a_server_that_cannot_be_asked_makes_nothing_durable),
	    TEST(test_a_doubt_outlives_the_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
