/* message.h: datagrams from keeper to worker. See docs/RECOVERY.md. */
#ifndef GUARDFS_SHM_MESSAGE_H
#define GUARDFS_SHM_MESSAGE_H

#include <stdint.h>

enum keeper_message_kind {
	/* Attached: an O_PATH descriptor of the backend's root, valid for epoch. Worker stores root_fd,
	 * then root_epoch. */
	KEEPER_ROOT = 1,
	KEEPER_CLOSED,	/* the breaker is closed with this epoch: run what is parked */
	KEEPER_VERDICT, /* a probe has completed (board_backend.verdicts was raised): run what waits for it */
};

struct keeper_message {
	uint32_t kind;
	uint32_t backend;
	uint32_t epoch;
	uint32_t zero;
};

#endif
