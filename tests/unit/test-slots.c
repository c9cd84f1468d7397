/* What the next worker decides about each slot of a dead one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/wire.h"
#include "fs/draft.h"
#include "fs/publish_last.h"
#include "worker-util.h"
#include "fs/view.h"
#include "worker/recover.h"

#include <linux/fs.h>
#include <linux/fuse.h>
#include <sys/socket.h>

static uint16_t ready[SLOT_MAX];
static int device; /* our end of what the session, never opened here, takes for /dev/fuse: descriptor 0 */

static void open_device(void)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
	CHECK(dup2(pair[0], 0) == 0);
	device = pair[1];
}

static struct slot *request_with(uint32_t i, enum slot_state state, uint32_t opcode, uint64_t nodeid,
				 const void *body, size_t n)
{
	struct fuse_in_header in = {
	    .len = (uint32_t)(sizeof(in) + n), .opcode = opcode, .unique = 100 + i, .nodeid = nodeid};
	struct slot *slot = &fs.arena->slots[i];

	memcpy(fs.arena->buffers[i], &in, sizeof(in));
	memcpy(fs.arena->buffers[i] + sizeof(in), body, n);
	slot->length = in.len;
	atomic_store(&slot->backend, SLOT_LOCAL);
	atomic_store(&slot->read_ns, 1);
	atomic_store(&slot->state, state);
	return slot;
}

static struct slot *request(uint32_t i, enum slot_state state, uint32_t opcode)
{
	return request_with(i, state, opcode, FUSE_ROOT_ID, "", 0);
}

/* The error of the next reply that was sent, and for whom; 1: none was. */
static int next_reply(uint64_t *unique)
{
	struct fuse_out_header out;

	if (recv(device, &out, sizeof(out), 0) < (ssize_t)sizeof(out))
		return 1;
	*unique = out.unique;
	return out.error;
}

/* Is the next thing sent a message that the attributes of a node are to be asked for again? */
static bool is_next_doubted(uint64_t nodeid)
{
	struct {
		struct fuse_out_header header;
		struct fuse_notify_inval_inode_out inode;
	} out;

	return recv(device, &out, sizeof(out), 0) == (ssize_t)sizeof(out) && out.header.unique == 0 &&
	       out.header.error == FUSE_NOTIFY_INVAL_INODE && out.inode.ino == nodeid && out.inode.off < 0;
}

static bool is_state(uint32_t i, enum slot_state state)
{
	return atomic_load(&fs.arena->slots[i].state) == state;
}

static void idempotent_runs_again_once(void)
{
	uint64_t unique;

	request(3, SLOT_RUNNING, FUSE_GETATTR);
	request(4, SLOT_RUNNING, FUSE_GETATTR)->replays = 1;
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 1 && ready[0] == 3);
	CHECK(is_state(3, SLOT_RUNNING) && fs.arena->slots[3].replays == 1);
	CHECK(is_state(4, SLOT_FREE) && next_reply(&unique) == -EIO && unique == 104);
	CHECK(next_reply(&unique) == 1);
}

/* A dead worker's thread has read into a slot that counted as free by then. */
static void what_was_read_late_runs(void)
{
	uint64_t unique;

	request(3, SLOT_FREE, FUSE_GETATTR)->length = 0;
	request(4, SLOT_FREE, FUSE_MKDIR)->length = 0;
	fs.arena->slots[3].replays = 1; /* of another request */
	open_device();
	CHECK(recover_late(fs.arena, &fs.arena->slots[3], ready) && ready[0] == 3);
	CHECK(is_state(3, SLOT_RUNNING) && fs.arena->slots[3].length == sizeof(struct fuse_in_header));
	/* Malformed: it has no body. */
	CHECK(!recover_late(fs.arena, &fs.arena->slots[4], ready));
	CHECK(is_state(4, SLOT_FREE) && next_reply(&unique) == -EIO && unique == 104);
}

/* An operator's SIGUSR2 is no death that a request could have caused. */
static void what_a_parting_worker_leaves_runs_again(void)
{
	request(3, SLOT_RUNNING, FUSE_GETATTR);
	request(4, SLOT_RUNNING, FUSE_GETATTR)->replays = 1;
	atomic_store(&fs.board->left_generation, 6);
	atomic_store(&fs.board->worker_generation, 7);
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 1 && ready[0] == 3);
	CHECK(fs.arena->slots[3].replays == 0 && fs.arena->slots[3].reruns == 1);
}

static void others_get_an_error(void)
{
	uint64_t unique;

	request(0, SLOT_RUNNING, FUSE_MKDIR);
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 0);
	CHECK(is_state(0, SLOT_FREE) && wire_unique(fs.arena->buffers[0]) == 0);
	CHECK(next_reply(&unique) == -EIO && unique == 100);
}

/* Perhaps it was done: before its caller hears of an error, the kernel is told to ask for what it knows of
 * the directory, and of what has the name. */
static void others_are_doubted(void)
{
	const struct stat file = {.st_mode = S_IFREG | 0644};
	struct node *dir = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	struct node *node =
	    dir ? node_intern_guarded(&fs.guarded[0], node_index(dir), "a", &file, NODE_LOOKED_UP) : NULL;
	struct {
		struct fuse_rename2_in in;
		char names[4];
	} exchange = {.names = "a\0b"};
	uint64_t unique;

	CHECK(node);
	exchange.in.newdir = node_id(dir, node_index(dir));
	exchange.in.flags = RENAME_EXCHANGE;
	request_with(0, SLOT_RUNNING, FUSE_RENAME2, node_id(dir, node_index(dir)), &exchange,
		     sizeof(exchange));
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 0);
	CHECK(is_next_doubted(node_id(dir, node_index(dir))));
	CHECK(is_next_doubted(node_id(node, node_index(node))));
	CHECK(is_next_doubted(node_id(dir, node_index(dir))));
	CHECK(next_reply(&unique) == -EIO && unique == 100);
}

/* Run again, it finds whether it was done. Once. */
static void names_are_made_and_taken_again(void)
{
	request_with(0, SLOT_RUNNING, FUSE_UNLINK, FUSE_ROOT_ID, "a", 2);
	request_with(1, SLOT_RUNNING, FUSE_RMDIR, FUSE_ROOT_ID, "a", 2)->replays = 1;
	request_with(2, SLOT_RUNNING, FUSE_SYMLINK, FUSE_ROOT_ID, "a\0b", 4);
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 2 && ready[0] == 0 && ready[1] == 2);
	CHECK(is_state(0, SLOT_RUNNING) && is_state(1, SLOT_FREE) && is_state(2, SLOT_RUNNING));
}

/* The connection broke while it was inside, and its deadline passed while it waited for another one. */
static void broken_is_doubted(void)
{
	struct slot *slot = request(0, SLOT_EXPIRED, FUSE_WRITE);

	slot->mutating = 1;
	CHECK(!recover_is_doubtful(slot));
	slot->reruns = 1;
	CHECK(recover_is_doubtful(slot) && is_state(0, SLOT_RUNNING));
}

static void decided_reply_is_sent(void)
{
	struct slot *slot = request(0, SLOT_RUNNING, FUSE_MKDIR);
	uint64_t unique;

	atomic_store(&slot->reply_length, (uint32_t)wire_error_reply(slot->reply, 100, ENOSPC));
	/* A reply that was left by the slot's last request is none. */
	slot = request(1, SLOT_RUNNING, FUSE_MKDIR);
	atomic_store(&slot->reply_length, (uint32_t)wire_error_reply(slot->reply, 99, ENOSPC));
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 0);
	CHECK(next_reply(&unique) == -ENOSPC && unique == 100);
	CHECK(next_reply(&unique) == -EIO && unique == 101);
}

/* Guardian has told the caller that it failed: it must not happen any more. */
static void answered_is_not_run(void)
{
	struct slot *slot = request(0, SLOT_RUNNING, FUSE_WRITE);

	atomic_store(&slot->answered, 100);
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 0 && is_state(0, SLOT_FREE));
}

/* It had been begun: a runner is to doubt what the kernel knows of the file. */
static void answered_is_doubted(void)
{
	struct slot *slot = request(0, SLOT_RUNNING, FUSE_WRITE);

	slot->mutating = 1;
	atomic_store(&slot->answered, 100);
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 1 && ready[0] == 0 && is_state(0, SLOT_RUNNING));
	CHECK(atomic_load(&slot->answered) == wire_unique(fs.arena->buffers[0]));
}

/* Its program is told of an error, and then closes: what it meant to write is not there. Its file is as it was. */
static void a_write_to_a_draft_that_is_not_run_is_missing(void)
{
	struct {
		struct fuse_write_in in;
		char data[100];
	} write = {.in = {.offset = 8191, .size = sizeof(write.data)}};
	const struct stat former = {.st_mode = S_IFREG, .st_size = 5};
	struct handle *h = handle_new(0, HANDLE_FILE, 0, O_WRONLY, -1, 1, HANDLE_NAMED);
	struct slot *slot;

	CHECK(h && draft_begin(h, &former) == 0 && !draft_is_torn(h));
	write.in.fh = handle_id(h, handle_number(h));
	slot = request_with(0, SLOT_RUNNING, FUSE_WRITE, FUSE_ROOT_ID, &write, sizeof(write));
	slot->replays = 1;
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 0 && is_state(0, SLOT_FREE));
	CHECK(draft_is_torn(h) && !peek_note());
	draft_wrote(h, 8191, sizeof(write.data), false);
	CHECK(!draft_is_torn(h));
}

/* Its program is told of an error, and RELEASE comes next. */
static void a_close_of_a_draft_that_is_not_run_publishes_nothing(void)
{
	const struct stat former = {.st_mode = S_IFREG, .st_size = 5};
	struct handle *h = handle_new(0, HANDLE_FILE, 0, O_WRONLY, -1, 1, HANDLE_NAMED);
	struct fuse_flush_in flush = {.fh = 0};
	struct slot *slot;

	CHECK(h && draft_begin(h, &former) == 0 && publish_last_is_due(h));
	flush.fh = handle_id(h, handle_number(h));
	slot = request_with(0, SLOT_RUNNING, FUSE_FLUSH, FUSE_ROOT_ID, &flush, sizeof(flush));
	slot->replays = 1;
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 0 && is_state(0, SLOT_FREE));
	CHECK(!publish_last_is_due(h));
}

static void read_but_not_noted(void)
{
	request(0, SLOT_READING, FUSE_GETATTR)->length = 0;
	request(1, SLOT_READING, FUSE_FORGET);
	request(2, SLOT_READING, FUSE_INTERRUPT);
	wire_clear_unique(fs.arena->buffers[request(3, SLOT_READING, FUSE_GETATTR) - fs.arena->slots]);
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 2 && ready[0] == 0 && ready[1] == 1);
	CHECK(fs.arena->slots[0].length == sizeof(struct fuse_in_header));
	CHECK(is_state(2, SLOT_FREE) && is_state(3, SLOT_FREE));
}

static void parked_stays(void)
{
	atomic_store(&request(0, SLOT_PARKED, FUSE_WRITE)->backend, 0);
	request(1, SLOT_EXPIRED, FUSE_WRITE);
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 0);
	CHECK(is_state(0, SLOT_PARKED) && is_state(1, SLOT_FREE));
	CHECK(atomic_load(&fs.board->backends[0].parked) == 1);
}

/* A task may still be inside: its place stays taken, its request goes on elsewhere, or is answered. */
static void stuck_tasks_keep_their_slots(void)
{
	struct slot *write = request(0, SLOT_RUNNING, FUSE_WRITE),
		    *make = request(1, SLOT_RUNNING, FUSE_MKDIR);

	atomic_store(&fs.board->dead_workers, 1);
	write->mutating = make->mutating = 1;
	atomic_store(&write->inside, 1);
	atomic_store(&make->inside, 1);
	request(2, SLOT_ORPHAN, FUSE_WRITE);
	atomic_store(&fs.arena->slots_used, 3);
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 1 && ready[0] == 3);
	CHECK(arena_slots_used(fs.arena) == 4); /* guardian looks there as well */
	CHECK(is_state(0, SLOT_ORPHAN) && atomic_load(&write->inside) &&
	      wire_unique(fs.arena->buffers[0]) == 0);
	CHECK(is_state(1, SLOT_ORPHAN) && is_state(2, SLOT_ORPHAN));
	CHECK(wire_unique(fs.arena->buffers[3]) == 100 && !atomic_load(&fs.arena->slots[3].inside));
	CHECK(slot_is_late(write, 0, 1));
}

static void gone_tasks_do_not(void)
{
	atomic_store(&request(0, SLOT_RUNNING, FUSE_WRITE)->inside, 1);
	atomic_store(&request(1, SLOT_ORPHAN, FUSE_WRITE)->inside, 1);
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 1 && ready[0] == 0);
	CHECK(!atomic_load(&fs.arena->slots[0].inside));
	CHECK(is_state(1, SLOT_FREE) && !atomic_load(&fs.arena->slots[1].inside));
}

/* A task of a dead worker, gone by now, that had changed something: its slot is for a runner to doubt. */
static void gone_changes_are_doubted(void)
{
	struct slot *orphan = request(0, SLOT_ORPHAN, FUSE_WRITE),
		    *expired = request(1, SLOT_EXPIRED, FUSE_WRITE);

	orphan->mutating = expired->mutating = 1;
	atomic_store(&orphan->inside, 1);
	wire_clear_unique(fs.arena->buffers[0]);
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 1 && ready[0] == 0);
	CHECK(is_state(0, SLOT_RUNNING) && !atomic_load(&orphan->inside));
	CHECK(is_state(1, SLOT_FREE)); /* it was parked, never inside */
}

/* What a worker's thread had begun on the local tier waits for that thread, for a while; what changes nothing
 * does not. */
static void changes_wait_for_threads(void)
{
	struct slot *append = request(0, SLOT_RUNNING, FUSE_WRITE),
		    *look = request(1, SLOT_RUNNING, FUSE_GETATTR);

	append->runs = look->runs = (struct slot_thread){getppid(), getppid()};
	open_device();
	CHECK(recover_slots(fs.arena, ready) == 2);
	CHECK(append->ran.tid == getppid() && !look->ran.tid);
	call.unique = wire_unique(fs.arena->buffers[0]);
	CHECK(recover_await_thread(look, 0) && !recover_await_thread(append, 5));
	/* The next runner dies while it waits: the first one is who may be at it. */
	append->runs = (struct slot_thread){getpid(), getpid()};
	append->replays = look->replays = 0;
	CHECK(recover_slots(fs.arena, ready) == 2 && append->ran.tid == getppid());
	append->ran = (struct slot_thread){getppid(), getpid()};
	CHECK(recover_await_thread(append, 60000) && !append->ran.tid);
}

/* A caller who is told meanwhile is not kept waiting. */
static void answered_waits_for_no_thread(void)
{
	struct slot *append = request(0, SLOT_RUNNING, FUSE_WRITE);

	append->ran = (struct slot_thread){getppid(), getppid()};
	call.unique = wire_unique(fs.arena->buffers[0]);
	atomic_store(&append->answered, call.unique);
	CHECK(!recover_await_thread(append, 60000));
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(idempotent_runs_again_once)
WORKER_TEST(what_was_read_late_runs)
WORKER_TEST(what_a_parting_worker_leaves_runs_again)
WORKER_TEST(others_get_an_error)
WORKER_TEST(others_are_doubted)
WORKER_TEST(names_are_made_and_taken_again)
WORKER_TEST(decided_reply_is_sent)
WORKER_TEST(answered_is_not_run)
WORKER_TEST(answered_is_doubted)
WORKER_TEST(a_write_to_a_draft_that_is_not_run_is_missing)
WORKER_TEST(a_close_of_a_draft_that_is_not_run_publishes_nothing)
WORKER_TEST(read_but_not_noted)
WORKER_TEST(parked_stays)
WORKER_TEST(stuck_tasks_keep_their_slots)
WORKER_TEST(gone_tasks_do_not)
WORKER_TEST(gone_changes_are_doubted)
WORKER_TEST(broken_is_doubted)
WORKER_TEST(changes_wait_for_threads)
WORKER_TEST(answered_waits_for_no_thread)

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_idempotent_runs_again_once),
	    TEST(test_what_was_read_late_runs),
	    TEST(test_what_a_parting_worker_leaves_runs_again),
	    TEST(test_others_get_an_error),
	    TEST(test_changes_wait_for_threads),
	    TEST(test_answered_waits_for_no_thread),
	    TEST(test_others_are_doubted),
	    TEST(test_names_are_made_and_taken_again),
	    TEST(test_decided_reply_is_sent),
	    TEST(test_answered_is_not_run),
	    TEST(test_answered_is_doubted),
	    TEST(test_a_write_to_a_draft_that_is_not_run_is_missing),
	    TEST(test_a_close_of_a_draft_that_is_not_run_publishes_nothing),
	    TEST(test_read_but_not_noted),
	    TEST(test_parked_stays),
	    TEST(test_stuck_tasks_keep_their_slots),
	    TEST(test_gone_tasks_do_not),
	    TEST(test_gone_changes_are_doubted),
	    TEST(test_broken_is_doubted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
