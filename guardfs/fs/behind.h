/* behind.h: what is owed to storage: which files have bytes that were acknowledged and are not there yet, in
 * which order they go, and how many there may be. Knows neither breaker nor requests: fs/behind_send.h
 * carries it out. docs/WRITEBEHIND.md.
 *
 * A file of which something is owed holds its node (pinned, flag NODE_BEHIND) and, with each extent, a use of
 * the handle through which that came. Worker; any thread unless said otherwise. */
#ifndef GUARDFS_FS_BEHIND_H
#define GUARDFS_FS_BEHIND_H

#include "fs/context.h"

/* Takes over what a predecessor has left in the arena. Before threads, after node_init and handle_init. */
void behind_init(void);

/* ---- taking ---- */

enum behind_taken {
	BEHIND_TAKEN,	/* acknowledged: the bytes are in the arena */
	BEHIND_NO_ROOM, /* to be asked again when behind_has_room */
	BEHIND_REFUSED, /* what was owed of the file before is being given up: storage is to be asked */
};

/* Takes n bytes (1..EXTENT_SIZE) of the WRITE `unique` through h, whose use the caller holds. For a request
 * that is run again it finds what its first run has put here. The kernel has one WRITE of a file under way at
 * a time, apart from pages of mappings, which do not come here. */
enum behind_taken behind_take(const struct backend *b, struct handle *h, uint64_t unique, const void *data,
			      size_t n, uint64_t offset, bool appends);

/* Is there room for n bytes more of the file of node? */
bool behind_has_room(unsigned backend, uint32_t node, size_t n);

/* ---- waiting ---- */

/* A point in the order: what is acknowledged from now on comes after it. */
uint64_t behind_now(void);

/* Is something owed of the file of node that was acknowledged up to that point? What is acknowledged later
 * does not count. */
bool behind_is_owed(uint32_t node, uint64_t point);

/* ---- giving ---- */

enum behind_kind { BEHIND_SEND, BEHIND_CONFIRM };

/* A piece of work, the caller's until it is settled by one of the functions below. */
struct behind_work {
	enum behind_kind kind;
	struct behind_file *file; /* for behind.c */
	uint32_t node;
	struct handle *handle; /* through which; a use is held by the extents concerned */
	/* SEND: the extent; its bytes from `done` on. careful: to be confirmed together with being written.
	 */
	struct extent *extent;
	const uint8_t *data;
	bool careful;
	/* It goes, or went, to the file's end: for an append that is handed over, from here on. */
	bool appends;
	uint64_t append_from;
	/* SEND, the sender's own: it is handed over, and confirmed later. */
	bool handed_over;
	/* CONFIRM: up to this point, over the connection of epoch. */
	uint64_t point;
	uint32_t epoch;
};

/* Takes a piece of work of this backend, if there is any, its breaker lets it in (epoch: of the connection)
 * and as far as verdicts (board_backend.verdicts) have come. */
bool behind_next(unsigned backend, uint32_t epoch, uint32_t verdicts, struct behind_work *work);

/* Blocks until something has changed since *seen, so that there may be work for the backend, or behind_stop
 * was called (false). *seen: the caller's own, 0 at first. */
bool behind_wait(unsigned backend, uint64_t *seen);
/* For `seen` of a thread that is to wait for what changes from now on. */
uint64_t behind_changes(unsigned backend);
/* Something has changed: a connection, a verdict, room inside the backend. */
void behind_wake(unsigned backend);
void behind_stop(void);

/* Are all that wait for work of the backend busy? Then another one may be started. */
bool behind_is_short_handed(unsigned backend);

/* Settles SEND: handed over, over the connection of epoch; it is to be confirmed. */
void behind_sent(const struct behind_work *work, uint32_t epoch);

/* Settles SEND: n bytes more of the extent are on storage, and the rest is to be sent. */
void behind_advanced(const struct behind_work *work, uint32_t n);

/* Settles either after an error: to be done again. lost: the connection is, and it goes over another one.
 * Else when a probe has told what the matter is; CONFIRM: what it was about goes again at once, carefully.
 * False: it had been done again after a verdict over the connection of epoch already; it is not settled, and
 * is to be given up. */
bool behind_again(const struct behind_work *work, uint32_t epoch, bool lost, uint32_t verdicts);

/* Extents that storage has, or that are given up. They are their file's until they are released: who waits
 * for it goes on waiting. */
struct behind_list {
	uint32_t n;
	uint16_t index[EXTENT_MAX];
};

static inline struct extent *behind_extent(const struct behind_list *list, uint32_t i)
{
	return &fs.arena->owed.extents[list->index[i]];
}

/* SEND: the whole extent is on storage, and confirmed. CONFIRM: the list has those which are. Settled by
 * behind_release. */
void behind_arrived(const struct behind_work *work, struct behind_list *list);

/* What is owed of the file of node is given up, if something of it was acknowledged up to that point: nothing of it is
 * sent any more, and a sender tells its open files error (the first one counts). */
void behind_give_up(unsigned backend, uint32_t node, uint64_t point, int error);

/* A file that was given up, of which no piece of work is under way: the caller's, until behind_release without a piece of
 * work. */
struct behind_lost {
	uint32_t node;
	int error;
	struct behind_list list;
};
bool behind_next_lost(unsigned backend, struct behind_lost *lost);

/* The error with which the file of a piece of work was given up meanwhile, or 0. */
int behind_given_up(const struct behind_work *work);

/* Settles a piece of work that has not been begun, or has come to nothing because its file is given up. */
void behind_abandon(const struct behind_work *work);

/* The extents are free again, and the piece of work (NULL: none) is settled. The uses of their handles are
 * the caller's from now on, to be put: one for each extent. */
void behind_release(unsigned backend, const struct behind_work *work, const struct behind_list *list);

/* Memory of extents that have not been used for a while is given back. Every heartbeat, control thread. */
void behind_tick(uint64_t now_ns);

#endif
