/* Drafts (fs/draft.h) brought to storage (docs/STATEFILES.md). Worker, any thread. */
#ifndef GUARDFS_FS_PUBLISH_H
#define GUARDFS_FS_PUBLISH_H

#include "fs/publish_readers.h"

/* Answers FLUSH (closes) or FSYNC of a draft, by reply: publishes what is due (docs/STATEFILES.md,
 * "Closes"). A draft with failed writes is not published, which is an error. Takes over h's use. */
void publish_sync(fuse_req_t req, struct handle *h, bool closes, int (*reply)(fuse_req_t req, int error));

/* Before the FLUSH of fh by thread pid is answered because its process is being killed: refuses what the
 * process began, since the kernel sends RELEASE right after that answer. fh's handle is not used
 * otherwise. Asks no storage. */
void publish_killed(uint64_t fh, uint32_t pid);

/* For a rename over a state file. Within the guard, as a change of everything (GUARD_TARGET_ALL): syncs
 * the file of p/name, waits until nobody is at np/newname (statefiles_begin; *place), and lets its readers
 * keep their version. 0 or -errno. publish_end_rename must follow in any case; renamed: it was. */
struct published_rename {
	int place;
	/* What is renamed, for the generations; NULL: not read. */
	void *data;
	size_t size;
	/* Of the file in whose place it comes. */
	struct published_readers readers;
};
errint_t publish_begin_rename(struct backend *b, uint32_t p, const char *name, uint32_t np,
			      const char *newname, struct published_rename *r) WARN_UNUSED;
void publish_end_rename(uint32_t np, const char *newname, struct published_rename *r, bool renamed);

#endif
