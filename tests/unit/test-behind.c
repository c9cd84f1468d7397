/* What is owed to storage: in which order it goes, who waits for it, how much of it there may be, and what a
 * worker finds that its predecessor has left. */
#include "behind-util.h"

static void arrive(struct behind_work *work)
{
	struct behind_list list;

	behind_arrived(work, &list);
	while (behind_release(0, work, &list))
		continue;
}

static uint64_t owed(void)
{
	return atomic_load(&fs.board->backends[0].owed_bytes);
}

/* ---- order ---- */

static void what_goes_on_is_one_piece(void)
{
	struct behind_work work;
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	for (unsigned i = 0; i < 10; i++)
		CHECK(take(h, i * 100, 100, (uint8_t)i) == BEHIND_TAKEN);
	CHECK(owed() == 1000 && atomic_load(&fs.board->backends[0].owed_files) == 1);
	CHECK(next(&work) && work.kind == BEHIND_SEND && work.handle == h && work.extent->offset == 0);
	CHECK(atomic_load(&work.extent->length) == 1000 && work.data[950] == 9);
	/* What comes while it is being sent is another one. */
	CHECK(take(h, 1000, 100, 7) == BEHIND_TAKEN);
	CHECK(atomic_load(&work.extent->length) == 1000);
	arrive(&work);
	CHECK(owed() == 100 && next(&work) && work.extent->offset == 1000);
	arrive(&work);
	CHECK(owed() == 0 && !next(&work) && !(atomic_load(&fs.arena->nodes[h->node].flags) & NODE_BEHIND));
}

static void elsewhere_is_another_piece_and_goes_later(void)
{
	struct behind_work first, second;
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && take(h, 50, 10, 2) == BEHIND_TAKEN);
	CHECK(next(&first) && first.extent->offset == 0);
	CHECK(!next(&second));
	behind_sent(&first, 1);
	/* It covers what is on its way: that has to arrive before. */
	CHECK(next(&second) && second.kind == BEHIND_CONFIRM && second.point == first.extent->sequence);
	arrive(&second);
	CHECK(next(&second) && second.kind == BEHIND_SEND && second.extent->offset == 50);
}

static void a_small_piece_waits_for_company(void)
{
	struct behind_work work, confirm;
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && next(&work));
	behind_sent(&work, 1);
	CHECK(take(h, 100, 100, 2) == BEHIND_TAKEN);
	CHECK(next(&confirm) && confirm.kind == BEHIND_CONFIRM);
	CHECK(!next(&work)); /* something is under way */
	CHECK(behind_is_owed(h->node, behind_now()));
	CHECK(next(&work) && work.kind == BEHIND_SEND && work.extent->offset == 100); /* somebody waits */
}

static void two_files_go_at_once(void)
{
	struct behind_work work[2];
	struct handle *f, *g;

	configure();
	f = open_file(make_file("f"), O_WRONLY);
	g = open_file(make_file("g"), O_WRONLY);
	CHECK(take(f, 0, 100, 1) == BEHIND_TAKEN && take(g, 0, 100, 1) == BEHIND_TAKEN);
	CHECK(next(&work[0]) && next(&work[1]) && work[0].node != work[1].node);
}

static void through_another_handle_only_when_the_first_has_arrived(void)
{
	struct handle *h, *other;
	struct behind_work work;
	struct node *node;

	configure();
	node = make_file("f");
	h = open_file(node, O_WRONLY);
	other = open_file(node, O_WRONLY);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && take(other, 100, 100, 2) == BEHIND_TAKEN);
	CHECK(next(&work) && work.handle == h);
	behind_sent(&work, 1);
	CHECK(next(&work) && work.kind == BEHIND_CONFIRM);
	arrive(&work);
	CHECK(next(&work) && work.kind == BEHIND_SEND && work.handle == other);
}

/* ---- waiting ---- */

static void who_waits_waits_for_what_was_there(void)
{
	struct behind_work work;
	struct handle *h;
	uint64_t point;

	configure();
	h = open_file(make_file("f"), O_WRONLY | O_APPEND);
	CHECK(!behind_is_owed(h->node, UINT64_MAX));
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN);
	point = behind_now();
	CHECK(behind_is_owed(h->node, point));
	CHECK(take(h, 100, 100, 2) == BEHIND_TAKEN); /* not put into the piece that is waited for */
	CHECK(next(&work) && atomic_load(&work.extent->length) == 100);
	arrive(&work);
	CHECK(!behind_is_owed(h->node, point) && behind_is_owed(h->node, behind_now()));
}

static void room_is_bounded_and_comes_back(void)
{
	struct behind_work work;
	struct handle *h, *other;
	uint64_t n = 0;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	other = open_file(make_file("g"), O_WRONLY);
	while (take(h, n * MIB, MIB, 1) == BEHIND_TAKEN)
		n++;
	CHECK(n == 3); /* half of the 6 MiB that may be owed before the rate is known */
	CHECK(!behind_has_room(0, h->node, MIB) && behind_has_room(0, other->node, MIB));
	CHECK(take(other, 0, MIB, 1) == BEHIND_TAKEN);
	CHECK(next(&work));
	arrive(&work);
	CHECK(behind_has_room(0, h->node, MIB) || behind_has_room(0, other->node, MIB));
}

/* As behind_send.c does when it hands an append over. */
static void hand_over_append(struct behind_work *work)
{
	work->extent->append_from = work->append_from;
	work->extent->append_begun = APPEND_BEGUN;
	behind_sent(work, 1);
}

static void appends_follow_each_other(void)
{
	struct behind_work first, second, again;
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY | O_APPEND);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && next(&first) && first.appends && first.append_from == 0);
	hand_over_append(&first);
	CHECK(take(h, 100, MIB, 2) == BEHIND_TAKEN && next(&second) && second.kind == BEHIND_SEND);
	CHECK(second.append_from == 100 && first.extent->append_begun == APPEND_FOLLOWED);
	hand_over_append(&second);
	/* The connection is lost: one after the other, for each is searched for. */
	CHECK(behind_next(0, 2, 0, &again) && again.extent == first.extent);
	CHECK(!behind_next(0, 2, 0, &second));
	arrive(&again);
	CHECK(behind_next(0, 2, 0, &again) && again.extent->append_from == 100);
}

/* Searched for because of an older connection's end: nothing is on its way to the file meanwhile. */
static void a_begun_append_goes_by_itself(void)
{
	struct behind_work work, other;
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY | O_APPEND);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && next(&work));
	work.extent->append_begun = APPEND_BEGUN;
	CHECK(behind_again(&work, 1, true, 0));
	CHECK(take(h, 100, MIB, 2) == BEHIND_TAKEN);
	CHECK(next(&work) && work.extent->append_begun == APPEND_BEGUN && !next(&other));
	arrive(&work);
	CHECK(next(&other) && other.extent->append_begun == APPEND_NOT_BEGUN);
}

/* ---- trouble ---- */

static void a_lost_connection_sends_all_again(void)
{
	struct behind_work work;
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	CHECK(take(h, 0, KIB, 1) == BEHIND_TAKEN && next(&work));
	behind_sent(&work, 1);
	CHECK(take(h, KIB, KIB, 2) == BEHIND_TAKEN && behind_is_owed(h->node, behind_now()));
	CHECK(next(&work) && work.extent->offset == KIB);
	CHECK(behind_again(&work, 1, true, 0));
	CHECK(behind_next(0, 2, 0, &work) && work.kind == BEHIND_SEND && work.extent->offset == 0);
}

static void an_error_waits_for_a_verdict_once(void)
{
	struct behind_work work;
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && next(&work));
	CHECK(behind_again(&work, 1, false, 5));
	CHECK(!behind_next(0, 1, 5, &work));
	CHECK(behind_next(0, 1, 6, &work));
	CHECK(!behind_again(&work, 1, false, 6));
	behind_abandon(&work);
}

static void a_failed_confirmation_makes_careful(void)
{
	struct behind_work work;
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && next(&work));
	behind_sent(&work, 1);
	CHECK(next(&work) && work.kind == BEHIND_CONFIRM && behind_again(&work, 1, false, 0));
	CHECK(next(&work) && work.kind == BEHIND_SEND && work.careful && work.extent->offset == 0);
}

static void what_is_given_up_is_not_sent(void)
{
	struct behind_lost lost;
	struct behind_work work;
	struct handle *h;
	uint64_t point;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	point = behind_now();
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && take(h, 500, 100, 1) == BEHIND_TAKEN && next(&work));
	behind_give_up(0, h->node, point, EIO); /* who was told that had come before */
	CHECK(!behind_given_up(&work));
	behind_give_up(0, h->node, behind_now(), EIO);
	behind_give_up(0, h->node, behind_now(), ENOSPC);
	CHECK(behind_given_up(&work) == EIO && !behind_next_lost(0, &lost));
	CHECK(take(h, 600, 1, 1) == BEHIND_REFUSED);
	behind_abandon(&work);
	CHECK(!next(&work));
	CHECK(behind_next_lost(0, &lost) && lost.list.n == 2 && lost.error == EIO && lost.node == h->node);
	(void)behind_release(0, NULL, &lost.list);
	CHECK(owed() == 0 && take(h, 600, 1, 1) == BEHIND_TAKEN);
}

/* An error of handing over is told once: who was handed over meanwhile goes again, too. */
static void a_confirmation_fails_beside_a_hand_over(void)
{
	struct behind_work first, confirm, second;
	struct handle *h;

	configure();
	fs.board->config.deadline.ms[OP_METADATA] = 4000;
	h = open_file(make_file("f"), O_WRONLY);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && next(&first));
	behind_sent(&first, 1);
	CHECK(next(&confirm) && confirm.kind == BEHIND_CONFIRM);
	CHECK(take(h, 100, 100, 2) == BEHIND_TAKEN && behind_is_owed(h->node, behind_now()));
	CHECK(next(&second) && second.kind == BEHIND_SEND && !second.careful);
	CHECK(behind_again(&confirm, 1, false, 0));
	behind_sent(&second, 1);
	CHECK(next(&first) && first.kind == BEHIND_SEND && first.careful && first.extent->offset == 0);
	arrive(&first);
	CHECK(next(&second) && second.careful && second.extent->offset == 100);
}

/* Small pieces all over a file: of the extents, too, one file may not have all. */
static void small_pieces_leave_room(void)
{
	struct handle *h, *other;
	uint64_t n = 0;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	other = open_file(make_file("g"), O_WRONLY);
	while (take(h, n * 8192, 1, 1) == BEHIND_TAKEN)
		n++;
	CHECK(n < EXTENT_MAX / 4 && !behind_has_room(0, h->node, 1));
	CHECK(take(other, 0, 1, 1) == BEHIND_TAKEN);
}

/* ---- many on the way ---- */

static bool begin(struct behind_work *work)
{
	if (!next(work) || work->kind != BEHIND_SEND)
		return false;
	behind_begun(work);
	return true;
}

static struct handle *open_large(unsigned mib)
{
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY);
	for (unsigned i = 0; i < mib; i++)
		CHECK(take(h, i * MIB, MIB, 1) == BEHIND_TAKEN);
	return h;
}

/* Taken by the transport in order, and released in order, in whatever order they are confirmed. */
static void pieces_follow_each_other(void)
{
	struct behind_work w[3];
	struct handle *h = open_large(3);

	CHECK(next(&w[0]) && !next(&w[1]));
	behind_begun(&w[0]);
	CHECK(begin(&w[1]) && begin(&w[2]) && !next(&w[0]));
	CHECK(w[1].extent->offset == MIB && w[2].extent->offset == 2 * MIB);
	arrive(&w[2]);
	arrive(&w[1]);
	CHECK(owed() == 3 * MIB && behind_has_arrived(w[1].extent) && !next(&w[1]));
	arrive(&w[0]);
	CHECK(owed() == 0 && !(atomic_load(&fs.arena->nodes[h->node].flags) & NODE_BEHIND));
}

/* One is confirmed while another thread releases those before it: they are told of as one behind the other. */
static void who_releases_takes_what_has_come_meanwhile(void)
{
	struct behind_list first, second;
	struct behind_work w[2];

	(void)open_large(2);
	CHECK(begin(&w[0]) && begin(&w[1]));
	behind_arrived(&w[0], &first);
	behind_arrived(&w[1], &second);
	CHECK(first.n == 1 && second.n == 0);
	CHECK(!behind_release(0, &w[1], &second) && owed() == 2 * MIB);
	CHECK(behind_release(0, &w[0], &first) && owed() == MIB && first.n == 1);
	CHECK(!behind_release(0, &w[0], &first) && owed() == 0);
}

/* A thread's extent may be released by another one before it comes to that itself. */
static void a_file_stays_while_somebody_is_at_work(void)
{
	struct behind_list first, second;
	struct behind_work w[2];
	struct handle *h = open_large(2);

	CHECK(begin(&w[0]) && begin(&w[1]));
	behind_arrived(&w[1], &second);
	behind_arrived(&w[0], &first);
	CHECK(second.n == 0 && first.n == 2 && !behind_release(0, &w[0], &first));
	CHECK(atomic_load(&fs.arena->nodes[h->node].flags) & NODE_BEHIND);
	CHECK(!behind_release(0, &w[1], &second));
	CHECK(!(atomic_load(&fs.arena->nodes[h->node].flags) & NODE_BEHIND));
}

static void what_overlaps_or_appends_goes_alone(void)
{
	struct behind_work work, second;
	struct handle *h, *appender;

	configure();
	fs.board->config.deadline.ms[OP_METADATA] = 4000;
	h = open_file(make_file("f"), O_WRONLY);
	appender = open_file(&fs.arena->nodes[h->node], O_WRONLY | O_APPEND);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && take(h, 50, 100, 2) == BEHIND_TAKEN);
	CHECK(take(appender, 150, 100, 3) == BEHIND_TAKEN && take(h, 1000, 100, 4) == BEHIND_TAKEN);
	CHECK(behind_is_owed(h->node, behind_now()));
	for (unsigned i = 0; i < 4; i++) {
		CHECK(begin(&work) && !next(&second));
		arrive(&work);
	}
	CHECK(owed() == 0);
}

/* None over the new connection while an older one is not known to have failed over the old one. */
static void a_lost_connection_sends_in_order_again(void)
{
	struct behind_work w[2], again;

	(void)open_large(2);
	CHECK(begin(&w[0]) && begin(&w[1]));
	CHECK(behind_again(&w[1], 1, true, 0));
	CHECK(!behind_next(0, 2, 0, &again));
	CHECK(behind_again(&w[0], 1, true, 0));
	CHECK(behind_next(0, 2, 0, &again) && again.extent->offset == 0);
	behind_begun(&again);
	CHECK(behind_next(0, 2, 0, &w[1]) && w[1].extent->offset == MIB);
	behind_begun(&w[1]);
	arrive(&again);
	arrive(&w[1]);
	CHECK(owed() == 0);
}

/* The server may have lost what it confirmed before earlier bytes, and no ledger tells of that: it goes again. */
static void what_arrived_too_early_goes_again_over_another_connection(void)
{
	struct behind_work w[2], again;

	(void)open_large(2);
	CHECK(begin(&w[0]) && begin(&w[1]));
	arrive(&w[1]);
	CHECK(behind_again(&w[0], 1, true, 0));
	CHECK(behind_next(0, 2, 0, &again) && again.extent->offset == 0);
	behind_begun(&again);
	CHECK(behind_next(0, 2, 0, &w[1]) && w[1].extent->offset == MIB && w[1].extent->done == 0);
	behind_begun(&w[1]);
	arrive(&w[1]);
	CHECK(owed() == 2 * MIB);
	arrive(&again);
	CHECK(owed() == 0);
}

/* Each has its verdict, also one that fails when the verdict on the other has come. */
static void errors_at_once_wait_for_verdicts(void)
{
	struct behind_work w[2];

	(void)open_large(2);
	CHECK(begin(&w[0]) && begin(&w[1]));
	CHECK(behind_again(&w[0], 1, false, 5));
	CHECK(!behind_next(0, 1, 5, &w[0]) && behind_next(0, 1, 6, &w[0]));
	behind_begun(&w[0]);
	CHECK(behind_again(&w[1], 1, false, 6));
	arrive(&w[0]);
	CHECK(behind_next(0, 1, 7, &w[1]) && !behind_again(&w[1], 1, false, 7));
	behind_abandon(&w[1]);
}

static void what_is_on_the_way_is_bounded(void)
{
	struct behind_work w[4];
	struct handle *h = open_large(3), *other;

	other = open_file(make_file("g"), O_WRONLY);
	CHECK(take(other, 0, MIB, 1) == BEHIND_TAKEN);
	for (unsigned i = 0; i < 3; i++)
		CHECK(begin(&w[i]));
	CHECK(!next(&w[3]));
	arrive(&w[0]);
	CHECK(begin(&w[3]));
	CHECK(h != other);
}

/* Nothing is given up that may still come to storage. */
static void what_is_given_up_is_waited_for(void)
{
	struct behind_lost lost;
	struct behind_work w[3];
	struct handle *h = open_large(3);

	CHECK(begin(&w[0]) && begin(&w[1]));
	arrive(&w[1]);
	behind_give_up(0, h->node, behind_now(), EIO);
	CHECK(!next(&w[2]) && !behind_next_lost(0, &lost));
	behind_abandon(&w[0]);
	CHECK(behind_next_lost(0, &lost) && lost.list.n == 3);
	CHECK(behind_has_arrived(behind_extent(&lost.list, 1)));
	CHECK(!behind_has_arrived(behind_extent(&lost.list, 2)));
	CHECK(!behind_release(0, NULL, &lost.list) && owed() == 0);
}

/* ---- another worker ---- */

/* Of three pieces on the way the third is confirmed: it is on no ledger yet, and goes again. */
static void leave_on_the_way(void)
{
	struct behind_work w[3];

	(void)open_large(3);
	CHECK(begin(&w[0]) && begin(&w[1]) && begin(&w[2]));
	arrive(&w[2]);
}

static void find_all_owed(void)
{
	struct behind_work work;

	behind_init();
	CHECK(owed() == 3 * MIB);
	for (unsigned i = 0; i < 3; i++) {
		CHECK(begin(&work) && work.extent->offset == i * MIB);
		CHECK(work.extent->done == 0);
		arrive(&work);
	}
	CHECK(owed() == 0);
}

static void leave_behind(void)
{
	struct behind_work work;
	struct handle *h;

	configure();
	h = open_file(make_file("f"), O_WRONLY | O_APPEND);
	CHECK(h == &fs.arena->handles[0]);
	CHECK(take(h, 0, 100, 1) == BEHIND_TAKEN && next(&work));
	behind_sent(&work, 1);
	unique = 7;
	CHECK(take(h, 100, 50, 2) == BEHIND_TAKEN);
}

static void find_it(void)
{
	struct handle *h = &fs.arena->handles[0];
	struct behind_work work;
	struct behind_list again;

	behind_init();
	CHECK(owed() == 150 && behind_is_owed(h->node, behind_now()) && atomic_load(&h->users) == 2);
	/* The WRITE that was acknowledged last is run again: it is there once. */
	unique = 7;
	CHECK(take(h, 100, 50, 2) == BEHIND_TAKEN && owed() == 150);
	CHECK(next(&work) && work.extent->offset == 0 && work.data[99] == 1);
	CHECK((behind_went_again(&work, &again), again.n == 1));
	arrive(&work);
	CHECK(next(&work) && work.extent->offset == 100 && work.data[49] == 2);
	arrive(&work);
	unique = 7;
	CHECK(take(h, 100, 50, 2) == BEHIND_TAKEN && owed() == 0);
}

/* handle_lost has told its open files so, and their callers may have seen it. */
static void find_it_lost(void)
{
	struct behind_lost lost;
	struct behind_work work;

	atomic_store(&fs.arena->handles[0].error, ENOSPC);
	behind_init();
	CHECK(owed() == 150 && !next(&work));
	CHECK(behind_next_lost(0, &lost) && lost.error == ENOSPC && lost.list.n == 2);
	(void)behind_release(0, NULL, &lost.list);
	CHECK(owed() == 0);
}

static void find_rubbish(void)
{
	struct handle *h = &fs.arena->handles[0];

	fs.arena->owed.extents[0].backend = 200;
	fs.arena->owed.extents[1].fh = 77;
	behind_init();
	CHECK(owed() == 0 && take(h, 0, 1, 1) == BEHIND_TAKEN);
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}
WORKER(what_goes_on_is_one_piece)
WORKER(elsewhere_is_another_piece_and_goes_later)
WORKER(a_small_piece_waits_for_company)
WORKER(two_files_go_at_once)
WORKER(through_another_handle_only_when_the_first_has_arrived)
WORKER(who_waits_waits_for_what_was_there)
WORKER(room_is_bounded_and_comes_back)
WORKER(a_lost_connection_sends_all_again)
WORKER(an_error_waits_for_a_verdict_once)
WORKER(a_failed_confirmation_makes_careful)
WORKER(what_is_given_up_is_not_sent)
WORKER(appends_follow_each_other)
WORKER(a_begun_append_goes_by_itself)
WORKER(a_confirmation_fails_beside_a_hand_over)
WORKER(small_pieces_leave_room)
WORKER(pieces_follow_each_other)
WORKER(who_releases_takes_what_has_come_meanwhile)
WORKER(a_file_stays_while_somebody_is_at_work)
WORKER(what_overlaps_or_appends_goes_alone)
WORKER(a_lost_connection_sends_in_order_again)
WORKER(what_arrived_too_early_goes_again_over_another_connection)
WORKER(errors_at_once_wait_for_verdicts)
WORKER(what_is_on_the_way_is_bounded)
WORKER(what_is_given_up_is_waited_for)

static void outlives_its_worker_on_the_way(void **state)
{
	(void)state;
	assert_int_equal(as_worker(leave_on_the_way), 0);
	assert_int_equal(as_worker(find_all_owed), 0);
}

static void outlives_its_worker(void **state)
{
	(void)state;
	assert_int_equal(as_worker(leave_behind), 0);
	assert_int_equal(as_worker(find_it), 0);
}

static void what_was_told_as_lost_is_lost(void **state)
{
	(void)state;
	assert_int_equal(as_worker(leave_behind), 0);
	assert_int_equal(as_worker(find_it_lost), 0);
}

static void rubbish_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(as_worker(leave_behind), 0);
	assert_int_equal(as_worker(find_rubbish), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_what_goes_on_is_one_piece),
	    TEST(test_elsewhere_is_another_piece_and_goes_later),
	    TEST(test_a_small_piece_waits_for_company),
	    TEST(test_two_files_go_at_once),
	    TEST(test_through_another_handle_only_when_the_first_has_arrived),
	    TEST(test_who_waits_waits_for_what_was_there),
	    TEST(test_room_is_bounded_and_comes_back),
	    TEST(test_a_lost_connection_sends_all_again),
	    TEST(test_an_error_waits_for_a_verdict_once),
	    TEST(test_a_failed_confirmation_makes_careful),
	    TEST(test_what_is_given_up_is_not_sent),
	    TEST(test_a_confirmation_fails_beside_a_hand_over),
	    TEST(test_appends_follow_each_other),
	    TEST(test_a_begun_append_goes_by_itself),
	    TEST(test_small_pieces_leave_room),
	    TEST(test_pieces_follow_each_other),
	    TEST(test_who_releases_takes_what_has_come_meanwhile),
	    TEST(test_a_file_stays_while_somebody_is_at_work),
	    TEST(test_what_overlaps_or_appends_goes_alone),
	    TEST(test_a_lost_connection_sends_in_order_again),
	    TEST(test_what_arrived_too_early_goes_again_over_another_connection),
	    TEST(test_errors_at_once_wait_for_verdicts),
	    TEST(test_what_is_on_the_way_is_bounded),
	    TEST(test_what_is_given_up_is_waited_for),
	    TEST(outlives_its_worker_on_the_way),
	    TEST(outlives_its_worker),
	    TEST(what_was_told_as_lost_is_lost),
	    TEST(rubbish_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
