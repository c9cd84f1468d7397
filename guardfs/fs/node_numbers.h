/* node_numbers.h: inode numbers of guarded tiers, for fs/node*.c.
 *
 * Made of storage's lasting numbers, else a hash of backend and path: the same after a reconnect or
 * restart. Programs take a file with the same number at a name for the same file (tail -F, log shippers):
 * a node that is renamed or loses its name keeps its number; a living node's successor in its place gets
 * another.
 *
 * Worker, any thread; a shard's lock may be held. */
#ifndef GUARDFS_FS_NODE_NUMBERS_H
#define GUARDFS_FS_NODE_NUMBERS_H

#include "fs/node.h"

bool number_is_of_storage(const struct backend *b);
uint64_t number_of_storage(const struct backend *b, uint64_t storage_ino);

/* Of a backend's root; of name in the directory with number ino, by path. */
uint64_t number_of_root(const struct backend *b);
uint64_t number_below(uint64_t ino, const char *name, size_t length);

/* By path, for a name without a node. */
uint64_t number_for(uint32_t parent, const char *name);

/* For a new node of a backend's tree, with parent, name and flags set, not yet live. */
void number_give(struct node *node, uint64_t storage_ino);

/* Storage's number of an assumed directory is known. */
void number_seen(struct node *node, uint64_t storage_ino);

/* The node leaves its place with its number. Before another node can take the place. */
void number_keep(struct node *node);
/* The node has a new place, perhaps its number's. */
void number_settle(struct node *node);
/* The node is freed. */
void number_drop(struct node *node);

/* From the arena, after the records. Before threads. 0 or -ENOMEM. */
errint_t number_init(void) WARN_UNUSED;

#endif
