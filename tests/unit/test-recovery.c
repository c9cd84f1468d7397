/* The recovery ladder as a machine: order, deadlines, the common budget; and mountinfo, by which rungs find
 * mounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "keeper/ladder.h"
#include "base/mounts.h"

#include <errno.h>
#include <stdio.h>

#define MS NSEC_PER_MSEC

/* What the rungs are to answer, and a trace of what was called. */
struct script {
	enum rung_result answer[3];
	char trace[128];
};

static enum rung_result note(struct script *s, const char *what, unsigned rung)
{
	strcat(s->trace, what);
	return s->answer[rung];
}

static enum rung_result start_a(void *c, uint64_t now)
{
	(void)now;
	return note(c, "A", 0);
}

static enum rung_result poll_a(void *c, uint64_t now)
{
	(void)now;
	return note(c, "a", 0);
}

static enum rung_result start_b(void *c, uint64_t now)
{
	(void)now;
	strcat(((struct script *)c)->trace, "B");
	return RUNG_WAIT;
}

static enum rung_result poll_b(void *c, uint64_t now)
{
	(void)now;
	return note(c, "b", 1);
}

static enum rung_result start_c(void *c, uint64_t now)
{
	(void)now;
	return note(c, "C", 2);
}

static const struct rung rungs[] = {
    {"a", 100, false, 5, start_a, poll_a},
    {"b", 0, true, 7, start_b, poll_b},
    {"c", 0, true, 9, start_c, NULL},
};

static void climbs_in_order(void **state)
{
	struct script s = {.answer = {RUNG_WAIT, RUNG_DONE, RUNG_DONE}};
	struct ladder l;

	(void)state;
	ladder_begin(&l, rungs, 3, 1000);
	assert_int_equal(ladder_wake_ns(&l, 10 * MS), 10 * MS);
	assert_int_equal(ladder_step(&l, &s, 10 * MS), LADDER_WAITING);
	assert_string_equal(s.trace, "Aa");
	assert_int_equal(ladder_wake_ns(&l, 10 * MS), 15 * MS);
	s.answer[0] = RUNG_DONE;
	assert_int_equal(ladder_step(&l, &s, 20 * MS), LADDER_TOP);
	assert_string_equal(s.trace, "AaaBbC");
	assert_int_equal(ladder_step(&l, &s, 30 * MS), LADDER_IDLE);
	assert_int_equal(ladder_wake_ns(&l, 30 * MS), UINT64_MAX);
}

static void a_failed_rung_ends_it(void **state)
{
	struct script s = {.answer = {RUNG_DONE, RUNG_FAILED, RUNG_DONE}};
	struct ladder l;

	(void)state;
	ladder_begin(&l, rungs, 3, 1000);
	assert_int_equal(ladder_step(&l, &s, 1), LADDER_FAILED);
	assert_string_equal(s.trace, "ABb");
	assert_string_equal(ladder_rung_name(&l), "b");
	assert_false(l.climbing);
}

static void a_rung_has_its_own_deadline(void **state)
{
	struct script s = {.answer = {RUNG_WAIT}};
	struct ladder l;

	(void)state;
	ladder_begin(&l, rungs, 3, 1000);
	assert_int_equal(ladder_step(&l, &s, 50 * MS), LADDER_WAITING);
	assert_int_equal(ladder_step(&l, &s, 149 * MS), LADDER_WAITING);
	assert_int_equal(ladder_step(&l, &s, 150 * MS), LADDER_EXPIRED);
	assert_string_equal(ladder_rung_name(&l), "a");
}

static void connecting_rungs_share_a_budget(void **state)
{
	struct script s = {.answer = {RUNG_DONE, RUNG_WAIT, RUNG_WAIT}};
	struct ladder l;

	(void)state;
	ladder_begin(&l, rungs, 3, 1000);
	assert_int_equal(ladder_step(&l, &s, 500 * MS), LADDER_WAITING);
	s.answer[1] = RUNG_DONE;
	assert_int_equal(ladder_step(&l, &s, 1400 * MS), LADDER_WAITING);
	assert_string_equal(ladder_rung_name(&l), "c");
	assert_int_equal(ladder_wake_ns(&l, 1495 * MS), 1500 * MS);
	assert_int_equal(ladder_step(&l, &s, 1500 * MS), LADDER_EXPIRED);
}

static void success_at_the_last_moment_counts(void **state)
{
	struct script s = {.answer = {RUNG_WAIT}};
	struct ladder l;

	(void)state;
	ladder_begin(&l, rungs, 1, 1000);
	assert_int_equal(ladder_step(&l, &s, 0), LADDER_WAITING);
	s.answer[0] = RUNG_DONE;
	assert_int_equal(ladder_step(&l, &s, 5000 * MS), LADDER_TOP);
}

static void it_can_be_left(void **state)
{
	struct script s = {.answer = {RUNG_WAIT}};
	struct ladder l;

	(void)state;
	ladder_begin(&l, rungs, 3, 1000);
	assert_int_equal(ladder_step(&l, &s, 0), LADDER_WAITING);
	ladder_stop(&l);
	assert_int_equal(ladder_step(&l, &s, 1), LADDER_IDLE);
}

static void mountinfo_is_read(void **state)
{
	struct mount_entry e;

	(void)state;
	assert_int_equal(
	    mount_parse(
		"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n", &e),
	    0);
	assert_int_equal(e.id, 36);
	assert_int_equal(e.major, 98);
	assert_int_equal(e.minor, 0);
	assert_string_equal(e.root, "/mnt1");
	assert_string_equal(e.mountpoint, "/mnt 2");
	assert_false(e.shared);
	assert_string_equal(e.fstype, "ext3");
	assert_string_equal(e.source, "/dev/root");
	assert_false(mount_is_fuse(&e));
	assert_int_equal(
	    mount_parse("1 2 0:48 / /a\\040-\\040b rw shared:1 master:2 - fuse.sshfs u@h:/x\\054y rw\n", &e),
	    0);
	assert_string_equal(e.mountpoint, "/a - b");
	assert_true(e.shared);
	assert_string_equal(e.source, "u@h:/x,y");
	assert_true(mount_is_fuse(&e));
	assert_int_equal(mount_parse("1 2 0:48 / /a rw - tmpfs  rw\n", &e), 0);
	assert_string_equal(e.source, "");
}

static void mountinfo_that_is_none(void **state)
{
	static const char *const bad[] = {"",
					  "\n",
					  "x",
					  "1 2 3:4",
					  "1 2 3:4 ",
					  "1 2 3:4 / ",
					  "1 2 3:4 / /m rw",
					  "1 2 3:4 / /m rw -",
					  "1 2 3:4 / /m rw - ",
					  "1 2 3:4 / /m rw - t"};
	char line[3 * MOUNT_FIELD_MAX];
	struct mount_entry e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_not_equal(mount_parse(bad[i], &e), 0);
	snprintf(line, sizeof(line), "1 2 3:4 / /%0*d rw - t s rw\n", MOUNT_FIELD_MAX, 0);
	assert_int_equal(mount_parse(line, &e), -ENAMETOOLONG);
}

static void mounts_of_this_machine(void **state)
{
	struct mount_entry e, by_id;

	(void)state;
	assert_int_equal(mount_find_at("/proc", &e), 0);
	assert_string_equal(e.fstype, "proc");
	assert_int_equal(mount_find_id(e.id, &by_id), 0);
	assert_string_equal(by_id.mountpoint, "/proc");
	assert_int_equal(mount_find_containing("/proc/self/fd", &by_id), 0);
	assert_int_equal(by_id.id, e.id);
	assert_int_equal(mount_find_containing("/procrustes", &by_id), 0);
	assert_string_equal(by_id.mountpoint, "/");
	assert_int_equal(mount_find_at("/no/such/mount", &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(climbs_in_order),
	    cmocka_unit_test(a_failed_rung_ends_it),
	    cmocka_unit_test(a_rung_has_its_own_deadline),
	    cmocka_unit_test(connecting_rungs_share_a_budget),
	    cmocka_unit_test(success_at_the_last_moment_counts),
	    cmocka_unit_test(it_can_be_left),
	    cmocka_unit_test(mountinfo_is_read),
	    cmocka_unit_test(mountinfo_that_is_none),
	    cmocka_unit_test(mounts_of_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
