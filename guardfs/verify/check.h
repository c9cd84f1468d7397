/* check.h: the state of one pass over a file. Private to verify/. */
#ifndef GUARDFS_VERIFY_CHECK_H
#define GUARDFS_VERIFY_CHECK_H

#include "verify/reader.h"
#include "verify/warc.h"
#include "verify/zeros.h"

struct check {
	const struct verify_options *options;
	struct verify_result *result; /* verdict and reason are set once, by check_fail */
	struct reader reader;
	struct zeros zeros; /* since result->whole_to */
	struct warc warc;
	bool records;		  /* warc is fed */
	struct verify_range hole; /* plain WARC: the next one, if */
	bool holes;
	bool over; /* no more is to be looked at */
};

/* Takes n bytes of what was read; they belong to what begins at result->whole_to. */
void check_take(struct check *c, size_t n);

/* All up to here is whole. */
void check_whole_to_here(struct check *c);

/* It is not whole, for that reason; the trouble begins at an offset. */
void check_fail(struct check *c, enum verify_reason reason, uint64_t at);

/* The next byte is a zero where a member or record should begin: is it padding, or a hole? 0, -ECANCELED or
 * -errno. */
errint_t check_zeros(struct check *c) WARN_UNUSED;

/* The runs of zeros so far are the result's ranges. */
void check_take_ranges(struct check *c);

/* The holes from an offset on, as the file system tells them, are what is not whole, if there are any; fd:
 * the file. */
void check_holes(struct check *c, int fd, uint64_t from);

/* Reads all that is left, for its zeros, holes unread. As check_zeros. */
errint_t check_rest_for_zeros(struct check *c) WARN_UNUSED;

/* The passes: each from options->from to the end of the file, or to what is not whole. 0 (the result says
 * what was found), -ENOMEM, -ECANCELED, or -errno of read(2). */
errint_t check_gzip(struct check *c) WARN_UNUSED;	/* gzip.c */
errint_t check_plain_warc(struct check *c) WARN_UNUSED; /* plain.c */
errint_t check_data(struct check *c) WARN_UNUSED;	/* plain.c: for runs of zeros */

#endif
