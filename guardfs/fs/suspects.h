/* suspects.h: files that may lack what was acknowledged of them, filed for keeper (shm/suspect.h); and what
 * becomes of them through the mount. Guarded tiers only. Worker; any thread. */
#ifndef GUARDFS_FS_SUSPECTS_H
#define GUARDFS_FS_SUSPECTS_H

#include "fs/context.h"

/* The file of node is suspect. To be called before any caller sees the error. news: LOST, POISONED, FAILED, or
 * READ. error: that callers get, a positive errno. size: that the file must have at least. ranges: where in
 * it; NULL: nowhere. overwrote: something else was there before. */
struct suspected {
	enum suspect_news news;
	int error;
	uint64_t size;
	bool overwrote;
	const struct ledger *ranges;
};
void suspects_file(const struct backend *b, uint32_t node, const struct suspected *what);

/* The request in the buffer was begun and met an error. If it writes, what it was to write may be there, or
 * not, or in part. */
void suspects_doubt(const uint8_t *buffer);

/* A name in a directory of a backend's tree was renamed, removed, or given to the file of node as well. These
 * cost two loads while no file is suspect. */
void suspects_renamed(const struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
		      const char *newname, bool exchange);
void suspects_removed(const struct backend *b, uint32_t parent, const char *name);
void suspects_linked(const struct backend *b, uint32_t node, uint32_t newparent, const char *newname);

/* The file of node was cut off to nothing, or opened for writing. As above. */
void suspects_emptied(uint32_t node);
void suspects_written(uint32_t node);

#endif
