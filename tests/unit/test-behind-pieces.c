/* When a piece of what is owed to storage goes, while its writer fills it. */
#include "behind-util.h"

#include "base/clock.h"

/* So that the link does not idle while its writer fills a large one; but not in ever so many pieces. */
static void a_middling_piece_does_not_wait(void)
{
	struct behind_work work;
	uint64_t offset = 100, changes;
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && next(&work));
	behind_sent(&work, 1);
	for (unsigned n = 1; n < 8; n++, offset += 256 * KIB) {
		CHECK(take(h, offset, 128 * KIB, 2) == BEHIND_TAKEN);
		changes = behind_changes(0);
		CHECK(take(h, offset + 128 * KIB, 128 * KIB, 3) == BEHIND_TAKEN);
		CHECK(behind_changes(0) != changes); /* senders look */
		CHECK(next(&work) && work.kind == BEHIND_SEND && work.extent->offset == offset);
		CHECK(atomic_load(&work.extent->length) == 256 * KIB);
		behind_sent(&work, 1);
	}
	CHECK(take(h, offset, 256 * KIB, 4) == BEHIND_TAKEN);
	CHECK(next(&work) && work.kind == BEHIND_CONFIRM && !next(&work));
}

/* Senders that came while it was being filled are called again; else not for each record. */
static void a_record_that_joins_wakes_nobody(void)
{
	struct behind_work work;
	struct handle *h;
	uint64_t changes;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN);
	changes = behind_changes(0);
	CHECK(take(h, 100, 100, 1) == BEHIND_TAKEN);
	CHECK(behind_changes(0) == changes && next(&work) && atomic_load(&work.extent->length) == 200);
}

/* Where appends go one by one, each for a round trip, records gather: until the piece is full, somebody waits, or no further one
 * has come for a while. */
static void appends_gather(void)
{
	struct behind_work work;
	uint64_t seen, began_ns;
	struct handle *h;

	configure();
	fs.guarded[0].pipelines = true;
	h = open_file(make_file("f"), O_WRONLY | O_APPEND);
	began_ns = clock_mono_ns();
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN);
	if (next(&work)) { /* a slow machine */
		CHECK(clock_mono_ns() - began_ns >= 5 * NSEC_PER_MSEC);
		behind_abandon(&work);
	}
	seen = behind_changes(0);
	CHECK(behind_wait(0, &seen)); /* ends by itself */
	CHECK(next(&work) && clock_mono_ns() - began_ns >= 5 * NSEC_PER_MSEC);
	behind_abandon(&work);
}

static void nobody_waits_for_appends_that_gather(void)
{
	struct behind_work work;
	struct handle *h;

	configure();
	fs.guarded[0].pipelines = true;
	h = open_file(make_file("f"), O_WRONLY | O_APPEND);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN);
	CHECK(behind_is_owed(h->node, behind_now()) && next(&work));
	behind_abandon(&work);
}

static void a_full_append_goes(void)
{
	struct behind_work work;
	uint64_t changes;
	struct handle *h;

	configure();
	fs.guarded[0].pipelines = true;
	h = open_file(make_file("f"), O_WRONLY | O_APPEND);
	CHECK(take(h, 0, MIB - 100, 1) == BEHIND_TAKEN);
	changes = behind_changes(0);
	CHECK(take(h, MIB - 100, 100, 1) == BEHIND_TAKEN && behind_changes(0) != changes);
	CHECK(next(&work) && atomic_load(&work.extent->length) == MIB);
	behind_abandon(&work);
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}

WORKER(a_middling_piece_does_not_wait)
WORKER(a_record_that_joins_wakes_nobody)
WORKER(appends_gather)
WORKER(nobody_waits_for_appends_that_gather)
WORKER(a_full_append_goes)

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_middling_piece_does_not_wait),
	    TEST(test_a_record_that_joins_wakes_nobody),
	    TEST(test_appends_gather),
	    TEST(test_nobody_waits_for_appends_that_gather),
	    TEST(test_a_full_append_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
