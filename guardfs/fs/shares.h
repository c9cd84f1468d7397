/* shares.h: users' shares of what all draw on (policy/share.h). Counts are the worker's private memory,
 * recounted by its successor; lock-free, any thread. */
#ifndef GUARDFS_FS_SHARES_H
#define GUARDFS_FS_SHARES_H

#include "fs/context.h"
#include "shm/board.h"

/* Capacities of each kind; all counts become zero. nofile: worker's and guardian's descriptors; cached:
 * those of nodes that can be evicted; handles: file handles lead to local files (else each node keeps a
 * descriptor); waiting: room_to_share. Before threads and before counts are restored. */
void shares_init(uint64_t nofile, uint32_t cached, bool handles, uint32_t waiting);

/* The user takes n. False: no share, or none left; the refusal is counted. */
bool shares_take(enum share_kind kind, uid_t uid, uint32_t n) WARN_UNUSED;

/* A predecessor's. */
void shares_restore(enum share_kind kind, uid_t uid, uint32_t n);

void shares_give_back(enum share_kind kind, uid_t uid, uint32_t n);

/* A task of the user enters this backend, within the user's share of max_inflight; an eighth is root's.
 * False: full for the user, not counted unless anyway (it enters all the same). */
bool shares_enter(unsigned backend, uid_t uid, bool anyway);
void shares_leave(unsigned backend, uid_t uid);

/* Would shares_enter succeed now? */
bool shares_has_place(unsigned backend, uid_t uid);

#endif
