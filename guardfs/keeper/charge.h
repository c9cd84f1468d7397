/* Charging a user with the loss of a backend, and refusing that user there. */
#ifndef GUARDFS_KEEPER_CHARGE_H
#define GUARDFS_KEEPER_CHARGE_H

#include "policy/charges.h"
#include "shm/board.h"

struct supervised;

struct charge_watch {
	struct charges charges;
	/* suspect_uid is to blame if the server answers at once. */
	bool suspected;
	uint32_t suspect_uid;
};

/* The breaker was opened. Call before any task inside is ended. */
void charge_suspect(struct supervised *s, enum errclass class, enum detector by, uint64_t now_ns);

/* A try failed: the server itself is away. */
void charge_drop(struct supervised *s);

/* The first try found the server. */
void charge_settle(struct supervised *s, uint64_t now_ns);

#endif
