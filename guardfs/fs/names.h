/* Names made and taken away through this mount: what is remembered of their directories follows. The local tier's are
 * left alone. Worker threads, within the guard, before the caller has the answer. */
#ifndef GUARDFS_FS_NAMES_H
#define GUARDFS_FS_NAMES_H

#include "fs/listed.h"

/* Before storage is asked; dir: node of a directory in b's own tree, here and below. */
struct listed_moment names_begin(const struct backend *b);

/* st: of what was made, or opened, under the name. */
void names_made(const struct backend *b, uint32_t dir, const char *name, const struct stat *st,
		const struct listed_moment *begun);
/* The same of what was there before, under another name. */
void names_linked(const struct backend *b, uint32_t dir, const char *name, const struct stat *st,
		  const struct listed_moment *begun);
void names_removed(const struct backend *b, uint32_t dir, const char *name,
		   const struct listed_moment *begun);
/* st: of what was renamed, its type alone. */
void names_renamed(const struct backend *b, uint32_t dir, const char *name, uint32_t new_dir,
		   const char *new_name, const struct stat *st, const struct listed_moment *begun);
/* It failed, or nobody knows. */
void names_doubted(const struct backend *b, uint32_t dir);
/* made: dir itself, which is empty, with these attributes. */
void names_new(const struct backend *b, uint32_t dir, const struct stat *made,
	       const struct listed_moment *begun);

#endif
