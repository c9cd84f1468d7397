/* Brings owed bytes to storage, and tells open files of lost ones (docs/WRITEBEHIND.md). */
#ifndef GUARDFS_FS_BEHIND_SEND_H
#define GUARDFS_FS_BEHIND_SEND_H

#include "fs/context.h"

/* Does one piece of work, in a thread with an empty RUNNING slot. False: there is none. May hang. */
bool behind_send_step(unsigned backend);

/* Guardian answered the slot's request: if that was a FLUSH or FSYNC past its deadline, the owed bytes are
 * given up. */
void behind_send_no_more(const struct slot *slot);

#endif
