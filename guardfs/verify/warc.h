/* warc.h: the records of a WARC (ISO 28500), pushed in pieces of any size. Pure, constant memory. Private to
 * verify/.
 *
 * Looked at is what finds damage: the line with the version, the lines of the header, WARC-Type,
 * Content-Length, and the two ends of line after the content. An end of line may lack its CR, and more empty
 * lines may follow a record: some writers do that, and readers accept it. */
#ifndef GUARDFS_VERIFY_WARC_H
#define GUARDFS_VERIFY_WARC_H

#include "verify/digest.h"
#include "verify/verify.h"

#define WARC_HEADER_MAX (1u << 20) /* bytes of a record's header */
#define WARC_LINE_MAX	512u	   /* what is kept of a line: enough for the fields that matter */

enum warc_state {
	WARC_BETWEEN, /* records: at the beginning, or after a whole one */
	WARC_HEADER,
	WARC_CONTENT,
	WARC_END, /* the two ends of line after the content */
	WARC_BROKEN
};

struct warc {
	enum warc_state state;
	enum verify_reason reason; /* WARC_BROKEN */
	uint64_t records;	   /* whole ones */
	uint64_t headers;	   /* whole ones: records begun */
	uint64_t content_left;
	unsigned line_n;   /* bytes of the line so far, of which WARC_LINE_MAX are kept */
	unsigned header_n; /* bytes of the header so far */
	unsigned line_ends;
	bool has_type, has_length, first_line;
	bool proved; /* the content of the last record, by its digest */
	char line[WARC_LINE_MAX];
	char version[16]; /* of the first record */
	struct digest digest;
};

/* digests: of the content, too. 0, or -ENOMEM. Release with warc_release in either case. */
errint_t warc_begin(struct warc *w, bool digests) WARN_UNUSED;
void warc_release(struct warc *w);

/* Takes up to n bytes; stops after a record, a header and each end of an empty line, and where it is
 * WARC_BROKEN (the last byte taken is then the wrong one). Returns how many were taken, at least one if n > 0
 * and it was not broken before. */
size_t warc_feed(struct warc *w, const unsigned char *p, size_t n);

/* Why it is no end, if this is where the file ends; VERIFY_REASON_NONE if it is. */
enum verify_reason warc_end_reason(const struct warc *w);

#endif
