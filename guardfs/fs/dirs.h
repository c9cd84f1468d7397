/* dirs.h: attributes of guarded directories in which something was just made. Worker threads.
 *
 * For each file made the kernel asks again for its directory, a round trip. Making a file changes only the
 * directory's times, to the file's. So the attributes of the last GETATTR, with these times, answer until
 * that GETATTR is cache_seconds old. Any other change ends them. */
#ifndef GUARDFS_FS_DIRS_H
#define GUARDFS_FS_DIRS_H

#include "backend/backend.h"
#include "base/base.h"

/* A directory is about to be asked for. */
struct dirs_question {
	uint32_t dir, changes;
	uint64_t asked_ns;
};

/* The time for the calls below: CLOCK_MONOTONIC, in nanoseconds; 0 where nothing is kept of b's directories. */
uint64_t dirs_now(const struct backend *b);

/* dir: node of a directory in b's own tree. now_ns: dirs_now, here and below. */
struct dirs_question dirs_ask(const struct backend *b, uint32_t dir, uint64_t now_ns);

/* Storage's answer to q. */
void dirs_answered(const struct backend *b, const struct dirs_question *q, const struct stat *st);

/* Something other than a directory, with these attributes, was made in dir. */
void dirs_made(const struct backend *b, uint32_t dir, const struct stat *made, uint64_t now_ns);

/* dir was changed in any other way, or may have been. */
void dirs_changed(const struct backend *b, uint32_t dir);

/* *st: dir's attributes. Returns for how long the kernel may keep them, in seconds. 0: storage must be asked. */
double dirs_recall(const struct backend *b, uint32_t dir, struct stat *st, uint64_t now_ns);

#endif
