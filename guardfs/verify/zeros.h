/* Long runs of zeros in a stream. Pure. Private to verify/. */
#ifndef GUARDFS_VERIFY_ZEROS_H
#define GUARDFS_VERIFY_ZEROS_H

#include "verify/verify.h"

struct zeros {
	/* VERIFY_ZEROS_MIN or longer, in order. */
	struct verify_range ranges[VERIFY_RANGES_MAX];
	unsigned n;
	/* There are more than fit. */
	bool more;
	/* A run goes from open_from to at. */
	bool open;
	uint64_t open_from;
	/* Offset of the next byte. */
	uint64_t at;
};

/* Resets; the next byte is at offset. */
void zeros_begin(struct zeros *z, uint64_t offset);

void zeros_feed(struct zeros *z, const unsigned char *p, size_t n);

/* The next n bytes are an unread hole. */
void zeros_skip(struct zeros *z, uint64_t n);

/* The end: a run there counts. */
void zeros_end(struct zeros *z);

/* Number of zeros at p's beginning. */
size_t zeros_before(const unsigned char *p, size_t n);

#endif
