/* ledger.h: which ranges of a file were acknowledged, and how far each has come on its way to being safe.
 * Bounded: who goes all over a file has the nearest ranges joined, so that they say too much, never too
 * little. Who appends needs one range. Pure: the caller locks. */
#ifndef GUARDFS_POLICY_LEDGER_H
#define GUARDFS_POLICY_LEDGER_H

#include "base/base.h"

#define LEDGER_RANGES 8u

/* From the least safe on. What a sync has made durable has no range. */
enum ledger_level {
	LEDGER_ACKNOWLEDGED, /* guardfs alone has the bytes */
	LEDGER_WRITTEN,	     /* they were handed over; storage has not said that it has them */
	LEDGER_CONFIRMED,    /* storage has said so, and no sync has ended since */
	LEDGER_LEVEL_COUNT
};

const char *ledger_level_name(enum ledger_level level);

/* Bytes from .. to - 1. */
struct ledger_range {
	uint64_t from, to;
	uint32_t level; /* enum ledger_level */
	uint32_t era;	/* which syncs cover it: see ledger_sync_begins */
};

/* All zero: nothing was acknowledged, or all of it is durable. */
struct ledger {
	uint32_t n;   /* ranges, in order, none touching another of the same level and era */
	uint32_t era; /* of what is put next */
	struct ledger_range ranges[LEDGER_RANGES];
};

/* The bytes from .. to - 1 have come to this level, whatever was said of them before. Nothing if from >= to. */
void ledger_put(struct ledger *l, uint64_t from, uint64_t to, enum ledger_level level);

/* The same for each range of another ledger. */
void ledger_put_all(struct ledger *l, const struct ledger *other);

/* A sync begins: it covers all that is confirmed by now. Returns what ledger_synced is to be told when it has
 * come back without an error. */
uint32_t ledger_sync_begins(struct ledger *l);
void ledger_synced(struct ledger *l, uint32_t era);

/* The file was given this size: what lay beyond is no part of it any more. */
void ledger_cut(struct ledger *l, uint64_t size);

/* How many bytes the ranges hold; where the last one ends, 0 without any. */
uint64_t ledger_bytes(const struct ledger *l);
uint64_t ledger_end(const struct ledger *l);

/* Forces what a crash has left into shape. True if something had to be changed. */
bool ledger_check(struct ledger *l);

#endif
