/* Attributes of guarded directories in which something was just made or removed. Worker threads.
 *
 * For each name made or removed the kernel asks again for its directory, a round trip. Such a change sets the
 * directory's times alone, to the server's present one: that of what was made, or as its clock has told. So the last
 * attributes seen, with these times, answer until they are cache_seconds old. Any other change ends them. */
#ifndef GUARDFS_FS_DIRS_H
#define GUARDFS_FS_DIRS_H

#include "backend/backend.h"
#include "base/base.h"

struct dirs_question {
	uint32_t dir, changes;
	uint64_t asked_ns;
};

/* Time for the calls below: CLOCK_MONOTONIC; 0 where nothing is kept of b's directories. */
uint64_t dirs_now(const struct backend *b);

/* dir: node of a directory in b's own tree. now_ns: dirs_now. */
struct dirs_question dirs_ask(const struct backend *b, uint32_t dir, uint64_t now_ns);

/* Storage's answer to q. */
void dirs_answered(const struct backend *b, const struct dirs_question *q, const struct stat *st,
		   uint64_t now_ns);

/* The same of a look-up begun at asked_ns. */
void dirs_seen(const struct backend *b, uint32_t dir, const struct stat *st, uint64_t asked_ns);

/* Something with these attributes was made in dir. */
void dirs_made(const struct backend *b, uint32_t dir, const struct stat *made, uint64_t now_ns);

/* A name was taken out of dir, or put there, since begun_ns. The time shown until storage is asked is no later than
 * its own, and at most a second or two before it. */
void dirs_removed(const struct backend *b, uint32_t dir, uint64_t begun_ns, uint64_t now_ns);

/* dir was changed otherwise, or may have been. */
void dirs_changed(const struct backend *b, uint32_t dir, uint64_t now_ns);

/* Returns for how many seconds the kernel may keep *st, dir's attributes. 0: storage must be asked. */
double dirs_recall(const struct backend *b, uint32_t dir, struct stat *st, uint64_t now_ns);

#endif
