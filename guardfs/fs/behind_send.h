/* behind_send.h: brings to storage what is owed to it (fs/behind.h), within the guard, and tells open files
 * what could not be brought. docs/WRITEBEHIND.md. Worker. */
#ifndef GUARDFS_FS_BEHIND_SEND_H
#define GUARDFS_FS_BEHIND_SEND_H

#include "fs/context.h"

/* Does one piece of work of the backend, in a thread with an empty slot of its own in state RUNNING. False:
 * there is none to be done now. May hang like any operation. */
bool behind_send_step(unsigned backend);

/* The request in the slot was answered by guardian. If it is a FLUSH or FSYNC that waited for what is owed, and its deadline
 * is over, its caller takes that for lost: it is given up, not to come to storage later, on top of something newer. */
void behind_send_no_more(const struct slot *slot);

#endif
