/* listing.h: a directory's listing kept in a memfd: it survives the worker and the backend's reconnects, and
 * offsets into it stay valid. */
#ifndef GUARDFS_FS_LISTING_H
#define GUARDFS_FS_LISTING_H

#include "base/base.h"

/* A listing larger than this is not held: some two million entries. */
#define LISTING_BYTES_MAX (128u << 20)

/* Collects entries before they are written out. Zero-initialise. */
struct listing_writer {
	char *bytes;
	size_t used, size;
	int error; /* -ENOMEM once, also when it grew beyond LISTING_BYTES_MAX */
};

struct listing_entry {
	uint64_t ino;
	uint32_t type; /* DT_* */
	char name[256];
};

void listing_add(struct listing_writer *w, const char *name, size_t length, uint64_t ino, unsigned type);

/* Is there an entry with this name within the first `used` bytes (w->used as it was at some time)? Looks at
 * each of them. */
bool listing_has(const struct listing_writer *w, size_t used, const char *name);

/* Writes all into fd from its start, truncating it, and frees the writer. 0 or -errno. */
errint_t listing_finish(struct listing_writer *w, int fd) WARN_UNUSED;
void listing_discard(struct listing_writer *w);

/* What has been read of a listing ahead of what was asked for. Zero-initialise for each pass over it. */
struct listing_reader {
	int64_t offset; /* of the first byte held */
	size_t held;
	_Alignas(8) char bytes[16384];
};

/* Reads the entry at offset (0: first) of the listing in fd; *next continues after it. 1: read; 0: end;
 * -errno (-EINVAL for an offset that is none). */
int listing_read(struct listing_reader *r, int fd, int64_t offset, struct listing_entry *e, int64_t *next);

#endif
