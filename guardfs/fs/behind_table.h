/* behind_table.h: the files of which something is owed, and their extents in order: for behind.c and
 * behind_work.c alone. Worker; under the lock of the lane unless said otherwise. */
#ifndef GUARDFS_FS_BEHIND_TABLE_H
#define GUARDFS_FS_BEHIND_TABLE_H

#include "fs/context.h"
#include "policy/drain.h"

#include <pthread.h>

/* No extent. */
#define OWED_NONE    UINT16_MAX
#define OWED_BUCKETS 64u

/* A file of which something is owed. */
struct behind_file {
	uint32_t node;
	uint8_t backend;
	/* A piece of work of either kind is under way. */
	bool sending, confirming;
	/* A confirmation has failed: each extent is confirmed by itself, so that the error finds its bytes.
	 */
	bool careful;
	/* It waits for a probe's verdict, or has waited for one over the connection of asked_epoch. */
	bool waits_verdict, asked;
	uint32_t asked_epoch, verdicts;
	/* Over which connection the extents in state SENT went. */
	uint32_t sent_epoch;
	uint32_t n_sent, n_extents;
	uint64_t bytes;
	/* Up to here somebody waits. */
	uint64_t waited_for;
	/* Given up: the errno that its open files are told. */
	int error;
	/* Extents in order. */
	uint16_t first, last;
	struct behind_file *next_in_bucket;
	/* All of the backend, in the order in which they were last served. */
	struct behind_file *before, *after;
};

/* What is owed to one backend. */
struct behind_lane {
	/* Protects the files of the backend and their extents. */
	pthread_mutex_t lock;
	/* There may be work: changes was raised. */
	pthread_cond_t work;
	/* An extent is no longer being filled. */
	pthread_cond_t filled;
	uint64_t changes;
	struct behind_file *buckets[OWED_BUCKETS];
	struct behind_file *head, *tail;
	uint64_t bytes;
	uint32_t n_files, n_extents;
	struct drain drain;
	/* The connection over which something was last to be sent. */
	uint32_t epoch;
	/* Threads in behind_wait. */
	uint32_t waiting;
	bool stopping;
};

extern struct behind_lane owed_lanes[CONFIG_BACKENDS_MAX];

/* What only this worker knows of the extent with the same index. */
extern struct behind_notes {
	uint16_t next[EXTENT_MAX];
	/* Bytes are being copied into it: it is not sent meanwhile. */
	bool filling[EXTENT_MAX];
	/* Nothing is put behind it any more. */
	bool sealed[EXTENT_MAX];
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

/* Threads that wait for work look again. */
void owed_changed(struct behind_lane *lane);

/* The file of node, or NULL. */
struct behind_file *owed_find(struct behind_lane *lane, uint32_t node);

/* A file of which nothing was owed before. There are as many as extents, so there is one for whoever has an
 * extent. */
struct behind_file *owed_begin(struct behind_lane *lane, uint32_t node);

/* If nothing is owed of it any more, and no piece of work is about it. Returns the node whose pin the caller
 * takes off, without the lock (owed_unpin); NULL: the file is kept. */
struct node *owed_end(struct behind_lane *lane, struct behind_file *f);
void owed_unpin(struct node *node);

/* The file is served after all others. */
void owed_serve_last(struct behind_lane *lane, struct behind_file *f);

/* Is there one? A free extent, or OWED_NONE; and back. Any lock may be held. */
bool owed_has_spare(void);
uint16_t owed_take_extent(void);
void owed_give_back(uint16_t i);

/* Puts the extent behind all others of the file, or takes it out of their order; its bytes are counted apart.
 */
void owed_link(struct behind_file *f, uint16_t i);
void owed_unlink(struct behind_lane *lane, struct behind_file *f, uint16_t i);
void owed_count(struct behind_lane *lane, struct behind_file *f, int64_t n);

#endif
