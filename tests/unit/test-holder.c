/* The holder of the descriptor table: files that guardian and worker have open stay open as long as one of them lives,
 * and are closed when both have gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "guardian/guardian.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* One of a backend's: above FD_RESERVED. */
#define OPEN_FILE (FD_RESERVED + 40)

/* What the test sees of a guardian, which is a child of its own. */
struct seen {
	pid_t guardian, holder, worker;
	/* Ends of pipes whose other end only the guardian's table has: a backend's file, and a low number (the lock). */
	int file, lock;
	/* Ask it for something; it says that it is done. */
	int ask, done;
};

static void move_to(int fd, int place)
{
	if (fd == place)
		return;
	if (dup2(fd, place) < 0)
		_exit(2);
	close(fd);
}

static void say(int fd, const void *what, size_t size)
{
	if (write(fd, what, size) != (ssize_t)size)
		_exit(3);
}

static pid_t start_worker(void)
{
	pid_t pid = child_clone_sharing(NULL);

	while (pid == 0)
		pause();
	return pid;
}

/* Guardian: t ticks, e ends the holder, l leaves with it. */
static void obey(int ask, int done, pid_t worker)
{
	static struct guardian g;
	char what;

	g.board = calloc(1, sizeof(*g.board));
	if (!g.board)
		_exit(4);
	for (what = 't';;) {
		if (what == 't')
			holder_tick(&g, clock_mono_ns());
		if (what == 'e')
			holder_end(&g);
		if (what == 'l')
			holder_leave(&g);
		say(done, &g.holder, sizeof(g.holder));
		say(done, &worker, sizeof(worker));
		if (read(ask, &what, 1) != 1)
			_exit(0);
	}
}

static void hear(struct seen *s)
{
	assert_int_equal(read(s->done, &s->holder, sizeof(s->holder)), sizeof(s->holder));
	assert_int_equal(read(s->done, &s->worker, sizeof(s->worker)), sizeof(s->worker));
}

static void ask_for(struct seen *s, char what)
{
	assert_int_equal(write(s->ask, &what, 1), 1);
	hear(s);
}

static void begin(struct seen *s)
{
	int file[2], lock[2], ask[2], done[2];

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe(file) | pipe(lock) | pipe(ask) | pipe(done), 0);
	s->guardian = fork();
	assert_true(s->guardian >= 0);
	if (s->guardian == 0) {
		pid_t worker;

		/* Its table: nothing of the test's but these. */
		move_to(file[1], OPEN_FILE);
		move_to(ask[0], 50);
		move_to(done[1], 51);
		move_to(lock[1], 52);
		move_to(52, GUARDIAN_LOCK);
		for (int fd = 3; fd < OPEN_FILE; fd++)
			if (fd != GUARDIAN_LOCK && fd != 50 && fd != 51)
				close(fd);
		worker = start_worker();
		move_to((int)syscall(SYS_pidfd_open, worker, 0), GUARDIAN_WORKER_PID);
		obey(50, 51, worker);
		_exit(0);
	}
	close(file[1]);
	close(lock[1]);
	close(ask[0]);
	close(done[1]);
	*s = (struct seen){
	    .guardian = s->guardian, .file = file[0], .lock = lock[0], .ask = ask[1], .done = done[0]};
	hear(s);
	assert_true(s->holder > 0);
}

static void finish(struct seen *s)
{
	close(s->file);
	close(s->lock);
	close(s->ask);
	close(s->done);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

static bool is_closed(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

static void end_process(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define SOON_MS 10000

/* Guardian is killed, and worker goes on with everything in place. */
static void worker_keeps_the_table(void **state)
{
	struct seen s;

	(void)state;
	begin(&s);
	end_process(s.guardian);
	assert_false(is_closed(s.file, 200));
	assert_false(is_closed(s.lock, 0));
	assert_int_equal(waitpid(s.holder, NULL, WNOHANG), 0);
	end_process(s.worker);
	assert_true(is_closed(s.lock, SOON_MS));
	assert_true(is_closed(s.file, SOON_MS));
	assert_int_equal(waitpid(s.holder, NULL, 0), s.holder);
	finish(&s);
}

/* Nobody but the holder closes: guardian ends without, though worker is dead already. */
static void guardian_is_not_the_last(void **state)
{
	struct seen s;

	(void)state;
	begin(&s);
	assert_int_equal(kill(s.holder, SIGSTOP), 0);
	assert_int_equal(kill(s.worker, SIGKILL), 0);
	end_process(s.guardian);
	assert_false(is_closed(s.file, 200));
	assert_int_equal(kill(s.holder, SIGCONT), 0);
	assert_true(is_closed(s.file, SOON_MS));
	assert_true(is_closed(s.lock, SOON_MS));
	finish(&s);
}

static void one_that_dies_is_replaced(void **state)
{
	struct seen s;
	pid_t first;

	(void)state;
	begin(&s);
	first = s.holder;
	assert_int_equal(kill(first, SIGKILL), 0);
	while (s.holder == first || s.holder == 0) {
		ask_for(&s, 't');
		usleep(20000); /* sleep-ok: polling */
	}
	assert_false(is_closed(s.file, 0));
	end_process(s.guardian);
	end_process(s.worker);
	assert_true(is_closed(s.file, SOON_MS));
	finish(&s);
}

/* Before re-execution: nothing of guardian's is closed. */
static void it_ends_alone(void **state)
{
	struct seen s;
	pid_t first;

	(void)state;
	begin(&s);
	first = s.holder;
	ask_for(&s, 'e');
	assert_int_equal(s.holder, 0);
	assert_int_equal(kill(first, 0), -1);
	assert_false(is_closed(s.file, 0));
	assert_false(is_closed(s.lock, 0));
	end_process(s.guardian);
	end_process(s.worker);
	finish(&s);
}

/* At the end: the holder has closed the backend's files, and guardian has its own still. */
static void guardian_leaves_the_table(void **state)
{
	struct seen s;
	pid_t holder;

	(void)state;
	begin(&s);
	holder = s.holder;
	assert_int_equal(kill(s.worker, SIGKILL), 0);
	ask_for(&s, 'l');
	assert_int_equal(s.holder, 0);
	assert_int_equal(kill(holder, 0), -1);
	assert_true(is_closed(s.file, SOON_MS));
	assert_false(is_closed(s.lock, 0));
	end_process(s.guardian);
	assert_true(is_closed(s.lock, SOON_MS));
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(worker_keeps_the_table),	 cmocka_unit_test(guardian_is_not_the_last),
	    cmocka_unit_test(one_that_dies_is_replaced), cmocka_unit_test(it_ends_alone),
	    cmocka_unit_test(guardian_leaves_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
