/* node_numbers.h: inode numbers of the guarded tiers, for fs/node*.c only.
 *
 * Where storage has lasting numbers, a node's number is made of storage's. Elsewhere it is a hash of backend
 * and path, so it is the same after a reconnect or a restart. A program with an open file takes another file
 * at its name for the same one if the number is the same (tail -F, log shippers). So a node that is renamed,
 * or loses its name, keeps its number; another node that takes its place while it lives gets another one.
 *
 * Worker, any thread; a shard's lock may be held. */
#ifndef GUARDFS_FS_NODE_NUMBERS_H
#define GUARDFS_FS_NODE_NUMBERS_H

#include "fs/node.h"

/* Does storage have inode numbers that last? */
bool number_is_of_storage(const struct backend *b);
uint64_t number_of_storage(const struct backend *b, uint64_t storage_ino);

/* The number of a backend's root. The number of name in the directory with number ino, where numbers go by
 * paths. */
uint64_t number_of_root(const struct backend *b);
uint64_t number_below(uint64_t ino, const char *name, size_t length);

/* The number by path for a name that has no node. */
uint64_t number_for(uint32_t parent, const char *name);

/* Gives a new node of a backend's tree its number. Parent, name and flags are set, the node is not yet live.
 */
void number_give(struct node *node, uint64_t storage_ino);

/* A directory that was assumed to exist was seen: storage's own number for it is known now. */
void number_seen(struct node *node, uint64_t storage_ino);

/* The node leaves its place, and keeps its number for itself while it lives. Call before another node can
 * take the place. */
void number_keep(struct node *node);
/* The node has come to another place, perhaps the one that its number comes from. */
void number_settle(struct node *node);
/* The node is freed. */
void number_drop(struct node *node);

/* Rebuilds what is known of numbers from the arena, after the records are rebuilt. Before threads. 0 or
 * -ENOMEM. */
errint_t number_init(void) WARN_UNUSED;

#endif
