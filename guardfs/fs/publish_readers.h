/* publish_readers.h: readers of a state file that is about to be replaced. Worker, any thread. */
#ifndef GUARDFS_FS_PUBLISH_READERS_H
#define GUARDFS_FS_PUBLISH_READERS_H

#include "fs/context.h"

/* Who has node's file open for reading keeps this version, in memory, and its descriptors are closed: a version is read as
 * a whole, whatever comes after it. sshfs moves a file out of the way that it takes for open, so that for a moment nothing has its name, or for long
 * if sshfs ends in that moment. It hears of a close some time after close(2): requests that wait for the server belong
 * between this and the rename. Within the guard, between statefiles_begin and statefiles_end. 0; or storage's -errno. */
errint_t publish_keep_readers(struct backend *b, uint32_t node) WARN_UNUSED;

#endif
