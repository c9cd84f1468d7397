/* ring-peer.h: the other side of a ring, as a thread of the test's that says what the test tells it to. */
#ifndef TESTS_UNIT_RING_PEER_H
#define TESTS_UNIT_RING_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sftp/client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEER_EPOCH   3u
#define PEER_LOG_MAX 256

/* One request as the peer got it. */
struct peer_request {
	struct ring_request request;
	/* Terminated. */
	char names[2][256];
};

enum peer_deed {
	/* The result is handed over. */
	PEER_ANSWERS,
	/* Nothing, until the script finishes the record itself. */
	PEER_KEEPS,
	/* The peer's socket is closed, with this request and all others unanswered. */
	PEER_DIES,
};

/* Called for every request in turn, in the peer's thread; n counts from 0. data: the record's. */
typedef enum peer_deed (*peer_script)(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				      struct ring_result *result);

static struct {
	struct ring_server server;
	pthread_t thread;
	peer_script script;
	_Atomic bool ends;
	bool dead;
	_Atomic unsigned n;
	struct peer_request log[PEER_LOG_MAX];
	int users_end, memory;
} peer;

static inline void peer_note(struct peer_request *r, int record, const struct ring_request *request)
{
	r->request = *request;
	for (unsigned k = 0; k < 2; k++)
		snprintf(r->names[k], sizeof(r->names[k]), "%.*s",
			 (int)MIN(request->name_length[k], (uint32_t)sizeof(r->names[k]) - 1),
			 (const char *)peer.server.ring->room[record].names[k]);
}

static inline void peer_die(void)
{
	close(peer.server.socket);
	peer.dead = true;
}

static inline void peer_serve_one(int record, const struct ring_request *request)
{
	unsigned n = atomic_load(&peer.n);
	struct peer_request *asked = &peer.log[n % PEER_LOG_MAX];
	struct ring_result result = {0};
	enum peer_deed deed;

	peer_note(asked, record, request);
	atomic_store(&peer.n, n + 1);
	deed = peer.script(n, record, asked, peer.server.ring->room[record].data, &result);
	if (deed == PEER_ANSWERS)
		ring_finish(&peer.server, record, &result);
	else if (deed == PEER_DIES)
		peer_die();
}

static inline void *peer_run(void *arg)
{
	struct ring_request request;

	(void)arg;
	while (!atomic_load(&peer.ends) && !peer.dead) {
		struct pollfd p = {.fd = peer.server.socket, .events = POLLIN};
		int record;

		while (!peer.dead && (record = ring_take(&peer.server, &request)) >= 0)
			peer_serve_one(record, &request);
		if (peer.dead)
			break;
		if (ring_fall_asleep(&peer.server))
			(void)poll(&p, 1, 20);
		if (!ring_wake_up(&peer.server))
			break;
	}
	return NULL;
}

static inline void peer_make(void)
{
	int transports_end;

	memset(&peer, 0, sizeof(peer));
	assert_int_equal(ring_make(PEER_EPOCH, &peer.users_end, &transports_end, &peer.memory), 0);
	assert_int_equal(ring_serve(transports_end, peer.memory, &peer.server), 0);
	atomic_store(&peer.server.ring->ready, 1);
}

/* From now on the script answers. */
static inline void peer_begin(peer_script script)
{
	peer.script = script;
	assert_int_equal(pthread_create(&peer.thread, NULL, peer_run, NULL), 0);
}

/* Afterwards the log may be looked at, and another script begun. */
static inline void peer_stop(void)
{
	atomic_store(&peer.ends, true);
	pthread_join(peer.thread, NULL);
	atomic_store(&peer.ends, false);
}

static inline void peer_forget(void)
{
	atomic_store(&peer.n, 0);
}

static inline void peer_free(void)
{
	if (!peer.dead)
		close(peer.server.socket);
	close(peer.memory);
	munmap(peer.server.ring, sizeof(*peer.server.ring));
}

static inline void peer_assert_empty(void)
{
	for (unsigned i = 0; i < RING_RECORDS; i++)
		assert_int_equal(atomic_load(&peer.server.ring->record[i].word), 0);
}

static inline uint32_t peer_ref(uint32_t place)
{
	return ring_ref(PEER_EPOCH, 1, place);
}

#endif
