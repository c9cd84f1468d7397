/* The processes of a transport: told by session and token, or by a mark, until the last of them has really ended. */
#include "keeper/fence.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN "GUARDFS_TEST_TOKEN=one"

static pid_t session;
static struct fence_group group;

/* In the midst of executing a program a process has no environment that could be read, and is taken for one of ours. */
#define SESSION                                                                                        \
	"tail -f /dev/null & until [ \"$(cat /proc/$!/comm)\" = tail ] && grep -q GUARDFS_TEST_TOKEN " \
	"/proc/$!/environ; do :; done; echo; wait"

/* A session of two, with the token in its environment; both are there, and have executed what they are, when the pipe has
 * been written to. */
static int set_up(void **state)
{
	char token[] = TOKEN, path[] = "PATH=/usr/bin:/bin", *envp[] = {token, path, NULL};
	int fds[2];
	char byte;

	(void)state;
	if (pipe(fds) < 0)
		return -1;
	session = fork();
	if (session == 0) {
		setsid();
		dup2(fds[1], 1);
		execle("/bin/sh", "sh", "-c", SESSION, NULL, envp);
		_exit(127);
	}
	close(fds[1]);
	group = (struct fence_group){.session = session, .token = TOKEN};
	if (read(fds[0], &byte, 1) != 1)
		return -1;
	close(fds[0]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fence_kill(&group);
	return waitpid(session, NULL, 0) == session || errno == ECHILD ? 0 : -1;
}

static bool none_left_in_time(void)
{
	uint64_t end_ns = clock_mono_ns() + 10 * NSEC_PER_SEC;

	while (fence_is_left(&group))
		if (clock_mono_ns() > end_ns)
			return false;
	return true;
}

static void lives_until_it_is_killed(void **state)
{
	(void)state;
	assert_true(fence_is_left(&group));
	assert_int_equal(fence_kill(&group), 2);
	/* Its leader is not reaped: a dead process is none that is left. */
	assert_true(none_left_in_time());
	assert_int_equal(fence_kill(&group), 0);
}

static void the_last_one_counts(void **state)
{
	(void)state;
	assert_int_equal(kill(session, SIGKILL), 0);
	assert_int_equal(waitpid(session, NULL, 0), session);
	assert_true(fence_is_left(&group)); /* its child, as ssh after the death of sshfs */
	assert_int_equal(fence_kill(&group), 1);
	assert_true(none_left_in_time());
}

static void others_are_let_alone(void **state)
{
	const struct fence_group another = {session, "GUARDFS_TEST_TOKEN=another", 0},
				 own = {getpid(), TOKEN, 0}, none = {0, TOKEN, 0};

	(void)state;
	assert_false(fence_is_left(&another));
	assert_int_equal(fence_kill(&another), 0);
	assert_false(fence_is_left(&own));
	assert_false(fence_is_left(&none));
	assert_true(fence_is_left(&group));
}

/* ---- strangers ---- */

static unsigned kill_strangers(const char *name, pid_t known, const char *token, struct fence_dying *dying)
{
	const struct fence_strangers who = {.names = {name, "no-such-name"}, .known = known, .token = token};

	return fence_kill_strangers(&who, dying);
}

static bool ended_in_time(struct fence_dying *dying)
{
	uint64_t end_ns = clock_mono_ns() + 10 * NSEC_PER_SEC;

	while (fence_is_dying(dying))
		if (clock_mono_ns() > end_ns)
			return false;
	return true;
}

/* Of no session that anybody knows: by name and token, and all of its session. */
static void strangers_are_found_by_name(void **state)
{
	struct fence_dying dying = {0};

	(void)state;
	assert_int_equal(kill_strangers("tail", session, TOKEN, &dying), 0);
	assert_int_equal(kill_strangers("tail", 0, "GUARDFS_TEST_TOKEN=another", &dying), 0);
	assert_int_equal(kill_strangers("tai", 0, TOKEN, &dying), 0);
	assert_int_equal(dying.n, 0);
	assert_int_equal(kill_strangers("tail", getpid(), TOKEN, &dying), 2);
	assert_int_equal(dying.n, 2);
	assert_true(ended_in_time(&dying));
	assert_int_equal(dying.n, 0);
	assert_false(fence_is_left(&group));
}

#define MEMORY	  "guardfs-test-memory"
#define MEMORY_FD 9

/* A process of the user nobody's, with the token in its environment, and the memory if it is named. flags: as of clone(2). */
static pid_t start_nobody(const char *memory, unsigned long flags)
{
	char token[] = TOKEN, *argv[] = {(char[]){"tail"}, (char[]){"-f"}, (char[]){"/dev/null"}, NULL},
	     *envp[] = {token, NULL};
	uint64_t end_ns = clock_mono_ns() + 10 * NSEC_PER_SEC;
	char path[64], comm[16] = "";
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0) {
		setsid();
		if (memory && dup2(memfd_create(memory, 0), MEMORY_FD) < 0)
			_exit(1);
		if (setresuid(65534, 65534, 65534) == 0)
			execve("/usr/bin/tail", argv, envp);
		_exit(127);
	}
	if (pid < 0 && errno == EPERM)
		skip(); /* not root */
	assert_true(pid > 0);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	while (strcmp(comm, "tail\n") != 0) {
		assert_true(fd_read_file(path, comm, sizeof(comm)) > 0 && clock_mono_ns() < end_ns);
		sched_yield();
	}
	return pid;
}

static void end_nobody(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Another user's environment may make its reader wait for ever: not even a token there tells. */
static void another_users_process_is_known_by_its_memory(void **state)
{
	struct fence_strangers who = {.names = {"tail"}, .token = TOKEN};
	struct fence_dying dying = {0};
	pid_t pid;

	(void)state;
	if (getuid() != 0)
		skip();
	pid = start_nobody(NULL, 0);
	assert_int_equal(fence_kill_strangers(&who, &dying), 0);
	who.memory = MEMORY;
	who.memory_fd = MEMORY_FD;
	assert_int_equal(fence_kill_strangers(&who, &dying), 0);
	end_nobody(pid);

	pid = start_nobody(MEMORY, CLONE_NEWPID); /* as of a guardfs in a container */
	assert_int_equal(fence_kill_strangers(&who, &dying), 0);
	end_nobody(pid);

	pid = start_nobody(MEMORY, 0);
	who.memory = MEMORY "-of-another";
	assert_int_equal(fence_kill_strangers(&who, &dying), 0);
	who.memory = MEMORY;
	who.known = pid;
	assert_int_equal(fence_kill_strangers(&who, &dying), 0);
	who.known = 0;
	assert_int_equal(fence_kill_strangers(&who, &dying), 1);
	assert_true(ended_in_time(&dying));
	assert_int_equal(child_state(pid, NULL), 'Z');
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- by a mark ---- */

/* Forks twice, each in a session of its own; the first two end, the last has no environment to be known by, and says its pid. */
#define DAEMON "setsid -f sh -c 'setsid -f env -i sh -c \"echo \\$\\$; exec tail -f /dev/null >/dev/null\"'"

static pid_t daemonize(void)
{
	char token[] = TOKEN, path[] = "PATH=/usr/bin:/bin", *envp[] = {token, path, NULL}, text[32] = "";
	int fds[2], status;
	size_t used = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		setsid();
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execle("/bin/sh", "sh", "-c", DAEMON, NULL, envp);
		_exit(127);
	}
	close(fds[1]);
	while (used + 1 < sizeof(text) && !strchr(text, '\n')) {
		ssize_t n = read(fds[0], text + used, sizeof(text) - 1 - used);

		assert_true(n > 0);
		used += (size_t)n;
	}
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return (pid_t)atoi(text);
}

static struct fence_group marked_daemon(pid_t *daemon)
{
	struct fence_group g = {.token = TOKEN};
	int own, held;
	errint_t rc = fence_mark(&g.mark, &own, &held);

	if (rc == -EPERM)
		skip(); /* not root */
	assert_int_equal(rc, 0);
	*daemon = daemonize();
	assert_int_equal(fence_unmark(own), 0);
	close(held);
	assert_int_not_equal(g.mark, 0);
	return g;
}

/* Whatever it did to its session, its parent and its environment; and nobody else. */
static void a_daemon_is_known_by_its_mark(void **state)
{
	pid_t daemon, stranger = daemonize();
	struct fence_group g = marked_daemon(&daemon);
	const struct fence_group by_session = {.session = daemon, .token = TOKEN};
	uint64_t end_ns = clock_mono_ns() + 10 * NSEC_PER_SEC;

	(void)state;
	assert_int_equal(getsid(daemon), daemon);
	assert_int_equal(fence_kill(&by_session), 0); /* its token is gone */
	assert_true(fence_is_left(&g));
	assert_true(fence_kill(&g) >= 1); /* perhaps with one that has not ended yet */
	while (fence_is_left(&g))
		assert_true(clock_mono_ns() < end_ns);
	assert_true(strchr("ZX", child_state(daemon, NULL)) != NULL); /* or none */
	assert_int_equal(kill(stranger, SIGKILL), 0);
}

/* The number of a namespace that has ended is another's later. */
static void another_carriers_process_is_let_alone(void **state)
{
	struct fence_group g = {.token = "GUARDFS_TEST_TOKEN=another"}, ours = {.token = TOKEN};
	int own, held;
	errint_t rc = fence_mark(&g.mark, &own, &held);

	(void)state;
	if (rc == -EPERM)
		skip();
	assert_int_equal(rc, 0);
	tear_down(state);
	assert_int_equal(set_up(state), 0);
	assert_int_equal(fence_unmark(own), 0);
	close(held);
	assert_false(fence_is_left(&g));
	assert_int_equal(fence_kill(&g), 0);
	ours.mark = g.mark;
	assert_int_equal(fence_signal(&ours, 0), 2);
}

/* Nobody has it any more, but it is held: another carrier's is another one. */
static void a_held_mark_does_not_come_round(void **state)
{
	uint32_t mark, another;
	int own, held, another_held;
	errint_t rc = fence_mark(&mark, &own, &held);

	(void)state;
	if (rc == -EPERM)
		skip();
	assert_int_equal(rc, 0);
	assert_int_equal(fence_hold(getpid(), mark + 1), -1);
	close(held);
	held = fence_hold(getpid(), mark);
	assert_true(held >= 0);
	assert_int_equal(fence_unmark(own), 0);
	assert_int_equal(fence_hold(getpid(), mark), -1);
	assert_int_equal(fence_mark(&another, &own, &another_held), 0);
	assert_int_equal(fence_unmark(own), 0);
	assert_int_not_equal(another, mark);
	close(held);
	close(another_held);
}

/* The caller itself is none of its carrier's, whatever a number says. */
static void the_caller_is_spared(void **state)
{
	struct fence_group g = {.token = TOKEN};
	int own, held;
	errint_t rc = fence_mark(&g.mark, &own, &held);

	(void)state;
	if (rc == -EPERM)
		skip();
	assert_int_equal(rc, 0);
	assert_int_equal(fence_signal(&g, 0), 0);
	assert_false(fence_is_left(&g));
	assert_int_equal(fence_unmark(own), 0);
	close(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lives_until_it_is_killed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_last_one_counts, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(others_are_let_alone, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(strangers_are_found_by_name, set_up, tear_down),
	    cmocka_unit_test(another_users_process_is_known_by_its_memory),
	    cmocka_unit_test(a_daemon_is_known_by_its_mark),
	    cmocka_unit_test_setup_teardown(another_carriers_process_is_let_alone, set_up, tear_down),
	    cmocka_unit_test(a_held_mark_does_not_come_round),
	    cmocka_unit_test(the_caller_is_spared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
