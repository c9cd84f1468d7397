/* Names of state files and of what lies beside them; what a close says of the program that closes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/writer.h"
#include "policy/statefile.h"

#include <errno.h>
#include <unistd.h>

static void names_match(void **state)
{
	static const char list[] = "  .archive_state.json JOB/*.json\tJOB/*.yaml crawl-[0-9].cfg ";

	(void)state;
	assert_int_equal(statefile_match(list, ".archive_state.json"), STATEFILE_ANYWHERE);
	assert_int_equal(statefile_match(list, "x.json"), STATEFILE_IN_JOB);
	assert_int_equal(statefile_match(list, ".hidden.yaml"), STATEFILE_IN_JOB);
	assert_int_equal(statefile_match(list, "crawl-1.cfg"), STATEFILE_ANYWHERE);
	assert_int_equal(statefile_match(list, "crawl-x.cfg"), STATEFILE_NO);
	assert_int_equal(statefile_match(list, "x.json.tmp.12"), STATEFILE_NO);
	assert_int_equal(statefile_match(list, "rec-0.warc.gz"), STATEFILE_NO);
	assert_int_equal(statefile_match("JOB/a a", "a"), STATEFILE_ANYWHERE);
	assert_int_equal(statefile_match("", "a"), STATEFILE_NO);
	assert_int_equal(statefile_match("JOB/", "a"), STATEFILE_NO);
}

static void lists_are_checked(void **state)
{
	char longer[STATEFILE_NAME_SIZE + 8];

	(void)state;
	assert_true(statefile_list_is_valid(""));
	assert_true(statefile_list_is_valid(" a JOB/b* "));
	assert_false(statefile_list_is_valid("a/b"));
	assert_false(statefile_list_is_valid("JOB/a/b"));
	assert_false(statefile_list_is_valid("/a"));
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_false(statefile_list_is_valid(longer));
	assert_int_equal(statefile_match(longer, "x"), STATEFILE_NO);
}

static void what_lies_beside_is_known(void **state)
{
	char beside[STATEFILE_NAME_SIZE], name[STATEFILE_NAME_SIZE];

	(void)state;
	assert_int_equal(statefile_beside("a.json", 0x12ab, beside), 0);
	assert_string_equal(beside, ".a.json.guardfs-00000000000012ab");
	assert_true(statefile_is_beside(beside));
	assert_false(statefile_is_beside(".guardfs-00000000000012ab"));
	assert_false(statefile_is_beside("a.guardfs-00000000000012ab"));
	assert_false(statefile_is_beside(".a.guardfs-00000000000012aB"));
	assert_false(statefile_is_beside(".a.guardfs-0000000000012ab"));
	assert_false(statefile_is_beside(".a.json.guardfs-00000000000012ab."));
	assert_false(statefile_is_beside(".guardfs-id"));
	assert_false(statefile_is_beside(""));
	statefile_of_beside(".a.json.guardfs-00000000000012ab", name);
	assert_string_equal(name, "a.json");
	statefile_of_beside("a", name);
	assert_string_equal(name, "");
	memset(name, 'x', sizeof(name));
	name[229] = '\0';
	assert_int_equal(statefile_beside(name, UINT64_MAX, beside), 0);
	assert_int_equal(strlen(beside), 255);
	assert_true(statefile_is_beside(beside));
	memset(name, 'x', sizeof(name));
	name[230] = '\0';
	assert_int_equal(statefile_beside(name, 1, beside), -ENAMETOOLONG);
}

static void flags_are_found(void **state)
{
	(void)state;
	assert_int_equal(writer_task_flags("12 (a) S 1 12 12 0 -1 4194560 1 2"), 4194560);
	assert_int_equal(writer_task_flags("12 (a) b) (c 1 2) R 1 12 12 34816 12 1028 1"), 1028);
	assert_int_equal(writer_task_flags("12 (a) S 1 2"), 0);
	assert_int_equal(writer_task_flags(""), 0);
}

static void closes_are_told_apart(void **state)
{
	uint32_t me = (uint32_t)getpid();

	(void)state;
	assert_int_equal(writer_process(me), me);
	assert_int_equal(writer_process(0), 0);
	assert_int_equal(writer_closes(me, me), WRITER_CLOSES);
	assert_int_equal(writer_closes(me, 0), WRITER_CLOSES);
	assert_int_equal(writer_closes(me, 1), WRITER_OTHER);
	assert_int_equal(writer_closes(0, me), WRITER_CLOSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_match),
	    cmocka_unit_test(lists_are_checked),
	    cmocka_unit_test(what_lies_beside_is_known),
	    cmocka_unit_test(flags_are_found),
	    cmocka_unit_test(closes_are_told_apart),
	};

	return cmocka_run_group_tests_name("statefile", tests, NULL, NULL);
}
