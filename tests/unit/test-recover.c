/* Descriptors that a dead worker left without a record: which are closed, and which a living thread has for a moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker-util.h"
#include "base/child.h"
#include "base/clock.h"
#include "worker/readers.h"
#include "worker/recover.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* More than any sweep needs. */
#define LOOKS 20

static int open_at_least(const char *path, int number)
{
	int low = open(path, O_RDONLY), fd = fcntl(low, F_DUPFD, MAX(number, FD_RESERVED));

	CHECK(low >= 0 && fd >= 0);
	close(low);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static unsigned threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2; /* . and .. */
}

/* At its own time. */
static void look_once(void)
{
	static uint64_t now_ns = NSEC_PER_SEC;

	recover_late_descriptors(fs.arena, now_ns += NSEC_PER_SEC);
}

/* What a sweep gives to a thread is closed before that ends. stuck: threads that do not end. */
static void look_often(unsigned stuck)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		look_once();
		while (threads() > 1 + stuck)
			sched_yield();
	}
}

static void await_closed(int fd)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (is_open(fd)) {
		look_once();
		nanosleep(&pause, NULL); /* sleep-ok: polling; the harness has a limit */
	}
}

/* From here on only the end of a dead worker begins a sweep. */
static void be_past_the_start(void)
{
	await_closed(open_at_least("/dev/null", 0));
}

static void a_dead_worker_ends(void)
{
	atomic_fetch_add(&fs.board->reaped_workers, 1);
}

static void begin_request(uint64_t unique)
{
	struct fuse_in_header in = {.len = sizeof(in), .opcode = FUSE_GETATTR, .unique = unique};

	memcpy(fs.arena->buffers[0], &in, sizeof(in));
	atomic_store(&fs.arena->slots[0].state, SLOT_RUNNING);
	readers_took(fs.arena->buffers[0], in.len, clock_mono_ns());
}

static void end_request(void)
{
	memset(fs.arena->buffers[0], 0, sizeof(struct fuse_in_header));
	atomic_store(&fs.arena->slots[0].state, SLOT_FREE);
}

static void what_a_dead_worker_left_is_closed(void)
{
	int left = open_at_least("/dev/null", 0), late;

	recover_descriptors(fs.arena);
	while (is_open(left))
		sched_yield();
	be_past_the_start();
	late = open_at_least("/dev/null", 0);
	look_often(0);
	CHECK(is_open(late));
	a_dead_worker_ends();
	await_closed(late);
}

/* Each look finds another request with the same number. */
static void a_number_of_many_requests_is_not_closed(void)
{
	int fd = -1;

	be_past_the_start();
	a_dead_worker_ends();
	for (uint64_t i = 1; i < LOOKS; i++) {
		begin_request(i);
		fd = open_at_least("/dev/null", 0);
		look_once();
		CHECK(threads() == 1 && is_open(fd));
		close(fd);
		end_request();
	}
	/* A leak is found in the end. */
	fd = open_at_least("/dev/null", 0);
	await_closed(fd);
}

/* Its thread was between the opening and the record. */
static void a_number_that_was_recorded_is_not_closed(void)
{
	int fd;

	be_past_the_start();
	fd = open_at_least("/dev/null", 0);
	a_dead_worker_ends();
	look_once();
	atomic_store(&fs.board->backends[0].root_fd, fd);
	look_often(0);
	CHECK(is_open(fd));
}

/* Senders, publishers and chores have a slot, but no request. */
static void work_without_a_request_keeps_its_descriptors(void)
{
	struct slot *slot = &fs.arena->slots[1];
	int fd;

	be_past_the_start();
	a_dead_worker_ends();
	fd = open_at_least("/dev/null", 0);
	atomic_store(&slot->entered_ns, 1);
	atomic_store(&slot->inside, 1);
	atomic_store(&slot->state, SLOT_RUNNING);
	look_often(0);
	CHECK(is_open(fd));
	atomic_store(&slot->inside, 0);
	atomic_store(&slot->state, SLOT_FREE);
	await_closed(fd);
}

/* As that of a checkpoint, which opens a file again. */
static void a_visit_without_a_slot_keeps_its_descriptors(void)
{
	int fd;

	be_past_the_start();
	a_dead_worker_ends();
	fd = open_at_least("/dev/null", 0);
	CHECK(shares_enter(0, 0, true));
	look_often(0);
	CHECK(is_open(fd));
	shares_leave(0, 0);
	await_closed(fd);
}

/* Guardian may have such a file open at the start; if it is still there at the third look it has not. */
static void what_may_be_guardians_is_left_at_the_start(void)
{
	int proc = open_at_least("/proc/self/stat", 0), file = open_at_least("/dev/null", 0);

	recover_descriptors(fs.arena);
	while (is_open(file))
		sched_yield();
	CHECK(is_open(proc));
	await_closed(proc);
}

/* Guardian may hold them as long as a child of its own hangs. */
static void what_only_guardian_opens_stays(void)
{
	int pipes[2], pidfd, unix_socket;

	be_past_the_start();
	CHECK(pipe(pipes) == 0);
	pidfd = fcntl((int)syscall(SYS_pidfd_open, getpid(), 0), F_DUPFD, FD_RESERVED);
	pipes[0] = fcntl(pipes[0], F_DUPFD, FD_RESERVED);
	unix_socket = fcntl(socket(AF_UNIX, SOCK_DGRAM, 0), F_DUPFD, FD_RESERVED);
	CHECK(pidfd >= 0 && pipes[0] >= 0 && unix_socket >= 0);
	a_dead_worker_ends();
	look_often(0);
	CHECK(is_open(pidfd) && is_open(pipes[0]) && is_open(unix_socket));
}

/* A dead worker's end of a ring keeps the ring's memory. */
static void the_end_of_a_ring_is_closed(void)
{
	int end;

	be_past_the_start();
	end = fcntl(socket(AF_UNIX, SOCK_SEQPACKET, 0), F_DUPFD, FD_RESERVED);
	CHECK(end >= 0);
	a_dead_worker_ends();
	await_closed(end);
}

/* Looks close together are one moment: a thread may take longer from its record to the close. */
static void looks_lie_apart(void)
{
	int fd;

	be_past_the_start();
	fd = open_at_least("/dev/null", 0);
	a_dead_worker_ends();
	for (unsigned i = 0; i < LOOKS; i++)
		recover_late_descriptors(fs.arena, UINT64_MAX / 2 + i);
	CHECK(threads() == 1 && is_open(fd));
}

/* Two ends of a connection on which a close of the first waits until the second is closed. */
static void connect_lingering(int ends[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct linger linger = {.l_onoff = 1, .l_linger = 1000};
	socklen_t size = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	static const char bytes[65536];

	CHECK(bind(listening, (struct sockaddr *)&address, size) == 0 && listen(listening, 1) == 0);
	CHECK(getsockname(listening, (struct sockaddr *)&address, &size) == 0);
	CHECK(connect(fd, (struct sockaddr *)&address, size) == 0);
	ends[1] = accept(listening, NULL, NULL);
	CHECK(ends[1] >= 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	ends[0] = fcntl(fd, F_DUPFD, FD_RESERVED);
	CHECK(ends[0] >= 0);
	close(fd);
	close(listening);
}

/* Number `after` waits for the close of ends[0]; a second sweep must not close it as well, for it may be another's by then. */
static void nothing_is_closed_twice(void)
{
	int ends[2], after;

	be_past_the_start();
	connect_lingering(ends);
	after = open_at_least("/dev/null", ends[0] + 1);
	a_dead_worker_ends();
	look_often(1);
	await_closed(ends[0]); /* the number is free before the close waits */
	a_dead_worker_ends();
	look_often(1);
	CHECK(is_open(after));
	close(ends[1]);
	await_closed(after);
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(what_a_dead_worker_left_is_closed)
WORKER_TEST(a_number_of_many_requests_is_not_closed)
WORKER_TEST(a_number_that_was_recorded_is_not_closed)
WORKER_TEST(work_without_a_request_keeps_its_descriptors)
WORKER_TEST(a_visit_without_a_slot_keeps_its_descriptors)
WORKER_TEST(what_may_be_guardians_is_left_at_the_start)
WORKER_TEST(what_only_guardian_opens_stays)
WORKER_TEST(the_end_of_a_ring_is_closed)
WORKER_TEST(looks_lie_apart)
WORKER_TEST(nothing_is_closed_twice)

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_what_a_dead_worker_left_is_closed),
	    TEST(test_a_number_of_many_requests_is_not_closed),
	    TEST(test_a_number_that_was_recorded_is_not_closed),
	    TEST(test_work_without_a_request_keeps_its_descriptors),
	    TEST(test_a_visit_without_a_slot_keeps_its_descriptors),
	    TEST(test_what_may_be_guardians_is_left_at_the_start),
	    TEST(test_what_only_guardian_opens_stays),
	    TEST(test_the_end_of_a_ring_is_closed),
	    TEST(test_looks_lie_apart),
	    TEST(test_nothing_is_closed_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
