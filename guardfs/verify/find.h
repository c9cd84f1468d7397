/* WARCs below a directory, for verify/ and guardctl smoke. */
#ifndef GUARDFS_VERIFY_FIND_H
#define GUARDFS_VERIFY_FIND_H

#include "verify/verify.h"

/* HealthArchive's, for damaged files. */
#define FIND_QUARANTINE "warcs_quarantine"

/* Calls may hang. Follows no links below the directory, whose path begins all paths. Of the callbacks `found` and
 * `failed` may not be NULL. */
struct find {
	void *context;
	/* Levels below the first. */
	unsigned depth_max;
	/* Names looked at. */
	unsigned entries_max;
	/* So far. */
	unsigned entries;
	/* Set by a callback. */
	bool stop;

	/* Before path is touched. */
	void (*touching)(void *context, const char *path);
	/* Open as dir, before its entries. */
	void (*directory)(void *context, int dir, const char *path);
	/* A regular *.warc.gz or *.warc: name in open dir. */
	void (*found)(void *context, int dir, const char *name, const char *path, const struct stat *st);
	/* error: positive errno. */
	void (*failed)(void *context, const char *path, const char *what, int error);
};

void find_warcs(struct find *find, const char *path);

#endif
