/* charge.h: over whom a backend is lost, and his being refused there. docs/RECOVERY.md has the rule. Keeper
 * only; now_ns: CLOCK_MONOTONIC. */
#ifndef GUARDFS_KEEPER_CHARGE_H
#define GUARDFS_KEEPER_CHARGE_H

#include "policy/charges.h"
#include "shm/board.h"

struct supervised;

struct charge_watch {
	struct charges charges;
	bool suspected; /* the outage that lasts is suspect_uid's, if the server answers at once */
	uint32_t suspect_uid;
};

/* The breaker of s was opened. Looks at who is inside, so before anything of that is ended. */
void charge_suspect(struct supervised *s, enum errclass class, enum detector by, uint64_t now_ns);

/* A try has failed: the server itself is away, which is nobody's doing. */
void charge_drop(struct supervised *s);

/* The server was there at the first try. */
void charge_settle(struct supervised *s, uint64_t now_ns);

#endif
