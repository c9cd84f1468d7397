/* The processes of a transport: told by session and token, until the last of them has really ended. */
#include "keeper/fence.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN "GUARDFS_TEST_TOKEN=one"

static pid_t session;

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
	if (read(fds[0], &byte, 1) != 1)
		return -1;
	close(fds[0]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fence_kill_session(session, TOKEN);
	return waitpid(session, NULL, 0) == session || errno == ECHILD ? 0 : -1;
}

static bool none_left_in_time(void)
{
	uint64_t end_ns = clock_mono_ns() + 10 * NSEC_PER_SEC;

	while (fence_session_left(session, TOKEN))
		if (clock_mono_ns() > end_ns)
			return false;
	return true;
}

static void lives_until_it_is_killed(void **state)
{
	(void)state;
	assert_true(fence_session_left(session, TOKEN));
	assert_int_equal(fence_kill_session(session, TOKEN), 2);
	/* Its leader is not reaped: a dead process is none that is left. */
	assert_true(none_left_in_time());
	assert_int_equal(fence_kill_session(session, TOKEN), 0);
}

static void the_last_one_counts(void **state)
{
	(void)state;
	assert_int_equal(kill(session, SIGKILL), 0);
	assert_int_equal(waitpid(session, NULL, 0), session);
	assert_true(fence_session_left(session, TOKEN)); /* its child, as ssh after the death of sshfs */
	assert_int_equal(fence_kill_session(session, TOKEN), 1);
	assert_true(none_left_in_time());
}

static void others_are_let_alone(void **state)
{
	(void)state;
	assert_false(fence_session_left(session, "GUARDFS_TEST_TOKEN=another"));
	assert_int_equal(fence_kill_session(session, "GUARDFS_TEST_TOKEN=another"), 0);
	assert_false(fence_session_left(getpid(), TOKEN));
	assert_false(fence_session_left(0, TOKEN));
	assert_true(fence_session_left(session, TOKEN));
}

/* Of no session that anybody knows: by name and token. */
static void strangers_are_found_by_name(void **state)
{
	(void)state;
	assert_int_equal(fence_kill_strangers("tail", session, TOKEN), 0);
	assert_int_equal(fence_kill_strangers("tail", 0, "GUARDFS_TEST_TOKEN=another"), 0);
	assert_int_equal(fence_kill_strangers("tai", 0, TOKEN), 0);
	assert_int_equal(fence_kill_strangers("sh", getpid(), TOKEN), 1);
	assert_int_equal(fence_kill_strangers("tail", 0, TOKEN), 1);
	assert_true(none_left_in_time());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lives_until_it_is_killed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_last_one_counts, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(others_are_let_alone, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(strangers_are_found_by_name, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
