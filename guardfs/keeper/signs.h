/* A transport's signs of life while a caller waits: bytes received before its mount answers (sshfs hands out
 * only complete listings), and its memory. Only when asked (board_backend.watched), or during a probe. */
#ifndef GUARDFS_KEEPER_SIGNS_H
#define GUARDFS_KEEPER_SIGNS_H

#include "base/base.h"

struct supervised;

struct signs {
	/* At the last sign of life. */
	uint64_t received;
	/* received belongs to this watch. */
	bool watching;
	uint64_t next_ns;
};

/* May end a transport that takes too much memory. */
uint64_t signs_step(struct supervised *s, uint64_t now_ns);

#endif
