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

/* Of the second connection. NULL: there is none. */
static const char *const *second;

static int serve(struct transport_ends *ends)
{
	static const char *const server[] = {SFTP_SERVER, NULL};
	struct connection *c = connect_to(server), *other = connect_to(second);

	ends->patience_ns = NSEC_PER_SEC;
	ends->join_ns = 100 * NSEC_PER_MSEC;
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

/* One says nothing, one ends at once, and one talks nonsense. */
static void second_connections_of_no_use(void **state)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(second_connections_of_no_use),
	    cmocka_unit_test_setup_teardown(many_listings, begin_transport, end_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
