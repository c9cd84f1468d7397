/* Suspect files of guarded tiers, filed for keeper (shm/suspect.h), and what befalls them through the mount.
 * Any thread. */
#ifndef GUARDFS_FS_SUSPECTS_H
#define GUARDFS_FS_SUSPECTS_H

#include "fs/context.h"

/* Files node's file, before any caller sees the error. news: LOST, POISONED, FAILED or READ. error:
 * positive errno for callers. size: that the file must have. ranges: NULL: none. overwrote: they held
 * other bytes before. Where the ring is full it waits for keeper, two seconds at most. */
struct suspected {
	enum suspect_news news;
	int error;
	uint64_t size;
	bool overwrote;
	const struct ledger *ranges;
};
void suspects_file(const struct backend *b, uint32_t node, const struct suspected *what);

/* Worker is to go: from now on no thread waits for room. */
void suspects_leave(void);

/* The buffer's request met an error. If it writes, its bytes, or some, may be there. */
void suspects_doubt(const uint8_t *buffer, int error);

/* A name of a backend's tree was changed. Two loads while no file is suspect. */
void suspects_renamed(const struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
		      const char *newname, bool exchange);
void suspects_removed(const struct backend *b, uint32_t parent, const char *name);
void suspects_linked(const struct backend *b, uint32_t node, uint32_t newparent, const char *newname);

/* The file was cut to nothing; opened for writing; closed by one that can write, with this size
 * acknowledged. */
void suspects_emptied(uint32_t node);
void suspects_written(uint32_t node);
void suspects_closed(uint32_t node, uint64_t size);

#endif
