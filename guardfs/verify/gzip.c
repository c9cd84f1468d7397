/* Members (RFC 1952), and WARC records in them, by zlib. */
#include "verify/check.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

struct members {
	struct check *check;
	z_stream z;
	gz_header header;
	/* VERIFY_OUTPUT bytes. */
	unsigned char *out;
	/* The present member. */
	uint64_t begins;
	/* Its first byte is zero: no member begins there. */
	bool begins_zero;
};

static void feed_records(struct members *m, const unsigned char *p, size_t n)
{
	struct check *c = m->check;

	while (n > 0 && c->records && c->warc.state != WARC_BROKEN && !c->over) {
		size_t taken = warc_feed(&c->warc, p, n);

		p += taken;
		n -= taken;
		c->over |= c->options->first_header && c->warc.headers > 0;
	}
}

/* zlib has only words for these. */
static enum verify_reason data_error(const struct members *m)
{
	const char *why = m->z.msg ? m->z.msg : "";

	if (m->header.done != 1)
		return reader_at(&m->check->reader) - m->begins <= 2 ? VERIFY_REASON_NO_MEMBER
								     : VERIFY_REASON_GZIP_HEADER;
	if (strcmp(why, "incorrect data check") == 0)
		return VERIFY_REASON_CRC;
	return strcmp(why, "incorrect length check") == 0 ? VERIFY_REASON_LENGTH : VERIFY_REASON_DEFLATE;
}

/* Zeros from the damage on are its cause. */
static errint_t damaged(struct members *m, enum verify_reason reason, uint64_t at)
{
	struct check *c = m->check;
	errint_t err;

	check_fail(c, reason, at);
	if (c->options->first_header || (reason == VERIFY_REASON_NO_MEMBER && !m->begins_zero))
		return 0;
	err = check_rest_for_zeros(c);
	if (!err && c->result->n_ranges > 0) {
		c->result->verdict = VERIFY_HOLE;
		c->result->at = c->result->ranges[0].from;
	}
	return err;
}

static void end_member(struct members *m)
{
	struct check *c = m->check;

	c->result->members++;
	/* The checksum is right: the record was written so. */
	if (c->records && c->warc.state == WARC_BROKEN)
		check_fail(c, c->warc.reason, m->begins);
	else if (!c->records || c->warc.state == WARC_BETWEEN)
		check_whole_to_here(c);
}

/* Up to VERIFY_OUTPUT bytes. 1: the member is over; 0: not yet, or damaged. */
static int inflate_some(struct members *m)
{
	struct check *c = m->check;
	struct reader *r = &c->reader;
	size_t n;
	int rc;

	m->z.next_in = r->buf + r->pos;
	m->z.avail_in = (uInt)reader_left(r);
	m->z.next_out = m->out;
	m->z.avail_out = VERIFY_OUTPUT;
	rc = inflate(&m->z, Z_NO_FLUSH);
	check_take(c, reader_left(r) - m->z.avail_in);
	n = VERIFY_OUTPUT - m->z.avail_out;
	c->result->inflated += n;
	feed_records(m, m->out, n);
	/* A damaged member would explain it, but the wait is bounded. */
	if (c->options->first_header && c->warc.state == WARC_BROKEN && c->result->inflated > WARC_HEADER_MAX)
		check_fail(c, c->warc.reason, m->begins);
	if (c->over)
		return 0;
	if (rc == Z_STREAM_END)
		return 1;
	if (rc == Z_OK || (rc == Z_BUF_ERROR && reader_left(r) == 0))
		return 0;
	return rc == Z_MEM_ERROR ? -ENOMEM : damaged(m, data_error(m), m->begins);
}

static errint_t read_member(struct members *m)
{
	struct check *c = m->check;
	int rc = 0;

	m->begins = reader_at(&c->reader);
	m->begins_zero = c->reader.buf[c->reader.pos] == 0;
	if (inflateReset(&m->z) != Z_OK || inflateGetHeader(&m->z, &m->header) != Z_OK)
		return -EINVAL;
	while (rc == 0 && !c->over) {
		rc = reader_fill(&c->reader);
		if (!rc && reader_left(&c->reader) == 0)
			return damaged(m, m->header.done == 1 ? VERIFY_REASON_MEMBER : VERIFY_REASON_HEADER,
				       c->reader.end);
		if (!rc)
			rc = inflate_some(m);
	}
	if (rc == 1)
		end_member(m);
	return rc == 1 ? 0 : rc;
}

static void end_file(struct check *c)
{
	enum verify_reason reason = c->records ? warc_end_reason(&c->warc) : VERIFY_REASON_NONE;

	c->over = true;
	if (reason)
		check_fail(c, reason, c->reader.end);
}

static errint_t read_members(struct members *m)
{
	struct check *c = m->check;
	struct reader *r = &c->reader;
	errint_t err = 0;

	while (!err && !c->over) {
		err = reader_fill(r);
		if (err)
			break;
		if (reader_left(r) == 0)
			end_file(c);
		else if (r->buf[r->pos] == 0 && reader_at(r) == c->result->whole_to)
			err = check_zeros(c);
		else
			err = read_member(m);
	}
	return err;
}

errint_t check_gzip(struct check *c)
{
	struct members m = {.check = c, .out = malloc(VERIFY_OUTPUT)};
	errint_t err = -ENOMEM;

	if (m.out && inflateInit2(&m.z, 15 + 16) == Z_OK) {
		err = read_members(&m);
		inflateEnd(&m.z);
	}
	free(m.out);
	return err;
}
