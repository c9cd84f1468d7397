/* Acknowledged bytes that are not on storage yet, by file, in order (docs/WRITEBEHIND.md). Knows neither
 * breaker nor requests. Any thread unless stated otherwise.
 *
 * An owed file holds its node (pinned, NODE_BEHIND) and a use of each extent's handle. */
#ifndef GUARDFS_FS_BEHIND_H
#define GUARDFS_FS_BEHIND_H

#include "fs/context.h"

/* Takes over a predecessor's. Before threads, after node_init and handle_init. */
void behind_init(void);

enum behind_taken {
	BEHIND_TAKEN,	/* acknowledged: in the arena */
	BEHIND_NO_ROOM, /* ask again when behind_has_room */
	BEHIND_REFUSED, /* older bytes are being given up: ask storage */
};

/* Takes n bytes (1..EXTENT_SIZE) of the WRITE `unique` through h, in use by the caller. A second run finds
 * the first's bytes. The kernel has one WRITE of a file under way at a time, but for pages of mappings,
 * which do not come here. */
enum behind_taken behind_take(const struct backend *b, struct handle *h, uint64_t unique, const void *data,
			      size_t n, uint64_t offset, bool appends);

/* For n bytes of node's file. */
bool behind_has_room(unsigned backend, uint32_t node, size_t n);

/* All bytes acknowledged from now on come after this point. */
uint64_t behind_now(void);

/* *end: where the furthest byte ends that is owed of node's file; 0: nothing is. False: it cannot be told: appends go to
 * an end that storage knows, and a file that is given up has none. */
bool behind_end(uint32_t node, uint64_t *end);

/* Is something of node's file owed that was acknowledged up to point? */
bool behind_is_owed(uint32_t node, uint64_t point);

enum behind_kind { BEHIND_SEND, BEHIND_CONFIRM };

/* The caller's until settled. */
struct behind_work {
	enum behind_kind kind;
	struct behind_file *file; /* for behind.c */
	uint32_t node;
	struct handle *handle; /* used by the extents */
	/* SEND: its bytes from `done` on. careful: written and confirmed together. */
	struct extent *extent;
	const uint8_t *data;
	bool careful;
	/* To the file's end; if handed over, from append_from on. */
	bool appends;
	uint64_t append_from;
	/* SEND: the sender's mark: to be confirmed later. */
	bool handed_over;
	/* CONFIRM: up to this point, over epoch's connection. */
	uint64_t point;
	uint32_t epoch;
	/* SEND: behind_begun, behind_arrived was called. */
	bool begun, arrived;
};

/* Takes work, if there is any for this connection (epoch) and this number of verdicts
 * (board_backend.verdicts). */
bool behind_next(unsigned backend, uint32_t epoch, uint32_t verdicts, struct behind_work *work);

/* Blocks until something has changed since *seen (0 at first); false: behind_stop. */
bool behind_wait(unsigned backend, uint64_t *seen);
/* The present value for a new `seen`. */
uint64_t behind_changes(unsigned backend);
/* A connection, a verdict, or room has come. */
void behind_wake(unsigned backend);
void behind_stop(void);

/* All threads in behind_wait are busy: start another. */
bool behind_is_short_handed(unsigned backend);

/* SEND: the transport has it: the file's next extent may go. Settled by one of the following. */
void behind_begun(struct behind_work *work);

/* Settles SEND: handed over to epoch's connection, to be confirmed. */
void behind_sent(const struct behind_work *work, uint32_t epoch);

/* Settles SEND: n bytes are on storage, the rest is to be sent. */
void behind_advanced(const struct behind_work *work, uint32_t n);

/* Settles an error: to be done again. lost: over another connection; else after a probe's verdict (a
 * CONFIRM's extents go at once, carefully). False: done over this connection already; not settled, to be
 * given up. */
bool behind_again(const struct behind_work *work, uint32_t epoch, bool lost, uint32_t verdicts);

/* Extents that storage has, or that are given up. Their file stays owed until their release. */
struct behind_list {
	/* The first of their file: nobody else releases any. */
	bool first;
	uint32_t n;
	uint16_t index[EXTENT_MAX];
};

static inline struct extent *behind_extent(const struct behind_list *list, uint32_t i)
{
	return &fs.arena->owed.extents[list->index[i]];
}

/* The work's extents that went over an earlier connection, too. */
void behind_went_again(const struct behind_work *work, struct behind_list *list);

/* Extents on storage with all that is older of their file: SEND's and those that came before their turn
 * (none: an older one is under way), or those that CONFIRM confirmed. Settled by behind_release. */
void behind_arrived(struct behind_work *work, struct behind_list *list);

/* The work met a want of descriptors or memory. Returns for how many ns its file has met nothing else,
 * time without a try not counted. Does not settle it. */
uint64_t behind_wants(const struct behind_work *work, uint64_t now_ns);

/* Gives up what node's file owes, if some was acknowledged up to point. Its open files are told error (the
 * first one counts). */
void behind_give_up(unsigned backend, uint32_t node, uint64_t point, int error);

/* A given-up file without work under way: the caller's until behind_release with work NULL. */
struct behind_lost {
	uint32_t node;
	int error;
	struct behind_list list;
};
bool behind_next_lost(unsigned backend, struct behind_lost *lost);

/* The errno with which the file was given up, or 0. */
int behind_given_up(const struct behind_work *work);

/* Settles work not begun, or whose file is given up. */
void behind_abandon(const struct behind_work *work);

/* Frees the extents and settles work (may be NULL). The caller puts the uses of their handles. True:
 * nothing is settled yet, list has others, which arrived meanwhile. */
bool behind_release(unsigned backend, const struct behind_work *work, struct behind_list *list);

/* Has storage confirmed it, though not all that is older? Of a behind_lost's. */
bool behind_has_arrived(const struct extent *e);

/* Gives back the memory of long unused extents. Every heartbeat, control thread. */
void behind_tick(uint64_t now_ns);

#endif
