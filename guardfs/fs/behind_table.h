/* Owed files and their extents in order, for behind*.c alone. Under the lane's lock unless stated
 * otherwise. */
#ifndef GUARDFS_FS_BEHIND_TABLE_H
#define GUARDFS_FS_BEHIND_TABLE_H

#include "fs/context.h"
#include "policy/drain.h"

#include <pthread.h>

#define OWED_NONE    UINT16_MAX
#define OWED_BUCKETS 64u

struct behind_file {
	uint32_t node;
	uint8_t backend;
	/* A piece is on its way to the transport; the next goes behind it. */
	bool sending;
	bool confirming;
	/* Somebody releases extents of its beginning. */
	bool releasing;
	/* A confirmation failed: extents are confirmed singly, to find the error's bytes. */
	bool careful;
	/* A sender found its next piece being filled. */
	bool passed_over;
	/* It waits for a verdict on asked_epoch's connection. */
	bool waits_verdict;
	uint32_t asked_epoch, verdicts;
	/* Connection of the SENT extents. */
	uint32_t sent_epoch;
	uint32_t n_sent, n_under_way, n_extents;
	uint64_t bytes;
	/* Somebody waits for bytes up to here. */
	uint64_t waited_for;
	/* For so long it could not be sent for a want of descriptors or memory, as seen at wanted_at_ns.
	 * 0: it can be. */
	uint64_t wanting_ns, wanted_at_ns;
	/* Given up: the errno for its open files. */
	int error;
	/* In order. */
	uint16_t first, last;
	struct behind_file *next_in_bucket;
	/* All of the backend, last served at the tail. */
	struct behind_file *before, *after;
};

/* While so few pieces of its file are not confirmed, one of EARLY_SIZE goes, so that the link does not idle. */
#define EARLY_PIECES 8u
#define EARLY_SIZE   (256u << 10)

/* Appends of which one is under way at a time, each for a round trip: the fewer the better. They go when they are full, when
 * somebody waits, or when no record has joined them for so long. */
#define GATHER_NS (5 * NSEC_PER_MSEC)

static inline bool owed_gathers(const struct behind_file *f, const struct extent *e)
{
	return e->appends && fs.guarded[f->backend].pipelines;
}

static inline uint32_t owed_worth_sending(const struct behind_file *f, const struct extent *e)
{
	if (owed_gathers(f, e))
		return EXTENT_SIZE;
	return f->n_sent + f->n_under_way < EARLY_PIECES ? EARLY_SIZE : EXTENT_SIZE;
}

struct behind_lane {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_cond_t filled;
	uint64_t changes;
	struct behind_file *buckets[OWED_BUCKETS];
	struct behind_file *head, *tail;
	uint64_t bytes;
	/* Of extents under way. */
	uint64_t bytes_under_way;
	uint32_t n_files, n_extents;
	struct drain drain;
	/* Last used connection. */
	uint32_t epoch;
	/* When an extent that gathers has to be looked at; 0: none. */
	uint64_t ripe_ns;
	/* In behind_wait. */
	uint32_t waiting;
	bool stopping;
};

extern struct behind_lane owed_lanes[CONFIG_BACKENDS_MAX];

/* Parallel to the extents, private. */
extern struct behind_notes {
	uint16_t next[EXTENT_MAX];
	/* Bytes are being copied in: not to be sent. */
	bool filling[EXTENT_MAX];
	/* Nothing is put behind it any more. */
	bool sealed[EXTENT_MAX];
	/* It went over an earlier connection, in part or whole. */
	bool again[EXTENT_MAX];
	/* A sender has it, over this connection. */
	bool under_way[EXTENT_MAX];
	uint32_t epoch[EXTENT_MAX];
	/* Of one that gathers: when a record last joined it. 0: long ago. */
	uint64_t joined_ns[EXTENT_MAX];
	/* On storage, but older ones are not yet. */
	bool arrived[EXTENT_MAX];
	/* It was tried again after a verdict, over this connection. */
	bool asked[EXTENT_MAX];
	uint32_t asked_epoch[EXTENT_MAX];
	struct behind_file *file[EXTENT_MAX];
} owed_notes;

static inline struct extent *owed_extent(uint16_t i)
{
	return &fs.arena->owed.extents[i];
}

static inline uint16_t owed_index(const struct extent *e)
{
	return (uint16_t)(e - fs.arena->owed.extents);
}

/* There may be work: wakes threads. */
void owed_changed(struct behind_lane *lane);

/* The same, unless all that is owed is under way. */
void owed_may_go(struct behind_lane *lane);

/* NULL: nothing is owed of it. */
struct behind_file *owed_find(struct behind_lane *lane, uint32_t node);

/* Cannot fail for a caller that has an extent. */
struct behind_file *owed_begin(struct behind_lane *lane, uint32_t node);

/* Ends a file that owes nothing and has no work. Returns the node to unpin without the lock, or NULL. */
struct node *owed_end(struct behind_lane *lane, struct behind_file *f);
void owed_unpin(struct node *node);

void owed_serve_last(struct behind_lane *lane, struct behind_file *f);

/* Free extents (OWED_NONE: none). Any lock may be held. */
bool owed_has_spare(void);
uint16_t owed_take_extent(void);
void owed_give_back(uint16_t i);

/* At the end of the file's order, or out of it. Bytes are counted apart. */
void owed_link(struct behind_file *f, uint16_t i);
void owed_unlink(struct behind_lane *lane, struct behind_file *f, uint16_t i);
void owed_count(struct behind_lane *lane, struct behind_file *f, int64_t n);

#endif
