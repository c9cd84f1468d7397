/* signs.h: signs of life of a transport while a caller waits: the bytes it receives, though its mount has
 * answered nothing yet (sshfs hands out a listing only when complete), and the memory it takes meanwhile.
 * Looked for only when asked (board_backend.watched), or during a probe. */
#ifndef GUARDFS_KEEPER_SIGNS_H
#define GUARDFS_KEEPER_SIGNS_H

#include "base/base.h"

struct supervised;

struct signs {
	/* By the connection, at the last sign of life. */
	uint64_t received;
	/* received belongs to this watch. */
	bool watching;
	uint64_t next_ns;
};

/* Looks, if due; may end a transport that takes too much memory. Returns when to call again; UINT64_MAX:
 * nobody waits. */
uint64_t signs_step(struct supervised *s, uint64_t now_ns);

#endif
