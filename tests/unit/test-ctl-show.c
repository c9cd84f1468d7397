/* What guardctl makes of keeper's answers: text and pages, also of answers that are damaged or hostile. */
#include "config/config.h"
#include "ctl/ctl.h"
#include "ctl/drill.h"
#include "ctl/html.h"
#include "ctl/show.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HOSTILE "</title><script>alert(1)</script>\\u001b[2J&\\u202e'\\\""

static const char incident_text[] =
    "{\"incident\":{\"id\":12,\"kind\":\"incident\",\"scope\":\"backend\",\"backend\":\"box\",\"class\":"
    "\"timeout\","
    "\"detail\":\"" HOSTILE
    "\",\"detected_by\":\"guardian\",\"began\":1767866400.12,\"detected\":1767866404.13,"
    "\"first_error\":1767866404.14,\"first_fast\":1767866404.2,\"recovered\":1767866435.5,\"closed\":"
    "1767866435.8,"
    "\"callers\":7,\"failed\":1234,\"bytes_at_risk\":4404020,\"tries\":3,\"routes\":[\"hc/a\",\"" HOSTILE
    "\"]},"
    "\"events\":["
    "{\"time\":1767866404.13,\"kind\":\"transition\",\"backend\":\"box\",\"from\":\"healthy\",\"to\":"
    "\"down\","
    "\"class\":\"timeout\",\"name\":\"breaker_open\"},"
    "{\"time\":1767866404.15,\"kind\":\"plan\",\"text\":\"{\\\"steps\\\":[{\\\"rung\\\":\\\"fence\\\"},"
    "{\\\"rung\\\":\\\"drain\\\",\\\"skipped\\\":\\\"nothing inside\\\"}]}\"},"
    "{\"time\":1767866405.15,\"kind\":\"rung\",\"name\":\"fence\",\"outcome\":\"ok\",\"duration_ms\":412},"
    "{\"time\":1767866405.25,\"kind\":\"transition\",\"from\":\"down\",\"to\":\"recovering\"},"
    "{\"time\":1767866420,\"kind\":\"hook\",\"name\":\"/etc/on-down\",\"outcome\":\"exit "
    "0\",\"duration_ms\":2412,"
    "\"text\":\"stopping worker\\n" HOSTILE "\\n\"},"
    "{\"time\":1767866435.8,\"kind\":\"transition\",\"from\":\"recovering\",\"to\":\"healthy\"}],"
    "\"samples\":["
    "{\"time\":1767866395,\"backend\":\"box\",\"state\":\"healthy\",\"ops\":9,\"errors\":0,\"p50_us\":800,"
    "\"p99_us\":5000},"
    "{\"time\":1767866405,\"backend\":\"box\",\"state\":\"down\",\"ops\":4,\"errors\":12,\"p50_us\":8,\"p99_"
    "us\":4000000},"
    "{\"time\":1767866415,\"backend\":\"box\",\"state\":\"recovering\",\"ops\":0,\"errors\":6,\"p50_us\":0,"
    "\"p99_us\":0},"
    "{\"time\":1767866436,\"backend\":\"box\",\"state\":\"healthy\",\"ops\":1,\"errors\":0,\"p50_us\":9,"
    "\"p99_us\":90000}],"
    "\"incidents\":[{\"id\":1,\"backend\":\"" HOSTILE
    "\",\"class\":\"timeout\",\"began\":1767866400,\"kind\":\"drill\"}],"
    "\"journal\":\"full\"}";

static const char plans_text[] =
    "{\"plans\":[{\"backend\":\"box\",\"epoch\":8,\"class\":\"timeout\",\"hash\":\"5f2c\",\"steps\":["
    "{\"rung\":\"fence\",\"deadline_ms\":5000,\"does\":\"kill sshfs\",\"requires\":\"breaker "
    "open\",\"proof\":\"dead\","
    "\"skipped\":\"\"},"
    "{\"rung\":\"drain\",\"deadline_ms\":0,\"does\":\"wait\",\"requires\":\"\",\"proof\":\"\",\"skipped\":"
    "\"nothing " HOSTILE "\"}]},"
    "{\"backend\":\"nas\",\"epoch\":2,\"class\":\"none\",\"hash\":17,\"steps\":[]}],"
    "\"backend\":\"box\",\"class\":\"auth_failed\",\"step\":\"key\",\"summary\":\"refused\",\"advice\":"
    "\"install it\","
    "\"detail\":\"publickey " HOSTILE "\",\"time\":1767866400,"
    "\"steps\":[{\"name\":\"resolve\",\"ms\":3,\"outcome\":\"passed\"},{\"name\":\"key\",\"ms\":90,"
    "\"outcome\":\"failed\"},"
    "{\"name\":\"sftp\",\"ms\":0,\"outcome\":\"not reached\"}]}";

static json_t *load(const char *text)
{
	json_error_t error;
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!object)
		fail_msg("%s at %d", error.text, error.position);
	return object;
}

/* ---- all renderers, into memory ---- */

enum form { PLANS, PLANS_BEGUN, DIAGNOSIS, INCIDENTS, INCIDENT, PAGE, FORM_COUNT };

static char *render(enum form form, const json_t *result)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (form == PLANS || form == PLANS_BEGUN)
		show_plans(out, result, form == PLANS_BEGUN);
	else if (form == DIAGNOSIS)
		show_diagnosis(out, result);
	else if (form == INCIDENTS)
		show_incidents(out, result);
	else if (form == INCIDENT)
		show_incident(out, result);
	else
		html_report(out, result, "jo<b>s", 1767900000);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in:\n%s", part, text);
}

/* Whatever came in: no escape sequence for a terminal, no foreign markup on a page. */
static void check_harmless(enum form form, const char *text)
{
	for (const char *c = text; *c; c++)
		assert_false((unsigned char)*c < 0x20 && *c != '\n');
	/* U+202E: what follows shows backwards. */
	lacks(text, "\xE2\x80\xAE");
	if (form != PAGE)
		return;
	lacks(text, "<script");
	holds(text, "</body></html>\n");
}

/* ---- what is shown ---- */

static void a_plan_is_printed_rung_by_rung(void **state)
{
	json_t *result = load(plans_text);
	char *text = render(PLANS, result);

	(void)state;
	holds(text, "box: timeout; epoch 8, plan 5f2c\n");
	holds(text, "   1  fence, within 5.00 s\n");
	holds(text, "does      kill sshfs\n");
	holds(text, "requires  breaker open\n");
	holds(text, "proof     dead\n");
	holds(text, "   2  drain: left out, nothing ");
	holds(text, "nas: nothing is wrong; epoch 2, plan 11\n  recover leaves it alone");
	free(text);
	text = render(PLANS_BEGUN, result);
	lacks(text, "leaves it alone");
	free(text);
	json_decref(result);
}

static void who_serves_is_left_alone_who_waits_says_for_what(void **state)
{
	json_t *result = load(
	    "{\"plans\":[{\"backend\":\"a\",\"state\":\"degraded\",\"class\":\"slow\",\"obstacle\":\"\"},"
	    "{\"backend\":\"b\",\"state\":\"exhausted\",\"class\":\"timeout\",\"obstacle\":\"no more\"}]}");
	char *text = render(PLANS, result);

	(void)state;
	holds(text, "a: degraded, slow; epoch 0\n  recover leaves it alone");
	holds(text, "b: exhausted, timeout; epoch 0\n  not begun by itself now: no more\n");
	free(text);
	json_decref(result);
}

static void no_plan_is_told(void **state)
{
	json_t *result = load("{\"plans\":[]}");
	char *text = render(PLANS, result);

	(void)state;
	assert_string_equal(text, "nothing needs recovery\n");
	free(text);
	json_decref(result);
}

static void a_diagnosis_says_what_to_do(void **state)
{
	json_t *result = load(plans_text);
	char *text = render(DIAGNOSIS, result);

	(void)state;
	holds(text, "box: auth_failed, asked at 2026-01-08 ");
	holds(text, "  resolve      passed       3 ms\n");
	holds(text, "  key          failed       90 ms\n");
	holds(text, "  sftp         not reached  \n");
	holds(text, "failed at   key\n");
	holds(text, "means       refused\n");
	holds(text, "to do       install it\n");
	free(text);
	json_decref(result);
}

static void an_incident_is_a_timeline(void **state)
{
	json_t *result = load(incident_text);
	char *text = render(INCIDENT, result);

	(void)state;
	holds(text, "incident 12: box, timeout, closed\n");
	holds(text, "  began        2026-01-08 ");
	holds(text, "  detected     after 4.01 s\n");
	holds(text, "  by           guardian\n");
	holds(text, "  first fast   after 4.08 s\n");
	holds(text, "  recovered    after 35.38 s\n");
	holds(text, "  hurt         callers: 7, operations failed: 1234\n");
	holds(text, "  at risk      4.2 MiB");
	holds(text, "  routes       hc/a\n");
	holds(text, "  +4.01 s       transition  healthy -> down, breaker_open, timeout\n");
	holds(text, "                | fence, drain (left out: nothing inside)\n");
	holds(text, "  +5.03 s       rung        fence, ok, took 412 ms\n");
	holds(text, "                | stopping worker\n                | </title>");
	free(text);
	json_decref(result);
}

static void incidents_are_a_table(void **state)
{
	json_t *result = load(incident_text);
	char *text = render(INCIDENTS, result);

	(void)state;
	holds(text, "number  began");
	holds(text, "     1  2026-01-08 ");
	holds(text, "open, a drill\n");
	holds(text, "The journal is full: this may not be all.");
	free(text);
	json_decref(result);
	result = load("{\"incidents\":[],\"journal\":\"ok\"}");
	text = render(INCIDENTS, result);
	assert_string_equal(text, "no incidents\n");
	free(text);
	json_decref(result);
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		n++;
		text += strlen(part);
	}
	return n;
}

static void a_page_stands_alone(void **state)
{
	json_t *result = load(incident_text);
	char *text = render(PAGE, result);

	(void)state;
	holds(text, "<title>Incident 12: box, timeout</title>");
	holds(text, "guardfs jo&lt;b&gt;s");
	holds(text, "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
	holds(text, "prefers-color-scheme:dark");
	holds(text, "@media print");
	holds(text, "<td>healthy -&gt; down, breaker_open, timeout</td>");
	holds(text, "01-08 10:00:04</td>"); /* the clock, to be laid beside other logs; in UTC */
	holds(text, "default-src 'none'");
	lacks(text, "src=");
	lacks(text, "href=");
	lacks(text, "url(");
	lacks(text, "@import");
	/* The only address is the name of SVG. */
	assert_int_equal(count(text, "http"), 2);
	assert_int_equal(count(text, "http-equiv"), 1);
	check_harmless(PAGE, text);
	free(text);
	json_decref(result);
}

static void the_picture_shows_states_errors_and_latency(void **state)
{
	json_t *result = load(incident_text);
	char *text = render(PAGE, result);

	(void)state;
	/* backend and two routes, of which each: healthy, down, recovering, healthy */
	assert_int_equal(count(text, "style=\"fill:var(--down)\""), 3);
	assert_int_equal(count(text, "style=\"fill:var(--recovering)\""), 3);
	assert_int_equal(count(text, "style=\"fill:var(--healthy)\""), 6);
	assert_int_equal(count(text, "class=\"bar\""), 2); /* samples with errors */
	assert_int_equal(count(text, "class=\"curve p99\""), 1);
	assert_int_equal(count(text, "class=\"curve p50\""), 1);
	assert_int_equal(count(text, "class=\"silent\""), 1); /* the sample in which nothing came back */
	holds(text, ">at most 1.2 a second</text>");
	holds(text, ">detected</text>");
	holds(text, ">recovered</text>");
	holds(text, ">+10 s</text>");
	lacks(text, "nan");
	lacks(text, "inf\"");
	free(text);
	json_decref(result);
}

/* What it shows first in that state: the rectangle with its place and size; the caller frees. */
static char *first_segment(const json_t *result, const char *state)
{
	char *text = render(PAGE, result), style[64], *begin, *segment;

	snprintf(style, sizeof(style), "style=\"fill:var(--%s)\"", state);
	begin = strstr(text, style);
	assert_non_null(begin);
	*begin = '\0';
	begin = strrchr(text, '<');
	assert_non_null(begin);
	segment = strdup(begin);
	free(text);
	return segment;
}

/* The journal tells of ten minutes around: an incident of half a minute must not shrink for them. */
static void what_was_long_before_does_not_squeeze_the_picture(void **state)
{
	json_t *result = load(incident_text), *samples = json_object_get(result, "samples");
	char *before = first_segment(result, "down"), *after;

	(void)state;
	json_array_insert_new(samples, 0,
			      json_pack("{s:f, s:s, s:s, s:i, s:i, s:i, s:i}", "time", 1767865900.0,
					"backend", "box", "state", "healthy", "ops", 3, "errors", 900,
					"p50_us", 5, "p99_us", 70000000));
	json_array_insert_new(
	    json_object_get(result, "events"), 0,
	    json_pack("{s:f, s:s, s:s}", "time", 1767865900.0, "kind", "crash", "name", "worker"));
	after = first_segment(result, "down");
	assert_string_equal(after, before);
	free(before);
	free(after);
	before = render(PAGE, result);
	lacks(before, "at most 90 a second");
	holds(before, ">-8 min 20 s</td>");
	free(before);
	json_decref(result);
}

/* Of three seconds, in quarters of one; what is around them is shown only as far as they can be seen beside it. */
static void a_short_outage_fills_the_picture(void **state)
{
	const double began = 1767866400;
	json_t *samples = json_array(), *result;
	char *text, *bar;
	double width = 0;

	(void)state;
	for (int i = -60; i < 0; i++)
		json_array_append_new(samples, json_pack("{s:f, s:s, s:i, s:i, s:i, s:i, s:f}", "time",
							 began + i, "state", "healthy", "ops", 9, "errors", 0,
							 "p50_us", 100, "p99_us", 900, "seconds", 1.0));
	for (int i = 1; i <= 12; i++)
		json_array_append_new(samples,
				      json_pack("{s:f, s:s, s:i, s:i, s:i, s:i, s:f}", "time",
						began + i * 0.25, "state", "down", "ops", 0, "errors", 5,
						"p50_us", 0, "p99_us", 0, "seconds", 0.25));
	/* Ended at once by a change of state. */
	json_array_append_new(samples, json_pack("{s:f, s:s, s:i, s:i, s:i, s:i, s:f}", "time", began + 3,
						 "state", "down", "ops", 0, "errors", 0, "p50_us", 0,
						 "p99_us", 0, "seconds", 0.0));
	result = json_pack("{s:{s:i, s:s, s:s, s:f, s:f, s:f, s:f}, s:[], s:o}", "incident", "id", 1,
			   "backend", "box", "class", "timeout", "began", began, "detected", began + 0.5,
			   "recovered", began + 3, "closed", began + 3.2, "events", "samples", samples);
	text = render(PAGE, result);
	assert_int_equal(count(text, "class=\"bar\""), 12);
	assert_int_equal(count(text, "class=\"silent\""), 13);
	for (bar = text; (bar = strstr(bar, "class=\"bar\"")); bar++)
		width += strtod(strstr(bar, " width=\"") + 8, NULL);
	assert_true(width > 350 && width < 450); /* of 830 */
	for (bar = text, width = 0; (bar = strstr(bar, "class=\"silent\"")); bar++)
		width += strtod(strstr(bar, " width=\"") + 8, NULL);
	assert_true(width > 350 && width < 450);
	free(text);
	json_decref(result);
}

static void many_routes_are_cut(void **state)
{
	json_t *result = load(incident_text),
	       *routes = json_object_get(json_object_get(result, "incident"), "routes");
	char *text;

	(void)state;
	while (json_array_size(routes) < 50)
		json_array_append_new(routes, json_string("a/long/path/of/a/route/that/goes/on"));
	text = render(PAGE, result);
	holds(text, "and 38 further routes");
	holds(text, "\xE2\x80\xA6"
		    "a/route/that/goes/on</text>");
	free(text);
	json_decref(result);
}

/* ---- damage ---- */

static void render_all(const json_t *result)
{
	for (unsigned form = 0; form < FORM_COUNT; form++) {
		char *text = render((enum form)form, result);

		check_harmless((enum form)form, text);
		free(text);
	}
}

static json_t *wrong_value(unsigned which)
{
	switch (which) {
	case 0:
		return json_null();
	case 1:
		return json_string("\x1b[2J<script>\n");
	case 2:
		return json_real(-1e300);
	case 3:
		return json_real(1e300);
	case 4:
		return json_integer(INT64_MIN);
	case 5:
		return json_array();
	case 6:
		return json_object();
	case 7:
		return json_pack("[o, {}, [[]], s, n]", json_real(1e18), "<script>");
	default:
		return json_true();
	}
}

#define WRONG_VALUES 9

static void damage(json_t *whole, json_t *part);

/* Every kind of wrong value in the place of one member, and none at all. */
static void damage_member(json_t *whole, json_t *object, const char *key)
{
	json_t *old = json_incref(json_object_get(object, key));

	for (unsigned i = 0; i < WRONG_VALUES; i++) {
		json_object_set_new(object, key, wrong_value(i));
		render_all(whole);
	}
	json_object_del(object, key);
	render_all(whole);
	json_object_set_new(object, key, old);
	damage(whole, old);
}

static void damage_element(json_t *whole, json_t *array, size_t index)
{
	json_t *old = json_incref(json_array_get(array, index));

	for (unsigned i = 0; i < WRONG_VALUES; i++) {
		json_array_set_new(array, index, wrong_value(i));
		render_all(whole);
	}
	json_array_set_new(array, index, old);
	damage(whole, old);
}

static void damage(json_t *whole, json_t *part)
{
	static const char *const keys[] = {
	    "incident",	   "id",     "kind",	      "scope",	     "backend",	    "class",	 "detail",
	    "detected_by", "began",  "detected",      "first_error", "first_fast",  "recovered", "closed",
	    "callers",	   "failed", "bytes_at_risk", "tries",	     "routes",	    "events",	 "time",
	    "from",	   "to",     "name",	      "outcome",     "duration_ms", "text",	 "samples",
	    "state",	   "errors", "p99_us",	      "incidents",   "journal",	    "plans",	 "epoch",
	    "hash",	   "steps",  "rung",	      "deadline_ms", "does",	    "requires",	 "proof",
	    "skipped",	   "step",   "summary",	      "advice",	     "ms"};

	for (size_t i = 0; json_is_object(part) && i < ARRAY_SIZE(keys); i++)
		if (json_object_get(part, keys[i]))
			damage_member(whole, part, keys[i]);
	for (size_t i = 0; i < json_array_size(part); i++)
		damage_element(whole, part, i);
}

static void damaged_answers_never_crash(void **state)
{
	static const char *const texts[] = {incident_text, plans_text};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *whole = load(texts[i]);

		render_all(whole);
		damage(whole, whole);
		json_decref(whole);
	}
	render_all(NULL);
}

/* ---- values ---- */

static void shows_span(double seconds, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	show_span(out, seconds);
	fputc(' ', out);
	show_bytes(out, (uint64_t)(seconds > 0 ? seconds : 0));
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void values_are_for_people(void **state)
{
	(void)state;
	shows_span(-5, "0 ms 0 B");
	shows_span(0.0042, "4 ms 0 B");
	shows_span(4.019, "4.02 s 4 B");
	shows_span(303, "5 min 3 s 303 B");
	shows_span(7500, "2 h 5 min 7.3 KiB");
	shows_span(273600, "3 d 4 h 267.2 KiB");
}

static void since_has_four_forms(void **state)
{
	static const char *const bad[] = {"",	      "x",  "7w",      "2026-13-01", "2026-01-08x",
					  "2026-1-8", "-5", "123456d", "1.5h"};
	int64_t since = 0;

	(void)state;
	assert_int_equal(ctl_parse_since("90m", 10000, &since), 0);
	assert_int_equal(since, 10000 - 5400);
	assert_int_equal(ctl_parse_since("30", 10000, &since), 0);
	assert_int_equal(since, 9970);
	assert_int_equal(ctl_parse_since("7d", 1767866400, &since), 0);
	assert_int_equal(since, 1767866400 - 7 * 86400);
	assert_int_equal(ctl_parse_since("99d", 10, &since), 0);
	assert_int_equal(since, 0);
	assert_int_equal(ctl_parse_since("1767866400", 10, &since), 0);
	assert_int_equal(since, 1767866400);
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	assert_int_equal(ctl_parse_since("2026-01-08", 10, &since), 0);
	assert_int_equal(since, 1767830400);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (ctl_parse_since(bad[i], 1767866400, &since) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
}

static void numbers_have_bounds(void **state)
{
	static const char *const bad[] = {"", "0", "-1", "+1", "11", "1x", " 1", "99999999999999999999"};
	uint64_t value = 0;

	(void)state;
	assert_int_equal(ctl_parse_number("10", 10, &value), 0);
	assert_int_equal(value, 10);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ctl_parse_number(bad[i], 10, &value), -EINVAL);
}

/* ---- simulation ---- */

static struct config *example(const char *more)
{
	struct config *config = malloc(sizeof(*config));
	char text[2048], error[CONFIG_ERROR_MAX];

	assert_non_null(config);
	snprintf(text, sizeof(text),
		 "[mount]\nname = jobs\nmountpoint = /m\nlocal = /l\n[backend box]\ntype = sshfs\nhost = h\n"
		 "[backend nas]\ntype = dir\npath = /n\n%s",
		 more);
	if (config_parse("conf", text, strlen(text), config, error))
		fail_msg("%s", error);
	return config;
}

static char *simulated(const char *more, unsigned backend, enum drill_kind kind, uint64_t seconds)
{
	struct config *config = example(more);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	drill_simulate(out, config, &config->backends[backend], kind, seconds);
	fclose(out);
	free(config);
	return text;
}

static void a_simulation_computes_what_is_promised(void **state)
{
	char *text =
	    simulated("[deadline]\nmetadata = 2s\n[recovery]\nprobe_interval = 10s\nprobe_jitter = 20\n"
		      "probe_timeout = 3s\nbackoff_min = 2s\nbackoff_max = 10s\n"
		      "[hooks]\nsentinel = /nonexistent/go\non_down = /bin/stop A\n",
		      0, DRILL_HANG, 600);

	(void)state;
	holds(text, "hang on box for 10 min, as configured; nothing was touched\n");
	holds(text, "their deadline: 2 s for metadata, 10 s for reading\n");
	holds(text, "for 10 s (patience) they wait for the connection, each until his deadline; later: EIO "
		    "at once\n");
	holds(text, "by a probe: at most 15 s ");
	holds(text, "after 2 s, 4 s, 8 s, 10 s, each");
	holds(text, "each try      fence: ");
	holds(text, "close: ");
	holds(text, "/nonexistent/go is missing: none is run\n");
	holds(text, "on_down after 2 failed tries and 2 min: this may be long enough");
	holds(text, "on_down /bin/stop A\n");
	free(text);
}

static void every_kind_can_be_simulated(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < DRILL_KIND_COUNT; kind++) {
		for (unsigned backend = 0; backend < 2; backend++) {
			char *text = simulated("", backend, (enum drill_kind)kind, 20);

			holds(text, drill_kind_name((enum drill_kind)kind));
			holds(text, "\ncallers ");
			free(text);
		}
		assert_int_equal(drill_kind_find(drill_kind_name((enum drill_kind)kind)), kind);
	}
	assert_int_equal(drill_kind_find("frob"), DRILL_KIND_COUNT);
}

static void what_needs_the_filter_says_so(void **state)
{
	char *text = simulated("", 1, DRILL_SLOW, 20);

	(void)state;
	holds(text, "filter = fault");
	free(text);
	text = simulated("filter = fault\n", 1, DRILL_SLOW, 20);
	lacks(text, "filter = fault");
	free(text);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plan_is_printed_rung_by_rung),
	    cmocka_unit_test(who_serves_is_left_alone_who_waits_says_for_what),
	    cmocka_unit_test(no_plan_is_told),
	    cmocka_unit_test(a_diagnosis_says_what_to_do),
	    cmocka_unit_test(an_incident_is_a_timeline),
	    cmocka_unit_test(incidents_are_a_table),
	    cmocka_unit_test(a_page_stands_alone),
	    cmocka_unit_test(the_picture_shows_states_errors_and_latency),
	    cmocka_unit_test(what_was_long_before_does_not_squeeze_the_picture),
	    cmocka_unit_test(a_short_outage_fills_the_picture),
	    cmocka_unit_test(many_routes_are_cut),
	    cmocka_unit_test(damaged_answers_never_crash),
	    cmocka_unit_test(values_are_for_people),
	    cmocka_unit_test(since_has_four_forms),
	    cmocka_unit_test(numbers_have_bounds),
	    cmocka_unit_test(a_simulation_computes_what_is_promised),
	    cmocka_unit_test(every_kind_can_be_simulated),
	    cmocka_unit_test(what_needs_the_filter_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
