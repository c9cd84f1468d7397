/* listed.h: attributes that storage gave with a directory's listing. They answer the look-ups that follow it, for as
 * long as the kernel may keep attributes, unless something was changed through this mount meanwhile. Any thread. */
#ifndef GUARDFS_FS_LISTED_H
#define GUARDFS_FS_LISTED_H

#include "fs/context.h"

/* A listing that is being made; zero-initialise. */
struct listed_maker {
	struct listed *made;
};

/* Storage is about to be asked for the listing of dir. caller: the thread that wants it; 0: unknown. */
void listed_begin(struct listed_maker *maker, const struct backend *b, uint32_t dir, pid_t caller);

/* An entry of it but "." and ".."; st: NULL: it came without, or is not shown. */
void listed_add(struct listed_maker *maker, const char *name, size_t length, const struct stat *st);

/* It is complete: it takes the place of an older one. Or it is not, and is forgotten. */
void listed_end(struct listed_maker *maker, bool complete);

/* The attributes of a name in dir, and their age in seconds. False: storage is to be asked. */
bool listed_find(const struct backend *b, uint32_t dir, const char *name, struct found *found, double *age_s);

/* The same of a node, by its name. */
bool listed_find_node(const struct backend *b, const struct node *node, struct stat *st, double *age_s);

/* Has dir no such name, nor one that a server which folds case would take for it, by a listing of all that is in it, begun
 * no longer ago than attributes may be old? False: storage is to be asked. */
bool listed_lacks(const struct backend *b, uint32_t dir, const char *name);

/* Emits all entries of dir, "." and ".." before them, from a listing of all that is in it, which the same caller has had no longer ago than attributes
 * may be old: rm(1) opens each directory twice. False: storage is to be asked. */
bool listed_repeat(const struct backend *b, uint32_t dir, pid_t caller, readdir_fn emit, void *arg);

#endif
