/* extent.h: bytes of guarded files that were acknowledged and are not on storage yet. They lie in the arena,
 * so that they outlive the worker that took them and the transport that carries them. docs/WRITEBEHIND.md has
 * the whole.
 *
 *   FREE -> OWED              a WRITE was acknowledged: its bytes are here
 *   OWED -> SENT              handed over to the transport, which has not confirmed them
 *   SENT -> OWED              the transport has lost them, or may have: to be written again
 *   OWED, SENT -> FREE        storage has them; or their loss was told to the file's open files
 *
 * All fields are the worker's. A successor trusts what the order of its stores allows: an extent that is not
 * FREE holds `length` whole bytes. */
#ifndef GUARDFS_SHM_EXTENT_H
#define GUARDFS_SHM_EXTENT_H

#include "base/base.h"
#include <stdatomic.h>

#define EXTENT_MAX  512u
#define EXTENT_SIZE (1u << 20)

enum extent_state { EXTENT_FREE, EXTENT_OWED, EXTENT_SENT };

struct extent {
	/* enum extent_state. Stored after all the rest when the extent is taken. */
	_Atomic uint32_t state;
	/* Bytes that were acknowledged. Stored after the bytes. */
	_Atomic uint32_t length;
	/* The open file (handle_id) through which they came, and through which they go. */
	uint64_t fh;
	/* Order of acknowledgement, over all files. */
	uint64_t sequence;
	/* Where they belong; of an append where the caller's kernel took the end to be. */
	uint64_t offset;
	/* They go to the end that the file has on storage. */
	uint8_t appends;
	/* Index of the backend. */
	uint8_t backend;
	/* An append has been begun, from where the file was known to reach (fs/append.c). */
	uint8_t append_begun;
	/* So many of them are on storage already. */
	uint32_t done;
	uint64_t append_from;
	/* The last WRITE that was put here, and `length` with it: who runs it again finds it done. Both
	 * stored before `length`. */
	_Atomic uint64_t last_unique;
	uint32_t last_length;
};

struct extent_table {
	/* Given to the next extent that is taken. */
	_Atomic uint64_t sequence;
	struct extent extents[EXTENT_MAX];
};

#endif
