/* find.h: WARC files below a directory. Private to verify/ and guardctl smoke. */
#ifndef GUARDFS_VERIFY_FIND_H
#define GUARDFS_VERIFY_FIND_H

#include "verify/verify.h"

/* HealthArchive's place for damaged files. */
#define FIND_QUARANTINE "warcs_quarantine"

/* Any call may hang where storage does. Follows no symbolic links below the directory, whose path begins
 * all paths. */
struct find {
	void *context;
	/* Levels below the first. */
	unsigned depth_max;
	/* Names looked at. */
	unsigned entries_max;
	/* Names so far. */
	unsigned entries;
	/* A callback sets it to stop. */
	bool stop;

	/* May be NULL: before path is touched. */
	void (*touching)(void *context, const char *path);
	/* May be NULL: a directory, open as dir, before its entries. */
	void (*directory)(void *context, int dir, const char *path);
	/* A regular file *.warc.gz or *.warc: name in the open directory dir. */
	void (*found)(void *context, int dir, const char *name, const char *path, const struct stat *st);
	/* A failed open, listing or look; error: positive errno. */
	void (*failed)(void *context, const char *path, const char *what, int error);
};

void find_warcs(struct find *find, const char *path);

#endif
