/* guardctl tier move: its journal, its lists of what a directory holds, what is made of paths in other
 * namespaces. */
#include "base/fd.h"
#include "ctl/move/move.h"
#include "remove-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char sandbox[64];
static char what[MOVE_NAME_MAX];

static int set_up(void **state)
{
	(void)state;
	strcpy(sandbox, "/tmp/test-move.XXXXXX");
	return mkdtemp(sandbox) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return remove_tree(sandbox);
}

/* ---- the journal ---- */

static const char good[] =
    "guardfs-move 1\nstep placing\njob hc/job\nfrom-tier local\nfrom hc/job\nto-tier box\n"
    "to jobs/hc/job\nold hc/.guardfs-old-0123456789abcdef\nlate 0\nstarted 1767866400\n"
    "files 12\nbytes 123456789012\nend\n";

static void a_journal_is_read_as_it_was_written(void **state)
{
	struct move m;
	char text[MOVE_FILE_MAX];

	(void)state;
	assert_int_equal(move_parse(good, strlen(good), &m), 0);
	assert_int_equal(m.step, MOVE_PLACING);
	assert_string_equal(m.job, "hc/job");
	assert_string_equal(m.to.tier, "box");
	assert_string_equal(m.to.path, "jobs/hc/job");
	assert_int_equal(m.bytes, 123456789012);
	assert_false(m.late);
	assert_int_equal(move_format(&m, text, sizeof(text)), 0);
	assert_string_equal(text, good);
	assert_int_equal(move_format(&m, text, 100), -ENAMETOOLONG);
	m.step = MOVE_DISCARDING;
	m.late = true;
	assert_int_equal(move_format(&m, text, sizeof(text)), 0);
	assert_int_equal(move_parse(text, strlen(text), &m), 0);
	assert_int_equal(m.step, MOVE_DISCARDING);
	assert_true(m.late);
}

/* The journal with the line that begins with key replaced (NULL: left out). */
static void refuses(const char *key, const char *line)
{
	char text[MOVE_FILE_MAX] = "", copy[MOVE_FILE_MAX], *rest = copy, *old;
	struct move m;
	size_t used = 0;
	bool found = false;

	strcpy(copy, good);
	while ((old = strsep(&rest, "\n")) && rest) {
		bool meant = strncmp(old, key, strlen(key)) == 0;

		found |= meant;
		if (!meant || line)
			used +=
			    (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", meant ? line : old);
	}
	assert_true(found);
	assert_int_equal(move_parse(text, used, &m), -EINVAL);
}

static void what_is_no_journal_is_refused(void **state)
{
	struct move m;
	char text[sizeof(good) + 8];

	(void)state;
	for (size_t n = 0; n < strlen(good); n++)
		assert_int_equal(move_parse(good, n, &m), -EINVAL);
	snprintf(text, sizeof(text), "%smore\n", good);
	assert_int_equal(move_parse(text, strlen(text), &m), -EINVAL);
	memcpy(text, good, sizeof(good));
	text[20] = '\0';
	assert_int_equal(move_parse(text, strlen(good), &m), -EINVAL);
	refuses("guardfs-move", "guardfs-move 2");
	refuses("step", "step invalid");
	refuses("step", NULL);
	refuses("job", "job other");
	refuses("job", "job ");
	refuses("from ", "from hc/../../etc");
	refuses("to ", "to /etc");
	refuses("to ", "to a//b");
	refuses("old", "old ../x");
	refuses("old", "old ");
	refuses("old", "old hc/job");
	refuses("from-tier", "from-tier other");
	refuses("to-tier", "to-tier local");
	refuses("to-tier", "to-tier ../x");
	refuses("to-tier", "to-tier a/b");
	refuses("files", "files -1");
	refuses("files", "files 1234567890123456789012");
	refuses("bytes", "bytes 1 ");
	refuses("late", "late");
	refuses("end", NULL);
}

static void a_journal_on_disk(void **state)
{
	char file[128];
	struct move m, again;

	(void)state;
	snprintf(file, sizeof(file), "%s/journal", sandbox);
	assert_int_equal(move_load(file, &m), -ENOENT);
	assert_int_equal(move_parse(good, strlen(good), &m), 0);
	assert_int_equal(move_store(file, &m), 0);
	assert_int_equal(move_load(file, &again), 0);
	assert_memory_equal(&m, &again, sizeof(m));
	assert_int_equal(truncate(file, 50), 0);
	assert_int_equal(move_load(file, &again), -EINVAL);
}

static void names_of_jobs_differ(void **state)
{
	char a[MOVE_ID_SIZE], b[MOVE_ID_SIZE];

	(void)state;
	move_id("hc/job", a);
	move_id("hc/jobs", b);
	assert_int_equal(strlen(a), 16);
	assert_int_equal(strspn(a, "0123456789abcdef"), 16);
	assert_string_not_equal(a, b);
}

static void rates(void **state)
{
	static const char *const bad[] = {"",	 "10",	 "K",	"0K",	    "10MB",
					  "-1M", "1.5M", "10m", "1234567K", "10M "};
	uint64_t rate = 0;

	(void)state;
	assert_int_equal(parse_rate("500K", &rate), 0);
	assert_int_equal(rate, 500 * 1024);
	assert_int_equal(parse_rate("10M", &rate), 0);
	assert_int_equal(rate, 10 << 20);
	assert_int_equal(parse_rate("999999G", &rate), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_rate(bad[i], &rate), -EINVAL);
}

/* ---- paths elsewhere ---- */

static void is_inner(const char *root, const char *mountpoint, const char *path, const char *expected)
{
	char inner[64];
	errint_t err = move_inner_path(root, mountpoint, path, inner, sizeof(inner));

	assert_int_equal(err, expected ? 0 : -ENOENT);
	if (expected)
		assert_string_equal(inner, expected);
}

static void a_path_in_another_namespace_is_found_within_its_file_system(void **state)
{
	char inner[8];

	(void)state;
	is_inner("/", "/srv/jobs", "/srv/jobs/hc/job/x", "/hc/job/x");
	is_inner("/hc/job", "/output", "/output/x", "/hc/job/x");
	is_inner("/hc/job", "/output", "/output", "/hc/job");
	is_inner("/hc/job", "/", "/x", "/hc/job/x");
	is_inner("/", "/srv/jobs", "/srv/jobs", "/");
	is_inner("/", "/srv/jobs", "/srv/jobs2/x", NULL);
	is_inner("/", "/srv/jobs", "/elsewhere", NULL);
	assert_int_equal(move_inner_path("/hc/job", "/o", "/o/long", inner, sizeof(inner)), -ENAMETOOLONG);
}

/* ---- trees ---- */

static int make_dir(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", sandbox, name);
	assert_int_equal(mkdir(path, 0755), 0);
	return open(path, O_RDONLY | O_DIRECTORY);
}

/* A file with a time of its own. */
static void put(int dir, const char *name, const char *content, time_t when)
{
	struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, content, strlen(content)), 0);
	close(fd);
	assert_int_equal(utimensat(dir, name, times, 0), 0);
}

static void read_tree(int dir, struct move_tree *tree)
{
	assert_int_equal(move_tree_read(dir, true, tree, what), 0);
	assert_int_equal(move_tree_hash(dir, tree, 0, "test", what), 0);
}

static bool differ(int a, int b, unsigned compare)
{
	struct move_tree x, y;
	bool differs;

	read_tree(a, &x);
	read_tree(b, &y);
	differs = move_tree_differs(&x, &y, compare, what);
	move_tree_release(&x);
	move_tree_release(&y);
	return differs;
}

static void every_difference_is_found(void **state)
{
	int a = make_dir("a"), b = make_dir("b");

	(void)state;
	for (int dir = a;; dir = b) {
		assert_int_equal(mkdirat(dir, "sub", 0750), 0);
		put(dir, "sub/file", "content", 1000);
		put(dir, "sub.", "", 1000);
		assert_int_equal(symlinkat("sub", dir, "link"), 0);
		if (dir == b)
			break;
	}
	assert_false(differ(a, b, MOVE_COMPARE_HASH | MOVE_COMPARE_LINKS));
	put(b, "sub/file", "Content", 1000);
	assert_false(differ(a, b, 0));
	assert_true(differ(a, b, MOVE_COMPARE_HASH));
	assert_string_equal(what, "sub/file has other content");
	assert_true(differ(a, b, MOVE_COMPARE_STAMP));
	put(b, "sub/file", "content", 1001);
	assert_true(differ(a, b, 0));
	put(b, "sub/file", "content", 1000);
	assert_int_equal(fchmodat(b, "sub", 0700, 0), 0);
	assert_true(differ(a, b, 0));
	assert_int_equal(fchmodat(b, "sub", 0750, 0), 0);
	put(b, "new", "", 1000);
	assert_true(differ(a, b, 0));
	assert_string_equal(what, "new is new");
	assert_true(differ(b, a, 0));
	assert_string_equal(what, "new is missing");
	assert_int_equal(unlinkat(b, "new", 0), 0);
	assert_int_equal(unlinkat(b, "link", 0), 0);
	assert_int_equal(symlinkat("sub.", b, "link"), 0);
	assert_true(differ(a, b, 0));
	close(a);
	close(b);
}

static void sums_are_sha_256(void **state)
{
	static const unsigned char of_abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
	struct move_tree tree;
	int a = make_dir("a");

	(void)state;
	put(a, "f", "abc", 1000);
	read_tree(a, &tree);
	assert_int_equal(tree.n, 1);
	assert_int_equal(tree.bytes, 3);
	assert_memory_equal(tree.entries[0].hash, of_abc, sizeof(of_abc));
	move_tree_release(&tree);
	close(a);
}

static void what_cannot_be_moved_is_named(void **state)
{
	struct move_tree tree;
	int a = make_dir("a");

	(void)state;
	assert_int_equal(mkdirat(a, "sub", 0755), 0);
	assert_int_equal(mkfifoat(a, "sub/pipe", 0600), 0);
	assert_int_equal(move_tree_read(a, true, &tree, what), -EMEDIUMTYPE);
	assert_string_equal(what, "sub/pipe");
	move_tree_release(&tree);
	close(a);
}

static void hard_links_are_groups_and_can_be_made_again(void **state)
{
	int a = make_dir("a"), b = make_dir("b");
	struct move_tree old, now;
	char list[128];
	size_t made;

	(void)state;
	put(a, "x", "same", 1000);
	assert_int_equal(linkat(a, "x", a, "y", 0), 0);
	assert_int_equal(linkat(a, "x", a, "z", 0), 0);
	assert_int_equal(linkat(a, "x", b, "elsewhere", 0), 0);
	assert_int_equal(unlinkat(b, "elsewhere", 0), 0);
	put(b, "x", "same", 1000);
	put(b, "y", "same", 1000);
	put(b, "z", "Same", 1000);
	assert_false(differ(a, a, MOVE_COMPARE_LINKS));
	assert_true(differ(a, b, MOVE_COMPARE_LINKS));
	snprintf(list, sizeof(list), "%s/list", sandbox);
	assert_int_equal(move_tree_read(a, true, &old, what), 0);
	assert_int_equal(old.links, 3);
	assert_int_equal(move_tree_save(&old, list), 0);
	move_tree_release(&old);
	assert_int_equal(move_tree_load(list, &old), 0);
	assert_int_equal(old.links, 3);
	read_tree(b, &now);
	assert_int_equal(move_tree_relink(b, &now, &old, &made, what), 0);
	assert_int_equal(made, 1);
	move_tree_release(&now);
	read_tree(b, &now);
	assert_int_equal(now.links, 2);
	assert_string_equal(now.entries[1].first, "x");
	assert_string_equal(now.entries[2].first, "");
	assert_int_equal(now.n, 3);
	move_tree_release(&now);
	move_tree_release(&old);
	close(a);
	close(b);
}

static void loads(const char *text, size_t n, errint_t expected)
{
	struct move_tree tree;
	char list[128];

	snprintf(list, sizeof(list), "%s/list", sandbox);
	assert_int_equal(fd_write_atomic(list, text, n, 0600, false), 0);
	assert_int_equal(move_tree_load(list, &tree), expected);
	move_tree_release(&tree);
}

#define LIST(text) "guardfs-list 1\0" text, sizeof("guardfs-list 1\0" text) - 1

static void a_damaged_list_is_refused(void **state)
{
	(void)state;
	loads(LIST("a\0f 1\0\0\0"
		   "b/..c\0d\0\0\0"),
	      0);
	loads("guardfs-list 1", 15, 0);
	loads("guardfs-list 1", 14, -EINVAL);
	loads("", 0, -EINVAL);
	loads("guardfs-list 2", 15, -EINVAL);
	loads(LIST("a\0f 1\0\0"), -EINVAL);
	loads(LIST("a\0f 1\0\0\0b"), -EINVAL);
	loads(LIST("b\0f\0\0\0"
		   "a\0f\0\0\0"),
	      -EINVAL);
	loads(LIST("a\0f\0\0\0"
		   "a\0f\0\0\0"),
	      -EINVAL);
	loads(LIST("../a\0f\0\0\0"), -EINVAL);
	loads(LIST("a/../b\0f\0\0\0"), -EINVAL);
	loads(LIST("a/..\0f\0\0\0"), -EINVAL);
	loads(LIST("/a\0f\0\0\0"), -EINVAL);
	loads(LIST("\0f\0\0\0"), -EINVAL);
}

static void directories_are_opened_without_leaving_the_root(void **state)
{
	int a = make_dir("a"), fd;

	(void)state;
	assert_int_equal(symlinkat("/etc", a, "out"), 0);
	assert_int_equal(move_open_below(a, "x/y", false), -ENOENT);
	fd = move_open_below(a, "x/y/z", true);
	assert_true(fd >= 0);
	close(fd);
	fd = move_open_below(a, "x/y", false);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(move_open_below(a, "out", false), -ELOOP);
	assert_int_equal(move_open_below(a, "out/new", true), -ELOOP);
	assert_int_equal(move_open_below(a, "../a", false), -EXDEV);
	close(a);
}

/* ---- what a backend can hold ---- */

static const char *obstacle(const struct config_backend *backend, const char *attrs, int64_t mtime_s)
{
	char text[64];
	struct move_entry e = {.attrs = text, .mtime_s = mtime_s};

	strcpy(text, attrs);
	return move_carry_obstacle(backend, &e);
}

static void what_a_backend_cannot_hold_is_told(void **state)
{
	static const char *const out[] = {"/etc/hostname", "..", "../x", "a/../b", "a/b/..", "./.."};
	static const char *const in[] = {"a", "a/b", "..a", "a..", "a/..b", "...", "./a", ""};
	struct config_backend all = {.type = BACKEND_SSHFS};
	struct config_backend some = {.type = BACKEND_SSHFS, .contain_links = true};
	char attrs[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(out); i++) {
		snprintf(attrs, sizeof(attrs), "l %s", out[i]);
		assert_null(obstacle(&all, attrs, 0));
		assert_non_null(obstacle(&some, attrs, 0));
	}
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		snprintf(attrs, sizeof(attrs), "l %s", in[i]);
		assert_null(obstacle(&some, attrs, 0));
	}
	assert_null(obstacle(&some, "f 1 bytes", 0));
	assert_null(obstacle(&some, "f 1 bytes", ((int64_t)1 << 32) - 1));
	assert_non_null(obstacle(&some, "f 1 bytes", (int64_t)1 << 32));
	assert_non_null(obstacle(&some, "d", -1));
	some.type = BACKEND_DIR;
	assert_null(obstacle(&some, "d", -1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_journal_is_read_as_it_was_written),
	    cmocka_unit_test(what_is_no_journal_is_refused),
	    cmocka_unit_test_setup_teardown(a_journal_on_disk, set_up, tear_down),
	    cmocka_unit_test(names_of_jobs_differ),
	    cmocka_unit_test(rates),
	    cmocka_unit_test(a_path_in_another_namespace_is_found_within_its_file_system),
	    cmocka_unit_test_setup_teardown(every_difference_is_found, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(sums_are_sha_256, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_cannot_be_moved_is_named, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(hard_links_are_groups_and_can_be_made_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_damaged_list_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(directories_are_opened_without_leaving_the_root, set_up,
					    tear_down),
	    cmocka_unit_test(what_a_backend_cannot_hold_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
