/* node_numbers.h: inode numbers of the guarded tiers, for fs/node*.c only.
 *
 * Where storage has numbers that last, a node's number is made of storage's. Elsewhere it is a hash of
 * backend and path, so that it is the same after a reconnect or a restart. Whoever has a file open takes
 * another one at its name for the same if the number is the same (tail -F, log shippers): so a node that is
 * renamed, or loses its name, keeps its number, and whatever takes its place while it lives is given another
 * one.
 *
 * Worker, any thread; a shard's lock may be held. */
#ifndef GUARDFS_FS_NODE_NUMBERS_H
#define GUARDFS_FS_NODE_NUMBERS_H

#include "fs/node.h"

/* Does storage have inode numbers that last? */
bool number_is_of_storage(const struct backend *b);
uint64_t number_of_storage(const struct backend *b, uint64_t storage_ino);

/* The number of a backend's root; and that of what is called name in the directory whose number is ino, where
 * numbers go by paths. */
uint64_t number_of_root(const struct backend *b);
uint64_t number_below(uint64_t ino, const char *name, size_t length);

/* The number by path that a name for which there is no node would be given. */
uint64_t number_for(uint32_t parent, const char *name);

/* Gives a new node of a backend's tree, which has its parent, name and flags and is not yet live, its number.
 */
void number_give(struct node *node, uint64_t storage_ino);

/* Storage has shown a directory that was only assumed to be there: by now storage's own number for it is
 * known. */
void number_seen(struct node *node, uint64_t storage_ino);

/* The node leaves its place and keeps its number: nobody else is given that while it lives. Before another
 * node can take the place. */
void number_keep(struct node *node);
/* The node has come to another place: maybe the one that its number comes from. */
void number_settle(struct node *node);
/* The node is freed. */
void number_drop(struct node *node);

/* Rebuilds what is known of numbers from the arena, after the records are rebuilt. Before threads. 0 or
 * -ENOMEM. */
errint_t number_init(void) WARN_UNUSED;

#endif
