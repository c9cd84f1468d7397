/* worker-util.h: unit tests of what a worker leaves behind: an arena, and functions run as one worker after
 * another, each a process of its own that ends without any ado, as a killed one does. */
#ifndef GUARDFS_TESTS_WORKER_UTIL_H
#define GUARDFS_TESTS_WORKER_UTIL_H

#include "backend/nodefd.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/room.h"
#include "fs/shares.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			_exit(1);                                                       \
		}                                                                       \
	} while (0)

static int arena_fd;

/* The oldest note of a suspect file; NULL: none. */
__attribute__((noipa, unused)) static const struct suspect_note *peek_note(void)
{
	static struct suspect_note note;

	return suspect_peek(&fs.arena->suspects, &note) ? &note : NULL;
}

/* An arena with a root and one guarded backend that serves. */
static inline int setup_arena(void **state)
{
	int error;

	(void)state;
	fs.arena = arena_create(&arena_fd, &error);
	if (!fs.arena)
		return -1;
	atomic_store(&fs.arena->slots_used, SLOT_MAX); /* tests fill slots by hand */
	fs.board = &fs.arena->board;
	fs.config = &fs.board->config;
	fs.board->config.n_backends = 1;
	fs.board->config.error = EIO;
	fs.board->config.user_share = 50;
	fs.board->config.backends[0].type = BACKEND_SSHFS;
	fs.board->config.backends[0].max_inflight = 8;
	memcpy(fs.board->config.backends[0].name, "cold", 5);
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, true));
	atomic_store(&fs.board->backends[0].root_epoch, 1);
	fs.guarded[0] = (struct backend){.arena = fs.arena,
					 .board = &fs.board->backends[0],
					 .config = &fs.board->config.backends[0],
					 .index = 0};
	fs.arena->nodes[0].backend = NODE_LOCAL;
	fs.arena->nodes[0].parent = NODE_NONE;
	fs.arena->nodes[0].mode = S_IFDIR | 0755;
	atomic_store(&fs.arena->nodes[0].nlookup, 1);
	atomic_store(&fs.arena->nodes_used, 1);
	atomic_store(&fs.arena->nodes[0].state, NODE_LIVE);
	return 0;
}

static inline int teardown_arena(void **state)
{
	(void)state;
	arena_unmap(fs.arena);
	return close(arena_fd);
}

/* The release of a backend whose files are descriptors. */
static inline errint_t fake_close(struct backend *b, int ref)
{
	(void)b;
	return close(ref) < 0 ? -errno : 0;
}

/* Runs fn as a worker. 0 if all its checks held. */
static inline int as_worker(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		CHECK(nodefd_init(fs.arena, 16) == 0);
		shares_init(1 << 20, 16, true, room_whole());
		CHECK(node_init() == 0);
		CHECK(handle_init() == 0);
		fn();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

#endif
