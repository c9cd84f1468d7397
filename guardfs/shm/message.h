/* Datagrams from keeper to worker. See docs/RECOVERY.md. */
#ifndef GUARDFS_SHM_MESSAGE_H
#define GUARDFS_SHM_MESSAGE_H

#include <stdint.h>

enum keeper_message_kind {
	/* An O_PATH descriptor of the backend's root comes along, valid for epoch. */
	KEEPER_ROOT = 1,
	KEEPER_CLOSED,	/* with this epoch: run what is parked */
	KEEPER_VERDICT, /* board_backend.verdicts was raised: run what waits for it */
};

struct keeper_message {
	uint32_t kind;
	uint32_t backend;
	uint32_t epoch;
	uint32_t zero;
};

#endif
