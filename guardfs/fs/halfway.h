/* Renames over sshfs that were answered with an error after they had begun. sshfs moves an open file away before another takes its name: such
 * a rename may have stopped in between, so that nothing has the name (docs/INTERNALS.md, "Halfway"). Notes lie in the arena, too, and outlive
 * the worker (shm/halfway.h). Worker; any thread. Asks nothing. */
#ifndef GUARDFS_FS_HALFWAY_H
#define GUARDFS_FS_HALFWAY_H

#include "fs/context.h"
#include "fs/node.h"
#include <limits.h>

struct halfway {
	uint32_t from, to; /* directories, pinned */
	char name[NAME_MAX + 1], newname[NAME_MAX + 1];
	uint64_t size;	/* of the file that was to have the name */
	uint32_t tries; /* begun */
	bool was_open;	/* the file that had it; true where nobody knows */
	/* Of the connection over which it broke off, or was tried last. Over the same one nobody looks before this
	 * verdict, nor before this time. */
	uint32_t epoch, verdict;
	uint64_t ripe_ns;
	uint32_t place;
};

/* Takes up what dead workers have noted. Before threads, after node_init, which has pinned the directories. */
void halfway_init(void);

/* Notes the buffer's request, if it is such a rename; else does nothing. Before its caller can have had the answer, or at once after it. If 16
 * of the backend are noted already, the rename stays as it is. */
void halfway_note(const uint8_t *buffer);

/* Are some of the backend noted, or just being finished? */
bool halfway_are_noted(unsigned backend);

/* Is there one to take? Over the connection on which a rename broke off its names are not asked for until a probe has found that sound. */
bool halfway_is_ripe(unsigned backend);

/* Takes one that is ripe, which the caller then ends by halfway_end or gives back. False: none is left. Until then halfway_are_noted is true of it. */
bool halfway_take(unsigned backend, struct halfway *h);
/* Within the visit, before the caller does anything about it: a worker that dies of it has tried. */
void halfway_begin_try(unsigned backend, struct halfway *h);
void halfway_give_back(unsigned backend, const struct halfway *h);
/* Unpins its directories. */
void halfway_end(unsigned backend, const struct halfway *h);

#endif
