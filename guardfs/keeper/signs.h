/* signs.h: signs of life of a transport while somebody waits: what arrives for it, though nothing has come
 * back through its mount yet (sshfs hands out a listing only when it has all of it), and the memory that it
 * takes meanwhile. Looked for only when asked (board_backend.watched), or while a probe is out. */
#ifndef GUARDFS_KEEPER_SIGNS_H
#define GUARDFS_KEEPER_SIGNS_H

#include "base/base.h"

struct supervised;

struct signs {
	uint64_t received; /* by the connection, when that was last a sign of life */
	bool watching;	   /* received is of this watch */
	uint64_t next_ns;
};

/* Looks, if that is due; may end a transport that takes too much memory. Returns when to call again;
 * UINT64_MAX: nobody waits. */
uint64_t signs_step(struct supervised *s, uint64_t now_ns);

#endif
