/* Listings of guarded directories. For as long as the kernel may keep attributes they answer look-ups: names for all
 * that is changed through this mount, which is noted here; attributes until anything on the backend is changed
 * through it. Any thread. */
#ifndef GUARDFS_FS_LISTED_H
#define GUARDFS_FS_LISTED_H

#include "fs/context.h"

/* Before storage is asked. */
struct listed_moment {
	uint32_t ticket, epoch;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
};
struct listed_moment listed_now(const struct backend *b);

/* May a name in dir have been changed since? */
bool listed_is_changed_since(const struct backend *b, uint32_t dir, const struct listed_moment *then);

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

/* A change of dir's names was begun at begun, and is over: before its caller has the answer. A name that was there is
 * made anew. st: of what was made. */
void listed_made(const struct backend *b, uint32_t dir, const char *name, const struct stat *st,
		 const struct listed_moment *begun);
void listed_removed(const struct backend *b, uint32_t dir, const char *name,
		    const struct listed_moment *begun);
/* st: of what was renamed, its type alone. */
void listed_renamed(const struct backend *b, uint32_t dir, const char *name, uint32_t new_dir,
		    const char *new_name, const struct stat *st, const struct listed_moment *begun);
/* What became of it is unknown. */
void listed_doubted(const struct backend *b, uint32_t dir);
/* dir itself was made, empty. */
void listed_new(const struct backend *b, uint32_t dir, const struct listed_moment *begun);

#endif
