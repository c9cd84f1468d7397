/* Acknowledged ranges of a file, and how safe each is (docs/INTEGRITY.md). Bounded: it may claim too much,
 * never too little. The caller locks. */
#ifndef GUARDFS_POLICY_LEDGER_H
#define GUARDFS_POLICY_LEDGER_H

#include "base/base.h"

#define LEDGER_RANGES 8u

/* From the least safe on. A sync removes durable ranges. */
enum ledger_level {
	LEDGER_ACKNOWLEDGED, /* guardfs alone has the bytes */
	LEDGER_WRITTEN,	     /* sent to storage, which has not confirmed them */
	LEDGER_CONFIRMED,    /* confirmed; no sync has ended since */
	LEDGER_LEVEL_COUNT
};

const char *ledger_level_name(enum ledger_level level);

/* Bytes from .. to - 1. */
struct ledger_range {
	uint64_t from, to;
	uint32_t level; /* enum ledger_level */
	uint32_t era;	/* which syncs cover it (ledger_sync_begins) */
};

/* Zero: nothing was acknowledged, or all is durable. */
struct ledger {
	uint32_t n;   /* ranges, in order; touching ones differ in level or era */
	uint32_t era; /* for the next range */
	struct ledger_range ranges[LEDGER_RANGES];
};

/* Overrides what was said of these bytes. Empty ranges change nothing. */
void ledger_put(struct ledger *l, uint64_t from, uint64_t to, enum ledger_level level);

void ledger_put_all(struct ledger *l, const struct ledger *other);

/* The sync covers all that is confirmed by now. If it succeeds ledger_synced gets the returned era. */
uint32_t ledger_sync_begins(struct ledger *l);
void ledger_synced(struct ledger *l, uint32_t era);

void ledger_cut(struct ledger *l, uint64_t size);

/* Total bytes, and end of the last range (0: none). */
uint64_t ledger_bytes(const struct ledger *l);
uint64_t ledger_end(const struct ledger *l);

/* Repairs what a crash left. True: changed. */
bool ledger_check(struct ledger *l);

#endif
