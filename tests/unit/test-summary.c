/* test-summary: the arithmetic of guardctl report, and what it prints. */
#include "ctl/ctl.h"
#include "ctl/summary/summary.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW  1767866400.0
#define DAY  86400.0
#define FROM (NOW - 10 * DAY)

static json_t *incidents;
static struct summary summary;

static int set_up(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	incidents = json_array();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	summary_release(&summary);
	json_decref(incidents);
	return 0;
}

/* Seconds after FROM; recovered 0: it goes on. Newest first, as keeper answers. */
static json_t *add(int id, const char *backend, double began, double detected, double recovered)
{
	json_t *incident =
	    json_pack("{s:i, s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:i, s:i}", "id", id, "kind", "incident",
		      "scope", "backend", "backend", backend, "class", "stalled", "began", FROM + began,
		      "detected", FROM + detected, "recovered", recovered > 0 ? FROM + recovered : 0,
		      "closed", recovered > 0 ? FROM + recovered + 0.2 : 0, "callers", 3, "failed", 17);

	json_array_insert_new(incidents, 0, incident);
	return incident;
}

static json_t *answer, *status;

static void make(double first)
{
	answer = json_pack("{s:O, s:f, s:s}", "incidents", incidents, "first", first, "journal", "ok");
	status = json_pack("{s:[{s:s},{s:s}]}", "backends", "name", "box", "name", "nas");
	assert_int_equal(summary_make(answer, status, FROM, NOW, &summary), 0);
}

static void done(void)
{
	json_decref(answer);
	json_decref(status);
}

static bool is_near(double a, double b)
{
	return fabs(a - b) < 0.001;
}

static char *printed(bool page)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (page)
		summary_page(out, &summary, "<name>\x1b[2J", NOW, NULL, NULL);
	else
		summary_print(out, &summary, "<name>\x1b[2J");
	fclose(out);
	return text;
}

static void nothing_happened(void **state)
{
	(void)state;
	make(FROM - DAY);
	assert_int_equal(summary.n_backends, 2);
	assert_int_equal(summary_availability(&summary, &summary.backends[0]), 100000);
	assert_int_equal(summary.detected.n, 0);
	assert_int_equal(summary.n_worst, 0);
	assert_false(summary.shortened);
	done();
}

static void what_overlaps_counts_once(void **state)
{
	(void)state;
	add(1, "box", 1000, 1004, 2000);
	add(2, "box", 1500, 1501, 1600); /* within */
	add(3, "box", 1900, 1902, 2500); /* beyond */
	add(4, "nas", 1000, 1010, 1100); /* another's */
	make(FROM - DAY);
	assert_true(is_near(summary.backends[0].down, 1500));
	assert_true(is_near(summary.backends[1].down, 100));
	assert_int_equal(summary.backends[0].incidents, 3);
	assert_int_equal(summary_availability(&summary, &summary.backends[1]), 99988);
	assert_int_equal(summary.detected.n, 4);
	assert_true(is_near(summary.detected.median, 3)); /* of 1, 2, 4, 10 */
	assert_true(is_near(summary.detected.worst, 10));
	assert_true(is_near(summary.recovered.median, 350)); /* of 100, 100, 600, 1000 */
	assert_true(is_near(summary.recovered.worst, 1000));
	assert_int_equal(summary.worst[0]->id, 1);
	assert_int_equal(summary.worst[1]->id, 3);
	done();
}

static void one_goes_on(void **state)
{
	(void)state;
	add(1, "box", 9 * DAY, 9 * DAY + 4, 0);
	make(FROM - DAY);
	assert_true(is_near(summary.backends[0].down, DAY));
	assert_int_equal(summary_availability(&summary, &summary.backends[0]), 90000);
	assert_int_equal(summary.detected.n, 1);
	assert_int_equal(summary.recovered.n, 0); /* nobody knows yet */
	assert_true(summary.worst[0]->open);
	done();
}

static void what_began_before_is_cut(void **state)
{
	(void)state;
	add(1, "box", -3600, -3590, 600);
	make(FROM - DAY);
	assert_true(is_near(summary.backends[0].down, 600));
	done();
}

static void records_begin_later(void **state)
{
	(void)state;
	add(1, "box", 9 * DAY + 3600, 9 * DAY + 3601, 9 * DAY + 7200);
	make(FROM + 9 * DAY);
	assert_true(summary.shortened);
	assert_true(is_near(summary.from, FROM + 9 * DAY));
	/* An hour of a day, not of ten. */
	assert_int_equal(summary_availability(&summary, &summary.backends[0]), 95833);
	done();
}

static void nothing_is_recorded(void **state)
{
	char *text;

	(void)state;
	make(0);
	assert_true(is_near(summary.to, 0));
	text = printed(false);
	assert_non_null(strstr(text, "nothing is recorded"));
	free(text);
	text = printed(true);
	assert_non_null(strstr(text, "Nothing is recorded"));
	assert_null(strstr(text, "nan"));
	free(text);
	done();
}

static void drills_and_routes_are_no_downtime(void **state)
{
	(void)state;
	json_object_set_new(add(1, "box", 100, 101, 200), "kind", json_string("drill"));
	json_object_set_new(add(2, "box", 300, 301, 400), "scope", json_string("routes"));
	make(FROM - DAY);
	assert_true(is_near(summary.backends[0].down, 0));
	assert_int_equal(summary.backends[0].drills, 1);
	assert_int_equal(summary.backends[0].of_routes, 1);
	assert_int_equal(summary.backends[0].incidents, 0);
	assert_int_equal(summary.n_worst, 0);
	done();
}

static void a_second_in_a_month_is_not_nothing(void **state)
{
	(void)state;
	add(1, "box", 100, 100, 100.5);
	make(FROM - DAY);
	assert_int_equal(summary_availability(&summary, &summary.backends[0]), 99999);
	done();
}

static void the_clock_went_back(void **state)
{
	(void)state;
	add(1, "box", 2000, 1000, 500);
	make(FROM - DAY);
	assert_true(is_near(summary.backends[0].down, 0));
	assert_true(is_near(summary.detected.worst, 0));
	done();
}

static void anything_may_be_answered(void **state)
{
	static const char *const texts[] = {"{}", "{\"incidents\":7,\"first\":\"x\"}",
					    "{\"first\":1,\"incidents\":[null,{\"began\":-1},{\"began\":"
					    "1e308,\"backend\":{}},{\"began\":1767866000}]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char *text;

		answer = json_loads(texts[i], 0, NULL);
		assert_int_equal(summary_make(answer, NULL, FROM, NOW, &summary), 0);
		text = printed(true);
		assert_null(strstr(text, "nan"));
		free(text);
		text = printed(false);
		free(text);
		summary_release(&summary);
		json_decref(answer);
	}
}

static char *link_of(const void *context, int64_t id)
{
	char *link = NULL;

	(void)context;
	return id == 7 && asprintf(&link, "./x\"><script>-%d.html", (int)id) > 0 ? link : NULL;
}

static void names_are_harmless(void **state)
{
	char *text;
	size_t size = 0;
	FILE *out;

	(void)state;
	add(7, "<script>\x1b[31m\xe2\x80\xae", 100, 101, 200);
	add(8, "box", 300, 301, 350);
	make(FROM - DAY);
	text = printed(false);
	assert_null(strchr(text, 0x1b));
	free(text);
	out = open_memstream(&text, &size);
	summary_page(out, &summary, "<name>", NOW, link_of, NULL);
	fclose(out);
	assert_null(strstr(text, "<script"));
	assert_null(strchr(text, 0x1b));
	assert_non_null(strstr(text, "&lt;script&gt;"));
	/* In table and time line; of the other there is no page. */
	assert_non_null(strstr(text, "<a href=\"./x&quot;&gt;&lt;script&gt;-7.html\">7</a>"));
	assert_non_null(strstr(text, "<td>8</td>"));
	free(text);
	done();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(nothing_happened),
	    TEST(what_overlaps_counts_once),
	    TEST(one_goes_on),
	    TEST(what_began_before_is_cut),
	    TEST(records_begin_later),
	    TEST(nothing_is_recorded),
	    TEST(drills_and_routes_are_no_downtime),
	    TEST(a_second_in_a_month_is_not_nothing),
	    TEST(the_clock_went_back),
	    TEST(anything_may_be_answered),
	    TEST(names_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
