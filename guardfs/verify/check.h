/* check.h: one pass over a file. Private to verify/. */
#ifndef GUARDFS_VERIFY_CHECK_H
#define GUARDFS_VERIFY_CHECK_H

#include "verify/reader.h"
#include "verify/warc.h"
#include "verify/zeros.h"

struct check {
	const struct verify_options *options;
	/* Verdict and reason are set once, by check_fail. */
	struct verify_result *result;
	struct reader reader;
	/* Since result->whole_to. */
	struct zeros zeros;
	struct warc warc;
	/* warc is fed. */
	bool records;
	/* Plain WARC: the next record's, if any. */
	struct verify_range hole;
	bool holes;
	/* Stop here. */
	bool over;
};

/* n bytes read, of what begins at result->whole_to. */
void check_take(struct check *c, size_t n);

/* Whole up to here. */
void check_whole_to_here(struct check *c);

/* Not whole, from offset at on. */
void check_fail(struct check *c, enum verify_reason reason, uint64_t at);

/* A zero where a member or record should begin: padding or a hole? 0, -ECANCELED or -errno. */
errint_t check_zeros(struct check *c) WARN_UNUSED;

/* Makes the runs of zeros so far the result's ranges. */
void check_take_ranges(struct check *c);

/* fd's holes from an offset on, by the file system, are the damage, if there are any. */
void check_holes(struct check *c, int fd, uint64_t from);

/* Reads the rest for zeros, holes unread. As check_zeros. */
errint_t check_rest_for_zeros(struct check *c) WARN_UNUSED;

/* Passes from options->from to the end or the first damage. 0 with the result, -ENOMEM, -ECANCELED, or
 * read(2)'s -errno. */
errint_t check_gzip(struct check *c) WARN_UNUSED;	/* gzip.c */
errint_t check_plain_warc(struct check *c) WARN_UNUSED; /* plain.c */
errint_t check_data(struct check *c) WARN_UNUSED;	/* plain.c: runs of zeros */

#endif
