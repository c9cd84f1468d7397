/* Places for requests to wait in their slots, in all and for each backend (docs/INTERNALS.md, "Parking").
 * Any thread. */
#ifndef GUARDFS_FS_ROOM_H
#define GUARDFS_FS_ROOM_H

#include "fs/context.h"

uint32_t room_whole(void);

/* Room and places inside, of which users have shares: a user filling the places inside may have as many
 * waiting. */
uint32_t room_to_share(void);

/* Counts a waiting request. False: no room, or none for this user. */
bool room_take(unsigned backend, uid_t uid);

void room_give_back(unsigned backend, uid_t uid);

/* Counts a predecessor's parked slots. Before threads. */
void room_restore(void);

#endif
