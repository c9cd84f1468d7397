/* What guardian says to callers while no worker starts, and what it leaves behind for the next one. */
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/draft.h"
#include "fs/publish_last.h"
#include "guardian/guardian.h"
#include "worker-util.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/socket.h>

#define UNIQUE 4u

static struct handle *new_draft(void)
{
	const struct stat former = {.st_mode = S_IFREG, .st_size = 5};
	struct handle *h = handle_new(0, HANDLE_FILE, 0, O_WRONLY, -1, 1, HANDLE_NAMED);

	fs.board->config.state_size_kib = 1024;
	CHECK(h && draft_begin(h, &former) == 0);
	CHECK(draft_write(h, "half", 4, 0, false) == 4);
	return h;
}

/* Guardian reads the request, and answers an error. */
static void answered_by_guardian(uint32_t opcode, const void *body, size_t size)
{
	static struct guardian guardian;
	uint8_t request[256];
	const struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + size),
					      .opcode = opcode,
					      .unique = UNIQUE,
					      .nodeid = FUSE_ROOT_ID};
	struct fuse_out_header answer;
	int pair[2];

	/* Guardian's timer interrupts a read that takes long; guardian has a handler. */
	CHECK(signal(SIGALRM, SIG_IGN) != SIG_ERR);
	memcpy(request, &header, sizeof(header));
	memcpy(request + sizeof(header), body, size);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	CHECK(pair[1] > GUARDIAN_DEV && dup2(pair[0], GUARDIAN_DEV) == GUARDIAN_DEV);
	CHECK(send(pair[1], request, header.len, 0) == (ssize_t)header.len);
	guardian.arena = fs.arena;
	guardian.board = fs.board;
	/* No worker has served since the machine was started. */
	stand_in(&guardian, UINT64_MAX / 2);
	CHECK(recv(pair[1], &answer, sizeof(answer), 0) == (ssize_t)sizeof(answer));
	CHECK(answer.unique == UNIQUE && answer.error == -EIO);
}

/* The bytes are missing until they are written. */
static void a_write_to_a_draft_is_missing(void)
{
	struct handle *h = new_draft();
	struct {
		struct fuse_write_in in;
		char data[100];
	} write = {.in = {.fh = handle_id(h, handle_number(h)), .offset = 4, .size = sizeof(write.data)}};

	CHECK(!draft_is_torn(h));
	answered_by_guardian(FUSE_WRITE, &write, sizeof(write));
	CHECK(draft_is_torn(h) && !publish_last_is_due(h));
	draft_wrote(h, 4, sizeof(write.data), false);
	CHECK(!draft_is_torn(h));
}

/* RELEASE, which the next worker reads, does not, either. */
static void a_close_publishes_nothing(void)
{
	struct handle *h = new_draft();
	struct fuse_flush_in flush = {.fh = handle_id(h, handle_number(h))};

	answered_by_guardian(FUSE_FLUSH, &flush, sizeof(flush));
	CHECK(!publish_last_is_due(h));
}

static void a_sync_publishes_nothing(void)
{
	struct handle *h = new_draft();
	struct fuse_fsync_in fsync = {.fh = handle_id(h, handle_number(h))};

	answered_by_guardian(FUSE_FSYNC, &fsync, sizeof(fsync));
	CHECK(!publish_last_is_due(h));
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(a_write_to_a_draft_is_missing)
WORKER_TEST(a_close_publishes_nothing)
WORKER_TEST(a_sync_publishes_nothing)

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_write_to_a_draft_is_missing),
	    TEST(test_a_close_publishes_nothing),
	    TEST(test_a_sync_publishes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
