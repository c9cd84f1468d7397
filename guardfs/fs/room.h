/* room.h: how many requests may wait in their slots, in all and for each backend. A crowd that waits for one
 * backend leaves room for those that wait for another, and slots for requests that need not wait. Worker,
 * any thread. */
#ifndef GUARDFS_FS_ROOM_H
#define GUARDFS_FS_ROOM_H

#include "fs/context.h"

/* How many may wait in all. */
uint32_t room_whole(void);

/* What users have shares of: room and places inside together, so that a user who has filled his part of those
 * may have as many more waiting as he would otherwise have had inside. */
uint32_t room_to_share(void);

/* Counts one more request of this user as waiting for the backend with this index. False: there is no room,
 * or no more for him (fs/shares.h); nothing was counted. */
bool room_take(unsigned backend, uid_t uid);

/* One that waited does so no longer. */
void room_give_back(unsigned backend, uid_t uid);

/* The backends' counts (board_backend.parked) are those of the slots that a predecessor has parked. Before
 * threads. */
void room_restore(void);

#endif
