/* Open files. Any thread unless stated otherwise. */
#ifndef GUARDFS_FS_HANDLE_H
#define GUARDFS_FS_HANDLE_H

#include "fs/context.h"

static inline uint32_t handle_number(const struct handle *h)
{
	return (uint32_t)(h - fs.arena->handles);
}

/* Resets use counts, rebuilds the free list. Before threads. 0 or -ENOMEM. */
errint_t handle_init(void) WARN_UNUSED;

/* May the caller open one more? Used by handle_new, or taken back at the request's end. False: EMFILE. */
bool handle_admit(void) WARN_UNUSED;
void handle_end_request(void);

/* Sets what h's listing takes of its user's share. False: none left; the former count stays. */
bool handle_count_listing(struct handle *h, uint32_t kib) WARN_UNUSED;

/* Count handles to their users; handle_count_again in a new worker. For handle.c. */
void handle_count(struct handle *h);
void handle_uncount(struct handle *h);
void handle_count_again(const struct handle *h);

/* A descriptor or -errno. */
int handle_memfd(const char *name) WARN_UNUSED;

/* The handle owns ref (-1: none). NULL: table full. */
struct handle *handle_new(uint32_t node, enum handle_kind kind, uint8_t backend, int flags, int ref,
			  uint32_t epoch, enum handle_name name);

/* The live handle, in use, or NULL. handle_put ends the use, and frees a released handle. */
struct handle *handle_get(uint64_t fh);
void handle_put(struct handle *h);

/* The last user closes and frees. */
void handle_release(struct handle *h);

/* RELEASE in two steps: retire before the answer, finish after it, for closing may take long. */
void handle_retire(struct handle *h);
void handle_finish(struct handle *h);

void handle_mark_unlinked(uint32_t node);

/* A name of node's in dir is about to be taken away: of its last one as above. */
void handle_name_removed(struct node *node, uint32_t dir);

/* Is a file open that was removed from this directory of a backend's tree, or from a removed one below? */
bool handle_is_removed_from(uint32_t dir);

/* Any live handle of the node, in use; stray: a HANDLE_STRAY. NULL: none. */
struct handle *handle_find(uint32_t node, bool stray);

bool handle_is_executed(uint32_t node);

/* Closes released handles left open. backend: index, NODE_LOCAL or NODE_VIRTUAL. May hang: in a thread of its
 * own. */
void handle_sweep(unsigned backend);

/* Is a sweep needed, and might it close something now? */
bool handle_is_unclosed(unsigned backend);

/* ---- handle_reopen.c ---- */

/* Within the guard: makes h->fd valid for the present epoch. On -errno the handle may be poisoned. */
errint_t handle_ensure(struct backend *b, struct handle *h) WARN_UNUSED;

/* The same for *ref, the handle's own descriptor that writes at the end (appends) or by offset. Also errors
 * of backend_ops.reopen. */
errint_t handle_ensure_for(struct backend *b, struct handle *h, bool appends, int *ref) WARN_UNUSED;

/* Within the guard: h, a stray, was read through the descriptor of epoch. From now on no other file may take its place.
 * GUARD_POISONED: one has, and what was read must not be told. */
errint_t handle_read_stray(struct handle *h, uint32_t epoch) WARN_UNUSED;

/* ---- handle_ledger.c ---- */

/* Notes size and time at the open, before any write. */
void handle_start_ledger(struct handle *h, uint64_t known_end, int64_t mtime_ns);
/* Notes what was acknowledged: n bytes at offset (data NULL: unknown); n > 0 bytes appended by request
 * unique to a file known to reach `from`. */
void handle_wrote(struct handle *h, uint64_t offset, const void *data, uint64_t n);
void handle_appended(struct handle *h, uint64_t unique, uint64_t from, const void *data, size_t n);
/* These bytes of h's file were, or may have been, changed otherwise: no open file knows them by content
 * any more. */
void handle_spoil(struct handle *h, uint64_t from, uint64_t n);
/* Bytes that this request appended, if it was h's last to append; else 0. */
size_t handle_has_appended(struct handle *h, uint64_t unique);
/* Least end of the file. */
uint64_t handle_known_end(struct handle *h);
/* The same by what was acknowledged through all files open for writing on h's node. */
uint64_t handle_known_end_of_all(struct handle *h);
/* A worker may have died amid a change. Before threads. */
void handle_mend_ledger(struct handle *h);
/* Copies the end of the last append. Returns its length; 0: none. */
size_t handle_tail(struct handle *h, uint8_t tail[HANDLE_TAIL_MAX]);
/* Bytes; and their ranges, put into a ledger. True: some were written over something. */
uint64_t handle_unsynced(struct handle *h);
/* handle_unsynced, and since when some are (CLOCK_MONOTONIC). */
uint64_t handle_unsynced_since(struct handle *h, uint64_t *since_ns);
bool handle_add_unsynced(struct handle *h, struct ledger *ledger);
/* Copies the checksums of what is not synced. */
void handle_content(struct handle *h, struct content *content);
/* Around a sync, which need not cover later writes. */
uint32_t handle_sync_begins(struct handle *h);
void handle_synced(struct handle *h, uint32_t mark);
/* The file was given this size, through h or (NULL) otherwise: no open file must be longer. */
void handle_truncated(uint32_t node, struct handle *h, uint64_t size);
/* What was written through the released h is no part of the file any more. */
void handle_forget_writes(struct handle *h);
/* Another client cut the file, as seen over epoch's connection: no open file of that must be longer. */
void handle_seen_cut(uint32_t node, uint64_t size, uint32_t epoch);
/* Somebody set its time back. */
void handle_seen_set_back(uint32_t node, int64_t mtime_ns, uint32_t epoch);
/* handle_truncated after a truncation with result rc, which may have been made in spite of backend
 * trouble. */
void handle_truncation_ended(ssize_t rc, uint32_t node, struct handle *h, uint64_t size);

/* Acknowledged bytes in ranges are lost: the file is suspect, and write, fsync and close of its open files
 * say error (positive errno) from now on. Ranges confirmed and not synced go with them: nobody looks any
 * more whether storage still has them. */
void handle_lost(struct backend *b, uint32_t node, int error, const struct ledger *ranges);

/* Nobody knows whether what was acknowledged through h and not synced is there: the file is suspect, and h
 * says so from now on. For one thread, with the node held, while nothing is written through h. */
void handle_poison(struct backend *b, struct handle *h);

/* Before an open file is released. If its connection is lost, no close has said that all is there, and no
 * owed bytes will have the file found again, its unsynced bytes are in doubt: the file is suspect. */
void handle_closes(struct handle *h);

#endif
