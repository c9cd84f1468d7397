/* When a draft is published, and what the kernel has been told by the time that its program hears of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/draft.h"
#include "fs/fs.h"
#include "fs/guard.h"
#include "fs/look.h"
#include "fs/publish_draft.h"
#include "fs/publish_last.h"
#include "fs/view.h"
#include "policy/server.h"
#include "worker/session.h"
#include "worker-util.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#define FILE_REF     7
#define FLUSH_UNIQUE 4u

static const struct stat former = {.st_mode = S_IFREG | 0644, .st_nlink = 1, .st_size = 6};
static int kernel; /* our end of what takes the place of /dev/fuse */

static errint_t fake_lookup(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	(void)b, (void)parent, (void)name;
	*found = (struct found){.st = former};
	return 0;
}

static errint_t fake_create(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
			    const struct caller *c, struct found *found, int *ref)
{
	(void)parent, (void)flags, (void)mode, (void)c;
	*ref = FILE_REF;
	return fake_lookup(b, parent, name, found);
}

static errint_t open_error; /* of the next opens */
static bool dies_at_write;

static errint_t fake_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	(void)b, (void)node, (void)flags;
	*ref = open_error ? -1 : FILE_REF;
	return open_error;
}

static ssize_t fake_write(struct backend *b, int ref, const void *data, size_t n, off_t offset, bool appends)
{
	(void)b, (void)ref, (void)data, (void)offset, (void)appends;
	if (dies_at_write)
		_exit(0);
	return (ssize_t)n;
}

static unsigned n_syncs;
static errint_t sync_error;	    /* of the next one */
static const struct handle *synced; /* by the next one: it must not say so yet */

static errint_t fake_fsync(struct backend *b, int ref, bool data_only)
{
	errint_t rc = sync_error;

	(void)b, (void)ref, (void)data_only;
	if (synced)
		CHECK(atomic_load(&synced->draft_synced) != atomic_load(&synced->draft_published));
	synced = NULL;
	n_syncs++;
	sync_error = 0;
	return rc;
}

static errint_t fake_release(struct backend *b, int ref)
{
	(void)b, (void)ref;
	return 0;
}

static errint_t fake_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			    const char *newname, unsigned flags)
{
	(void)b, (void)parent, (void)name, (void)newparent, (void)newname, (void)flags;
	return 0;
}

static const struct backend_ops fake = {.open = fake_open,
					.lookup = fake_lookup,
					.flush = fake_release,
					.create = fake_create,
					.write = fake_write,
					.fsync = fake_fsync,
					.release = fake_release,
					.rename = fake_rename};

static struct handle *new_draft(void)
{
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	struct node *node =
	    node_intern_guarded(&fs.guarded[0], node_index(root), "f", &former, NODE_LOOKED_UP);
	struct handle *h = handle_new(node_index(node), HANDLE_FILE, 0, O_WRONLY, -1, 1, HANDLE_NAMED);
	int pair[2];

	CHECK(look_init() == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
	fs.dev_fd = pair[0];
	kernel = pair[1];
	fs.guarded[0].ops = &fake;
	fs.board->config.backends[0].type = BACKEND_SFTP;
	fs.board->config.state_size_kib = 1024;
	call.slot = &fs.arena->slots[SLOT_MAX - 1];
	call.unique = FLUSH_UNIQUE + 1;
	CHECK(h && draft_begin(h, &former) == 0);
	CHECK(draft_write(h, "half", 4, 0, false) == 4);
	return h;
}

/* ---- a program that is killed ---- */

/* It has been killed by a signal, and is there still. */
static pid_t killed_by(int signal)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	CHECK(pid > 0 && kill(pid, signal) == 0);
	CHECK(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0);
	return pid;
}

/* A thread has read its FLUSH, and has not come to look at it. */
static struct slot *close_under_way(const struct handle *h, pid_t pid)
{
	struct {
		struct fuse_in_header header;
		struct fuse_flush_in in;
	} flush = {.header = {.len = sizeof(flush),
			      .opcode = FUSE_FLUSH,
			      .unique = FLUSH_UNIQUE,
			      .pid = (uint32_t)pid},
		   .in = {.fh = handle_id(h, handle_number(h))}};
	struct slot *slot = &fs.arena->slots[0];

	memcpy(fs.arena->buffers[0], &flush, sizeof(flush));
	slot->length = sizeof(flush);
	atomic_store(&slot->backend, SLOT_LOCAL);
	atomic_store(&slot->state, SLOT_RUNNING);
	return slot;
}

/* True: the kernel has its answer. */
static bool interrupt_close(const struct slot *slot)
{
	const struct {
		struct fuse_in_header header;
		struct fuse_interrupt_in in;
	} interrupt = {.in = {.unique = FLUSH_UNIQUE}};
	struct fuse_out_header answer;
	bool answered;

	fs_interrupt((const uint8_t *)&interrupt);
	answered = recv(kernel, &answer, sizeof(answer), 0) == (ssize_t)sizeof(answer);
	CHECK(answered == (atomic_load(&slot->answered) == FLUSH_UNIQUE));
	CHECK(!answered || (answer.unique == FLUSH_UNIQUE && answer.error == -EINTR));
	return answered;
}

/* RELEASE comes as soon as FLUSH is answered, and its thread may come to it before that of FLUSH does. */
static void killed_program_publishes_nothing(void)
{
	struct handle *h = new_draft();
	pid_t pid = killed_by(SIGKILL);

	h->draft_owner = (uint32_t)pid;
	CHECK(interrupt_close(close_under_way(h, pid)));
	CHECK(!publish_last_is_due(h));
	CHECK(waitpid(pid, NULL, 0) == pid);
}

/* Its file is that of another program, which goes on. */
static void killed_child_refuses_nothing(void)
{
	struct handle *h = new_draft();
	pid_t pid = killed_by(SIGKILL);

	h->draft_owner = (uint32_t)getpid();
	CHECK(interrupt_close(close_under_way(h, pid)));
	CHECK(publish_last_is_due(h));
	CHECK(waitpid(pid, NULL, 0) == pid);
}

/* Of another signal than SIGKILL the thread of FLUSH alone answers, once it has looked. */
static void others_are_answered_by_their_own_thread(void)
{
	struct handle *h = new_draft();
	pid_t pid = killed_by(SIGTERM);

	h->draft_owner = (uint32_t)pid;
	CHECK(!interrupt_close(close_under_way(h, pid)));
	CHECK(waitpid(pid, NULL, 0) == pid);
}

/* ---- a program that wrote in place ---- */

static struct handle *new_writer(void)
{
	struct handle *h = new_draft();

	atomic_store(&h->draft, DRAFT_NONE);
	return h;
}

static struct handle *released;

static void release(int sig)
{
	(void)sig;
	handle_retire(released);
}

/* Its RELEASE is read by another thread than the OPEN that comes after its close. A signal comes also if this process is late. */
static void closed_writer_is_waited_for(void)
{
	const struct sigaction action = {.sa_handler = release};
	const struct itimerval soon = {.it_value = {.tv_usec = 20000}};

	released = new_writer();
	atomic_store(&released->closed_ns, clock_mono_ns());
	CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &soon, NULL) == 0);
	CHECK(!draft_has_writers(released->node, NULL));
}

/* Its file has a duplicate, or was never closed. */
static void open_writer_is_found(void)
{
	struct handle *h = new_writer();
	uint64_t closed_ns;

	CHECK(draft_has_writers(h->node, NULL));
	closed_ns = clock_mono_ns();
	atomic_store(&h->closed_ns, closed_ns);
	CHECK(draft_has_writers(h->node, NULL) && clock_mono_ns() >= closed_ns + DRAFT_RELEASE_NS);
	CHECK(!draft_has_writers(h->node, h));
}

static void start_session(void)
{
	const struct {
		struct fuse_in_header header;
		struct fuse_init_in init;
	} first = {.header = {.len = sizeof(first), .opcode = FUSE_INIT, .unique = 2},
		   .init = {.major = 7, .minor = 38, .max_readahead = 1 << 17}};
	char reply[4096];

	memcpy(fs.arena->header.init_request, &first, sizeof(first));
	fs.arena->header.init_request_length = sizeof(first);
	CHECK(session_open(fs.arena, fs.dev_fd) == 0);
	CHECK(recv(kernel, reply, sizeof(reply), 0) > 0);
	fs.board->config.deadline.ms[OP_SYNC] = 60000;
}

/* The errno of the answer to a FLUSH, or FSYNC, by this process; PARKED. */
#define PARKED (-1)

static int answer_to(const struct handle *h, uint32_t opcode)
{
	struct slot *slot = close_under_way(h, getpid());
	struct fuse_out_header answer = {.unique = 0};

	((struct fuse_in_header *)(void *)fs.arena->buffers[0])->opcode = opcode;
	call.slot = slot;
	call.buffer = fs.arena->buffers[0];
	call.unique = FLUSH_UNIQUE;
	call.parked = false;
	slot->asked = 0;
	atomic_store(&slot->answered, 0);
	atomic_store(&slot->read_ns, clock_mono_ns());
	session_dispatch(slot->length);
	guard_end_request();
	if (call.parked)
		return PARKED;
	/* Besides, the kernel is told to ask anew. */
	while (answer.unique != FLUSH_UNIQUE)
		CHECK(recv(kernel, &answer, sizeof(answer), 0) == (ssize_t)sizeof(answer));
	return -answer.error;
}

/* Of nothing that is owed, which asks no storage. */
static void close_is_noted_before_its_answer(void)
{
	struct handle *h = new_writer();

	start_session();
	CHECK(answer_to(h, FUSE_FLUSH) == 0);
	CHECK(atomic_load(&h->closed_ns) != 0);
}

/* ---- fsync after a close ---- */

static struct handle *published_by_a_close(void)
{
	struct handle *h = new_draft();

	h->draft_owner = (uint32_t)getpid();
	start_session();
	CHECK(answer_to(h, FUSE_FLUSH) == 0 && !draft_is_due(h));
	return h;
}

/* The rename may not outlast a crash of the server. */
static void fsync_makes_a_published_version_last(void)
{
	struct handle *h = published_by_a_close();
	unsigned before = n_syncs;

	synced = h;
	CHECK(answer_to(h, FUSE_FSYNC) == 0 && n_syncs == before + 1);
	CHECK(answer_to(h, FUSE_FSYNC) == 0 && n_syncs == before + 1);
}

/* The server may have dropped it. */
static void failed_fsync_publishes_once_more(void)
{
	struct handle *h = published_by_a_close();

	sync_error = -EIO;
	CHECK(answer_to(h, FUSE_FSYNC) == PARKED && draft_is_due(h));
	CHECK(answer_to(h, FUSE_FSYNC) == 0 && !draft_is_due(h));
}

/* ---- a worker that dies between cutting the file and writing it ---- */

static errint_t spill(struct handle *h)
{
	return draft_spill(&fs.guarded[0], h);
}

static errint_t publish_in_place(struct handle *h)
{
	atomic_store(&fs.board->backends[0].server_lacks, 1u << SERVER_POSIX_RENAME);
	return publish_draft(&fs.guarded[0], h, false);
}

static struct handle *cut_by_dead_worker(errint_t (*how)(struct handle *h))
{
	struct handle *h = new_draft();
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		dies_at_write = true;
		(void)how(h);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(!peek_note());
	return h;
}

static bool is_suspect(void)
{
	return peek_note() != NULL;
}

/* The write is run again. */
static void next_worker_fails_to_open(void)
{
	struct handle *h = cut_by_dead_worker(spill);

	open_error = -ENOSPC;
	CHECK(spill(h) == -ENOSPC && is_suspect());
}

static void next_worker_spills(void)
{
	struct handle *h = cut_by_dead_worker(spill);

	CHECK(spill(h) == 0);
	draft_closes(h);
	CHECK(!is_suspect());
}

/* Guardian has told the caller of an error: it is not run again. */
static void next_worker_does_not_publish(void)
{
	struct handle *h = cut_by_dead_worker(publish_in_place);

	draft_closes(h);
	CHECK(is_suspect());
}

static void next_worker_publishes_in_place(void)
{
	struct handle *h = cut_by_dead_worker(publish_in_place);

	CHECK(publish_in_place(h) == 0);
	draft_closes(h);
	CHECK(!is_suspect());
}

/* Nothing was cut. */
static void first_open_fails(void)
{
	struct handle *h = new_draft();

	open_error = -ENOSPC;
	CHECK(spill(h) == -ENOSPC);
	CHECK(publish_in_place(h) == -ENOSPC);
	draft_closes(h);
	CHECK(!is_suspect());
}

/* ---- the kernel ---- */

/* Else stat(2) after close(2) would have the attributes of before. */
static void kernel_asks_again_before_the_answer(void)
{
	struct handle *h = new_draft();
	const struct node *node = &fs.arena->nodes[h->node];
	struct {
		struct fuse_out_header header;
		struct fuse_notify_inval_inode_out inode;
	} message;
	bool told = false;

	CHECK(publish_draft(&fs.guarded[0], h, false) == 0 && !draft_is_due(h));
	while (recv(kernel, &message, sizeof(message), 0) == (ssize_t)sizeof(message))
		told |= message.header.error == FUSE_NOTIFY_INVAL_INODE &&
			message.inode.ino == node_id(node, node_index(node)) && message.inode.off < 0;
	CHECK(told);
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(killed_program_publishes_nothing)
WORKER_TEST(killed_child_refuses_nothing)
WORKER_TEST(others_are_answered_by_their_own_thread)
WORKER_TEST(closed_writer_is_waited_for)
WORKER_TEST(open_writer_is_found)
WORKER_TEST(close_is_noted_before_its_answer)
WORKER_TEST(fsync_makes_a_published_version_last)
WORKER_TEST(failed_fsync_publishes_once_more)
WORKER_TEST(next_worker_fails_to_open)
WORKER_TEST(next_worker_spills)
WORKER_TEST(next_worker_does_not_publish)
WORKER_TEST(next_worker_publishes_in_place)
WORKER_TEST(first_open_fails)
WORKER_TEST(kernel_asks_again_before_the_answer)

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_killed_program_publishes_nothing),
	    TEST(test_killed_child_refuses_nothing),
	    TEST(test_others_are_answered_by_their_own_thread),
	    TEST(test_closed_writer_is_waited_for),
	    TEST(test_open_writer_is_found),
	    TEST(test_close_is_noted_before_its_answer),
	    TEST(test_fsync_makes_a_published_version_last),
	    TEST(test_failed_fsync_publishes_once_more),
	    TEST(test_next_worker_fails_to_open),
	    TEST(test_next_worker_spills),
	    TEST(test_next_worker_does_not_publish),
	    TEST(test_next_worker_publishes_in_place),
	    TEST(test_first_open_fails),
	    TEST(test_kernel_asks_again_before_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
