/* Checksums of an open file's unsynced bytes, by which they are known again after a reconnect (replay_check =
 * content). Bounded: what it cannot follow counts as unknown. Pure; the caller locks. */
#ifndef GUARDFS_POLICY_CONTENT_H
#define GUARDFS_POLICY_CONTENT_H

#include "base/base.h"

#define CONTENT_RUNS 8u

/* Bytes from .. to - 1, written one behind the other. */
struct content_run {
	uint64_t from, to;
	uint32_t era; /* as ledger_range.era */
	uint32_t sum; /* CRC-32 */
};

/* Zero: nothing was written. */
struct content {
	uint32_t n; /* runs, none of which overlaps another */
	/* Other bytes were written, too, last in this era. */
	uint32_t unknown, unknown_era;
	/* Being changed: after a crash nothing is known (content_check). */
	uint32_t changing;
	struct content_run runs[CONTENT_RUNS];
};

/* n bytes were written; data NULL: not known which. */
void content_put(struct content *c, uint32_t era, uint64_t from, const void *data, uint64_t n);

/* Somebody else wrote there. */
void content_spoil(struct content *c, uint32_t era, uint64_t from, uint64_t n);

/* A sync has covered all up to era. */
void content_synced(struct content *c, uint32_t era);

void content_cut(struct content *c, uint32_t era, uint64_t size);

/* sum: of the bytes before (0 at first). */
uint32_t content_sum(uint32_t sum, const void *data, size_t n);

/* Repairs what a crash left. True: changed. */
bool content_check(struct content *c);

#endif
