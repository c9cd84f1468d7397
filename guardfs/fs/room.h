/* room.h: how many requests may wait in their buffers (slots), over all backends and for each. What waits for
 * one backend leaves room for what waits for another, and slots for what need not wait. Worker, any thread.
 */
#ifndef GUARDFS_FS_ROOM_H
#define GUARDFS_FS_ROOM_H

#include "fs/fs.h"

/* Counts one more request as waiting for the backend with this index. False: there is no room, nothing was
 * counted. */
bool room_take(unsigned backend);

/* One that waited does so no longer. */
void room_give_back(unsigned backend);

/* The backends' counts (board_backend.parked) are those of the slots that a predecessor has parked. Before
 * threads. */
void room_restore(void);

#endif
