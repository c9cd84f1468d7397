/* Records of a WARC: what a header may be, lengths, digests; and runs of zeros. */
#include "verify-util.h"
#include "verify/warc.h"
#include "verify/zeros.h"

/* ---- records ---- */

static enum verify_reason broken_by(const char *text)
{
	begin();
	put_text(text);
	assert_int_not_equal(look(PL), VERIFY_WHOLE);
	return result.reason;
}

static void headers_are_read_as_the_standard_has_them(void **state)
{
	static const char *const good[] = {
	    HEAD "Content-Length: 2\r\n\r\nab\r\n\r\n",
	    HEAD "content-length:2\r\n\r\nab\r\n\r\n",
	    HEAD "Content-Length: \t 2 \r\n\r\nab\r\n\r\n",
	    "WARC/0.17\nwarc-TYPE: x\nContent-Length: 0\n\n\n\n",
	    HEAD "Content-Length: 2\r\n\r\nab\r\n\r\n\r\n\r\n" HEAD "Content-Length: 0\r\n\r\n\r\n\r\n\n",
	    HEAD "X: y\r\n Content-Length: 7\r\nContent-Length: 1\r\n\r\na\r\n\r\n",
	};
	static const struct {
		const char *text;
		enum verify_reason reason;
	} bad[] = {
	    {"\r\n" HEAD, VERIFY_REASON_NO_RECORD},
	    {"WARD/1.0\r\n", VERIFY_REASON_NO_RECORD},
	    {"WARC/x\r\n", VERIFY_REASON_NO_RECORD},
	    {"WARC/1.0 WARC-Type: x\r\n", VERIFY_REASON_BAD_HEADER},
	    {HEAD "\r\n\r\n", VERIFY_REASON_NO_LENGTH},
	    {HEAD "Content-Length: -1\r\n\r\n", VERIFY_REASON_NO_LENGTH},
	    {HEAD "Content-Length: 0x1\r\n\r\n", VERIFY_REASON_NO_LENGTH},
	    {HEAD "Content-Length:\r\n\r\n", VERIFY_REASON_NO_LENGTH},
	    {HEAD "Content-Length: 9999999999999999999\r\n\r\n", VERIFY_REASON_NO_LENGTH},
	    {HEAD "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", VERIFY_REASON_NO_LENGTH},
	    {"WARC/1.0\r\nContent-Length: 1\r\n\r\na", VERIFY_REASON_NO_TYPE},
	    {HEAD "no colon\r\n\r\n", VERIFY_REASON_BAD_HEADER},
	    {HEAD "Content-Length: 1\r\n\r\nab\r\n\r\n", VERIFY_REASON_RECORD_LENGTH},
	    {HEAD "Content-Length: 999999999999999999\r\n\r\nab\r\n\r\n", VERIFY_REASON_RECORD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		begin();
		put_text(good[i]);
		if (look(PL) != VERIFY_WHOLE || result.whole_to != size)
			fail_msg("%s: %s", good[i], verify_reason_text(result.reason));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (broken_by(bad[i].text) != bad[i].reason)
			fail_msg("%s: %s", bad[i].text, verify_reason_text(result.reason));
}

static void long_lines_and_endless_headers(void **state)
{
	(void)state;
	begin();
	put_text(HEAD "WARC-Target-URI: data:");
	for (unsigned i = 0; i < 60000; i++)
		put_text("0123456789");
	put_text("\r\nContent-Length: 1\r\n\r\na\r\n\r\n");
	assert_int_equal(look(PL), VERIFY_WHOLE);
	begin();
	put_text(HEAD "WARC-Target-URI: data:");
	put_noise(100);
	while (size < WARC_HEADER_MAX + 100)
		put_text("0123456789");
	assert_int_equal(look(PL), VERIFY_DAMAGED);
	assert_int_equal(result.reason, VERIFY_REASON_ENDLESS_HEADER);
	begin();
	put_text(HEAD "Content-Length: ");
	while (size < 600)
		put_text("1");
	put_text("\r\n\r\n");
	assert_int_equal(look(PL), VERIFY_DAMAGED);
	assert_int_equal(result.reason, VERIFY_REASON_NO_LENGTH);
}

static void digests_prove_the_content(void **state)
{
	static const char *const right[] = {
	    "sha1:Q336IN72UWT7ZYK5DXOLT2XK5I3XMZ5Y",
	    "sha-1: 86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
	    "SHA256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
	    "md5:0cc175b9c0f1b6a831c399e269772661",
	    "tiger:whatever",
	    "sha1:not base 32",
	    "sha1",
	};
	static const char *const wrong[] = {
	    "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ",
	    "sha256:aa978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
	};
	char text[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right) + ARRAY_SIZE(wrong); i++) {
		bool is_right = i < ARRAY_SIZE(right);

		begin();
		snprintf(text, sizeof(text),
			 HEAD "WARC-Block-Digest: %s\r\nContent-Length: 1\r\n\r\na\r\n\r\n",
			 is_right ? right[i] : wrong[i - ARRAY_SIZE(right)]);
		put_text(text);
		if (look(PL) != (is_right ? VERIFY_WHOLE : VERIFY_DAMAGED))
			fail_msg("%s: %s", text, verify_reason_text(result.reason));
		assert_int_equal(result.reason, is_right ? VERIFY_REASON_NONE : VERIFY_REASON_DIGEST);
	}
	/* Zeros in the place of content that is not what was written. */
	begin();
	put_text(HEAD
		 "WARC-Block-Digest: sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ\r\nContent-Length: 2000\r\n\r\n");
	put_noise(500);
	put_zeros(1000);
	put_noise(500);
	put_text("\r\n\r\n");
	assert_int_equal(look(PL), VERIFY_HOLE);
	assert_int_equal(result.ranges[0].to - result.ranges[0].from, 1000);
	assert_int_equal(result.whole_to, 0);
}

/* In pieces of any size it is the same. */
static void records_may_come_in_pieces(void **state)
{
	static const size_t pieces[] = {1, 2, 7, 100, 4096};

	(void)state;
	make_plain();
	put_text("x");
	for (size_t p = 0; p < ARRAY_SIZE(pieces); p++) {
		struct warc w;
		size_t at = 0;

		assert_int_equal(warc_begin(&w, false), 0);
		while (at < size && w.state != WARC_BROKEN)
			at += warc_feed(&w, data + at, MIN(pieces[p], size - at));
		assert_int_equal(w.records, 3);
		assert_int_equal(w.state, WARC_BROKEN);
		assert_int_equal(at, size);
		assert_string_equal(w.version, "WARC/1.1");
		warc_release(&w);
	}
}

/* ---- zeros ---- */

/* As anybody would do it. */
static unsigned count_runs(const unsigned char *p, size_t n)
{
	unsigned runs = 0;
	size_t run = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && p[i] == 0) {
			run++;
			continue;
		}
		runs += run >= VERIFY_ZEROS_MIN;
		run = 0;
	}
	return runs;
}

static void check_runs(const struct zeros *z, unsigned runs)
{
	assert_int_equal(z->n, runs);
	for (unsigned i = 0; i < z->n; i++) {
		size_t from = (size_t)z->ranges[i].from - 1000, to = (size_t)z->ranges[i].to - 1000;

		assert_true(to - from >= VERIFY_ZEROS_MIN);
		assert_int_equal(zeros_before(data + from, to - from), to - from);
		assert_true(from == 0 || data[from - 1]);
		assert_true(to == size || data[to]);
	}
}

static void runs_of_zeros_are_found_whatever_the_pieces(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct zeros z;

		begin();
		while (size < 20000) {
			put_noise((size_t)rand_r(&seed) % 700 + (round & 1));
			put_zeros((size_t)rand_r(&seed) % 1100);
		}
		zeros_begin(&z, 1000);
		for (size_t at = 0, n; at < size; at += n) {
			n = (size_t)rand_r(&seed) % 1500 + 1;
			n = MIN(n, size - at);
			zeros_feed(&z, data + at, n);
		}
		zeros_end(&z);
		check_runs(&z, count_runs(data, size));
	}
}

static void more_holes_than_fit(void **state)
{
	struct zeros z;

	(void)state;
	zeros_begin(&z, 0);
	for (unsigned i = 0; i < 2 * VERIFY_RANGES_MAX; i++) {
		zeros_skip(&z, VERIFY_ZEROS_MIN + 10);
		zeros_feed(&z, (const unsigned char *)"x", 1);
	}
	zeros_skip(&z, 5);
	zeros_end(&z);
	assert_int_equal(z.n, VERIFY_RANGES_MAX);
	assert_true(z.more);
	assert_int_equal(z.ranges[1].from, VERIFY_ZEROS_MIN + 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers_are_read_as_the_standard_has_them),
	    cmocka_unit_test(long_lines_and_endless_headers),
	    cmocka_unit_test(digests_prove_the_content),
	    cmocka_unit_test(records_may_come_in_pieces),
	    cmocka_unit_test(runs_of_zeros_are_found_whatever_the_pieces),
	    cmocka_unit_test(more_holes_than_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
