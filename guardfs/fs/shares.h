/* shares.h: what each user has of what all draw on, and whether he may have more (policy/share.h). The counts
 * are the worker's private memory, counted again by its successor; lock-free, any thread. */
#ifndef GUARDFS_FS_SHARES_H
#define GUARDFS_FS_SHARES_H

#include "fs/context.h"
#include "shm/board.h"

/* Finds out how much there is of each kind, and forgets all counts. nofile: how many descriptors worker and
 * guardian may have; cached: how many of those go to nodes and can be had back; handles: does the local tier
 * lead to files by handle (else each node keeps a descriptor)? waiting: how many requests that wait in their
 * slots users have shares of (room_to_share). Before threads, and before what is counted is restored. */
void shares_init(uint64_t nofile, uint32_t cached, bool handles, uint32_t waiting);

/* The user takes n of kind. False: he has his share, or there is none left; the refusal is counted. */
bool shares_take(enum share_kind kind, uid_t uid, uint32_t n) WARN_UNUSED;

/* The same for what he has already: from a predecessor. */
void shares_restore(enum share_kind kind, uid_t uid, uint32_t n);

void shares_give_back(enum share_kind kind, uid_t uid, uint32_t n);

/* One more task of the user goes into the backend with this index, of whose max_inflight he has a share; an
 * eighth is root's alone. False: it is full for him; nothing was counted, unless anyway (the task goes in all
 * the same). */
bool shares_enter(unsigned backend, uid_t uid, bool anyway);
void shares_leave(unsigned backend, uid_t uid);

/* Would shares_enter let one in now? */
bool shares_has_place(unsigned backend, uid_t uid);

#endif
