/* The window over links of several speeds and lengths, in simulated time: it fills the link, and queues no more
 * than twice what the link holds, within its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sftp/window.h"

#define PIECE (255u << 10)
#define QUEUE 64

static struct window w;

static void the_first_piece_always_goes(void **state)
{
	struct window_mark mark;

	(void)state;
	window_init(&w);
	assert_true(window_has_room(&w, UINT32_MAX));
	window_send(&w, 3u << 20, 1, &mark);
	assert_true(window_has_room(&w, 1u << 20));
	assert_false(window_has_room(&w, (1u << 20) + 1));
	window_drop(&w, 3u << 20);
	assert_int_equal(w.on_way, 0);
	assert_true(window_has_room(&w, UINT32_MAX));
}

/* Pieces go over a link of this rate one after the other, and are confirmed rtt_ns after they were through.
 * Returns the bytes a second of the last simulated second out of three. */
static uint64_t run_link(uint64_t rate, uint64_t rtt_ns)
{
	struct {
		struct window_mark mark;
		uint64_t due_ns;
	} way[QUEUE];
	unsigned first = 0, n = 0;
	uint64_t now_ns = NSEC_PER_SEC, end_ns = 4 * NSEC_PER_SEC, free_ns = now_ns, counted = 0;

	window_init(&w);
	while (now_ns < end_ns) {
		while (n < QUEUE && window_has_room(&w, PIECE)) {
			unsigned at = (first + n++) % QUEUE;

			window_send(&w, PIECE, now_ns, &way[at].mark);
			free_ns = MAX(free_ns, now_ns) + PIECE * NSEC_PER_SEC / rate;
			way[at].due_ns = free_ns + rtt_ns;
		}
		now_ns = way[first].due_ns;
		window_confirm(&w, PIECE, PIECE, &way[first].mark, now_ns);
		counted += now_ns > end_ns - NSEC_PER_SEC ? PIECE : 0;
		first = (first + 1) % QUEUE;
		n--;
		assert_in_range(w.allowed, WINDOW_MIN, WINDOW_MAX);
		assert_in_range(w.on_way, 0, WINDOW_MAX);
	}
	return counted;
}

static void links(void **state)
{
	static const struct {
		uint64_t rate, rtt_ms, most; /* bytes a second; of the window at the end */
	} cases[] = {
	    {2u << 20, 5, WINDOW_MIN},	    /* slow and near: nothing is queued for seconds */
	    {100u << 20, 0, WINDOW_MIN},    /* fast and near */
	    {100u << 20, 20, WINDOW_MAX},   /* 2 MiB on the way */
	    {1000ull << 20, 80, WINDOW_MAX} /* more than may be had */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t rtt_ns = cases[i].rtt_ms * NSEC_PER_MSEC, got = run_link(cases[i].rate, rtt_ns);
		uint64_t possible =
		    MIN(cases[i].rate, rtt_ns ? WINDOW_MAX * NSEC_PER_SEC / rtt_ns : UINT64_MAX);

		assert_in_range(got, possible * 8 / 10, cases[i].rate + 2 * PIECE);
		assert_in_range(w.allowed, WINDOW_MIN, cases[i].most);
	}
}

/* A refusal says nothing of the link. */
static void refused_pieces_measure_nothing(void **state)
{
	struct window_mark mark;

	(void)state;
	window_init(&w);
	window_send(&w, PIECE, 5, &mark);
	window_confirm(&w, PIECE, 0, &mark, 6);
	assert_int_equal(w.allowed, WINDOW_FIRST);
	assert_int_equal(w.on_way, 0);
}

/* A clock that stands, or an answer in the same nanosecond, divides by nothing. */
static void no_time_at_all(void **state)
{
	struct window_mark mark;

	(void)state;
	window_init(&w);
	window_send(&w, UINT32_MAX, 7, &mark);
	window_confirm(&w, UINT32_MAX, UINT32_MAX, &mark, 7);
	assert_in_range(w.allowed, WINDOW_MIN, WINDOW_MAX);
	window_confirm(&w, PIECE, PIECE, &mark, 3);
	assert_int_equal(w.on_way, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_piece_always_goes),
	    cmocka_unit_test(links),
	    cmocka_unit_test(refused_pieces_measure_nothing),
	    cmocka_unit_test(no_time_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
