/* The commands of the control socket (docs/PROTOCOL.control.md). */
#ifndef GUARDFS_KEEPER_COMMANDS_H
#define GUARDFS_KEEPER_COMMANDS_H

#include "base/base.h"

#define COMMANDS_WAITING_MAX 16

struct keeper;
struct server_client;

/* Clients that wait for the journal's thread. */
struct commands {
	unsigned n;
	struct {
		struct server_client *client;
		uint64_t ticket;
	} waiting[COMMANDS_WAITING_MAX];
};

/* Failure is logged: guarding goes on without. */
void commands_start(struct keeper *k);
void commands_stop(struct keeper *k);

void commands_step(struct keeper *k);

#endif
