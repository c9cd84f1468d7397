#include "verify/warc.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

errint_t warc_begin(struct warc *w, bool digests)
{
	memset(w, 0, sizeof(*w));
	return digests ? digest_begin(&w->digest) : 0;
}

void warc_release(struct warc *w)
{
	digest_release(&w->digest);
}

static void broken(struct warc *w, enum verify_reason reason)
{
	w->state = WARC_BROKEN;
	w->reason = reason;
}

static void begin_record(struct warc *w)
{
	w->state = WARC_HEADER;
	w->line_n = w->header_n = w->line_ends = 0;
	w->has_type = w->has_length = false;
	w->first_line = true;
	w->content_left = 0;
	w->digest.on = false;
}

/* Between blanks. -EINVAL: no offset. */
static errint_t parse_length(const char *text, size_t n, uint64_t *value)
{
	size_t i = 0;

	while (i < n && (text[i] == ' ' || text[i] == '\t'))
		i++;
	while (n > i && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	if (i == n || n - i > 18)
		return -EINVAL;
	for (*value = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		*value = *value * 10 + (uint64_t)(text[i] - '0');
	}
	return 0;
}

static bool is_field(const char *line, size_t colon, const char *name)
{
	return colon == strlen(name) && strncasecmp(line, name, colon) == 0;
}

/* "WARC/1.1". */
static void take_version(struct warc *w, size_t n)
{
	if (n < 6 || memcmp(w->line, "WARC/", 5) != 0 || !isdigit((unsigned char)w->line[5])) {
		broken(w, VERIFY_REASON_NO_RECORD);
		return;
	}
	while (n > 6 && (w->line[n - 1] == ' ' || w->line[n - 1] == '\t'))
		n--;
	for (size_t i = 5; i < n; i++) {
		if (!isdigit((unsigned char)w->line[i]) && w->line[i] != '.') {
			broken(w, VERIFY_REASON_BAD_HEADER);
			return;
		}
	}
	if (w->headers == 0 && n < sizeof(w->version))
		memcpy(w->version, w->line, n);
}

static void take_field(struct warc *w, size_t n, bool whole_line)
{
	const char *colon = memchr(w->line, ':', n);
	size_t name_n = colon ? (size_t)(colon - w->line) : 0;

	/* Continues the field before, which does not matter. */
	if (w->line[0] == ' ' || w->line[0] == '\t')
		return;
	if (whole_line && name_n == 0) {
		broken(w, VERIFY_REASON_BAD_HEADER);
	} else if (is_field(w->line, name_n, "WARC-Type")) {
		w->has_type = true;
	} else if (is_field(w->line, name_n, "Content-Length")) {
		if (w->has_length || !whole_line || parse_length(colon + 1, n - name_n - 1, &w->content_left))
			broken(w, VERIFY_REASON_NO_LENGTH);
		w->has_length = true;
	} else if (whole_line && is_field(w->line, name_n, "WARC-Block-Digest")) {
		digest_expect(&w->digest, colon + 1, n - name_n - 1);
	}
}

static void end_content(struct warc *w)
{
	w->state = w->content_left ? WARC_CONTENT : WARC_END;
	if (w->state != WARC_END)
		return;
	w->proved = w->digest.on;
	if (digest_differs(&w->digest))
		broken(w, VERIFY_REASON_DIGEST);
}

static void end_header(struct warc *w)
{
	if (!w->has_type) {
		broken(w, VERIFY_REASON_NO_TYPE);
	} else if (!w->has_length) {
		broken(w, VERIFY_REASON_NO_LENGTH);
	} else {
		w->headers++;
		end_content(w);
	}
}

/* Complete, but for its LF. */
static void end_line(struct warc *w)
{
	bool whole_line = w->line_n <= WARC_LINE_MAX;
	size_t n = MIN(w->line_n, WARC_LINE_MAX);

	if (whole_line && n > 0 && w->line[n - 1] == '\r')
		n--;
	if (w->first_line)
		take_version(w, n);
	else if (n == 0)
		end_header(w);
	else
		take_field(w, n, whole_line);
	w->first_line = false;
	w->line_n = 0;
}

/* Something else than a record is not read to its line's end. */
static bool begins_wrong(const struct warc *w)
{
	return w->first_line && memcmp(w->line, "WARC/", MIN(w->line_n, 5u)) != 0;
}

static size_t feed_header(struct warc *w, const unsigned char *p, size_t n)
{
	const unsigned char *lf, *nul;
	size_t taken, kept;

	n = MIN(n, (size_t)(WARC_HEADER_MAX - w->header_n));
	lf = memchr(p, '\n', n);
	taken = lf ? (size_t)(lf - p) : n;
	/* Text has no NUL: a hole. */
	nul = memchr(p, '\0', taken);
	if (nul) {
		broken(w, VERIFY_REASON_BAD_HEADER);
		return (size_t)(nul - p) + 1;
	}
	kept = w->line_n < WARC_LINE_MAX ? MIN(taken, (size_t)(WARC_LINE_MAX - w->line_n)) : 0;
	memcpy(w->line + MIN(w->line_n, WARC_LINE_MAX), p, kept);
	w->line_n += (unsigned)taken;
	taken += lf ? 1 : 0;
	w->header_n += (unsigned)taken;
	if (begins_wrong(w))
		broken(w, VERIFY_REASON_NO_RECORD);
	else if (lf)
		end_line(w);
	if (w->state == WARC_HEADER && w->header_n >= WARC_HEADER_MAX)
		broken(w, VERIFY_REASON_ENDLESS_HEADER);
	return taken;
}

static size_t feed_content(struct warc *w, const unsigned char *p, size_t n)
{
	n = (size_t)MIN((uint64_t)n, w->content_left);
	digest_feed(&w->digest, p, n);
	w->content_left -= n;
	end_content(w);
	return n;
}

static size_t feed_end(struct warc *w, unsigned char c)
{
	if (c == '\n' && ++w->line_ends == 2) {
		w->state = WARC_BETWEEN;
		w->records++;
	} else if (c != '\n' && c != '\r') {
		broken(w, VERIFY_REASON_RECORD_LENGTH);
	}
	return 1;
}

/* True: takes an empty line, or no record. */
static bool feed_between(struct warc *w, unsigned char c)
{
	if (c == 'W') {
		begin_record(w);
		return false;
	}
	if (w->headers == 0 || (c != '\r' && c != '\n'))
		broken(w, VERIFY_REASON_NO_RECORD);
	return true;
}

size_t warc_feed(struct warc *w, const unsigned char *p, size_t n)
{
	uint64_t records = w->records, headers = w->headers;
	size_t taken = 0;
	bool blank = false;

	while (taken < n && !blank && w->state != WARC_BROKEN && w->records == records &&
	       w->headers == headers) {
		switch (w->state) {
		case WARC_BETWEEN:
			blank = feed_between(w, p[taken]);
			taken += blank;
			break;
		case WARC_HEADER:
			taken += feed_header(w, p + taken, n - taken);
			break;
		case WARC_CONTENT:
			taken += feed_content(w, p + taken, n - taken);
			break;
		case WARC_END:
			taken += feed_end(w, p[taken]);
			break;
		case WARC_BROKEN:
			break;
		}
	}
	return taken;
}

enum verify_reason warc_end_reason(const struct warc *w)
{
	switch (w->state) {
	case WARC_BETWEEN:
		return VERIFY_REASON_NONE;
	case WARC_HEADER:
		return VERIFY_REASON_RECORD_HEADER;
	case WARC_BROKEN:
		return w->reason;
	default:
		return VERIFY_REASON_RECORD;
	}
}
