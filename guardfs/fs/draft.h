/* The new content of a state file until it is published (docs/STATEFILES.md). Worker, any thread. */
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

/* May h (NULL: a handle to be made) rewrite node's state file, with attributes st, through a draft
 * (docs/STATEFILES.md, "What is no rewriting")? */
bool draft_may_begin(const struct node *node, const struct stat *st, const struct handle *h);

/* After the last close the kernel sends RELEASE at once; another thread may come to it later. */
#define DRAFT_RELEASE_NS (100 * NSEC_PER_MSEC)

/* Is a handle other than h open for writing in place on the node? Within the guard: waits for one that was
 * closed just now, at most DRAFT_RELEASE_NS. */
bool draft_has_writers(uint32_t node, const struct handle *h);

/* h, a live handle of a file, becomes an empty draft. st: the version to replace. 0 or -errno. */
errint_t draft_begin(struct handle *h, const struct stat *st) WARN_UNUSED;

/* Drafts of node's file are to replace this version: one was published. */
void draft_rebase(uint32_t node, const struct stat *st);

/* h, open for reading, from now on reads the memfd `version`, through a descriptor of its own; -1:
 * nothing, but says -EIO. 0; -EDQUOT: its user has no memory left; or -errno. */
errint_t draft_keep(struct handle *h, int version, size_t size) WARN_UNUSED;

/* Read and change the content, without storage. -EFBIG: it would be larger than a state file may be, or
 * its user has no memory left (draft_spill); or it has just been spilled. -EIO: its content is lost. */
ssize_t draft_read(const struct handle *h, void *data, size_t size, off_t offset);
/* appends: offset does not count. A second run of a WRITE finds what the first did (slot.append_from).
 * Bytes not written are missing until they are (draft_is_torn). */
ssize_t draft_write(struct handle *h, const void *data, size_t n, off_t offset, bool appends);
errint_t draft_cut(struct handle *h, off_t size);
errint_t draft_allocate(struct handle *h, int mode, off_t offset, off_t length);
off_t draft_seek(const struct handle *h, off_t offset, int whence);
/* 0 or -errno. */
errint_t draft_size(const struct handle *h, off_t *size) WARN_UNUSED;

/* A write that goes to storage may fail, whoever says so: until draft_wrote its bytes are missing. */
void draft_misses(struct handle *h, off_t offset, size_t n, bool appends);
void draft_wrote(struct handle *h, off_t offset, size_t n, bool appends);
/* The buffer's request was answered with an error and never ran. True: a write to a draft, whose bytes are
 * missing now. */
bool draft_refused_write(const uint8_t *buffer);
/* The same, and of a FLUSH or FSYNC: what was changed up to now is published only if asked for again. The
 * request is complete. Without other threads at it; also for guardian, while there is no worker. */
bool draft_refused(struct arena *arena, const uint8_t *buffer);
/* Are bytes missing? draft_cut to nothing mends that. */
bool draft_is_torn(struct handle *h);

/* The times for node's file when the drafts of this process (of FUSE's pid) are published: futimens(2)
 * does not say through which open file it came. set: of SET_MTIME... False: it has none. */
bool draft_set_times(uint32_t node, uint32_t pid, const struct stat *want, unsigned set);

/* The whole content at one moment, malloc'ed. changes: it has them up to here. */
struct draft_content {
	void *data;
	size_t size;
	uint32_t changes;
	/* INT64_MIN: none. */
	int64_t mtime_ns, atime_ns;
};
errint_t draft_copy(struct handle *h, struct draft_content *content) WARN_UNUSED;

static inline bool draft_is_due(const struct handle *h)
{
	return draft_is_new(h) && atomic_load(&h->draft_changes) != atomic_load(&h->draft_published);
}

/* Only emptied, nothing written. Emptied twice is a change: a program has had it in hand. */
static inline bool draft_is_blank(const struct handle *h)
{
	return atomic_load(&h->draft_changes) == 1;
}

/* Cuts the file itself and puts the content into it, where writes go from now on. Within the guard. 0;
 * GUARD_POISONED: answered meanwhile; or -errno. A file damaged by that is suspect. */
errint_t draft_spill(struct backend *b, struct handle *h) WARN_UNUSED;

/* Around the cut of h's file, for putting the draft there in place. draft_is_cut: was it cut, by a cut
 * that ended with rc or by a worker that died since? draft_settle: all is done, with rc; on error a file
 * that was cut, and was to have size bytes, is suspect. */
void draft_cuts(struct handle *h);
bool draft_is_cut(struct handle *h, errint_t rc);
void draft_settle(struct backend *b, struct handle *h, errint_t rc, uint64_t size);

/* RELEASE of h: a file cut by a worker that died, and not written again, is suspect. */
void draft_closes(struct handle *h);

/* For draft_spill and fs/publish*.c. All n bytes through ref, from the file's beginning. 0 or -errno. */
errint_t draft_put(struct backend *b, int ref, const void *data, size_t n) WARN_UNUSED;

#endif
