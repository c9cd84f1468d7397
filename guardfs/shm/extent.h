/* extent.h: bytes of guarded files that were acknowledged and are not on storage yet. They lie in the
 * arena, to outlive the worker that took them and the transport that carries them. See
 * docs/WRITEBEHIND.md.
 *
 *   FREE -> OWED              a WRITE was acknowledged: its bytes are here
 *   OWED -> SENT              handed to the transport, which has not confirmed them
 *   SENT -> OWED              the transport has, or may have, lost them: to be written again
 *   OWED, SENT -> FREE        storage has them; or the file's open files were told of their loss
 *
 * All fields are the worker's. A successor trusts the order of stores: an extent that is not FREE holds
 * `length` whole bytes. */
#ifndef GUARDFS_SHM_EXTENT_H
#define GUARDFS_SHM_EXTENT_H

#include "base/base.h"
#include <stdatomic.h>

#define EXTENT_MAX  512u
#define EXTENT_SIZE (1u << 20)

enum extent_state { EXTENT_FREE, EXTENT_OWED, EXTENT_SENT };

/* How far an append has come, in an extent or in the slot of a WRITE. */
enum append_begun {
	APPEND_NOT_BEGUN,
	/* It may have been made. */
	APPEND_BEGUN,
	/* The same, and what the same writer appends next may stand behind it already. */
	APPEND_FOLLOWED,
	APPEND_BEGUN_END
};

struct extent {
	/* enum extent_state. Stored last when the extent is taken. */
	_Atomic uint32_t state;
	/* Acknowledged bytes. Stored after the bytes. */
	_Atomic uint32_t length;
	/* The open file (handle_id) through which they came, and through which they go. */
	uint64_t fh;
	/* Order of acknowledgement, over all files. */
	uint64_t sequence;
	/* Where they belong; of an append the end as the caller's kernel knew it. */
	uint64_t offset;
	/* They go to the end that the file has on storage. */
	uint8_t appends;
	/* Index of the backend. */
	uint8_t backend;
	/* enum append_begun; append_from, stored before: where the file was known to reach, or will reach when
	 * what was handed over before has arrived. */
	uint8_t append_begun;
	/* Bytes that are on storage already. */
	uint32_t done;
	uint64_t append_from;
	/* The last WRITE put here, and `length` with it: a second run finds it done. Both stored before
	 * `length`. */
	_Atomic uint64_t last_unique;
	uint32_t last_length;
};

struct extent_table {
	/* For the next extent taken. */
	_Atomic uint64_t sequence;
	struct extent extents[EXTENT_MAX];
};

#endif
