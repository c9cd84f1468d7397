/* Attributes that came with a directory's listing. They answer look-ups for as long as the kernel may keep
 * attributes, unless something was changed through this mount meanwhile. Any thread. */
#ifndef GUARDFS_FS_LISTED_H
#define GUARDFS_FS_LISTED_H

#include "fs/context.h"

/* A listing that is being made; zero-initialise. */
struct listed_maker {
	struct listed *made;
};

/* Before storage is asked for dir's listing. caller: the thread that wants it; 0: unknown. */
void listed_begin(struct listed_maker *maker, const struct backend *b, uint32_t dir, pid_t caller);

/* An entry of it but "." and ".."; st: NULL: it came without, or is not shown. */
void listed_add(struct listed_maker *maker, const char *name, size_t length, const struct stat *st);

/* complete: takes the place of an older one; else it is forgotten. */
void listed_end(struct listed_maker *maker, bool complete);

/* A name's attributes in dir, and their age in seconds. False: ask storage. */
bool listed_find(const struct backend *b, uint32_t dir, const char *name, struct found *found, double *age_s);

/* The same of a node, by its name. */
bool listed_find_node(const struct backend *b, const struct node *node, struct stat *st, double *age_s);

/* Does a whole listing of dir, begun no longer ago than attributes may be old, lack the name, and any that
 * a case-folding server would take for it? False: ask storage. */
bool listed_lacks(const struct backend *b, uint32_t dir, const char *name);

/* Emits "." and "..", then all entries of dir, from a whole listing that the same caller had no longer ago
 * than attributes may be old: rm(1) opens each directory twice. False: ask storage. */
bool listed_repeat(const struct backend *b, uint32_t dir, pid_t caller, readdir_fn emit, void *arg);

#endif
