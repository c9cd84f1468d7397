/* transport-child.h: a transport in a process of its own, and the test as a user of its ring. */
#ifndef TESTS_UNIT_TRANSPORT_CHILD_H
#define TESTS_UNIT_TRANSPORT_CHILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "remove-tree.h"
#include "sftp/ring.h"
#include "sftp/stream.h"
#include "sftp/transport.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SFTP_SERVER "/usr/lib/openssh/sftp-server"
#define OWNER	    RING_OWNER_WORKER(1)
#define PATIENCE_NS (60 * NSEC_PER_SEC) /* of the tests, on a busy machine */

/* dir is the test's own. The ends of ring and door are those that keeper has. */
static char dir[64];
static int users_end, doorstep, ring_memory;
static pid_t transport;
static struct ring_user user;

/* In the transport's process. program NULL: no connection is to be made. manner: as for stream_over_program. */
static inline struct connection *connect_in_manner(const char *const *program,
						   const struct stream_program_manner *manner)
{
	struct connection *c;
	struct stream *s;

	if (!program)
		return NULL;
	if (stream_over_program(program, manner, &s) < 0 || connection_new(s, &c) < 0)
		_exit(9);
	return c;
}

static inline struct connection *connect_to(const char *const *program)
{
	return connect_in_manner(program, NULL);
}

/* Calls serve in the transport's process, with its ends, and ends that process with its answer. */
static inline void fork_transport_of(int (*serve)(struct transport_ends *))
{
	int transports_end, door[2];

	strcpy(dir, "/tmp/guardfs-transport-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(ring_make(1, &users_end, &transports_end, &ring_memory), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, door), 0);
	doorstep = door[1];
	transport = fork();
	if (transport == 0) {
		struct transport_ends ends = {
		    .socket = transports_end, .memory = ring_memory, .door = door[0]};

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(users_end);
		_exit(serve(&ends) == 0 ? 0 : 1);
	}
	close(transports_end);
	close(door[0]);
	assert_int_equal(ring_attach(users_end, OWNER, &user), 0);
}

/* The same, until it is ready. */
static inline void begin_transport_of(int (*serve)(struct transport_ends *))
{
	uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;

	fork_transport_of(serve);
	while (!atomic_load(&user.ring->ready)) {
		assert_true(clock_mono_ns() < until_ns);
		poll(NULL, 0, 5);
	}
}

static inline int end_transport(void **state)
{
	(void)state;
	kill(transport, SIGKILL);
	waitpid(transport, NULL, 0);
	ring_detach(&user);
	close(users_end);
	close(ring_memory);
	close(doorstep);
	remove_tree(dir);
	return 0;
}

#endif
