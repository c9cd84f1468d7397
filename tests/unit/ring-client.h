/* ring-client.h: a thread of worker's that asks the peer of ring-peer.h. */
#ifndef TESTS_UNIT_RING_CLIENT_H
#define TESTS_UNIT_RING_CLIENT_H

#include "ring-peer.h"

#define OWNER RING_OWNER_WORKER(7)

static struct ring_user user;

static inline int begin(void **state)
{
	(void)state;
	peer_make();
	assert_int_equal(ring_attach(peer.users_end, OWNER, &user), 0);
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	ring_detach(&user);
	close(peer.users_end);
	peer_free();
	return 0;
}

/* Ends the script, and looks whether anything was left in use. */
static inline void stop_clean(void)
{
	peer_stop();
	peer_assert_empty();
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
