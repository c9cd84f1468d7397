/* entry.h: replies that hand a node to the kernel. Worker, any thread. */
#ifndef GUARDFS_FS_ENTRY_H
#define GUARDFS_FS_ENTRY_H

#include "fs/context.h"

/* How long the kernel may keep what storage said about node. */
double entry_seconds(const struct node *node);

/* Fills e for node with attributes st and the cache times of its tier. */
void entry_fill(struct fuse_entry_param *e, struct node *node, const struct stat *st);

/* Answers with node, on which one lookup has been counted; takes it back if nobody waits for the answer any
 * more. node NULL: ENOMEM. Returns what sending gave: -ENOENT if nobody waited. */
int entry_reply(fuse_req_t req, struct node *node, const struct stat *st);

/* Interns what a backend found or made below parent (as the kernel knows it: fs/view.h), lookup counted. NULL
 * when the table is full. */
struct node *entry_intern(struct node *parent, const char *name, struct found *found);

/* Attributes of a virtual node. */
void entry_virtual_stat(const struct node *node, struct stat *st);

#endif
