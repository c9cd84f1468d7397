/* charge.h: charging a user with the loss of a backend, and refusing that user there. docs/RECOVERY.md has
 * the rule. Keeper only; now_ns: CLOCK_MONOTONIC. */
#ifndef GUARDFS_KEEPER_CHARGE_H
#define GUARDFS_KEEPER_CHARGE_H

#include "policy/charges.h"
#include "shm/board.h"

struct supervised;

struct charge_watch {
	struct charges charges;
	/* The present outage is suspect_uid's if the server answers at once. */
	bool suspected;
	uint32_t suspect_uid;
};

/* The breaker of s was opened. Looks at the tasks inside: call before any of them is ended. */
void charge_suspect(struct supervised *s, enum errclass class, enum detector by, uint64_t now_ns);

/* A try has failed: the server itself is away, which is no user's doing. */
void charge_drop(struct supervised *s);

/* The server was there at the first try. */
void charge_settle(struct supervised *s, uint64_t now_ns);

#endif
