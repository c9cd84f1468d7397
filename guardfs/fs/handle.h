/* handle.h (fs): open files: allocation, use counts, the ledger of acknowledged writes, finding them again
 * after a reconnect. Worker; any thread unless said otherwise. */
#ifndef GUARDFS_FS_HANDLE_H
#define GUARDFS_FS_HANDLE_H

#include "fs/context.h"

/* Its place in the arena's table. */
static inline uint32_t handle_number(const struct handle *h)
{
	return (uint32_t)(h - fs.arena->handles);
}

/* Resets use counts and rebuilds the free list. Before threads. 0 or -ENOMEM. */
errint_t handle_init(void) WARN_UNUSED;

/* May the caller open one file or directory more? Before anything is opened for him; handle_new makes use of
 * it, or the end of the request takes it back. False: EMFILE. */
bool handle_admit(void) WARN_UNUSED;
void handle_end_request(void);

/* Counts kib of memory for the listing of an open directory as its user's, in the place of what was counted
 * before. False: he has his share; what was counted stays. */
bool handle_count_listing(struct handle *h, uint32_t kib) WARN_UNUSED;

/* For handle.c alone: a new handle is counted as the caller's; no more; or again, by a new worker, which
 * knows nothing of what its predecessor has counted. */
void handle_count(struct handle *h);
void handle_uncount(struct handle *h);
void handle_count_again(const struct handle *h);

/* A memfd for a handle's snapshot_fd, or -errno. */
int handle_memfd(const char *name) WARN_UNUSED;

/* A new handle with its descriptor ref (owned by the handle from now on; -1: none), or NULL when the table is
 * full (ref stays the caller's). */
struct handle *handle_new(uint32_t node, enum handle_kind kind, uint8_t backend, int flags, int ref,
			  uint32_t epoch, enum handle_name name);

/* The live handle with this fh, its use count raised, or NULL. handle_put drops it again and frees a handle
 * whose RELEASE has come. */
struct handle *handle_get(uint64_t fh);
void handle_put(struct handle *h);

/* The last user closes and frees. */
void handle_release(struct handle *h);

/* The same in two steps, for RELEASE: retire before the answer (if this worker dies, its successor knows),
 * finish after it (closing may take long). Between the two the last other user may free it. */
void handle_retire(struct handle *h);
void handle_finish(struct handle *h);

/* The node of these handles has lost its last name. */
void handle_mark_unlinked(uint32_t node);

/* Is a file open that was removed from this directory of a backend's tree, or from one that has itself been
 * removed from it? */
bool handle_is_removed_from(uint32_t dir);

/* Any live handle of the node, for operations on files without a name; stray: of HANDLE_STRAY. Its use count
 * raised, or NULL. */
struct handle *handle_find(uint32_t node, bool stray);

/* Does a program run from this node, as far as its open files tell? */
bool handle_is_executed(uint32_t node);

/* Closes released handles that could not be closed (their backend was down, or their worker died). backend:
 * an index, NODE_LOCAL or NODE_VIRTUAL. May hang: in a thread of its own. */
void handle_sweep(unsigned backend);

/* Is a sweep called for, because a backend that was full when a file was to be closed may have room now? */
bool handle_is_unclosed(unsigned backend);

/* ---- handle_reopen.c: after a reconnect ---- */

/* Makes h->fd valid for the backend's present epoch, within guard_enter/leave. 0; or -errno, by then the
 * handle may be poisoned. For the local tier: 0. */
errint_t handle_ensure(struct backend *b, struct handle *h) WARN_UNUSED;

/* The same, and *ref becomes the handle's descriptor that writes at the end (appends) or by offset. It stays
 * the handle's. Errors as above, and those of opening it (backend_ops.reopen). */
errint_t handle_ensure_for(struct backend *b, struct handle *h, bool appends, int *ref) WARN_UNUSED;

/* ---- handle_ledger.c: acknowledged writes ---- */

/* The file that was opened has this size and time. Before the handle is written to. */
void handle_start_ledger(struct handle *h, uint64_t known_end, int64_t mtime_ns);
/* A write of n bytes at offset was acknowledged; n bytes (> 0) were appended, by the request unique,
 * to a file that was known to reach up to `from` before; a sync was. */
void handle_wrote(struct handle *h, uint64_t offset, uint64_t n);
void handle_appended(struct handle *h, uint64_t unique, uint64_t from, const void *data, size_t n);
/* How many bytes the request has appended, if it was the last to do so through h; else 0. */
size_t handle_has_appended(struct handle *h, uint64_t unique);
/* Up to where the file must reach at least, by what was seen when it was opened and acknowledged since. */
uint64_t handle_known_end(struct handle *h);
/* How the last acknowledged append through h ended, into tail. Returns its length; 0: there was none. */
size_t handle_tail(struct handle *h, uint8_t tail[HANDLE_TAIL_MAX]);
uint64_t handle_unsynced(struct handle *h);
/* mark: handle_unsynced before the sync began. What was acknowledged since then it need not have covered. */
void handle_synced(struct handle *h, uint64_t mark);
/* The node's file was given this size, through h or (NULL) otherwise: no open file of it has to be longer. */
void handle_truncated(uint32_t node, struct handle *h, uint64_t size);
/* Over the connection of epoch the node's file was seen with this size, less than it had by what was
 * acknowledged before storage was asked: another client has cut it off. No file of it that is open over that
 * connection has to be longer. */
void handle_seen_cut(uint32_t node, uint64_t size, uint32_t epoch);
/* The same after a truncation that came to rc: one that failed for trouble with the backend may have been
 * made all the same, so that no open file of the node is lost for being shorter. */
void handle_truncation_ended(ssize_t rc, uint32_t node, struct handle *h, uint64_t size);

/* What lies in the range of node's file was acknowledged and has not come to storage: error (a positive
 * errno) is what write, fsync and close of its open files say from now on, and the file is listed as suspect.
 */
struct handle_range {
	uint64_t from, to;
};
void handle_lost(struct backend *b, uint32_t node, int error, struct handle_range range);

#endif
