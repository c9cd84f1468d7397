/* Uncompressed files: records, zeros. */
#include "verify/check.h"

/* A record's content may hold zeros. They are a hole if they include the impossible byte, or end the file. */
static errint_t no_record(struct check *c, enum verify_reason reason, uint64_t noticed)
{
	struct reader *r = &c->reader;
	uint64_t from = c->zeros.open ? c->zeros.open_from : noticed;
	errint_t err = reader_fill(r);

	check_fail(c, reason, c->result->whole_to);
	if (c->result->verdict == VERIFY_TRUNCATED)
		c->result->at = r->end;
	if (!c->zeros.open || c->options->first_header)
		return err;
	while (!err && reader_left(r) > 0 && r->buf[r->pos] == 0) {
		check_take(c, zeros_before(r->buf + r->pos, reader_left(r)));
		err = reader_fill(r);
	}
	if (!err && reader_at(r) - from >= VERIFY_ZEROS_MIN) {
		c->result->verdict = VERIFY_HOLE;
		c->result->at = from;
		c->result->ranges[0] = (struct verify_range){from, reader_at(r)};
		c->result->n_ranges = 1;
	}
	return err;
}

/* The record is in place, with other content. */
static void other_content(struct check *c)
{
	check_fail(c, VERIFY_REASON_DIGEST, c->result->whole_to);
	check_take_ranges(c);
	if (c->result->n_ranges > 0) {
		c->result->verdict = VERIFY_HOLE;
		c->result->at = c->result->ranges[0].from;
	}
}

static errint_t broken_record(struct check *c)
{
	if (c->warc.reason == VERIFY_REASON_DIGEST) {
		other_content(c);
		return 0;
	}
	return no_record(c, c->warc.reason, reader_at(&c->reader) - 1);
}

/* A hole in a record is damage, unless the digest confirms it: copying may make holes of zeros. */
static bool has_hole(struct check *c)
{
	struct reader *r = &c->reader;

	while (c->holes && c->hole.to <= c->result->whole_to)
		c->holes = reader_next_hole(&r->in, c->result->whole_to, r->end, &c->hole);
	return c->holes && c->hole.from < reader_at(r) && !c->warc.proved;
}

static errint_t read_records(struct check *c)
{
	struct reader *r = &c->reader;
	struct warc *w = &c->warc;
	enum verify_reason reason = warc_end_reason(w);

	if (reader_left(r) == 0) {
		c->over = true;
		return reason ? no_record(c, reason, r->end) : 0;
	}
	if (w->state == WARC_BETWEEN && r->buf[r->pos] == 0)
		return check_zeros(c);
	check_take(c, warc_feed(w, r->buf + r->pos, reader_left(r)));
	if (w->state == WARC_BROKEN)
		return broken_record(c);
	if (w->state == WARC_BETWEEN && has_hole(c))
		check_holes(c, &r->in, c->result->whole_to);
	else if (w->state == WARC_BETWEEN)
		check_whole_to_here(c);
	c->over |= c->options->first_header && w->headers > 0;
	return 0;
}

errint_t check_plain_warc(struct check *c)
{
	errint_t err = 0;

	c->holes = !c->options->first_header &&
		   reader_next_hole(&c->reader.in, c->options->from, c->reader.end, &c->hole);
	while (!err && !c->over) {
		err = reader_fill(&c->reader);
		if (!err)
			err = read_records(c);
	}
	return err;
}

errint_t check_data(struct check *c)
{
	errint_t err = check_rest_for_zeros(c);

	if (!err && c->result->n_ranges > 0)
		check_fail(c, VERIFY_REASON_ZEROS, c->result->ranges[0].from);
	else if (!err)
		check_whole_to_here(c);
	return err;
}
