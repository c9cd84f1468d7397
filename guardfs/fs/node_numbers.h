/* Inode numbers of guarded tiers, for fs/node*.c (docs/INTERNALS.md, "Inode numbers"). Any thread; a shard's
 * lock may be held. */
#ifndef GUARDFS_FS_NODE_NUMBERS_H
#define GUARDFS_FS_NODE_NUMBERS_H

#include "fs/node.h"

bool number_is_of_storage(const struct backend *b);
uint64_t number_of_storage(const struct backend *b, uint64_t storage_ino);

/* Numbers by path: of a backend's root; of name in directory ino. */
uint64_t number_of_root(const struct backend *b);
uint64_t number_below(uint64_t ino, const char *name, size_t length);

/* The number by path of a name without a node. */
uint64_t number_for(uint32_t parent, const char *name);

/* For a new node with parent, name and flags, not yet live. */
void number_give(struct node *node, uint64_t storage_ino);

/* Storage's number of an assumed directory is known. */
void number_seen(struct node *node, uint64_t storage_ino);

/* The node leaves its place. Before another can take it. */
void number_keep(struct node *node);
/* The node has a new place. */
void number_settle(struct node *node);
/* The node is freed. */
void number_drop(struct node *node);

/* Before threads, after the records. 0 or -ENOMEM. */
errint_t number_init(void) WARN_UNUSED;

#endif
