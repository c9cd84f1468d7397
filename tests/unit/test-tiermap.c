/* The tier map: manifests as they are written by hand, the routes file, and what the map answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/tiermap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct config config;
static struct tiermap map;
static char error[CONFIG_ERROR_MAX];

static int setup(void **state)
{
	static const char text[] =
	    "[mount]\nname = j\nmountpoint = /srv/jobs\nlocal = /l\n"
	    "[backend box]\ntype = dir\npath = /data/box\nalias = /srv/box\n"
	    "[backend archive]\ntype = dir\npath = /data/archive\nalias = /srv/box/archive\n"
	    "[backend plain]\ntype = dir\npath = /data/plain\n"
	    "[tier]\npattern = */[0-9]*__*-[0-9][0-9][0-9][0-9]0101 = box:jobs/\n"
	    "pattern = hc/* = archive:\npattern = */*/*/*/*/* = box:deep\n";

	(void)state;
	memset(&map, 0, sizeof(map));
	return config_parse("x.conf", text, sizeof(text) - 1, &config, error);
}

static void manifest(const char *text)
{
	if (tiermap_parse_manifest(&config, "binds", text, strlen(text), &map, error) < 0)
		fail_msg("%s", error);
	assert_string_equal(error, "");
}

static void expect_error(const char *text, size_t n, const char *where, const char *what)
{
	assert_int_equal(tiermap_parse_manifest(&config, "binds", text, n, &map, error), -EINVAL);
	if (strncmp(error, where, strlen(where)) != 0 || !strstr(error, what))
		fail_msg("got '%s', expected '%s' and '%s'", error, where, what);
}

static void expect_route(uint32_t i, const char *path, uint8_t backend, const char *target, uint32_t line)
{
	assert_true(i < map.n_routes);
	assert_string_equal(map.routes[i].path, path);
	assert_int_equal(map.routes[i].backend, backend);
	assert_string_equal(map.routes[i].target, target);
	assert_int_equal(map.routes[i].line, line);
}

static errint_t add(const char *path, uint8_t backend, const char *target)
{
	struct route route = {.backend = backend, .origin = ROUTE_PATTERN};

	assert_int_equal(copy_string(route.path, sizeof(route.path), path), 0);
	assert_int_equal(copy_string(route.target, sizeof(route.target), target), 0);
	return tiermap_add(&map, &route);
}

static void manifests_are_taken_as_the_applier_takes_them(void **state)
{
	(void)state;
	manifest("# cold hot\n\n   \t\n  # indented comment\n"
		 "/srv/box/imports/a   /srv/jobs/imports/a\r\n"
		 "\t/srv/box//b/\t/srv/jobs//b/   third field, and more\n"
		 "/srv/box/archive/2024 /srv/jobs/hc/2024\n"
		 "/srv/box /srv/jobs/whole");
	assert_int_equal(map.n_routes, 4);
	expect_route(0, "b", 0, "b", 6);
	expect_route(1, "hc/2024", 1, "2024", 7);
	expect_route(2, "imports/a", 0, "imports/a", 5);
	expect_route(3, "whole", 0, "", 8);
	assert_int_equal(map.routes[0].origin, ROUTE_MANIFEST);
	manifest("");
	assert_int_equal(map.n_routes, 0);
}

static void bad_lines_are_named(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} cases[] = {
	    {"\n/srv/box/a\n", "binds:2: ", "'/srv/box/a' stands alone; expected COLD HOT"},
	    {"srv/box/a /srv/jobs/a", "binds:1: ", "absolute cold path"},
	    {"/srv/box/a srv/jobs/a", "binds:1: ", "absolute hot path"},
	    {"/srv/box/../a /srv/jobs/a", "binds:1: ", "component"},
	    {"/srv/box/a /srv/jobs/./a", "binds:1: ", "component"},
	    {"/srv/boxes/a /srv/jobs/a", "binds:1: ", "under no backend's alias"},
	    {"/ /srv/jobs/a", "binds:1: ", "under no backend's alias"},
	    {"/srv/box/a /srv/jobsx/a", "binds:1: ", "below the mountpoint"},
	    {"/srv/box/a /srv/jobs", "binds:1: ", "below the mountpoint"},
	    {"/srv/box/a /srv/jobs/", "binds:1: ", "below the mountpoint"},
	    {"/srv/box/a /srv/jobs/.guardfs", "binds:1: ", "guardfs's own"},
	    {"/srv/box/a /srv/jobs/.guardfs/x", "binds:1: ", "guardfs's own"},
	    {"/srv/box/a /srv/jobs/a\n/srv/box/b /srv/jobs/a",
	     "binds:2: ", "'a' has a route already, on line 1"},
	    {"/srv/box/a /srv/jobs/a\n/srv/box/a /srv/jobs/a", "binds:2: ", "on line 1"},
	    {"/srv/box/a /srv/jobs/a\n/srv/box/b /srv/jobs/a/b", "binds:2: ", "inside one another"},
	    {"/srv/box/a /srv/jobs/a/b\n\n/srv/box/b /srv/jobs/a", "binds:3: ", "'a/b' on line 1"},
	    {"/srv/box/a\n/srv/box/b\n/srv/box/c", "binds:1: ", "(and 2 more)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_error(cases[i].text, strlen(cases[i].text), cases[i].where, cases[i].what);
	expect_error("\n/srv/box/a /srv/jobs/\0a\n", 24, "binds:2: ", "NUL byte");
}

static void long_paths_are_refused(void **state)
{
	char text[3000] = "/srv/box/a /srv/jobs/";

	(void)state;
	memset(text + strlen(text), 'a', 256);
	expect_error(text, strlen(text), "binds:1: ", "longer than 255");
	for (size_t i = strlen(text); i < 1100; i++)
		text[i] = i % 2 ? 'a' : '/';
	expect_error(text, strlen(text), "binds:1: ", "the hot path has");
}

static void the_number_of_routes_is_bounded(void **state)
{
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	for (int i = 0; i < TIERMAP_ROUTES_MAX; i++)
		fprintf(out, "/srv/box/%d /srv/jobs/%d\n", i, i);
	fflush(out);
	manifest(text);
	assert_int_equal(map.n_routes, TIERMAP_ROUTES_MAX);
	assert_int_equal(add("x", 0, "x"), -ENOSPC);
	assert_string_equal(tiermap_find(&map, "1023/below")->path, "1023");
	assert_null(tiermap_find(&map, "1024"));
	fputs("/srv/box/x /srv/jobs/x\n", out);
	fclose(out);
	expect_error(text, n, "binds:1025: ", "more than 1024 routes");
	free(text);
}

static void conflicts_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(add("a/b", 0, "x"), 0);
	assert_int_equal(add("a/b", 0, "x"), -EEXIST);
	assert_int_equal(add("a/b", 0, "y"), -EBUSY);
	assert_int_equal(add("a/b", 1, "x"), -EBUSY);
	assert_int_equal(add("a", 0, "x"), -EBUSY);
	assert_int_equal(add("a/b/c", 0, "x"), -EBUSY);
	assert_int_equal(add("a/b-c", 0, "x"), 0); /* sorts between a/b and a/b/ */
	assert_int_equal(add("a/b/c", 0, "x"), -EBUSY);
	assert_int_equal(add("a/bc", 0, "x"), 0);
	assert_string_equal(tiermap_conflict(&map, "a")->path, "a/b");
	assert_null(tiermap_conflict(&map, "a/d"));
	assert_int_equal(tiermap_remove(&map, "a"), -ENOENT);
	assert_int_equal(tiermap_remove(&map, "a/b"), 0);
	assert_int_equal(tiermap_remove(&map, "a/b"), -ENOENT);
	assert_int_equal(map.n_routes, 2);
	assert_int_equal(add("a/b/c", 0, "x"), 0);
}

static void malformed_paths_are_refused(void **state)
{
	static const char *const bad[] = {"", "/", "/a", "a/", "a//b", ".", "..", "a/.", "../a", "a/../b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(add(bad[i], 0, "x"), -EINVAL);
		assert_int_equal(add("fine", 0, bad[i]), bad[i][0] ? -EINVAL : 0);
		(void)!tiermap_remove(&map, "fine");
	}
	assert_int_equal(add("...", 0, ".a"), 0);
	assert_int_equal(add("x", CONFIG_BACKENDS_MAX, "x"), -EINVAL);
}

static void a_path_finds_its_route(void **state)
{
	char longer[3000];

	(void)state;
	assert_int_equal(add("hc/a", 0, "x"), 0);
	assert_int_equal(add("hc/a b", 0, "y"), 0);
	assert_int_equal(add("imports", 1, "z"), 0);
	assert_string_equal(tiermap_find(&map, "hc/a")->target, "x");
	assert_string_equal(tiermap_find(&map, "hc/a/b/c")->target, "x");
	assert_string_equal(tiermap_find(&map, "hc/a b/c")->target, "y");
	assert_string_equal(tiermap_find(&map, "imports/x")->target, "z");
	assert_null(tiermap_find(&map, ""));
	assert_null(tiermap_find(&map, "hc"));
	assert_null(tiermap_find(&map, "hc/ab"));
	assert_null(tiermap_find(&map, "import"));
	assert_null(tiermap_find_exact(&map, "hc/a/b"));
	assert_non_null(tiermap_find_exact(&map, "hc/a"));
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_null(tiermap_find(&map, longer));
	memcpy(longer, "hc/a/", 5);
	assert_string_equal(tiermap_find(&map, longer)->target, "x");
}

static void patterns_make_routes(void **state)
{
	struct route route;

	(void)state;
	assert_true(tiermap_match_pattern(&config, "phac/20250101T000501Z__phac-20250101", &route));
	assert_string_equal(route.path, "phac/20250101T000501Z__phac-20250101");
	assert_string_equal(route.target, "jobs/phac/20250101T000501Z__phac-20250101");
	assert_int_equal(route.backend, 0);
	assert_int_equal(route.origin, ROUTE_PATTERN);
	assert_int_equal(tiermap_add(&map, &route), 0);
	assert_false(tiermap_match_pattern(&config, "phac/20250101T000501Z__phac-20250102", &route));
	assert_false(tiermap_match_pattern(&config, "phac/20250101T000501Z__phac-20250101/warcs", &route));
	assert_false(tiermap_match_pattern(&config, "phac", &route));
	/* The first that fits counts; an empty prefix adds no slash. */
	assert_true(tiermap_match_pattern(&config, "hc/20250101T000501Z__hc-20250101", &route));
	assert_int_equal(route.backend, 0);
	assert_true(tiermap_match_pattern(&config, "hc/other", &route));
	assert_int_equal(route.backend, 1);
	assert_string_equal(route.target, "hc/other");
	assert_false(tiermap_match_pattern(&config, "hc/.hidden", &route));
}

/* It may fail, but never quietly become a directory of the local tier. */
static void a_match_too_long_for_a_route_is_no_local_path(void **state)
{
	struct route route;
	char path[1100];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 6; i++) {
		memset(path + n, 'a', 170);
		n += 170;
		path[n++] = '/';
	}
	path[n - 1] = '\0'; /* 1025 bytes */
	assert_true(tiermap_match_pattern(&config, path, &route));
	assert_int_equal(tiermap_add(&map, &route), -EINVAL);
	path[n - 6] = '\0'; /* 1020 bytes, but the prefix comes before them */
	assert_true(tiermap_match_pattern(&config, path, &route));
	assert_int_equal(tiermap_add(&map, &route), -EINVAL);
}

static void collect(void *arg, const char *name, bool is_route)
{
	char *list = arg;

	sprintf(list + strlen(list), "%s%s ", name, is_route ? "!" : "");
}

static const char *children(const char *dir)
{
	static char list[1024];

	list[0] = '\0';
	tiermap_children(&map, dir, collect, list);
	return list;
}

static void children_are_listed_once(void **state)
{
	(void)state;
	assert_int_equal(add("hc/a/b", 0, "x"), 0);
	assert_int_equal(add("hc/a/c", 0, "x"), 0);
	assert_int_equal(add("hc/a-b", 0, "x"), 0);
	assert_int_equal(add("hc-x", 0, "x"), 0);
	assert_int_equal(add("z", 0, "x"), 0);
	assert_string_equal(children(""), "hc-x! hc z! ");
	assert_string_equal(children("hc"), "a-b! a ");
	assert_string_equal(children("hc/a"), "b! c! ");
	assert_string_equal(children("hc/a/b"), "");
	assert_string_equal(children("h"), "");
	assert_string_equal(children("zz"), "");
}

static void routes_files_come_back(void **state)
{
	char *text;
	uint32_t skipped;
	size_t n;

	(void)state;
	assert_int_equal(add("a\tb\\c\n/\xff", 0, "jobs/a\x7f"), 0);
	assert_int_equal(add("whole", 1, ""), 0);
	manifest("");
	assert_int_equal(add("a\tb\\c\n/\xff", 0, "jobs/a\x7f"), 0);
	assert_int_equal(add("whole", 1, ""), 0);
	map.routes[1].origin = ROUTE_MANIFEST; /* not written */
	assert_int_equal(tiermap_format_routes(&config, &map, &text, &n), 0);
	assert_string_equal(text, "box\tjobs/a\\x7f\ta\\x09b\\x5cc\\x0a/\xff\n");
	memset(&map, 0, sizeof(map));
	assert_int_equal(tiermap_parse_routes(&config, "routes", text, n, &map, &skipped, error), 0);
	expect_route(0, "a\tb\\c\n/\xff", 0, "jobs/a\x7f", 1);
	assert_int_equal(map.routes[0].origin, ROUTE_PATTERN);
	assert_int_equal(skipped, 0);
	free(text);
}

static void the_manifest_wins_over_the_routes_file(void **state)
{
	static const char routes[] = "box\tx\ta\n\n# comment\nbox\ty\tb\nbox\ta\ta\nbox\ts\ta/b\n";
	uint32_t skipped;

	(void)state;
	manifest("/srv/box/a /srv/jobs/a\n");
	assert_int_equal(
	    tiermap_parse_routes(&config, "routes", routes, sizeof(routes) - 1, &map, &skipped, error), 0);
	assert_int_equal(skipped, 2);
	assert_int_equal(map.n_routes, 2);
	expect_route(0, "a", 0, "a", 1);
	assert_int_equal(map.routes[0].origin, ROUTE_MANIFEST);
	expect_route(1, "b", 0, "y", 4);
}

static void bad_routes_files_are_refused(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} cases[] = {
	    {"box\tx\n", "routes:1: ", "separated by tabs"},
	    {"box\tx\ty\tz\n", "routes:1: ", "separated by tabs"},
	    {"\nnone\tx\ty\n", "routes:2: ", "no backend 'none' is configured"},
	    {"box\tx\ta\\q\n", "routes:1: ", "backslash"},
	    {"box\tx\ta\\x0\n", "routes:1: ", "backslash"},
	    {"box\tx\ta\\x00\n", "routes:1: ", "backslash"},
	    {"box\tx\ta\\x\x10\x31\n", "routes:1: ", "backslash"},
	    {"box\tx\t/a\n", "routes:1: ", "malformed"},
	    {"box\t..\ta\n", "routes:1: ", "malformed"},
	    {"box\tx\t\n", "routes:1: ", "malformed"},
	};
	uint32_t skipped;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		map.n_routes = 0;
		assert_int_equal(tiermap_parse_routes(&config, "routes", cases[i].text, strlen(cases[i].text),
						      &map, &skipped, error),
				 -EINVAL);
		if (strncmp(error, cases[i].where, strlen(cases[i].where)) != 0 ||
		    !strstr(error, cases[i].what))
			fail_msg("got '%s', expected '%s' and '%s'", error, cases[i].where, cases[i].what);
		assert_int_equal(map.n_routes, 0);
	}
	assert_int_equal(tiermap_parse_routes(&config, "routes", "box\tx\ta\0\n", 9, &map, &skipped, error),
			 -EINVAL);
}

static void repair_keeps_what_makes_sense(void **state)
{
	(void)state;
	for (char c = 'a'; c <= 'j'; c++)
		assert_int_equal(add((char[]){c, '\0'}, 0, "x"), 0);
	assert_int_equal(tiermap_repair(&map, 3), 0);
	memset(map.routes[1].path, 'b', sizeof(map.routes[1].path)); /* without an end */
	strcpy(map.routes[2].path, "a/c");			     /* inside another */
	map.routes[3].backend = 3;
	strcpy(map.routes[4].target, "../x");
	map.routes[5].origin = 99;
	strcpy(map.routes[6].path, "");
	map.n_routes = 10;
	assert_int_equal(tiermap_repair(&map, 3), 6);
	assert_int_equal(map.n_routes, 4);
	assert_string_equal(map.routes[1].path, "h");
	map.n_routes = UINT32_MAX;
	assert_true(tiermap_repair(&map, 3) > 0);
	assert_int_equal(map.n_routes, 4);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
	    TEST(manifests_are_taken_as_the_applier_takes_them),
	    TEST(bad_lines_are_named),
	    TEST(long_paths_are_refused),
	    TEST(the_number_of_routes_is_bounded),
	    TEST(conflicts_are_told_apart),
	    TEST(malformed_paths_are_refused),
	    TEST(a_path_finds_its_route),
	    TEST(patterns_make_routes),
	    TEST(a_match_too_long_for_a_route_is_no_local_path),
	    TEST(children_are_listed_once),
	    TEST(routes_files_come_back),
	    TEST(the_manifest_wins_over_the_routes_file),
	    TEST(bad_routes_files_are_refused),
	    TEST(repair_keeps_what_makes_sense),
	};

	return cmocka_run_group_tests_name("tiermap", tests, NULL, NULL);
}
