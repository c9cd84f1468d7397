/* draft.h: the new content of a state file, in memory until it is published (docs/STATEFILES.md).
 *
 * An open that truncates a state file, or cutting one to nothing, begins a draft: a memfd that takes the handle's writes
 * and answers its reads. The file on storage stays as it is until fs/publish.h puts all of the draft into its place. The
 * memfd outlives worker and connection. Worker, any thread. */
#ifndef GUARDFS_FS_DRAFT_H
#define GUARDFS_FS_DRAFT_H

#include "fs/context.h"

static inline bool draft_is(const struct handle *h)
{
	return atomic_load(&h->draft) != DRAFT_NONE;
}

/* The same, of the kind that is written to. */
static inline bool draft_is_new(const struct handle *h)
{
	return atomic_load(&h->draft) == DRAFT_NEW;
}

/* May node's state file, with attributes st, be rewritten through a draft by h (NULL: a handle to be made)? Not if the file
 * is large, has other names, set-id bits, or is open for writing in place otherwise. */
bool draft_may_begin(const struct node *node, const struct stat *st, const struct handle *h);

/* After the last close the kernel sends RELEASE at once; another thread may come to it later. */
#define DRAFT_RELEASE_NS (100 * NSEC_PER_MSEC)

/* Is a handle open for writing in place on the node, other than h? Within the guard: one that was closed just now is waited for, for
 * DRAFT_RELEASE_NS at most. */
bool draft_has_writers(uint32_t node, const struct handle *h);

/* h, a live handle of a file, becomes a draft, empty. st: the version that it is to replace. 0 or -errno. */
errint_t draft_begin(struct handle *h, const struct stat *st) WARN_UNUSED;

/* Drafts of node's file are to replace this version: one of them was published. */
void draft_rebase(uint32_t node, const struct stat *st);

/* h, open for reading, keeps the content of the memfd `version`, of which it gets a descriptor of its own, from now on; -1:
 * nothing, so that it says -EIO. 0; -EDQUOT: its user has no memory left; or -errno. */
errint_t draft_keep(struct handle *h, int version, size_t size) WARN_UNUSED;

/* Reads and changes of the content. No storage is asked. -EFBIG: a change would make it larger than a state file may be, or
 * its user has no memory left: draft_spill; or it has just been spilled. A draft whose content is lost says -EIO. */
ssize_t draft_read(const struct handle *h, void *data, size_t size, off_t offset);
/* appends: offset does not count. A WRITE that runs again finds what its first run did (slot.append_from). What was not
 * written is missing until it is (draft_is_torn). */
ssize_t draft_write(struct handle *h, const void *data, size_t n, off_t offset, bool appends);
errint_t draft_cut(struct handle *h, off_t size);
errint_t draft_allocate(struct handle *h, int mode, off_t offset, off_t length);
off_t draft_seek(const struct handle *h, off_t offset, int whence);
/* 0 or -errno. */
errint_t draft_size(const struct handle *h, off_t *size) WARN_UNUSED;

/* A write that goes to storage may fail, whoever says so: until draft_wrote its bytes are missing. */
void draft_misses(struct handle *h, off_t offset, size_t n, bool appends);
void draft_wrote(struct handle *h, off_t offset, size_t n, bool appends);
/* The request in the buffer was answered with an error, and never ran. True: a write to a draft, whose bytes are missing now. */
bool draft_refused_write(const uint8_t *buffer);
/* The same, and of a FLUSH or FSYNC: what was changed up to now is not published without being asked any more. The request is
 * complete. Without other threads at it; also for guardian, while there is no worker. */
bool draft_refused(struct arena *arena, const uint8_t *buffer);
/* Are some missing? Then it is not what its program meant to write. To begin anew (draft_cut to nothing) mends that. */
bool draft_is_torn(struct handle *h);

/* The times that the file of node is to have when the drafts of this process (of FUSE's pid) are published: futimens(2) does
 * not say through which open file it came. set: of SET_MTIME... False: it has none. */
bool draft_set_times(uint32_t node, uint32_t pid, const struct stat *want, unsigned set);

/* All of the content, of one moment; malloc'ed. changes: up to here it has them. */
struct draft_content {
	void *data;
	size_t size;
	uint32_t changes;
	/* INT64_MIN: none. */
	int64_t mtime_ns, atime_ns;
};
errint_t draft_copy(struct handle *h, struct draft_content *content) WARN_UNUSED;

/* Is there a change that is not published? */
static inline bool draft_is_due(const struct handle *h)
{
	return draft_is_new(h) && atomic_load(&h->draft_changes) != atomic_load(&h->draft_published);
}

/* Only emptied, nothing written. Emptied twice is a change: a program has had it in hand. */
static inline bool draft_is_blank(const struct handle *h)
{
	return atomic_load(&h->draft_changes) == 1;
}

/* Puts the content into the file itself, in place, which is cut first, and writes go there from now on. Within the guard.
 * 0; GUARD_POISONED: the request was answered meanwhile; or -errno. If the file is damaged by that it is suspect. */
errint_t draft_spill(struct backend *b, struct handle *h) WARN_UNUSED;

/* Around the cut of h's file, for putting the draft there in place. draft_is_cut: was it, after a cut that ended with rc? Or by a worker
 * that has died since. draft_settle: all is done, with rc; a file that was cut, and was to have size bytes, is suspect if that is an
 * error. */
void draft_cuts(struct handle *h);
bool draft_is_cut(struct handle *h, errint_t rc);
void draft_settle(struct backend *b, struct handle *h, errint_t rc, uint64_t size);

/* RELEASE of h: a file that a worker has cut, which died, and that nobody has written again, is suspect. */
void draft_closes(struct handle *h);

/* For draft_spill and fs/publish*.c. All of n bytes through ref, from the file's beginning. 0 or -errno. */
errint_t draft_put(struct backend *b, int ref, const void *data, size_t n) WARN_UNUSED;

#endif
