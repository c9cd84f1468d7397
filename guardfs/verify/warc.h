/* WARC records (ISO 28500), in pieces of any size. Pure. Private to verify/. As readers do, accepts ends of
 * line without CR, and more empty lines after a record. */
#ifndef GUARDFS_VERIFY_WARC_H
#define GUARDFS_VERIFY_WARC_H

#include "verify/digest.h"
#include "verify/verify.h"

#define WARC_HEADER_MAX (1u << 20)
#define WARC_LINE_MAX	512u /* kept of a line, for the fields that matter */

enum warc_state {
	WARC_BETWEEN, /* records, or at the beginning */
	WARC_HEADER,
	WARC_CONTENT,
	WARC_END, /* two ends of line */
	WARC_BROKEN
};

struct warc {
	enum warc_state state;
	/* WARC_BROKEN. */
	enum verify_reason reason;
	/* Whole records. */
	uint64_t records;
	/* Whole headers. */
	uint64_t headers;
	uint64_t content_left;
	/* Bytes of the line; WARC_LINE_MAX are kept. */
	unsigned line_n;
	unsigned header_n;
	unsigned line_ends;
	bool has_type, has_length, first_line;
	/* The last content was confirmed by its digest. */
	bool proved;
	char line[WARC_LINE_MAX];
	/* The first record's. */
	char version[16];
	struct digest digest;
};

/* digests: check content. 0 or -ENOMEM. In either case warc_release. */
errint_t warc_begin(struct warc *w, bool digests) WARN_UNUSED;
void warc_release(struct warc *w);

/* Stops after a record, a header, each empty line's end, and at WARC_BROKEN (the last byte taken is wrong).
 * Returns the bytes taken, at least one if n > 0 and not broken before. */
size_t warc_feed(struct warc *w, const unsigned char *p, size_t n);

/* Why the file cannot end here; VERIFY_REASON_NONE: it can. */
enum verify_reason warc_end_reason(const struct warc *w);

#endif
