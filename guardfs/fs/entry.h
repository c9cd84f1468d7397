/* Replies that hand a node to the kernel. Any thread. */
#ifndef GUARDFS_FS_ENTRY_H
#define GUARDFS_FS_ENTRY_H

#include "fs/context.h"

/* Cache time. */
double entry_seconds(const struct node *node);

void entry_fill(struct fuse_entry_param *e, struct node *node, const struct stat *st);
/* The same with attributes of that age, kept so much shorter. */
void entry_fill_aged(struct fuse_entry_param *e, struct node *node, const struct stat *st, double age_s);

/* Answers with node, on which a lookup was counted; NULL: ENOMEM. -ENOENT: nobody waited, the lookup was
 * taken back. */
int entry_reply(fuse_req_t req, struct node *node, const struct stat *st);
int entry_reply_aged(fuse_req_t req, struct node *node, const struct stat *st, double age_s);

/* The node, with a lookup, of an object found or made below parent. NULL: table full. */
struct node *entry_intern(struct node *parent, const char *name, struct found *found);

void entry_virtual_stat(const struct node *node, struct stat *st);

#endif
