/* behind_send.h: brings to storage what is owed to it (fs/behind.h), within the guard, and tells open files
 * what could not be brought. docs/WRITEBEHIND.md. Worker. */
#ifndef GUARDFS_FS_BEHIND_SEND_H
#define GUARDFS_FS_BEHIND_SEND_H

#include "fs/context.h"

/* Does one piece of work of the backend, in a thread with an empty slot of its own in state RUNNING. False:
 * there is none to be done now. May hang like any operation. */
bool behind_send_step(unsigned backend);

/* A FLUSH or FSYNC of the file of node was, or is about to be, answered with an error while something was
 * owed of it: its caller takes that for lost, so it is not to come to storage any more, on top of something
 * newer. */
void behind_send_no_more(unsigned backend, uint32_t node);

/* The same for a request that waited in this slot, EXPIRED, and is about to be given back. */
void behind_send_expired(const struct slot *slot);

#endif
