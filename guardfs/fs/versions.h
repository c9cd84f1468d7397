/* Versions of state files on their way to the local disk (generations/generations.h), by a thread of its
 * own. Worker, any thread. */
#ifndef GUARDFS_FS_VERSIONS_H
#define GUARDFS_FS_VERSIONS_H

#include "fs/context.h"

bool versions_are_kept(void);

/* The file of node has this content now. */
void versions_add(uint32_t node, const void *data, size_t size);

/* It is about to be replaced, for the first time by this worker, or always: its content, with attributes
 * st, is read and kept. True: that is under way. Within the guard. */
bool versions_former(struct backend *b, uint32_t node, const struct stat *st, bool always);

/* Is one not on the local disk yet? */
bool versions_are_under_way(void);

#endif
