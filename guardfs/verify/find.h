/* find.h: the WARC files below a directory. Private to verify/ and to guardctl smoke. */
#ifndef GUARDFS_VERIFY_FIND_H
#define GUARDFS_VERIFY_FIND_H

#include "verify/verify.h"

/* What was found damaged by HealthArchive is put there. */
#define FIND_QUARANTINE "warcs_quarantine"

/* Any of its calls may hang where storage does. Symbolic links are not followed, but for the directory
 * itself. Paths are those of the directory, a slash, and so on. */
struct find {
	void *context;
	unsigned depth_max;   /* directories below the first */
	unsigned entries_max; /* names looked at */
	unsigned entries;     /* names so far */
	bool stop;	      /* set by a callback: enough */

	/* May be NULL: before path is touched. */
	void (*touching)(void *context, const char *path);
	/* May be NULL: a directory, open as dir, before its entries. */
	void (*directory)(void *context, int dir, const char *path);
	/* A regular file called *.warc.gz or *.warc: name in the open directory dir. */
	void (*found)(void *context, int dir, const char *name, const char *path, const struct stat *st);
	/* A directory could not be opened or listed, or a name in it not be looked at; error: positive errno.
	 */
	void (*failed)(void *context, const char *path, const char *what, int error);
};

/* Looks below the directory path. */
void find_warcs(struct find *find, const char *path);

#endif
