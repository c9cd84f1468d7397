/* Finishes the renames of fs/halfway.h once their backend serves again. */
#ifndef GUARDFS_FS_HALFWAY_FINISH_H
#define GUARDFS_FS_HALFWAY_FINISH_H

#include "fs/context.h"

/* Is there something to be finished now? Any thread of worker. */
bool halfway_may_finish(unsigned backend);

/* Gives the file its new name where nothing has that name, and the file still has its old one and its size. In a thread with an empty RUNNING
 * slot, one for each backend; may hang. An error of storage is told in the log, and the rename stays as it is; one of the connection leaves it
 * for the next connection, twice. */
void halfway_finish(unsigned backend);

#endif
