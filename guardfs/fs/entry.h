/* entry.h: replies that hand a node to the kernel. Worker, any thread. */
#ifndef GUARDFS_FS_ENTRY_H
#define GUARDFS_FS_ENTRY_H

#include "fs/context.h"

/* Cache time for node. */
double entry_seconds(const struct node *node);

/* With attributes st and the cache times of node's tier. */
void entry_fill(struct fuse_entry_param *e, struct node *node, const struct stat *st);

/* Answers with node, on which a lookup was counted, and takes it back if nobody waits. node NULL: ENOMEM.
 * Returns the result of sending: -ENOENT: nobody waited. */
int entry_reply(fuse_req_t req, struct node *node, const struct stat *st);

/* Interns an object found or made below parent (as the kernel knows it: fs/view.h), with a lookup. NULL:
 * the table is full. */
struct node *entry_intern(struct node *parent, const char *name, struct found *found);

void entry_virtual_stat(const struct node *node, struct stat *st);

#endif
