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
struct node *entry_intern(struct node *parent, const char *name, const struct found *found);

/* A LOOKUP that promised its caller a node (slot.fallback) got another answer: takes the lookup back. */
void entry_forget_promised(struct slot *slot);

/* Attributes of a virtual node. */
void entry_virtual_stat(const struct node *node, struct stat *st);

void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);

#endif
