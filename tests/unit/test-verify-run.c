/* What a command line names: files that are none, directories with archives in them, manifests; copies of
 * what is whole; and what is said of all that, for people and programs. */
#include "base/cleanup.h"
#include "base/fd.h"
#include "remove-tree.h"
#include "verify/run.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>
#include <utime.h>

#include <cmocka.h>

#define RECORD "WARC/1.1\r\nWARC-Type: warcinfo\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n"
#define TWO    RECORD RECORD
#define CUT    RECORD "WARC/1.1\r\nWARC-Type: x\r\nContent-Le"

static char sandbox[64];
static char *said;

static int set_up(void **state)
{
	(void)state;
	strcpy(sandbox, "/tmp/test-verify.XXXXXX");
	return mkdtemp(sandbox) && chdir(sandbox) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(said);
	said = NULL;
	return chdir("/") || remove_tree(sandbox);
}

static void put(const char *path, const char *text)
{
	char dir[256];

	strcpy(dir, path);
	if (strchr(dir, '/')) {
		*strrchr(dir, '/') = '\0';
		assert_int_equal(fd_mkdir_parents(dir, 0755), 0);
	}
	assert_int_equal(fd_write_atomic(path, text, strlen(text), 0640, false), 0);
}

/* Returns the exit status; said is what was said. */
static int verify(struct verify_run run, const char *path)
{
	size_t size;
	int status;

	free(said);
	said = NULL;
	run.out = open_memstream(&said, &size);
	run.program = "test";
	run.options.level = VERIFY_LEVEL_WARC;
	verify_run_begin(&run);
	verify_run_path(&run, path);
	status = verify_run_end(&run);
	fclose(run.out);
	return status;
}

static int says(const char *path, const char *text)
{
	int status = verify((struct verify_run){.files = 0}, path);

	if (!strstr(said, text))
		fail_msg("%s: \"%s\" is not said: %s", path, text, said);
	return status;
}

static void what_is_no_file(void **state)
{
	(void)state;
	put("a.warc", RECORD);
	assert_int_equal(symlink("a.warc", "link.warc"), 0);
	assert_int_equal(symlink("link.warc", "loop.warc"), 0);
	assert_int_equal(mkfifo("fifo.warc.gz", 0600), 0);
	put("dir/a.warc", RECORD);
	assert_int_equal(symlink("dir", "there"), 0);
	assert_int_equal(says("a.warc", "a.warc: whole (1 record, 58 bytes)"), VERIFY_EXIT_OK);
	assert_int_equal(says("link.warc", "not_a_file"), VERIFY_EXIT_NOT_WHOLE);
	assert_int_equal(says("fifo.warc.gz", "not_a_file"), VERIFY_EXIT_NOT_WHOLE);
	assert_int_equal(says("there", "not_a_file"), VERIFY_EXIT_NOT_WHOLE);
	assert_int_equal(says("there/a.warc", "whole"), VERIFY_EXIT_OK);
	assert_int_equal(says("/dev/zero", "not_a_file"), VERIFY_EXIT_NOT_WHOLE);
	assert_int_equal(says("missing.warc", "missing"), VERIFY_EXIT_NOT_WHOLE);
	assert_int_equal(says("a.warc/x.warc", "missing"), VERIFY_EXIT_NOT_WHOLE);
}

/* Names steer no terminal, and JSON has only what it may have. */
static void names_are_made_harmless(void **state)
{
	json_t *line;

	(void)state;
	put("a\033[1m\xff.warc", RECORD);
	assert_int_equal(says("a\033[1m\xff.warc", "a\\x1B[1m\\xFF.warc: whole"), VERIFY_EXIT_OK);
	assert_int_equal(verify((struct verify_run){.json = true}, "a\033[1m\xff.warc"), VERIFY_EXIT_OK);
	line = json_loads(said, 0, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "path")), "a\033[1m\xEF\xBF\xBD.warc");
	json_decref(line);
}

static void json_has_all_of_it(void **state)
{
	const char *verdict = NULL, *kind = NULL, *error = NULL, *file_kind = NULL;
	int ok = 1, level = 0;
	json_int_t at = 0, whole_to = 0, size = 0, records = 0;
	json_t *line;

	(void)state;
	put("a.warc", CUT);
	assert_int_equal(verify((struct verify_run){.json = true}, "a.warc"), VERIFY_EXIT_NOT_WHOLE);
	line = json_loads(said, 0, NULL);
	assert_int_equal(json_unpack(line, "{s:s, s:b, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:[]}",
				     "verdict", &verdict, "ok", &ok, "error_kind", &kind, "error", &error,
				     "kind", &file_kind, "level", &level, "at", &at, "whole_to", &whole_to,
				     "size", &size, "records", &records, "ranges"),
			 0);
	assert_string_equal(verdict, "truncated");
	assert_string_equal(kind, "corrupt_or_unreadable");
	assert_string_equal(error, "it ends within the header of a record");
	assert_string_equal(file_kind, "warc");
	assert_false(ok);
	assert_int_equal(level, 2);
	assert_int_equal(at, strlen(CUT));
	assert_int_equal(size, strlen(CUT));
	assert_int_equal(whole_to, strlen(RECORD));
	assert_int_equal(records, 1);
	json_decref(line);
	put("b.warc", RECORD);
	assert_int_equal(verify((struct verify_run){.json = true}, "b.warc"), VERIFY_EXIT_OK);
	assert_non_null(strstr(said, "\"ok\":true,\"error_kind\":null,\"error\":null"));
}

static unsigned lines(void)
{
	unsigned n = 0;

	for (const char *p = said; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	return n;
}

static void a_directory_has_its_archives_verified(void **state)
{
	struct utimbuf old = {.actime = 1000, .modtime = 1000};

	(void)state;
	put("job/.tmp1/collections/crawl-1/archive/rec-1.warc", RECORD);
	put("job/.tmp1/collections/crawl-1/archive/rec-2.warc", CUT);
	put("job/.tmp1/collections/crawl-1/archive/rec.log", "x");
	put("job/warcs_quarantine/1/bad.warc", "bad");
	put("job/old.warc", RECORD);
	assert_int_equal(mkdir("job/warcs", 0755), 0);
	assert_int_equal(
	    link("job/.tmp1/collections/crawl-1/archive/rec-1.warc", "job/warcs/warc-000001.warc"), 0);
	assert_int_equal(symlink("..", "job/up"), 0);
	assert_int_equal(symlink("../a.warc", "job/link.warc"), 0);
	assert_int_equal(utime("job/old.warc", &old), 0);
	assert_int_equal(says("job", "3 files: 2 whole, 1 not, 0 unknown\n"), VERIFY_EXIT_NOT_WHOLE);
	assert_non_null(strstr(said, "rec-2.warc: truncated at byte "));
	assert_int_equal(lines(), 4);
	assert_int_equal(verify((struct verify_run){.since_s = 2000}, "job"), VERIFY_EXIT_NOT_WHOLE);
	assert_int_equal(lines(), 3);
	assert_null(strstr(said, "old.warc"));
	/* By itself what is in quarantine may be looked at. */
	assert_int_equal(says("job/warcs_quarantine", "bad.warc: garbage"), VERIFY_EXIT_NOT_WHOLE);
	assert_int_equal(mkdir("empty", 0755), 0);
	assert_int_equal(says("empty", "0 files"), VERIFY_EXIT_OK);
}

/* Content alone tells neither that a file is gone, nor that it ends too early after a whole record. */
static void the_manifest_tells_what_content_cannot(void **state)
{
	char text[600];

	(void)state;
	put("job/warcs/warc-000001.warc", RECORD);
	put("job/warcs/warc-000002.warc", TWO);
	put("job/elsewhere/warc-000001.warc", RECORD);
	put("job/warcs/warc-000009.warc", RECORD);
	snprintf(text, sizeof(text),
		 "{\"version\":1,\"entries\":["
		 "{\"stable_name\":\"warc-000001.warc\",\"size_bytes\":%zu},"
		 "{\"stable_name\":\"warc-000002.warc\",\"size_bytes\":%zu},"
		 "{\"stable_name\":\"warc-000003.warc\",\"size_bytes\":10},"
		 "{\"stable_name\":\"../../etc/passwd\",\"size_bytes\":10}, {\"stable_name\":7}, 3]}",
		 strlen(TWO), strlen(RECORD));
	put("job/warcs/manifest.json", text);
	assert_int_equal(says("job", "5 files: 3 whole, 2 not"), VERIFY_EXIT_NOT_WHOLE);
	assert_non_null(strstr(said, "job/warcs/warc-000003.warc: missing\n"));
	assert_non_null(
	    strstr(said, "job/warcs/warc-000001.warc: truncated at byte 58: it is smaller than it must be"));
	assert_non_null(strstr(said, "job/elsewhere/warc-000001.warc: whole"));
	put("job/warcs/manifest.json", "{\"entries\":");
	assert_int_equal(says("job", "4 files: 4 whole"), VERIFY_EXIT_OK);
}

/* It may be met by its other name first, of which the manifest says nothing. */
static void the_manifest_holds_for_files_with_two_names(void **state)
{
	static const char *const others[] = {"job/.tmp1/rec.warc", "job/zzz/rec.warc"};

	(void)state;
	put("job/warcs/a.warc", RECORD);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		put(others[i], "");
		assert_int_equal(remove(others[i]), 0);
		assert_int_equal(link("job/warcs/a.warc", others[i]), 0);
	}
	put("job/warcs/manifest.json", "{\"entries\":[{\"stable_name\":\"a.warc\",\"size_bytes\":1000}]}");
	assert_int_equal(says("job", "job/warcs/a.warc: truncated at byte 58"), VERIFY_EXIT_NOT_WHOLE);
}

static int repair(const char *path, const char *to)
{
	return verify((struct verify_run){.repair_to = to}, path);
}

static void assert_holds(const char *path, const char *text)
{
	char buf[1000];

	assert_int_equal(fd_read_file(path, buf, sizeof(buf)), strlen(text));
	assert_string_equal(buf, text);
}

static unsigned names_in(const char *path)
{
	CLEANUP_DIR DIR *dir = opendir(path);
	unsigned n = 0;

	while (readdir(dir))
		n++;
	return n - 2;
}

static void a_copy_has_what_is_whole(void **state)
{
	struct stat st;

	(void)state;
	put("a.warc", CUT);
	assert_int_equal(mkdir("new", 0755), 0);
	assert_int_equal(repair("a.warc", "new/a.warc"), VERIFY_EXIT_NOT_WHOLE);
	assert_non_null(strstr(said, "truncated"));
	assert_holds("new/a.warc", RECORD);
	assert_holds("a.warc", CUT);
	assert_int_equal(stat("new/a.warc", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(names_in("new"), 1);
	/* Nothing is ever replaced, not even by the file itself. */
	put("new/a.warc", "mine");
	assert_int_equal(repair("a.warc", "new/a.warc"), VERIFY_EXIT_NOT_WHOLE);
	assert_holds("new/a.warc", "mine");
	assert_int_equal(repair("a.warc", "a.warc"), VERIFY_EXIT_NOT_WHOLE);
	assert_holds("a.warc", CUT);
	assert_int_equal(symlink("nowhere", "new/link"), 0);
	assert_int_equal(repair("a.warc", "new/link"), VERIFY_EXIT_NOT_WHOLE);
	assert_int_equal(names_in("new"), 2);
	assert_int_equal(repair("a.warc", "nowhere/a.warc"), VERIFY_EXIT_NOT_WHOLE);
	assert_int_equal(repair("a.warc", "new/"), VERIFY_EXIT_NOT_WHOLE);
	/* A name of its own, in the directory where one is. */
	assert_int_equal(repair("a.warc", "b.warc"), VERIFY_EXIT_NOT_WHOLE);
	assert_holds("b.warc", RECORD);
}

static void no_copy_of_what_is_whole_or_of_nothing(void **state)
{
	(void)state;
	put("whole.warc", TWO);
	assert_int_equal(repair("whole.warc", "new.warc"), VERIFY_EXIT_OK);
	put("none.warc", "WARC/1.1\r\nWARC");
	assert_int_equal(repair("none.warc", "new.warc"), VERIFY_EXIT_NOT_WHOLE);
	put("text", "text");
	assert_int_equal(repair("text", "new.warc"), VERIFY_EXIT_OK);
	assert_int_equal(repair("missing", "new.warc"), VERIFY_EXIT_NOT_WHOLE);
	assert_int_equal(access("new.warc", F_OK), -1);
}

static bool after_the_first_look(void *context, const struct verify_progress *progress)
{
	unsigned *calls = context;

	(void)progress;
	return ++*calls < 2;
}

static void an_interrupted_copy_leaves_nothing(void **state)
{
	unsigned calls = 0;
	struct verify_options options = {.kind = VERIFY_WARC,
					 .level = VERIFY_LEVEL_WARC,
					 .go_on = after_the_first_look,
					 .context = &calls};
	struct verify_result result;
	CLEANUP_FD int fd = -1;

	(void)state;
	put("a.warc", CUT);
	fd = open("a.warc", O_RDONLY | O_CLOEXEC);
	assert_int_equal(verify_file(fd, &options, &result), 0);
	assert_int_equal(verify_repair(fd, &options, &result, "b.warc"), -ECANCELED);
	assert_int_equal(names_in("."), 1);
	/* Changed since: what was whole is not any more. */
	calls = 0;
	options.go_on = NULL;
	put("b.warc", "XX");
	close(fd);
	fd = open("b.warc", O_RDONLY | O_CLOEXEC);
	assert_int_equal(verify_repair(fd, &options, &result, "c.warc"), -EAGAIN);
	result.whole_to = 2;
	assert_int_equal(verify_repair(fd, &options, &result, "c.warc"), -EIO);
	result.verdict = VERIFY_UNKNOWN;
	assert_int_equal(verify_repair(fd, &options, &result, "c.warc"), -EAGAIN);
	assert_int_equal(names_in("."), 2);
}

static void names_of_kinds(void **state)
{
	(void)state;
	assert_int_equal(verify_kind_of("a.warc.gz"), VERIFY_WARC_GZIP);
	assert_int_equal(verify_kind_of("/x/a.warc"), VERIFY_WARC);
	assert_int_equal(verify_kind_of("a.tar.gz"), VERIFY_GZIP);
	assert_int_equal(verify_kind_of("a.warc.gz.tmp"), VERIFY_DATA);
	assert_int_equal(verify_kind_of(".warc"), VERIFY_DATA);
	for (unsigned i = 0; i < VERIFY_KIND_COUNT; i++)
		assert_int_equal(verify_kind_from_name(verify_kind_name((enum verify_kind)i)), i);
	assert_int_equal(verify_kind_from_name("zip"), VERIFY_KIND_COUNT);
	for (unsigned i = 0; i < VERIFY_VERDICT_COUNT; i++)
		assert_non_null(verify_verdict_name((enum verify_verdict)i));
	for (unsigned i = 0; i < VERIFY_REASON_COUNT; i++)
		assert_non_null(verify_reason_text((enum verify_reason)i));
}

int main(void)
{
#define IN_A_SANDBOX(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    IN_A_SANDBOX(what_is_no_file),
	    IN_A_SANDBOX(names_are_made_harmless),
	    IN_A_SANDBOX(json_has_all_of_it),
	    IN_A_SANDBOX(a_directory_has_its_archives_verified),
	    IN_A_SANDBOX(the_manifest_tells_what_content_cannot),
	    IN_A_SANDBOX(the_manifest_holds_for_files_with_two_names),
	    IN_A_SANDBOX(a_copy_has_what_is_whole),
	    IN_A_SANDBOX(no_copy_of_what_is_whole_or_of_nothing),
	    IN_A_SANDBOX(an_interrupted_copy_leaves_nothing),
	    cmocka_unit_test(names_of_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
