/* Acknowledged bytes that are not on storage yet. docs/WRITEBEHIND.md has the states.
 *
 * Worker writes all fields. Its successor trusts the order of stores: an extent that is not FREE holds
 * `length` whole bytes. */
#ifndef GUARDFS_SHM_EXTENT_H
#define GUARDFS_SHM_EXTENT_H

#include "base/base.h"
#include <stdatomic.h>

#define EXTENT_MAX  512u
#define EXTENT_SIZE (1u << 20)

enum extent_state { EXTENT_FREE, EXTENT_OWED, EXTENT_SENT };

/* Of an extent's append, or of a WRITE's slot. */
enum append_begun {
	APPEND_NOT_BEGUN,
	/* It may have been made. */
	APPEND_BEGUN,
	/* The same, and the writer's next append may stand behind it already. */
	APPEND_FOLLOWED,
	APPEND_BEGUN_END
};

struct extent {
	/* Stored last. */
	_Atomic uint32_t state;
	/* Stored after the bytes. */
	_Atomic uint32_t length;
	/* handle_id of their open file. */
	uint64_t fh;
	/* Order of acknowledgement, over all files. */
	uint64_t sequence;
	/* In the file; of an append the end as the caller's kernel knew it. */
	uint64_t offset;
	/* To the end that the file has on storage. */
	uint8_t appends;
	uint8_t backend;
	/* append_from, stored before: the file's end once bytes handed over earlier have arrived. */
	_Atomic uint8_t append_begun;
	/* Bytes on storage already. */
	uint32_t done;
	uint64_t append_from;
	/* The last WRITE put here, and `length` with it: a second run finds it done. Stored before
	 * `length`. */
	_Atomic uint64_t last_unique;
	uint32_t last_length;
};

struct extent_table {
	/* Of the next extent taken. */
	_Atomic uint64_t sequence;
	struct extent extents[EXTENT_MAX];
};

#endif
