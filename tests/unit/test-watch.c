/* test-watch: the page of guardctl watch, at several widths, with whatever names there are. */
#include "ctl/watch/watch.h"
#include "base/cleanup.h"

#include <locale.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW 1700000100

/* Steers terminals, is wide, has no width, turns text round, is no UTF-8, never ends. */
static const char *const hostile[] = {
    "\x1b[2J\x1b]0;owned\x07",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe5\x90\x8d\xe5\x89\x8d\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa"
    "\x9e",
    "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
    "\xe2\x80\xae"
    "abc\xe2\x80\x8b",
    "\xff\xfe\x80\xc3",
    "\xc2\x9b"
    "31m",
    "a/very/long/path/that/goes/on/and/on/and/on/and/on/and/on/and/on/and/on/and/on/and/on/and/on/to/an/end",
    "\n\r\t\b\\",
    "",
};

static int use_utf8(void **state)
{
	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	return 0;
}

static json_t *bytes(const char *s)
{
	return json_stringn_nocheck(s, strlen(s));
}

static json_t *backend(const char *name, const char *state, const char *class)
{
	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:s, s:I, s:i, s:i, s:i, s:I, s:i, s:I, s:i,"
			 " s:{s:f, s:i, s:i, s:i, s:i, s:i, s:i}}",
			 "name", bytes(name), "state", state, "class", class, "summary",
			 "connected, but nothing completes", "detail", bytes(name), "advice",
			 "nothing: guardfs kills the transport and reconnects", "since",
			 (json_int_t)NOW - 252, "inflight", 3, "parked", 2, "attempts", 5, "next_attempt",
			 (json_int_t)NOW + 23, "incident", 17, "owed_bytes", (json_int_t)3 << 20,
			 "owed_files", 2, "recent", "seconds", 5.0, "ops", 600, "errors", 10, "read_bytes",
			 10 << 20, "written_bytes", 5 << 10, "p50_us", 800, "p99_us", 4200);
}

static json_t *status_of(const char *name)
{
	json_t *status = json_pack(
	    "{s:i, s:i, s:o, s:s, s:s, s:s, s:i, s:b, s:i, s:{s:s, s:s, s:s}}", "schema", 1, "time", NOW - 2,
	    "name", bytes(name), "mountpoint", "/srv/jobs", "state", "down", "detail",
	    "storagebox down: probe: no answer within 4 s", "since", NOW - 252, "serving", 1, "suspects", 3,
	    "process_states", "guardian", "running", "worker", "running", "keeper", "running");

	json_object_set_new(
	    status, "backends",
	    json_pack("[o, o]", backend(name, "down", "stalled"), backend("nas", "healthy", "none")));
	json_object_set_new(status, "routes",
			    json_pack("[{s:o, s:s, s:s, s:s, s:i, s:i}, {s:s, s:s, s:i}]", "path",
				      bytes(name), "backend", "storagebox", "state", "down", "class",
				      "stalled", "since", NOW - 252, "errno", 5, "path", "hc/fine", "state",
				      "healthy", "errno", 0));
	json_object_set_new(status, "jobs",
			    json_pack("[{s:o, s:s, s:s, s:i, s:i, s:i, s:{s:i}}]", "name", bytes(name),
				      "tier", "storagebox", "state", "down", "writers", 2, "progress",
				      NOW - 75, "written_bytes", 123456789, "errors", "EIO", 4));
	return status;
}

static char *page_text(const json_t *status, int columns, const char *trouble, int64_t age)
{
	struct watch_view view = {
	    .status = status, .trouble = trouble, .now = NOW, .age = age, .columns = columns};
	struct watch_page page;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(watch_layout(&view, &page), 0);
	watch_print(out, &page);
	watch_page_release(&page);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void check_lines(const char *text, int columns)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		CLEANUP_FREE char *line = strndup(text, n), *clean = watch_clean(line);

		assert_string_equal(clean, line); /* nothing harmful is left */
		assert_in_range(watch_columns(line), 0, columns);
		text += n + (text[n] == '\n');
	}
}

static void no_name_breaks_the_page(void **state)
{
	static const int widths[] = {80, 40, 200, 20, 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		json_t *status = status_of(hostile[i]);

		for (size_t w = 0; w < ARRAY_SIZE(widths); w++) {
			CLEANUP_FREE char *text = page_text(status, widths[w], "", 2);

			check_lines(text, MAX(widths[w], WATCH_COLUMNS_MIN));
		}
		json_decref(status);
	}
}

static void eighty_columns_have_what_matters(void **state)
{
	json_t *status = status_of("storagebox");
	CLEANUP_FREE char *text = page_text(status, 80, "", 2);
	static const char *const parts[] = {
	    "guardfs storagebox on /srv/jobs                                  down for 4m 12s\n",
	    "BACKEND            STATE   SINCE   P99 OPS/S ERR/S  WAIT  WRITE/S   READ/S   P50\n",
	    "storagebox          down  4m 12s 4.2ms   120   2.0     5  1.0 KiB  2.0 MiB 800us\n",
	    "nas              healthy  4m 12s 4.2ms",
	    "  doing: answering callers with an error at once; next try in 23s; tries so far:\n         5; "
	    "incident 17\n",
	    "  why:   stalled (connected, but nothing completes): storagebox\n",
	    "  to do: nothing: guardfs kills the transport and reconnects\n",
	    "  owed:  3.0 MiB of 2 files are acknowledged",
	    "ROUTE THAT DOES NOT SERVE",
	    "JOB  ",
	    "1m 15s",
	    "118 MiB",
	    "3 suspect files need a look: guardctl suspects\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(text, parts[i]))
			fail_msg("\"%s\" is not in\n%s", parts[i], text);
	assert_null(strstr(text, "hc/fine")); /* serves */
	json_decref(status);
}

static void narrow_pages_keep_state_and_wide_ones_show_all(void **state)
{
	json_t *status = status_of("storagebox");
	CLEANUP_FREE char *narrow = page_text(status, 40, "", 2), *wide = page_text(status, 200, "", 2);

	(void)state;
	assert_non_null(strstr(narrow, "STATE   SINCE   P99\n"));
	assert_null(strstr(narrow, "READ/S"));
	assert_non_null(strstr(wide, "READ/S   P50\n"));
	assert_non_null(strstr(wide, "ERRORS           TIER\n"));
	json_decref(status);
}

static void old_figures_are_not_shown_as_new(void **state)
{
	json_t *status = status_of("storagebox");
	CLEANUP_FREE char *old = page_text(status, 80, "", 90), *dead = NULL, *none = NULL;

	(void)state;
	assert_non_null(strstr(old, "NOT RENEWED for 1m 30s"));
	dead = page_text(status, 80, "guardfs is not running: there is no status.json", 90);
	assert_non_null(strstr(dead, "guardfs is not running"));
	assert_non_null(strstr(dead, "Last seen 1m 30s ago: guardfs storagebox on /srv/jobs, down"));
	assert_null(strstr(dead, "BACKEND"));
	none = page_text(NULL, 80, "no guardfs is running", 0);
	assert_string_equal(none, "   no guardfs is running\n");
	json_decref(status);
}

static void dead_processes_are_named(void **state)
{
	json_t *status = status_of("storagebox");
	CLEANUP_FREE char *text = NULL;

	(void)state;
	json_object_set_new(json_object_get(status, "process_states"), "worker", json_string("dead"));
	json_object_set_new(status, "serving", json_false());
	text = page_text(status, 80, "", 1);
	assert_non_null(strstr(text, "worker is dead"));
	assert_non_null(strstr(text, "no worker serves"));
	json_decref(status);
}

static void anything_may_be_in_the_file(void **state)
{
	static const char *const texts[] = {
	    "{}",
	    "{\"backends\":7,\"routes\":{},\"jobs\":\"x\",\"state\":[],\"since\":-1e308}",
	    "{\"backends\":[null,1,{\"recent\":{\"seconds\":1e-300,\"ops\":1e308}}],\"jobs\":[[]]}",
	    "{\"backends\":[{\"since\":1e18,\"next_attempt\":9223372036854775807,\"inflight\":-5}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *status = json_loads(texts[i], 0, NULL);
		CLEANUP_FREE char *text = page_text(status, 80, "", 0);

		check_lines(text, 80);
		json_decref(status);
	}
}

static void text_is_cut_where_it_says_least(void **state)
{
	CLEANUP_FREE char *end = watch_fit("abcdef", 4, WATCH_CUT_END),
			  *start = watch_fit("abcdef", 4, WATCH_CUT_START);
	/* Wide characters do not halve. */
	CLEANUP_FREE char *wide = watch_fit("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4, WATCH_CUT_START);
	CLEANUP_FREE char *padded = watch_fit("\xe6\x97\xa5", 4, WATCH_CUT_END),
			  *none = watch_fit("abc", 0, WATCH_CUT_END);

	(void)state;
	assert_string_equal(end, "abc\xe2\x80\xa6");
	assert_string_equal(start, "\xe2\x80\xa6"
				   "def");
	assert_string_equal(wide, "\xe2\x80\xa6\xe8\xaa\x9e ");
	assert_string_equal(padded, "\xe6\x97\xa5  ");
	assert_string_equal(none, "");
}

static void text_is_broken_at_blanks(void **state)
{
	const char *rest = "one two three averyveryverylongword end";
	static const char *const parts[] = {"one two", "three", "averyvery", "verylongw", "ord end"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		CLEANUP_FREE char *part = watch_wrap(&rest, 9);

		assert_string_equal(part, parts[i]);
	}
	assert_null(watch_wrap(&rest, 9));
}

static void ascii_terminals_get_ascii(void **state)
{
	json_t *status = status_of("\xe6\x97\xa5\xe6\x9c\xac");
	CLEANUP_FREE char *text = NULL;

	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C"));
	text = page_text(status, 80, "", 2);
	for (const char *c = text; *c; c++)
		assert_in_range((unsigned char)*c, '\n', 0x7E);
	assert_non_null(strstr(text, "\\xE6\\x97"));
	json_decref(status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(no_name_breaks_the_page, use_utf8),
	    cmocka_unit_test_setup(eighty_columns_have_what_matters, use_utf8),
	    cmocka_unit_test_setup(narrow_pages_keep_state_and_wide_ones_show_all, use_utf8),
	    cmocka_unit_test_setup(old_figures_are_not_shown_as_new, use_utf8),
	    cmocka_unit_test_setup(dead_processes_are_named, use_utf8),
	    cmocka_unit_test_setup(anything_may_be_in_the_file, use_utf8),
	    cmocka_unit_test_setup(text_is_cut_where_it_says_least, use_utf8),
	    cmocka_unit_test_setup(text_is_broken_at_blanks, use_utf8),
	    cmocka_unit_test_setup(ascii_terminals_get_ascii, use_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
