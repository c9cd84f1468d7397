/* statefiles.h: which files of guarded tiers are state files (docs/STATEFILES.md), and who is at one at the moment.
 *
 * sshfs moves a file that is open away before another takes its name: for a moment the name is missing, and for good if the
 * connection ends just then. So nobody opens a state file while it is being replaced, and it is not replaced while anybody
 * opens it. Worker; within the guard unless said otherwise, any thread. */
#ifndef GUARDFS_FS_STATEFILES_H
#define GUARDFS_FS_STATEFILES_H

#include "fs/node.h"

/* Removes from a directory that is to be removed what rewritings of its files have left beside them. 0; -ENOTEMPTY: something
 * else is in it, or nothing; GUARD_POISONED: the request was answered meanwhile; or storage's -errno. */
errint_t statefiles_clear(struct backend *b, uint32_t dir) WARN_UNUSED;

/* By name, in directory dir of a backend's tree. */
bool statefiles_is_named(uint32_t dir, const char *name);
/* node: of a guarded tier. A larger file than statefiles_size is none all the same. */
bool statefiles_is(const struct node *node);
uint64_t statefiles_size(void);

/* Before storage is asked to open the name, or to find it; a place for statefiles_leave, after the file has its handle.
 * STATEFILES_REPLACED: it is being replaced; GUARD_BY_NAME then lets BACKEND_NODE_GONE wait for that. */
#define STATEFILES_NO_PLACE (-1)
#define STATEFILES_REPLACED (-2)
int statefiles_enter(uint32_t dir, const char *name);
void statefiles_leave(int place);
/* The same, but waits until it is not being replaced. 0; GUARD_POISONED: the request was answered meanwhile. */
errint_t statefiles_join(uint32_t dir, const char *name, int *place) WARN_UNUSED;
/* By node's name. Also the error of a node that has none. */
errint_t statefiles_join_node(uint32_t node, int *place) WARN_UNUSED;

/* Is it being replaced? */
bool statefiles_is_replaced(uint32_t dir, const char *name);

/* Before a file is replaced: waits until nobody else is at the name. GUARD_POISONED: the request was answered meanwhile.
 * *place is for statefiles_end. */
errint_t statefiles_begin(uint32_t dir, const char *name, int *place) WARN_UNUSED;
void statefiles_end(int place);

#endif
