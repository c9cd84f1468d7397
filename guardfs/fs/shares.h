/* Users' shares of what all draw on (policy/share.h). Private memory, recounted by a new worker. Lock-free,
 * any thread. */
#ifndef GUARDFS_FS_SHARES_H
#define GUARDFS_FS_SHARES_H

#include "fs/context.h"
#include "shm/board.h"

/* Sets capacities, zeroes counts. nofile: worker's and guardian's descriptors; cached: evictable ones of
 * nodes; handles: local files have file handles (else each node keeps a descriptor); waiting:
 * room_to_share. Before threads. */
void shares_init(uint64_t nofile, uint32_t cached, bool handles, uint32_t waiting);

/* False: nothing left for the user; counted as a refusal. */
bool shares_take(enum share_kind kind, uid_t uid, uint32_t n) WARN_UNUSED;

/* A predecessor's. */
void shares_restore(enum share_kind kind, uid_t uid, uint32_t n);

void shares_give_back(enum share_kind kind, uid_t uid, uint32_t n);

/* A task enters, within the user's share of max_inflight. False: full for the user, not counted unless
 * anyway. */
bool shares_enter(unsigned backend, uid_t uid, bool anyway);
void shares_leave(unsigned backend, uid_t uid);

bool shares_has_place(unsigned backend, uid_t uid);

#endif
