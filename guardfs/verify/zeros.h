/* zeros.h: long runs of zeros in a stream. Pure, constant memory. Private to verify/. */
#ifndef GUARDFS_VERIFY_ZEROS_H
#define GUARDFS_VERIFY_ZEROS_H

#include "verify/verify.h"

struct zeros {
	/* At least VERIFY_ZEROS_MIN long, in order. */
	struct verify_range ranges[VERIFY_RANGES_MAX];
	unsigned n;
	/* Than fit. */
	bool more;
	/* Zeros from open_from up to at. */
	bool open;
	uint64_t open_from;
	/* Of the next byte. */
	uint64_t at;
};

/* Resets; the next byte is at offset. */
void zeros_begin(struct zeros *z, uint64_t offset);

void zeros_feed(struct zeros *z, const unsigned char *p, size_t n);

/* The next n bytes are an unread hole. */
void zeros_skip(struct zeros *z, uint64_t n);

/* The end: a run there counts. */
void zeros_end(struct zeros *z);

/* Zeros at the beginning of p. */
size_t zeros_before(const unsigned char *p, size_t n);

#endif
