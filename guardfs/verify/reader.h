/* reader.h: a file from an offset to its end, chunk by chunk, not faster than allowed. Private to verify/. */
#ifndef GUARDFS_VERIFY_READER_H
#define GUARDFS_VERIFY_READER_H

#include "verify/verify.h"

struct reader {
	int fd; /* borrowed */
	const struct verify_options *options;
	unsigned char *buf; /* VERIFY_CHUNK bytes, or as many as there are; owned */
	size_t chunk;	    /* bytes of the next read */
	size_t pos, fill;   /* of buf: where the next byte is, how many there are */
	uint64_t offset;    /* of buf in the file */
	uint64_t end;	    /* of the file when it was opened: nothing is read beyond */
	uint64_t begun_ns;
	bool shrunk; /* it ended before */
};

/* end is not before options->from. 0, or -ENOMEM. Release with reader_release in either case. */
errint_t reader_begin(struct reader *r, int fd, const struct verify_options *options,
		      uint64_t end) WARN_UNUSED;
void reader_release(struct reader *r);

/* Sees to it that there is a byte at pos, unless the end is reached (reader_left is 0 then). 0, -ECANCELED,
 * or -errno of read(2). */
errint_t reader_fill(struct reader *r) WARN_UNUSED;

/* Goes on at an offset that is not before the one reached; what was read of it already is not read again. */
void reader_skip_to(struct reader *r, uint64_t offset);

static inline size_t reader_left(const struct reader *r)
{
	return r->fill - r->pos;
}

/* Of the next byte, in the file. */
static inline uint64_t reader_at(const struct reader *r)
{
	return r->offset + r->pos;
}

/* The first hole at or after from, as the file system tells it: [range->from, range->to), to being at most
 * end. False: there is none, or the file system does not tell. */
bool reader_next_hole(int fd, uint64_t from, uint64_t end, struct verify_range *range);

#endif
