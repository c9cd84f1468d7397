/* handle.h (fs): open files: allocation, use counts, ledger of acknowledged writes, reopening after a
 * reconnect. Worker; any thread unless said otherwise. */
#ifndef GUARDFS_FS_HANDLE_H
#define GUARDFS_FS_HANDLE_H

#include "fs/context.h"

/* Index in the arena's table. */
static inline uint32_t handle_number(const struct handle *h)
{
	return (uint32_t)(h - fs.arena->handles);
}

/* Resets use counts, rebuilds the free list. Before threads. 0 or -ENOMEM. */
errint_t handle_init(void) WARN_UNUSED;

/* May the caller open one more? Before the open; handle_new uses it, or the request's end takes it back.
 * False: EMFILE. */
bool handle_admit(void) WARN_UNUSED;
void handle_end_request(void);

/* Counts kib of listing to its user, instead of the former count. False: no share left; the former count
 * stays. */
bool handle_count_listing(struct handle *h, uint32_t kib) WARN_UNUSED;

/* For handle.c: counts a new handle to the caller; uncounts; counts again in a new worker. */
void handle_count(struct handle *h);
void handle_uncount(struct handle *h);
void handle_count_again(const struct handle *h);

/* For snapshot_fd. -errno. */
int handle_memfd(const char *name) WARN_UNUSED;

/* Owns ref (-1: none). NULL: the table is full, ref stays the caller's. */
struct handle *handle_new(uint32_t node, enum handle_kind kind, uint8_t backend, int flags, int ref,
			  uint32_t epoch, enum handle_name name);

/* The live handle with this fh, its use count raised, or NULL. handle_put drops it, and frees a released
 * handle. */
struct handle *handle_get(uint64_t fh);
void handle_put(struct handle *h);

/* The last user closes and frees. */
void handle_release(struct handle *h);

/* In two steps, for RELEASE: retire before the answer (for a successor's knowledge), finish after it
 * (closing may take long). Between, the last other user may free it. */
void handle_retire(struct handle *h);
void handle_finish(struct handle *h);

/* The node has lost its last name. */
void handle_mark_unlinked(uint32_t node);

/* Is a file open that was removed from this directory of a backend's tree, or from a directory removed
 * from it? */
bool handle_is_removed_from(uint32_t dir);

/* Any live handle of the node, for files without a name, its use count raised; stray: of HANDLE_STRAY.
 * NULL: none. */
struct handle *handle_find(uint32_t node, bool stray);

/* By the node's open files. */
bool handle_is_executed(uint32_t node);

/* Closes released handles left open (backend down, worker dead). backend: index, NODE_LOCAL or
 * NODE_VIRTUAL. May hang: in a thread of its own. */
void handle_sweep(unsigned backend);

/* Is a sweep needed, as a full backend may have room for closing now? */
bool handle_is_unclosed(unsigned backend);

/* ---- handle_reopen.c: after a reconnect ---- */

/* Within guard_enter/leave: makes h->fd valid for the present epoch. 0; or -errno, and the handle may be
 * poisoned. Local tier: 0. */
errint_t handle_ensure(struct backend *b, struct handle *h) WARN_UNUSED;

/* The same; *ref: the handle's descriptor (its own) that writes at the end (appends) or by offset. Errors
 * as above, and of backend_ops.reopen. */
errint_t handle_ensure_for(struct backend *b, struct handle *h, bool appends, int *ref) WARN_UNUSED;

/* ---- handle_ledger.c: acknowledged writes ---- */

/* The opened file's size and time. Before any write. */
void handle_start_ledger(struct handle *h, uint64_t known_end, int64_t mtime_ns);
/* Acknowledged: n bytes written at offset; n bytes (> 0) appended by request unique to a file known to
 * reach `from`; a sync. */
void handle_wrote(struct handle *h, uint64_t offset, uint64_t n);
void handle_appended(struct handle *h, uint64_t unique, uint64_t from, const void *data, size_t n);
/* Bytes that the request has appended, if it was the last to append through h; else 0. */
size_t handle_has_appended(struct handle *h, uint64_t unique);
/* Least end of the file, by the open and the acknowledged writes since. */
uint64_t handle_known_end(struct handle *h);
/* Copies the end of the last acknowledged append. Returns its length; 0: none. */
size_t handle_tail(struct handle *h, uint8_t tail[HANDLE_TAIL_MAX]);
/* How many acknowledged bytes no sync has covered. */
uint64_t handle_unsynced(struct handle *h);
/* Begins a sync; its success, with the result of the beginning: later writes need not be covered. */
uint32_t handle_sync_begins(struct handle *h);
void handle_synced(struct handle *h, uint32_t mark);
/* The file was given this size, through h or (NULL) otherwise: no open file must be longer. */
void handle_truncated(uint32_t node, struct handle *h, uint64_t size);
/* Over epoch's connection the file was seen shorter than the writes acknowledged before: another client
 * cut it. No open file of that connection must be longer. */
void handle_seen_cut(uint32_t node, uint64_t size, uint32_t epoch);
/* The same of an older time than the node was known to have: somebody set it back, as cp -p and touch do. */
void handle_seen_set_back(uint32_t node, int64_t mtime_ns, uint32_t epoch);
/* As handle_truncated after a truncation with result rc: one failed by trouble of the backend may have been
 * made. */
void handle_truncation_ended(ssize_t rc, uint32_t node, struct handle *h, uint64_t size);

/* Acknowledged bytes in these ranges of node's file are lost: the file is suspect (fs/suspects.h), and its
 * open files' write, fsync and close say error (positive errno) from now on. */
void handle_lost(struct backend *b, uint32_t node, int error, const struct ledger *ranges);

#endif
