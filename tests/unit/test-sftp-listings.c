/* A transport with OpenSSH's sftp-server behind it: more listings at once than the ring has records for, and second
 * connections that are of no use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sftp/client.h"
#include "transport-child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define LISTERS 64
#define ENTRIES 1500

static const char *const server[] = {SFTP_SERVER, NULL};
static const char *const *first = server;
/* Of the second connection. NULL: there is none. */
static const char *const *second;
/* Not 0: the second one waits for the first one to be ready, and has half of this from the start. */
static uint64_t one_by_one_ns;

static int serve(struct transport_ends *ends)
{
	const struct stream_program_manner manner = {.at_first_byte = one_by_one_ns > 0};
	struct connection *c = connect_in_manner(first, &manner), *other = connect_in_manner(second, &manner);

	ends->patience_ns = NSEC_PER_SEC;
	ends->join_ns = 100 * NSEC_PER_MSEC;
	ends->join_until_ns = one_by_one_ns ? clock_mono_ns() + one_by_one_ns : 0;
	return transport_serve(ends, c, other ? other : c);
}

static int begin_transport(void **state)
{
	(void)state;
	begin_transport_of(serve);
	return 0;
}

struct caller {
	pthread_t thread;
	errint_t rc;
};

static bool count_entry(void *arg, const char *name, size_t length, const struct sftp_attributes *attrs)
{
	(void)name;
	(void)length;
	(void)attrs;
	++*(unsigned *)arg;
	return true;
}

static void *list_directory(void *arg)
{
	struct caller *c = arg;
	unsigned seen = 0;
	uint32_t ref;

	c->rc = client_opendir(&user, dir, &ref);
	if (c->rc == 0)
		c->rc = client_readdir(&user, ref, count_entry, &seen);
	if (c->rc == 0)
		c->rc = client_close(&user, ref);
	if (c->rc == 0 && seen != ENTRIES)
		c->rc = -EILSEQ;
	return NULL;
}

/* Each has several records, and wants more: none waits for them, or all would. */
static void many_listings(void **state)
{
	static struct caller callers[LISTERS];
	struct timespec until;

	(void)state;
	for (unsigned i = 0; i < ENTRIES; i++) {
		char path[96];

		snprintf(path, sizeof(path), "%s/entry%u", dir, i);
		close(open(path, O_WRONLY | O_CREAT, 0600));
	}
	memset(callers, 0, sizeof(callers));
	for (unsigned i = 0; i < LISTERS; i++)
		assert_int_equal(pthread_create(&callers[i].thread, NULL, list_directory, &callers[i]), 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_NS / NSEC_PER_SEC;
	for (unsigned i = 0; i < LISTERS; i++) {
		assert_int_equal(pthread_timedjoin_np(callers[i].thread, NULL, &until), 0);
		assert_int_equal(callers[i].rc, 0);
	}
	for (unsigned i = 0; i < RING_RECORDS; i++)
		assert_int_equal(atomic_load(&user.ring->record[i].word), 0);
}

static void expect_no_use_of_second(void **state)
{
	static const char *const silent[] = {"sleep", "1000", NULL}, *const ends[] = {"true", NULL},
				 *const echoes[] = {"cat", NULL};
	static const char *const *const programs[] = {silent, ends, echoes};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct sftp_attributes attrs;

		second = programs[i];
		assert_int_equal(begin_transport(state), 0);
		assert_int_equal(atomic_load(&user.ring->ready), 1);
		assert_int_equal(client_lstat(&user, dir, &attrs), 0);
		assert_int_equal(end_transport(state), 0);
	}
	second = NULL;
}

/* One says nothing, one ends at once, and one talks nonsense. */
static void second_connections_of_no_use(void **state)
{
	expect_no_use_of_second(state);
	one_by_one_ns = 500 * NSEC_PER_MSEC;
	expect_no_use_of_second(state);
	one_by_one_ns = 0;
}

static bool has_second_run(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/second", dir);
	return access(path, F_OK) == 0;
}

/* Nobody tries to log in a second time who could not the first time. */
static void a_second_connection_that_waits(void **state)
{
	static const char *const fails[] = {"sleep", "0.2", NULL};
	const char *const leaves_a_trace[] = {"sh", "-c",      "touch \"$0/second\"; exec \"$1\"",
					      dir,  server[0], NULL};
	siginfo_t end;

	one_by_one_ns = PATIENCE_NS;
	second = leaves_a_trace;
	assert_int_equal(begin_transport(state), 0);
	assert_int_equal(atomic_load(&user.ring->ready), 2);
	assert_true(has_second_run());
	assert_int_equal(end_transport(state), 0);
	first = fails;
	fork_transport_of(serve);
	assert_int_equal(waitid(P_PID, (id_t)transport, &end, WEXITED | WNOWAIT), 0);
	assert_int_equal(end.si_status, 1);
	assert_false(has_second_run());
	assert_int_equal(end_transport(state), 0);
	first = server;
	second = NULL;
	one_by_one_ns = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(second_connections_of_no_use),
	    cmocka_unit_test(a_second_connection_that_waits),
	    cmocka_unit_test_setup_teardown(many_listings, begin_transport, end_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
