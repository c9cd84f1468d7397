/* Was an append made? What is found in a file whose writer has died, or lost its connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/append_search.h"

#include <stdlib.h>

#define LINE	 "2026-11-29 a line of a log\n"
#define EARLIER	 "2026-11-29 the one before\n"
#define OTHERS	 "of somebody else\n"
#define NOTHING	 ""
#define PAGE	 4096u
#define BIG_SIZE 20000u

struct search {
	const char *data, *last;
	uint64_t offset;
	enum append_bound bound;
};

/* Feeds it in pieces of every length, and all lead to the same. */
static ssize_t search_bytes(const struct search *in, size_t n_data, const char *file, size_t n_file)
{
	static const size_t pieces[] = {1, 3, 7, 1000, SIZE_MAX};
	ssize_t first = 0;

	for (size_t p = 0; p < ARRAY_SIZE(pieces); p++) {
		struct append_search s;
		ssize_t made;

		assert_int_equal(append_search_begin(&s, in->data, n_data, in->last, strlen(in->last),
						     in->offset, in->bound),
				 0);
		for (size_t at = 0; at < n_file; at += MIN(pieces[p], n_file - at))
			append_search_feed(&s, file + at, MIN(pieces[p], n_file - at));
		made = append_search_end(&s);
		if (p == 0)
			first = made;
		assert_int_equal(made, first);
	}
	return first;
}

/* The file behind the bound, from 100 on, holds this. */
static ssize_t search(const char *data, const char *last, const char *file)
{
	return search_bytes(&(struct search){data, last, 100, APPEND_BOUND_KNOWN}, strlen(data), file,
			    strlen(file));
}

static ssize_t search_skipped(const char *data, const char *last, const char *file)
{
	return search_bytes(&(struct search){data, last, 100, APPEND_BOUND_SKIPPED}, strlen(data), file,
			    strlen(file));
}

static ssize_t search_exact(const char *data, const char *last, const char *file)
{
	return search_bytes(&(struct search){data, last, 100, APPEND_BOUND_EXACT}, strlen(data), file,
			    strlen(file));
}

#define WHOLE(data) ((ssize_t)strlen(data))

static void nobody_else(void **state)
{
	(void)state;
	assert_int_equal(search(LINE, EARLIER, NOTHING), 0);
	assert_int_equal(search(LINE, EARLIER, LINE), WHOLE(LINE));
	assert_int_equal(search(LINE, EARLIER, "2026"), 4);
	assert_int_equal(search("\n", EARLIER, "\n"), 1);
	/* The same again and again: no more than compared. */
	assert_int_equal(search(LINE, LINE, NOTHING), 0);
	assert_int_equal(search(LINE, LINE, LINE), WHOLE(LINE));
	assert_int_equal(search("\n", "\n", "\n"), 1);
	assert_int_equal(search(LINE, NOTHING, LINE), WHOLE(LINE));
}

static void others_as_well(void **state)
{
	(void)state;
	assert_int_equal(search(LINE, EARLIER, OTHERS), 0);
	assert_int_equal(search(LINE, EARLIER, OTHERS LINE), WHOLE(LINE));
	assert_int_equal(search(LINE, EARLIER, LINE OTHERS), WHOLE(LINE));
	assert_int_equal(search(LINE, EARLIER, OTHERS LINE OTHERS), WHOLE(LINE));
	/* Of theirs, something that begins like ours. */
	assert_int_equal(search(LINE, EARLIER, "2026-11-29 a line of another log\n"), 0);
	assert_int_equal(search(LINE, EARLIER, "2026-11-29 a line 2026-11-29 a line of a log\n"),
			 WHOLE(LINE));
}

/* The bound is behind by what others have appended: what we appended ourselves lies after it, too. */
static void earlier_of_ours(void **state)
{
	(void)state;
	assert_int_equal(search(LINE, EARLIER, OTHERS EARLIER), 0);
	assert_int_equal(search(LINE, EARLIER, OTHERS LINE EARLIER), 0);
	assert_int_equal(search(LINE, EARLIER, LINE OTHERS EARLIER OTHERS), 0);
	assert_int_equal(search(LINE, EARLIER, OTHERS LINE EARLIER OTHERS LINE), WHOLE(LINE));
	assert_int_equal(search(LINE, EARLIER, EARLIER LINE), WHOLE(LINE));
	/* Twice the same, and others among it: which of the two is this? */
	assert_int_equal(search(LINE, LINE, OTHERS LINE), APPEND_DOUBTFUL);
	assert_int_equal(search(LINE, LINE, LINE OTHERS), APPEND_DOUBTFUL);
	assert_int_equal(search(LINE, LINE, OTHERS), 0);
	/* What was appended before is part of this. */
	assert_int_equal(search("A00017\nA00017\n", "A00017\n", OTHERS "A00017\nA00017\n"), APPEND_DOUBTFUL);
	/* Too short to tell anything, but right behind that. */
	assert_int_equal(search("\n", EARLIER, OTHERS), APPEND_DOUBTFUL);
	assert_int_equal(search("\n", EARLIER, "of somebody"), 0);
	assert_int_equal(search(".\n", EARLIER, OTHERS EARLIER ".\n"), 2);
	assert_int_equal(search(".\n", EARLIER, OTHERS EARLIER OTHERS ".\n"), APPEND_DOUBTFUL);
	assert_int_equal(search(".\n", EARLIER, OTHERS EARLIER OTHERS), 0);
	/* The rest of a line, cut off at the end of a page, is like the rest of another's. */
	assert_int_equal(search(".....\n", "A0007520 ..", "B0000001 .......\n"), APPEND_DOUBTFUL);
	assert_int_equal(search(".....\n", "A0007520 ..", "A0007520 .......\n"), 6);
	assert_int_equal(search(".....\n", "A0007520 ..", "A0007520 ..B0000001 .......\n"), APPEND_DOUBTFUL);
	assert_int_equal(search(LINE, "\n", OTHERS LINE OTHERS), WHOLE(LINE));
}

#define LIKE_LAST "0123456789 .......\n"

/* Another client's lines end like ours, so behind this append stands once more what looks like the last one. */
static void others_like_last(void **state)
{
	(void)state;
	assert_int_equal(search(LINE, ".......\n", LINE LIKE_LAST), APPEND_DOUBTFUL);
	assert_int_equal(search(LINE, ".......\n", LIKE_LAST LINE), WHOLE(LINE));
	assert_int_equal(search(LINE, ".......\n", LIKE_LAST LIKE_LAST), 0);
	assert_int_equal(search(LINE, ".......\n", LIKE_LAST LINE LIKE_LAST), APPEND_DOUBTFUL);
	assert_int_equal(search(LINE, ".......\n", LIKE_LAST LIKE_LAST LINE LIKE_LAST LIKE_LAST),
			 APPEND_DOUBTFUL);
	assert_int_equal(search(LINE, ".......\n", LIKE_LAST LINE LIKE_LAST LINE), WHOLE(LINE));
	assert_int_equal(search(LINE, EARLIER, EARLIER LINE EARLIER), APPEND_DOUBTFUL);
}

/* The file ended at the bound: the last append is before it, and does not matter. */
static void from_the_end(void **state)
{
	(void)state;
	assert_int_equal(search_exact(LINE, EARLIER, NOTHING), 0);
	assert_int_equal(search_exact(LINE, EARLIER, OTHERS), 0);
	assert_int_equal(search_exact(LINE, LINE, OTHERS LINE OTHERS), WHOLE(LINE));
	assert_int_equal(search_exact(LINE, ".......\n", LIKE_LAST LINE LIKE_LAST), WHOLE(LINE));
	assert_int_equal(search_exact(LINE, ".......\n", LINE LIKE_LAST), WHOLE(LINE));
	assert_int_equal(search_exact(".....\n", "A0007520 ..", ".....\n" OTHERS), 6);
	assert_int_equal(search_exact(".....\n", "A0007520 ..", LIKE_LAST), APPEND_DOUBTFUL);
}

/* Much was appended since the file was last looked at: only its end is searched. */
static void far_behind(void **state)
{
	(void)state;
	assert_int_equal(search_skipped(LINE, EARLIER, OTHERS LINE OTHERS), WHOLE(LINE));
	assert_int_equal(search_skipped(LINE, EARLIER, LINE), WHOLE(LINE));
	assert_int_equal(search_skipped(LINE, EARLIER, OTHERS), APPEND_DOUBTFUL);
	assert_int_equal(search_skipped(LINE, NOTHING, OTHERS), APPEND_DOUBTFUL);
	assert_int_equal(search_skipped(LINE, EARLIER, OTHERS EARLIER OTHERS), 0);
	assert_int_equal(search_skipped(LINE, EARLIER, NOTHING), APPEND_DOUBTFUL);
}

static char *big(void)
{
	char *data = malloc(BIG_SIZE + 1);

	assert_non_null(data);
	for (size_t i = 0; i < BIG_SIZE; i++)
		data[i] = (char)('a' + i * i % 23);
	data[BIG_SIZE] = '\0';
	return data;
}

/* `before` bytes of somebody else, then so many of the big data, then somebody else again. */
static ssize_t search_torn(size_t before, size_t made, const char *after)
{
	char *data = big(), *file = calloc(1, before + BIG_SIZE + 100);
	ssize_t rc;

	assert_non_null(file);
	memset(file, '#', before);
	memcpy(file + before, data, made);
	memcpy(file + before + made, after, strlen(after));
	rc = search_bytes(&(struct search){data, EARLIER, 0, APPEND_BOUND_KNOWN}, BIG_SIZE, file,
			  before + made + strlen(after));
	free(file);
	free(data);
	return rc;
}

static void torn(void **state)
{
	(void)state;
	assert_int_equal(search_torn(0, 17, NOTHING), 17);
	assert_int_equal(search_torn(0, BIG_SIZE, NOTHING), BIG_SIZE);
	/* Behind what others appended, at the end of the file: if it ends as a torn write does. */
	assert_int_equal(search_torn(10, PAGE - 10, NOTHING), PAGE - 10);
	assert_int_equal(search_torn(PAGE - 5, 5, NOTHING), 5);
	assert_int_equal(search_torn(10, 2048, NOTHING), 2048);
	assert_int_equal(search_torn(10, 5, NOTHING), 0);
	/* Others have gone on behind it. */
	assert_int_equal(search_torn(10, PAGE - 10, OTHERS), APPEND_DOUBTFUL);
	assert_int_equal(search_torn(0, 2048, OTHERS), APPEND_DOUBTFUL);
	assert_int_equal(search_torn(10, 5, OTHERS), 0);
	assert_int_equal(search_torn(10, BIG_SIZE, OTHERS), BIG_SIZE);
}

/* All zeros: the worst that can be searched for. */
static void periodic(void **state)
{
	char *zeros = calloc(1, 4 * BIG_SIZE);
	const struct search in = {zeros, EARLIER, 0, APPEND_BOUND_KNOWN};

	(void)state;
	assert_non_null(zeros);
	assert_int_equal(search_bytes(&in, BIG_SIZE, zeros, BIG_SIZE), BIG_SIZE);
	assert_int_equal(search_bytes(&in, BIG_SIZE, zeros, BIG_SIZE - 1), BIG_SIZE - 1);
	/* Somebody else appends zeros as well. */
	assert_int_equal(search_bytes(&in, BIG_SIZE, zeros, 3 * BIG_SIZE), APPEND_DOUBTFUL);
	free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_else),
	    cmocka_unit_test(others_as_well),
	    cmocka_unit_test(earlier_of_ours),
	    cmocka_unit_test(others_like_last),
	    cmocka_unit_test(from_the_end),
	    cmocka_unit_test(far_behind),
	    cmocka_unit_test(torn),
	    cmocka_unit_test(periodic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
