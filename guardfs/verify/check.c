#include "verify/check.h"

static const enum verify_verdict verdicts[VERIFY_REASON_COUNT] = {
    [VERIFY_REASON_NONE] = VERIFY_WHOLE,	  [VERIFY_REASON_HEADER] = VERIFY_TRUNCATED,
    [VERIFY_REASON_MEMBER] = VERIFY_TRUNCATED,	  [VERIFY_REASON_RECORD_HEADER] = VERIFY_TRUNCATED,
    [VERIFY_REASON_RECORD] = VERIFY_TRUNCATED,	  [VERIFY_REASON_SIZE] = VERIFY_TRUNCATED,
    [VERIFY_REASON_ZEROS] = VERIFY_HOLE,	  [VERIFY_REASON_NO_MEMBER] = VERIFY_GARBAGE,
    [VERIFY_REASON_GZIP_HEADER] = VERIFY_DAMAGED, [VERIFY_REASON_DEFLATE] = VERIFY_DAMAGED,
    [VERIFY_REASON_CRC] = VERIFY_DAMAGED,	  [VERIFY_REASON_LENGTH] = VERIFY_DAMAGED,
    [VERIFY_REASON_NO_RECORD] = VERIFY_GARBAGE,	  [VERIFY_REASON_ENDLESS_HEADER] = VERIFY_DAMAGED,
    [VERIFY_REASON_BAD_HEADER] = VERIFY_DAMAGED,  [VERIFY_REASON_NO_TYPE] = VERIFY_DAMAGED,
    [VERIFY_REASON_NO_LENGTH] = VERIFY_DAMAGED,	  [VERIFY_REASON_RECORD_LENGTH] = VERIFY_DAMAGED,
    [VERIFY_REASON_DIGEST] = VERIFY_DAMAGED,	  [VERIFY_REASON_LARGER] = VERIFY_CHANGED,
    [VERIFY_REASON_SHRUNK] = VERIFY_CHANGED,	  [VERIFY_REASON_WRITTEN] = VERIFY_CHANGED,
    [VERIFY_REASON_CANCELLED] = VERIFY_UNKNOWN,
};

void check_take(struct check *c, size_t n)
{
	zeros_feed(&c->zeros, c->reader.buf + c->reader.pos, n);
	c->reader.pos += n;
}

void check_whole_to_here(struct check *c)
{
	c->result->whole_to = reader_at(&c->reader);
	c->result->records = c->warc.records;
	zeros_begin(&c->zeros, c->result->whole_to);
}

void check_fail(struct check *c, enum verify_reason reason, uint64_t at)
{
	c->result->verdict = verdicts[reason];
	c->result->reason = reason;
	c->result->at = at;
	c->over = true;
}

void check_holes(struct check *c, const struct input *in, uint64_t from)
{
	struct verify_result *result = c->result;
	struct verify_range hole;

	while (!result->more_ranges && reader_next_hole(in, from, result->size, &hole)) {
		if (result->n_ranges == VERIFY_RANGES_MAX)
			result->more_ranges = true;
		else
			result->ranges[result->n_ranges++] = hole;
		from = hole.to;
	}
	if (result->n_ranges > 0)
		check_fail(c, VERIFY_REASON_ZEROS, result->ranges[0].from);
}

static errint_t skip_zeros(struct check *c)
{
	struct reader *r = &c->reader;
	errint_t err = reader_fill(r);
	size_t n;

	while (!err && reader_left(r) > 0 && r->buf[r->pos] == 0) {
		n = zeros_before(r->buf + r->pos, reader_left(r));
		check_take(c, n);
		err = reader_fill(r);
	}
	return err;
}

errint_t check_zeros(struct check *c)
{
	struct verify_result *result = c->result;
	uint64_t from = result->whole_to;
	errint_t err;

	if (c->options->first_header) {
		check_fail(c, VERIFY_REASON_ZEROS, from);
		return 0;
	}
	err = skip_zeros(c);
	if (err)
		return err;
	if (reader_left(&c->reader) > 0) {
		check_fail(c, VERIFY_REASON_ZEROS, from);
	} else {
		result->padding = reader_at(&c->reader) - from;
		c->over = true;
		if (c->options->padding)
			return 0;
		check_fail(c, VERIFY_REASON_ZEROS, from);
	}
	/* Here even few zeros are a hole. */
	result->ranges[0] = (struct verify_range){from, reader_at(&c->reader)};
	result->n_ranges = 1;
	return reader_at(&c->reader) - from < VERIFY_ZEROS_MIN ? 0 : check_rest_for_zeros(c);
}

void check_take_ranges(struct check *c)
{
	zeros_end(&c->zeros);
	memcpy(c->result->ranges, c->zeros.ranges, sizeof(c->zeros.ranges));
	c->result->n_ranges = c->zeros.n;
	c->result->more_ranges = c->zeros.more;
}

errint_t check_rest_for_zeros(struct check *c)
{
	struct reader *r = &c->reader;
	struct verify_range hole = {0, 0};
	bool holes = true;
	errint_t err = 0;

	for (;;) {
		if (holes && hole.to <= reader_at(r))
			holes = reader_next_hole(&r->in, reader_at(r), r->end, &hole);
		if (holes && hole.from <= reader_at(r) && hole.to > reader_at(r)) {
			zeros_skip(&c->zeros, hole.to - reader_at(r));
			reader_skip_to(r, hole.to);
			continue;
		}
		err = reader_fill(r);
		if (err || reader_left(r) == 0)
			break;
		check_take(c, holes ? (size_t)MIN((uint64_t)reader_left(r), hole.from - reader_at(r))
				    : reader_left(r));
	}
	check_take_ranges(c);
	return err;
}
