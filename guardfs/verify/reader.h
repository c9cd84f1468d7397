/* Reads a file in chunks at a limited rate. Private to verify/. */
#ifndef GUARDFS_VERIFY_READER_H
#define GUARDFS_VERIFY_READER_H

#include "verify/verify.h"

/* A source, else a descriptor. Both are borrowed. */
struct input {
	int fd;
	const struct verify_source *source;
};

/* As pread(2), also when interrupted; or -errno. */
ssize_t input_read(const struct input *in, void *bytes, size_t size, uint64_t offset);
errint_t input_stat(const struct input *in, struct stat *st);

struct reader {
	struct input in;
	const struct verify_options *options;
	/* At most VERIFY_CHUNK bytes; owned. */
	unsigned char *buf;
	/* Bytes of the next read. */
	size_t chunk;
	/* In buf: the next byte, the number of bytes. */
	size_t pos, fill;
	/* Of buf in the file. */
	uint64_t offset;
	/* The file's when opened: nothing beyond is read. */
	uint64_t end;
	uint64_t begun_ns;
	/* The file ended before. */
	bool shrunk;
};

/* end: from options->from on. 0 or -ENOMEM. In either case reader_release. */
errint_t reader_begin(struct reader *r, const struct input *in, const struct verify_options *options,
		      uint64_t end) WARN_UNUSED;
void reader_release(struct reader *r);

/* Provides a byte, unless at the end (reader_left: 0). 0, -ECANCELED, or input_read's error. */
errint_t reader_fill(struct reader *r) WARN_UNUSED;

/* Forward only; keeps bytes read. */
void reader_skip_to(struct reader *r, uint64_t offset);

static inline size_t reader_left(const struct reader *r)
{
	return r->fill - r->pos;
}

static inline uint64_t reader_at(const struct reader *r)
{
	return r->offset + r->pos;
}

/* The first hole from `from` on, up to end. False: none, or unknown to the file system. */
bool reader_next_hole(const struct input *in, uint64_t from, uint64_t end, struct verify_range *range);

#endif
