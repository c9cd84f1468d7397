/* behind_send.h: brings owed bytes to storage within the guard, and tells open files of lost ones.
 * docs/WRITEBEHIND.md. */
#ifndef GUARDFS_FS_BEHIND_SEND_H
#define GUARDFS_FS_BEHIND_SEND_H

#include "fs/context.h"

/* Does one piece of work, in a thread with an empty RUNNING slot. False: there is none now. May hang. */
bool behind_send_step(unsigned backend);

/* Guardian answered the slot's request. If that is a FLUSH or FSYNC past its deadline, its caller takes the
 * owed bytes for lost: they are given up. */
void behind_send_no_more(const struct slot *slot);

#endif
