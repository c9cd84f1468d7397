/* A directory's listing in a memfd: it survives worker and reconnects, with its offsets. */
#ifndef GUARDFS_FS_LISTING_H
#define GUARDFS_FS_LISTING_H

#include "base/base.h"

/* Some two million entries. */
#define LISTING_BYTES_MAX (128u << 20)

/* Zero-initialise. */
struct listing_writer {
	char *bytes;
	size_t used, size;
	/* -ENOMEM, also beyond LISTING_BYTES_MAX. */
	int error;
};

struct listing_entry {
	uint64_t ino;
	/* DT_*. */
	uint32_t type;
	char name[256];
};

void listing_add(struct listing_writer *w, const char *name, size_t length, uint64_t ino, unsigned type);

/* Is the name among the first `used` bytes? Looks at each entry. */
bool listing_has(const struct listing_writer *w, size_t used, const char *name);

/* Writes all into fd, truncated, and frees the writer. 0 or -errno. */
errint_t listing_finish(struct listing_writer *w, int fd) WARN_UNUSED;
void listing_discard(struct listing_writer *w);

/* Zero-initialise for each pass. */
struct listing_reader {
	/* Of the bytes held. */
	int64_t offset;
	size_t held;
	_Alignas(8) char bytes[16384];
};

/* The entry at offset (0: first); *next continues after it. 1; 0: end; -errno (-EINVAL: no such offset). */
int listing_read(struct listing_reader *r, int fd, int64_t offset, struct listing_entry *e, int64_t *next);

#endif
