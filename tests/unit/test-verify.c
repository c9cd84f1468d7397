/* Is a file whole? Files damaged in every way, made here, and gzip in all that the format allows. */
#include "verify-util.h"

/* ---- the table ---- */

enum damage { NONE, CUT, ZEROS, FLIP, INSERT };

/* Each offset is that of a mark and so many bytes behind it. */
struct damaged {
	const char *name;
	enum verify_kind kind;
	enum damage damage;
	int mark, plus;
	size_t n; /* bytes of ZEROS or INSERT, from there on; beyond the end the file grows */
	enum verify_verdict verdict;
	enum verify_reason reason;
	int at_mark, at_plus, whole_to; /* at, whole_to: a mark */
};

static const struct damaged table[] = {
    {"nothing", GZ, NONE, 0, 0, 0, VERIFY_WHOLE, VERIFY_REASON_NONE, M0, 0, M_END},
    {"one byte of a header of a member", GZ, CUT, M2, 1, 0, VERIFY_TRUNCATED, VERIFY_REASON_HEADER, M2, 1,
     M2},
    {"half a header of a member", GZ, CUT, M2, 9, 0, VERIFY_TRUNCATED, VERIFY_REASON_HEADER, M2, 9, M2},
    {"a header of a member alone", GZ, CUT, M2, 10, 0, VERIFY_TRUNCATED, VERIFY_REASON_MEMBER, M2, 10, M2},
    {"within a member", GZ, CUT, M1, 2000, 0, VERIFY_TRUNCATED, VERIFY_REASON_MEMBER, M1, 2000, M1},
    {"within the first member", GZ, CUT, M0, 500, 0, VERIFY_TRUNCATED, VERIFY_REASON_MEMBER, M0, 500, M0},
    {"half a trailer", GZ, CUT, M_END, -3, 0, VERIFY_TRUNCATED, VERIFY_REASON_MEMBER, M_END, -3, M2},
    {"at a boundary: nobody can tell", GZ, CUT, M2, 0, 0, VERIFY_WHOLE, VERIFY_REASON_NONE, M0, 0, M2},
    {"one zero behind the end", GZ, ZEROS, M_END, 0, 1, VERIFY_HOLE, VERIFY_REASON_ZEROS, M_END, 0, M_END},
    {"zeros behind the end", GZ, ZEROS, M_END, 0, 70000, VERIFY_HOLE, VERIFY_REASON_ZEROS, M_END, 0, M_END},
    {"zeros for the last member", GZ, ZEROS, M2, 0, 9000, VERIFY_HOLE, VERIFY_REASON_ZEROS, M2, 0, M2},
    {"the end of the last member", GZ, ZEROS, M2, 1000, 9000, VERIFY_HOLE, VERIFY_REASON_DEFLATE, M2, 1000,
     M2},
    {"a hole in a member", GZ, ZEROS, M1, 1000, 600, VERIFY_HOLE, VERIFY_REASON_DEFLATE, M1, 1000, M1},
    {"from a boundary into a member", GZ, ZEROS, M1, 0, 700, VERIFY_HOLE, VERIFY_REASON_ZEROS, M1, 0, M1},
    {"over a boundary", GZ, ZEROS, M2, -700, 1400, VERIFY_HOLE, VERIFY_REASON_DEFLATE, M2, -700, M1},
    {"a bit of a magic number", GZ, FLIP, M1, 1, 0, VERIFY_GARBAGE, VERIFY_REASON_NO_MEMBER, M1, 0, M1},
    {"a bit of the method", GZ, FLIP, M1, 2, 0, VERIFY_DAMAGED, VERIFY_REASON_GZIP_HEADER, M1, 0, M1},
    {"a bit of the data", GZ, FLIP, M1, 2500, 0, VERIFY_DAMAGED, VERIFY_REASON_CRC, M1, 0, M1},
    {"a bit of the CRC", GZ, FLIP, M2, -8, 0, VERIFY_DAMAGED, VERIFY_REASON_CRC, M1, 0, M1},
    {"a bit of the length", GZ, FLIP, M2, -4, 0, VERIFY_DAMAGED, VERIFY_REASON_LENGTH, M1, 0, M1},
    {"garbage behind the end", GZ, INSERT, M_END, 0, 100, VERIFY_GARBAGE, VERIFY_REASON_NO_MEMBER, M_END, 0,
     M_END},
    {"garbage between members", GZ, INSERT, M1, 0, 1, VERIFY_GARBAGE, VERIFY_REASON_NO_MEMBER, M1, 0, M1},
    {"no member at all", GZ, INSERT, M0, 0, 3, VERIFY_GARBAGE, VERIFY_REASON_NO_MEMBER, M0, 0, M0},

    {"plain: nothing", PL, NONE, 0, 0, 0, VERIFY_WHOLE, VERIFY_REASON_NONE, M0, 0, M_END},
    {"plain: within a version", PL, CUT, M2, 3, 0, VERIFY_TRUNCATED, VERIFY_REASON_RECORD_HEADER, M2, 3, M2},
    {"plain: within a header", PL, CUT, M1, 20, 0, VERIFY_TRUNCATED, VERIFY_REASON_RECORD_HEADER, M1, 20, M1},
    {"plain: within content", PL, CUT, M1, 2000, 0, VERIFY_TRUNCATED, VERIFY_REASON_RECORD, M1, 2000, M1},
    {"plain: behind content", PL, CUT, M_END, -4, 0, VERIFY_TRUNCATED, VERIFY_REASON_RECORD, M_END, -4, M2},
    {"plain: within its end", PL, CUT, M_END, -1, 0, VERIFY_TRUNCATED, VERIFY_REASON_RECORD, M_END, -1, M2},
    {"plain: at a boundary", PL, CUT, M2, 0, 0, VERIFY_WHOLE, VERIFY_REASON_NONE, M0, 0, M2},
    {"plain: zeros behind the end", PL, ZEROS, M_END, 0, 3, VERIFY_HOLE, VERIFY_REASON_ZEROS, M_END, 0,
     M_END},
    {"plain: a hole over a boundary", PL, ZEROS, M1, -700, 800, VERIFY_HOLE, VERIFY_REASON_RECORD_LENGTH, M1,
     -700, M0},
    {"plain: a hole from a boundary on", PL, ZEROS, M1, 0, 800, VERIFY_HOLE, VERIFY_REASON_ZEROS, M1, 0, M1},
    {"plain: zeros in a header, few", PL, ZEROS, M1, 30, 5, VERIFY_DAMAGED, VERIFY_REASON_BAD_HEADER, M1, 0,
     M1},
    {"plain: a hole in a header", PL, ZEROS, M1, 30, 2000, VERIFY_HOLE, VERIFY_REASON_BAD_HEADER, M1, 30, M1},
    {"plain: a hole up to the end", PL, ZEROS, M2, 1000, 6000, VERIFY_HOLE, VERIFY_REASON_RECORD_LENGTH, M2,
     1000, M2},
    {"plain: a letter of a version", PL, FLIP, M1, 0, 0, VERIFY_GARBAGE, VERIFY_REASON_NO_RECORD, M1, 0, M1},
    {"plain: a letter of a field", PL, FLIP, M1, 12, 0, VERIFY_DAMAGED, VERIFY_REASON_NO_TYPE, M1, 0, M1},
    {"plain: bytes too many", PL, INSERT, M1, -10, 1, VERIFY_DAMAGED, VERIFY_REASON_RECORD_LENGTH, M0, 0, M0},
    {"plain: garbage behind the end", PL, INSERT, M_END, 0, 9, VERIFY_GARBAGE, VERIFY_REASON_NO_RECORD, M_END,
     0, M_END},
};

static void damage(const struct damaged *d)
{
	size_t at = (size_t)((long)marks[d->mark] + d->plus);
	size_t tail;

	switch (d->damage) {
	case NONE:
		break;
	case CUT:
		size = at;
		break;
	case ZEROS:
		size = MAX(size, at + d->n);
		memset(data + at, 0, d->n);
		break;
	case FLIP:
		data[at] ^= 0x55;
		break;
	case INSERT:
		tail = size - at;
		memmove(data + at + d->n, data + at, tail);
		memset(data + at, 'x', d->n);
		size += d->n;
		break;
	}
}

/* Zeros for data may be data to inflate(3): then the checksum tells. */
static bool is_reason(enum verify_reason wanted)
{
	return result.reason == wanted ||
	       (wanted == VERIFY_REASON_DEFLATE && result.reason == VERIFY_REASON_CRC);
}

static void damage_of_every_kind_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct damaged *d = &table[i];

		if (d->kind == GZ)
			make_members();
		else
			make_plain();
		damage(d);
		look(d->kind);
		if (result.verdict != d->verdict || !is_reason(d->reason) ||
		    result.whole_to != marks[d->whole_to] ||
		    (d->verdict != VERIFY_WHOLE && result.at != marks[d->at_mark] + (size_t)d->at_plus)) {
			verify_put_text(stderr, &result);
			fail_msg(
			    "%s: %s, reason %d (wanted %d), at %lu (wanted %lu), whole to %lu (wanted %zu)",
			    d->name, verify_verdict_name(result.verdict), result.reason, d->reason,
			    (unsigned long)result.at, (unsigned long)(marks[d->at_mark] + (size_t)d->at_plus),
			    (unsigned long)result.whole_to, marks[d->whole_to]);
		}
		assert_int_equal(result.size, size);
		assert_int_equal(result.verdict == VERIFY_HOLE, result.n_ranges > 0);
	}
}

/* Wherever it is cut: truncated, the last whole record as far as it goes, but for the boundaries themselves.
 */
static void cut_anywhere_it_is_truncated(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		if (kind)
			make_plain();
		else
			make_members();
		for (size_t n = marks[M_END] - 1; n > 0; n--) {
			size_t whole = n < marks[M1] ? 0 : n < marks[M2] ? marks[M1] : marks[M2];

			size = n;
			assert_int_equal(look(kind ? PL : GZ), n == whole ? VERIFY_WHOLE : VERIFY_TRUNCATED);
			assert_int_equal(result.whole_to, whole);
			assert_true(n == whole || result.at == n);
			assert_int_equal(result.records, whole == 0 ? 0 : whole == marks[M1] ? 1 : 2);
		}
	}
}

/* ---- gzip as the format allows it ---- */

static void every_field_of_a_header_is_allowed(void **state)
{
	static unsigned char extra[65535];
	static char name[70000], comment[300000];
	gz_header header = {.extra = extra,
			    .extra_len = sizeof(extra),
			    .name = (Bytef *)name,
			    .comment = (Bytef *)comment,
			    .hcrc = 1,
			    .os = 255,
			    .text = 1};

	(void)state;
	memset(extra, 'e', sizeof(extra));
	memset(name, 'n', sizeof(name) - 1);
	memset(comment, 'c', sizeof(comment) - 1);
	begin();
	compress_from(put_record(10), &header);
	compress_from(put_record(10), &(gz_header){.name = (Bytef *)(uintptr_t) "x"});
	compress_from(size, NULL); /* a member of nothing */
	put_member(20);
	assert_int_equal(look(GZ), VERIFY_WHOLE);
	assert_int_equal(result.members, 4);
	assert_int_equal(result.records, 3);
	/* The header's own checksum, over all of its fields. */
	data[300] ^= 1;
	assert_int_equal(look(GZ), VERIFY_DAMAGED);
	assert_int_equal(result.reason, VERIFY_REASON_GZIP_HEADER);
	size = 100;
	data[300] ^= 1;
	assert_int_equal(look(GZ), VERIFY_TRUNCATED);
	assert_int_equal(result.reason, VERIFY_REASON_HEADER);
}

static void records_and_members_need_not_agree(void **state)
{
	size_t middle;

	(void)state;
	/* Three records in one member. */
	begin();
	put_record(1000);
	put_record(2000);
	put_record(10);
	compress_from(0, NULL);
	assert_int_equal(look(GZ), VERIFY_WHOLE);
	assert_int_equal(result.members, 1);
	assert_int_equal(result.records, 3);
	size -= 5;
	assert_int_equal(look(GZ), VERIFY_TRUNCATED);
	assert_int_equal(result.whole_to, 0);
	assert_int_equal(result.records, 0);
	/* A record in two members: the first alone is no whole record, though it is a whole member. */
	begin();
	put_record(3000);
	size = 1000;
	compress_from(0, NULL);
	middle = size;
	assert_int_equal(look(GZ), VERIFY_TRUNCATED);
	assert_int_equal(result.reason, VERIFY_REASON_RECORD);
	assert_int_equal(result.whole_to, 0);
	assert_int_equal(look(VERIFY_GZIP), VERIFY_WHOLE);
	assert_int_equal(result.whole_to, middle);
}

static void padding_is_told_and_allowed_where_asked(void **state)
{
	struct verify_options options = {.kind = GZ, .level = VERIFY_LEVEL_WARC, .padding = true};

	(void)state;
	make_members();
	put_zeros(1000);
	assert_int_equal(look(GZ), VERIFY_HOLE);
	assert_int_equal(result.padding, 1000);
	assert_int_equal(result.ranges[0].from, marks[M_END]);
	assert_int_equal(result.ranges[0].to, size);
	assert_int_equal(look_with(&options), VERIFY_WHOLE);
	assert_int_equal(result.padding, 1000);
	assert_int_equal(result.whole_to, marks[M_END]);
	put_text("x");
	assert_int_equal(look_with(&options), VERIFY_HOLE);
	options.kind = PL;
	make_plain();
	put_zeros(1000);
	assert_int_equal(look_with(&options), VERIFY_WHOLE);
	assert_int_equal(result.padding, 1000);
}

/* A member that becomes a thousand times as large, with more zeros in it than a hole needs: whole, and small
 * in memory. */
static void bombs_need_no_memory(void **state)
{
	z_stream z = {.next_out = data, .avail_out = sizeof(data)};
	static unsigned char zeros[1 << 20];

	(void)state;
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	for (int i = 0; i < 256; i++) {
		z.next_in = zeros;
		z.avail_in = sizeof(zeros);
		assert_int_equal(deflate(&z, i < 255 ? Z_NO_FLUSH : Z_FINISH), i < 255 ? Z_OK : Z_STREAM_END);
	}
	size = sizeof(data) - z.avail_out;
	deflateEnd(&z);
	assert_int_equal(look(VERIFY_GZIP), VERIFY_WHOLE);
	assert_int_equal(result.inflated, 256u << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(damage_of_every_kind_is_named),
	    cmocka_unit_test(cut_anywhere_it_is_truncated),
	    cmocka_unit_test(every_field_of_a_header_is_allowed),
	    cmocka_unit_test(records_and_members_need_not_agree),
	    cmocka_unit_test(padding_is_told_and_allowed_where_asked),
	    cmocka_unit_test(bombs_need_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
