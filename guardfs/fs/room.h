/* room.h: places for requests to wait in their slots, in all and for each backend: a crowd at one backend
 * leaves room for others, and slots for requests that need not wait. Worker, any thread. */
#ifndef GUARDFS_FS_ROOM_H
#define GUARDFS_FS_ROOM_H

#include "fs/context.h"

/* Places in all. */
uint32_t room_whole(void);

/* Room and places inside together, of which users have shares: a user who fills the places inside may have
 * as many more waiting. */
uint32_t room_to_share(void);

/* Counts a waiting request of this user. False: no room, or none for this user (fs/shares.h); not counted. */
bool room_take(unsigned backend, uid_t uid);

/* It no longer waits. */
void room_give_back(unsigned backend, uid_t uid);

/* Counts a predecessor's parked slots (board_backend.parked). Before threads. */
void room_restore(void);

#endif
