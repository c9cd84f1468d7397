/* Which threads a process has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/child.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void *wait_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

/* A leader that has ended, with a thread that has not: as a killed worker's. */
static void a_dead_leader_with_a_thread(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, wait_for_ever, NULL) == 0)
			pthread_exit(NULL);
		_exit(1);
	}
	assert_true(pid > 0);
	for (unsigned i = 0; child_state(pid, NULL) != 'Z'; i++) {
		assert_true(i < 5000);
		usleep(1000); /* sleep-ok: a process tells nobody of the end of its leader */
	}
	assert_true(child_has_live_threads(pid));
	assert_false(child_await_threads(pid, 20));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(child_await_threads(pid, 20000));
	assert_false(child_has_live_threads(pid));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(child_has_live_threads(pid));
}

static void one_that_is_dead(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	for (unsigned i = 0; child_state(pid, NULL) != 'Z'; i++) {
		assert_true(i < 5000);
		usleep(1000); /* sleep-ok: a process tells nobody of the end of its leader */
	}
	/* A sanitizer's own thread may come to its end a little later. */
	for (unsigned i = 0; child_has_live_threads(pid); i++) {
		assert_true(i < 5000);
		usleep(1000); /* sleep-ok: as above */
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_dead_leader_with_a_thread),
	    cmocka_unit_test(one_that_is_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
