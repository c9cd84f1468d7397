/* warc.h: WARC records (ISO 28500), fed in pieces of any size. Pure, constant memory. Private to verify/.
 *
 * Checks version line, header lines, WARC-Type, Content-Length, and the two ends of line after the
 * content. As readers do, accepts ends of line without CR, and further empty lines after a record. */
#ifndef GUARDFS_VERIFY_WARC_H
#define GUARDFS_VERIFY_WARC_H

#include "verify/digest.h"
#include "verify/verify.h"

#define WARC_HEADER_MAX (1u << 20) /* of a record's header */
#define WARC_LINE_MAX	512u	   /* kept of a line: enough for the fields that matter */

enum warc_state {
	WARC_BETWEEN, /* records: at the beginning, or after a whole one */
	WARC_HEADER,
	WARC_CONTENT,
	WARC_END, /* the two ends of line after the content */
	WARC_BROKEN
};

struct warc {
	enum warc_state state;
	/* WARC_BROKEN. */
	enum verify_reason reason;
	/* Whole ones. */
	uint64_t records;
	/* Whole ones: records begun. */
	uint64_t headers;
	uint64_t content_left;
	/* Bytes of the line, of which WARC_LINE_MAX are kept. */
	unsigned line_n;
	/* Bytes of the header. */
	unsigned header_n;
	unsigned line_ends;
	bool has_type, has_length, first_line;
	/* The last record's content, by digest. */
	bool proved;
	char line[WARC_LINE_MAX];
	/* Of the first record. */
	char version[16];
	struct digest digest;
};

/* digests: check content too. 0, or -ENOMEM. In either case call warc_release. */
errint_t warc_begin(struct warc *w, bool digests) WARN_UNUSED;
void warc_release(struct warc *w);

/* Takes up to n bytes; stops after a record, a header, each end of an empty line, and at WARC_BROKEN (the
 * last byte taken is wrong). Returns how many, at least one if n > 0 and not broken before. */
size_t warc_feed(struct warc *w, const unsigned char *p, size_t n);

/* If the file ends here: why it is no end; VERIFY_REASON_NONE: it is. */
enum verify_reason warc_end_reason(const struct warc *w);

#endif
