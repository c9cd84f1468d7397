/* One pass over a file. Private to verify/. Functions return 0, -ENOMEM, -ECANCELED or input_read's error. */
#ifndef GUARDFS_VERIFY_CHECK_H
#define GUARDFS_VERIFY_CHECK_H

#include "verify/reader.h"
#include "verify/warc.h"
#include "verify/zeros.h"

struct check {
	const struct verify_options *options;
	/* check_fail sets verdict and reason once. */
	struct verify_result *result;
	struct reader reader;
	/* Since result->whole_to. */
	struct zeros zeros;
	struct warc warc;
	bool records;
	/* Plain WARC: the next record's, if any. */
	struct verify_range hole;
	bool holes;
	bool over;
};

/* n bytes of the part from result->whole_to on were read. */
void check_take(struct check *c, size_t n);

void check_whole_to_here(struct check *c);

/* Not whole, from offset at on. */
void check_fail(struct check *c, enum verify_reason reason, uint64_t at);

/* Zero instead of a member or record: padding or a hole? */
errint_t check_zeros(struct check *c) WARN_UNUSED;

/* Zero runs become the result's ranges. */
void check_take_ranges(struct check *c);

/* The file system's holes, if any, are the damage. */
void check_holes(struct check *c, const struct input *in, uint64_t from);

/* Reads the rest for zeros, but no holes. */
errint_t check_rest_for_zeros(struct check *c) WARN_UNUSED;

/* From options->from to the end or first damage. */
errint_t check_gzip(struct check *c) WARN_UNUSED;	/* gzip.c */
errint_t check_plain_warc(struct check *c) WARN_UNUSED; /* plain.c */
errint_t check_data(struct check *c) WARN_UNUSED;	/* plain.c: zeros */

#endif
