/* Which files of guarded tiers are state files (docs/STATEFILES.md), and who is at one now.
 *
 * sshfs moves an open file away before another takes its name: the name is missing for a moment, and for
 * good if the connection ends just then. So a state file is not opened while it is being replaced, nor
 * replaced while it is being opened. Worker; within the guard unless said otherwise, any thread. */
#ifndef GUARDFS_FS_STATEFILES_H
#define GUARDFS_FS_STATEFILES_H

#include "fs/node.h"

/* Removes from a directory about to be removed what rewritings of its files left there. 0; -ENOTEMPTY:
 * something else is in it, or nothing; GUARD_POISONED: answered meanwhile; or storage's -errno. */
errint_t statefiles_clear(struct backend *b, uint32_t dir) WARN_UNUSED;

/* By name, in directory dir of a backend's tree. */
bool statefiles_is_named(uint32_t dir, const char *name);
/* node: of a guarded tier. A file larger than statefiles_size is none all the same. */
bool statefiles_is(const struct node *node);
uint64_t statefiles_size(void);

/* Before storage is asked to open or find the name; a place for statefiles_leave, once the file has its
 * handle. STATEFILES_REPLACED: it is being replaced; GUARD_BY_NAME then lets BACKEND_NODE_GONE wait for
 * that. */
#define STATEFILES_NO_PLACE (-1)
#define STATEFILES_REPLACED (-2)
int statefiles_enter(uint32_t dir, const char *name);
void statefiles_leave(int place);
/* The same, but waits while it is being replaced. 0; GUARD_POISONED: answered meanwhile. */
errint_t statefiles_join(uint32_t dir, const char *name, int *place) WARN_UNUSED;
/* By node's name. Also the error of a nameless node. */
errint_t statefiles_join_node(uint32_t node, int *place) WARN_UNUSED;

bool statefiles_is_replaced(uint32_t dir, const char *name);

/* Before a file is replaced: waits until nobody else is at the name. GUARD_POISONED: answered meanwhile.
 * *place is for statefiles_end. */
errint_t statefiles_begin(uint32_t dir, const char *name, int *place) WARN_UNUSED;
void statefiles_end(int place);

#endif
