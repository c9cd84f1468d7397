/* zeros.h: where are the long runs of zeros in a stream? Pure, constant memory. Private to verify/. */
#ifndef GUARDFS_VERIFY_ZEROS_H
#define GUARDFS_VERIFY_ZEROS_H

#include "verify/verify.h"

struct zeros {
	struct verify_range ranges[VERIFY_RANGES_MAX]; /* runs of at least VERIFY_ZEROS_MIN, in order */
	unsigned n;
	bool more; /* than fit */
	bool open; /* the bytes before at are zeros, from open_from on */
	uint64_t open_from;
	uint64_t at; /* where the next byte belongs */
};

/* Forgets all; the next byte is the one at offset. */
void zeros_begin(struct zeros *z, uint64_t offset);

/* The next n bytes. */
void zeros_feed(struct zeros *z, const unsigned char *p, size_t n);

/* The next n bytes are zeros: a hole, which nobody has read. */
void zeros_skip(struct zeros *z, uint64_t n);

/* There are no more bytes: a run at the end counts. */
void zeros_end(struct zeros *z);

/* How many of the n bytes at p are zeros, up to the first that is not. */
size_t zeros_before(const unsigned char *p, size_t n);

#endif
