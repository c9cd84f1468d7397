/* History as it is meant to work: what was put is found again, also after a restart, and is forgotten in
 * time. */
#include "journal-util.h"

/* ---- putting and asking ---- */

static const struct journal_incident full_incident = {.id = 7,
						      .kind = "incident",
						      .scope = "backend",
						      .backend = "box",
						      .class = "timeout",
						      .detail = "no answer for 5 s",
						      .detected_by = "guardian",
						      .began_ns = T0 + 123456789,
						      .detected_ns = T0 + 5 * SECOND,
						      .first_error_ns = T0 + 6 * SECOND,
						      .first_fast_ns = T0 + 7 * SECOND,
						      .recovered_ns = T0 + 8 * SECOND,
						      .callers = 3,
						      .failed = 44,
						      .bytes_at_risk = 1ull << 40,
						      .tries = 2,
						      .routes = "[\"/a\", \"/b \\u00e9\"]"};

static void check_full_incident(const json_t *i)
{
	const json_t *routes = json_object_get(i, "routes");

	assert_int_equal(json_object_size(i), 18);
	assert_int_equal(count_at(i, "id"), 7);
	assert_string_equal(text_at(i, "kind"), "incident");
	assert_string_equal(text_at(i, "scope"), "backend");
	assert_string_equal(text_at(i, "backend"), "box");
	assert_string_equal(text_at(i, "class"), "timeout");
	assert_string_equal(text_at(i, "detail"), "no answer for 5 s");
	assert_string_equal(text_at(i, "detected_by"), "guardian");
	assert_true(time_at(i, "began", T0 + 123456789));
	assert_true(time_at(i, "detected", T0 + 5 * SECOND));
	assert_true(time_at(i, "first_error", T0 + 6 * SECOND));
	assert_true(time_at(i, "first_fast", T0 + 7 * SECOND));
	assert_true(time_at(i, "recovered", T0 + 8 * SECOND));
	assert_true(time_at(i, "closed", 0));
	assert_int_equal(count_at(i, "callers"), 3);
	assert_int_equal(count_at(i, "failed"), 44);
	assert_true(count_at(i, "bytes_at_risk") == 1ll << 40);
	assert_int_equal(count_at(i, "tries"), 2);
	assert_int_equal(json_array_size(routes), 2);
	assert_string_equal(json_string_value(json_array_get(routes, 1)), "/b \xc3\xa9");
}

static void put_full_story(void)
{
	struct journal_event rung = {.time_ns = T0 + 2 * SECOND,
				     .incident = 7,
				     .kind = "rung",
				     .backend = "box",
				     .name = "fence",
				     .outcome = "passed"};
	struct journal_event transition = {.time_ns = T0 + SECOND,
					   .incident = 7,
					   .kind = "transition",
					   .backend = "box",
					   .from_state = "healthy",
					   .to_state = "down",
					   .class = "timeout"};
	struct journal_sample sample = {.time_ns = T0 + SECOND,
					.backend = "box",
					.state = "down",
					.ops = 1,
					.errors = 2,
					.p50_us = 3,
					.p99_us = 4,
					.span_ms = 250};

	journal_put_incident(stage.journal, &full_incident);
	journal_put_event(stage.journal, &rung);
	journal_put_event(stage.journal, &transition);
	journal_put_sample(stage.journal, &sample);
	sample.backend = "other";
	journal_put_sample(stage.journal, &sample);
}

static void check_full_story(void)
{
	json_t *answer = ask_incident(7), *events = json_object_get(answer, "events");
	json_t *samples = json_object_get(answer, "samples"), *first = json_array_get(events, 0);
	json_t *second = json_array_get(events, 1), *sample = json_array_get(samples, 0);

	assert_int_equal(json_object_size(answer), 3);
	check_full_incident(json_object_get(answer, "incident"));
	assert_int_equal(json_array_size(events), 2);
	assert_string_equal(text_at(first, "kind"), "transition");
	assert_string_equal(text_at(first, "from"), "healthy");
	assert_string_equal(text_at(first, "to"), "down");
	assert_string_equal(text_at(first, "class"), "timeout");
	assert_int_equal(json_object_size(first), 6); /* nothing that means nothing */
	assert_string_equal(text_at(second, "name"), "fence");
	assert_string_equal(text_at(second, "outcome"), "passed");
	assert_int_equal(count_at(second, "duration_ms"), 0); /* means something for a rung */
	assert_int_equal(json_array_size(samples), 1);	      /* of its own backend */
	assert_string_equal(text_at(sample, "state"), "down");
	assert_true(time_at(sample, "time", T0 + SECOND));
	assert_int_equal(count_at(sample, "ops"), 1);
	assert_int_equal(count_at(sample, "errors"), 2);
	assert_int_equal(count_at(sample, "p50_us"), 3);
	assert_int_equal(count_at(sample, "p99_us"), 4);
	assert_true(json_real_value(json_object_get(sample, "seconds")) > 0.249 &&
		    json_real_value(json_object_get(sample, "seconds")) < 0.251);
	json_decref(answer);
}

static void what_was_put_is_found(void **state)
{
	(void)state;
	start();
	put_full_story();
	check_full_story();
	WAIT(state_now() == JOURNAL_OK); /* said after the answer that it was asked for */
	assert_true(detail_has(""));
	assert_false(detail_has("lost"));
	stop();
	start();
	check_full_story();
	assert_int_equal(number("PRAGMA user_version"), 3);
	assert_int_equal(number("PRAGMA application_id"), 0x67664a31);
}

static void an_update_replaces_all_but_routes(void **state)
{
	struct journal_incident closed = full_incident;
	json_t *answer, *incident;

	(void)state;
	start();
	put_full_story();
	closed.routes = NULL;
	closed.closed_ns = T0 + 9 * SECOND;
	closed.began_ns = T0 - SECOND; /* known better by now */
	closed.failed = 45;
	journal_put_incident(stage.journal, &closed);
	answer = ask_incident(7);
	incident = json_object_get(answer, "incident");
	assert_int_equal(count_at(incident, "failed"), 45);
	assert_true(time_at(incident, "closed", T0 + 9 * SECOND));
	assert_true(time_at(incident, "began", T0 - SECOND));
	assert_int_equal(json_array_size(json_object_get(incident, "routes")), 2);
	json_decref(answer);
	assert_int_equal(number("SELECT count(*) FROM incidents"), 1);
}

static void unknown_incident(void **state)
{
	struct journal_query query = {.question = JOURNAL_ASK_INCIDENT, .id = UINT64_MAX};
	errint_t error = 0;

	(void)state;
	start_and_wait(JOURNAL_OK);
	assert_null(ask(&query, &error));
	assert_int_equal(error, -ENOENT);
}

static void listing_is_chosen_and_ordered(void **state)
{
	struct journal_incident other = {
	    .id = 4, .backend = "other", .began_ns = T0 + 40 * SECOND, .closed_ns = 1};
	json_t *answer, *list;

	(void)state;
	start();
	put_incident(1, T0 + 10 * SECOND, 0); /* open, so always in it */
	put_incident(2, T0 + 20 * SECOND, T0 + 21 * SECOND);
	put_incident(3, T0 + 30 * SECOND, T0 + 31 * SECOND);
	journal_put_incident(stage.journal, &other);
	answer = ask_incidents(T0 + 30 * SECOND, "box", 0);
	list = json_object_get(answer, "incidents");
	assert_int_equal(json_object_size(answer), 3);
	assert_true(json_real_value(json_object_get(answer, "first")) > 0);
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(count_at(json_array_get(list, 0), "id"), 3);
	assert_int_equal(count_at(json_array_get(list, 1), "id"), 1);
	json_decref(answer);
	/* One that began before, but was not over by then, is part of what happened since. */
	answer = ask_incidents(T0 + 21 * SECOND, "box", 0);
	assert_int_equal(json_array_size(json_object_get(answer, "incidents")), 3);
	json_decref(answer);
	answer = ask_incidents(0, "", 0);
	list = json_object_get(answer, "incidents");
	assert_int_equal(json_array_size(list), 4);
	assert_int_equal(count_at(json_array_get(list, 0), "id"), 4);
	json_decref(answer);
}

static size_t listed(uint32_t limit, size_t *bytes)
{
	json_t *answer = ask_incidents(0, "", limit);
	size_t n = json_array_size(json_object_get(answer, "incidents"));

	*bytes = json_dumpb(answer, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(answer);
	return n;
}

static void fill_with_incidents(const char *detail, uint64_t n)
{
	struct journal_incident incident = {.detail = detail, .closed_ns = T0};

	for (uint64_t i = 1; i <= n; i++) {
		incident.id = i;
		incident.began_ns = T0 + i;
		journal_put_incident(stage.journal, &incident);
		if (i % 500 == 0)
			WAIT(number("SELECT count(*) FROM incidents") == (int64_t)i);
	}
}

static void listing_is_bounded(void **state)
{
	size_t bytes;

	(void)state;
	start();
	fill_with_incidents("", 1500);
	assert_int_equal(listed(0, &bytes), 100);
	assert_int_equal(listed(1000, &bytes), 1000);
	assert_int_equal(listed(UINT32_MAX, &bytes), 1000);
}

/* One after the other they are all there, each once. */
static void a_listing_goes_on_after_its_last(void **state)
{
	struct journal_query query = {.question = JOURNAL_ASK_INCIDENTS, .limit = 1000};

	(void)state;
	start();
	fill_with_incidents("", 1500);
	for (uint64_t left = 1500; left > 0; query.id = left + 1) {
		errint_t error;
		json_t *answer = ask(&query, &error), *list = json_object_get(answer, "incidents");

		assert_int_equal(json_array_size(list), MIN(left, 1000u));
		for (size_t i = 0; i < json_array_size(list); i++)
			assert_int_equal(count_at(json_array_get(list, i), "id"), left--);
		json_decref(answer);
	}
}

/* Who sums up must know that some are missing. */
static bool says_more(uint32_t limit)
{
	json_t *answer = ask_incidents(0, "", limit);
	const json_t *more = json_object_get(answer, "more");
	bool is_true = json_is_true(more);

	assert_true(json_is_boolean(more));
	json_decref(answer);
	return is_true;
}

/* What cannot be said in JSON as it is takes the most room. */
static void check_listing_fits(unsigned char byte)
{
	char detail[3000];
	size_t bytes;

	memset(detail, byte, sizeof(detail) - 1);
	detail[sizeof(detail) - 1] = '\0';
	start();
	fill_with_incidents(detail, 1000);
	assert_in_range(listed(1000, &bytes), 100, 999);
	assert_in_range(bytes, 1 << 20, 8 << 20);
	assert_true(says_more(1000));
	assert_false(says_more(100));
}

static void listing_of_control_characters_fits(void **state)
{
	(void)state;
	check_listing_fits(1);
}

static void listing_of_broken_text_fits(void **state)
{
	(void)state;
	check_listing_fits(0xff);
}

static void timeline_fits_a_frame(void **state)
{
	char text[JOURNAL_TEXT_MAX + 1];
	json_t *answer, *events, *last;

	(void)state;
	memset(text, 2, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	start();
	put_incident(1, T0, 0);
	for (uint64_t i = 1; i <= 400; i++) {
		put_event(1, T0 + i, text);
		if (i % 200 == 0)
			WAIT(number("SELECT count(*) FROM events") == (int64_t)i);
	}
	answer = ask_incident(1);
	assert_in_range(json_dumpb(answer, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII), 1 << 20, 8 << 20);
	events = json_object_get(answer, "events");
	last = json_array_get(events, json_array_size(events) - 1);
	assert_non_null(strstr(text_at(last, "text"), "later events are left out"));
	json_decref(answer);
}

static void samples_are_put_together(void **state)
{
	json_t *answer, *samples, *sample;
	int64_t ops = 0;
	double seconds = 0;
	size_t n;

	(void)state;
	start();
	put_incident(1, T0, T0 + 5000 * SECOND);
	for (uint64_t i = 0; i < 5000; i++) {
		put_sample(T0 + i * SECOND);
		if (i % 500 == 499)
			WAIT(number("SELECT count(*) FROM samples") == (int64_t)i + 1);
	}
	/* The first of three, which has the longest waits. */
	exec_once("UPDATE samples SET state='down', p50_us=8, p99_us=9 WHERE rowid % 3 = 1 AND rowid < 5000");
	answer = ask_incident(1);
	samples = json_object_get(answer, "samples");
	assert_in_range(json_array_size(samples), 1000, 2000);
	assert_true(
	    time_at(json_array_get(samples, json_array_size(samples) - 1), "time", T0 + 4999 * SECOND));
	json_array_foreach(samples, n, sample)
	{
		assert_string_equal(text_at(sample, "state"), "healthy");
		ops += count_at(sample, "ops");
		seconds += json_real_value(json_object_get(sample, "seconds"));
	}
	assert_int_equal(ops, 7 * 5000); /* nothing is lost by it */
	assert_true(seconds > 4999 && seconds < 5001);
	json_decref(answer);
}

/* ---- hostile text ---- */

static void any_bytes_make_valid_json(void **state)
{
	static const char hostile[] =
	    "\x01\x1b[31m\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82\"\\\n\xf0\x9f\x98\x80";
	struct journal_incident incident = {.id = 1,
					    .kind = hostile,
					    .scope = hostile,
					    .backend = hostile,
					    .class = hostile,
					    .detail = hostile,
					    .detected_by = hostile,
					    .began_ns = UINT64_MAX,
					    .routes = hostile};
	struct journal_event event = {.incident = 1,
				      .kind = hostile,
				      .backend = hostile,
				      .from_state = hostile,
				      .to_state = hostile,
				      .class = hostile,
				      .name = hostile,
				      .outcome = hostile,
				      .text = hostile,
				      .duration_ms = UINT64_MAX};
	json_t *answer, *again;
	char *dumped;

	(void)state;
	start();
	journal_put_incident(stage.journal, &incident);
	journal_put_event(stage.journal, &event);
	answer = ask_incident(1);
	assert_string_equal(
	    text_at(json_object_get(answer, "incident"), "detail"),
	    "\x01\x1b[31m\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\\\n\xf0\x9f\x98\x80");
	assert_int_equal(json_array_size(json_object_get(json_object_get(answer, "incident"), "routes")), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "events")), 1);
	dumped = json_dumps(answer, 0);
	assert_non_null(dumped);
	again = json_loads(dumped, 0, NULL);
	assert_true(json_equal(again, answer));
	free(dumped);
	json_decref(again);
	json_decref(answer);
}

static void what_others_wrote_makes_valid_json(void **state)
{
	json_t *answer, *incident;

	(void)state;
	start();
	put_incident(1, T0, 0);
	WAIT(number("SELECT count(*) FROM incidents") == 1);
	exec_once(
	    "UPDATE incidents SET detail=x'61ff0062', class=NULL, callers='many', began=-1, routes='{}'");
	answer = ask_incident(1);
	incident = json_object_get(answer, "incident");
	assert_string_equal(text_at(incident, "detail"), "a\xef\xbf\xbd");
	assert_string_equal(text_at(incident, "class"), "");
	assert_int_equal(count_at(incident, "callers"), 0);
	assert_true(json_is_array(json_object_get(incident, "routes")));
	json_decref(answer);
}

/* What belongs to no incident: told with the one that it surrounds. */
static void put_surrounding(const char *name, const char *backend, uint64_t time_ns)
{
	const struct journal_event event = {
	    .time_ns = time_ns, .kind = "crash", .backend = backend, .name = name};

	journal_put_event(stage.journal, &event);
}

static void what_happened_around_an_incident_is_told_with_it(void **state)
{
	static const char *const told[] = {"just before", "all of guardfs", "its own", "just after"};
	json_t *answer, *events;

	(void)state;
	start();
	put_incident(1, T0, T0 + 60 * SECOND);
	put_surrounding("long before", "box", T0 - 601 * SECOND);
	put_surrounding("just before", "box", T0 - 599 * SECOND);
	put_surrounding("another backend", "other", T0 + SECOND);
	put_surrounding("all of guardfs", NULL, T0 + SECOND);
	put_event(1, T0 + 2 * SECOND, "its own");
	put_event(2, T0 + 3 * SECOND, "of another incident");
	put_surrounding("just after", "box", T0 + 659 * SECOND);
	put_surrounding("long after", "box", T0 + 661 * SECOND);
	answer = ask_incident(1);
	events = json_object_get(answer, "events");
	assert_int_equal(json_array_size(events), ARRAY_SIZE(told));
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		const json_t *event = json_array_get(events, i);

		assert_string_equal(text_at(event, i == 2 ? "text" : "name"), told[i]);
	}
	json_decref(answer);
}

static void long_text_is_cut_in_the_middle(void **state)
{
	char text[3 * JOURNAL_TEXT_MAX];
	const char *kept;
	json_t *answer;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "begin", 5);
	strcpy(text + sizeof(text) - 4, "end");
	start();
	put_incident(1, T0, 0);
	put_event(1, T0, text);
	text[JOURNAL_TEXT_MAX] = '\0';
	put_event(1, T0 + 1, text);
	answer = ask_incident(1);
	kept = text_at(json_array_get(json_object_get(answer, "events"), 0), "text");
	assert_int_equal(strlen(kept), JOURNAL_TEXT_MAX);
	assert_memory_equal(kept, "begin", 5);
	assert_string_equal(kept + JOURNAL_TEXT_MAX - 3, "end");
	assert_non_null(strstr(kept, "cut here"));
	assert_string_equal(text_at(json_array_get(json_object_get(answer, "events"), 1), "text"), text);
	json_decref(answer);
}

/* ---- recall ---- */

static void recalled_at_start(void **state)
{
	struct journal_recalled recalled;

	(void)state;
	start();
	assert_int_equal(journal_recall(stage.journal, 20000, &recalled), 0);
	assert_true(recalled.highest_incident == 0);
	assert_int_equal(json_object_size(recalled.memory) + json_array_size(recalled.open), 0);
	json_decref(recalled.memory);
	json_decref(recalled.open);
	json_decref(recalled.suspects);
	put_incident(3, T0, 0);
	put_incident(9, T0 + 1, T0 + 2);
	journal_put_memory(stage.journal, "box.caps", "[1,2]");
	journal_put_memory(stage.journal, "box.caps", "[1,2,3]");
	journal_put_memory(stage.journal, "box.hold", "soon over");
	journal_put_memory(stage.journal, "box.hold", NULL);
	stop();
	start();
	assert_int_equal(journal_recall(stage.journal, 20000, &recalled), 0);
	assert_true(recalled.highest_incident == 9);
	assert_int_equal(json_object_size(recalled.memory), 1);
	assert_string_equal(text_at(recalled.memory, "box.caps"), "[1,2,3]");
	assert_int_equal(json_array_size(recalled.open), 1);
	assert_int_equal(count_at(json_array_get(recalled.open, 0), "id"), 3);
	json_decref(recalled.memory);
	json_decref(recalled.open);
	json_decref(recalled.suspects);
}

static void too_long_a_value_is_not_cut(void **state)
{
	size_t size = 70000;
	char *value = malloc(size);

	(void)state;
	assert_non_null(value);
	memset(value, 'v', size - 1);
	value[size - 1] = '\0';
	start();
	journal_put_memory(stage.journal, "k", value);
	WAIT(number("SELECT count(*) FROM events WHERE kind='note' AND text LIKE '%1 other entries'") == 1);
	assert_int_equal(number("SELECT count(*) FROM memory"), 0);
	assert_true(detail_has("1 other entries"));
	free(value);
}

/* Keeper began without having recalled, and counts from 1. */
static void taken_number_is_not_overwritten(void **state)
{
	json_t *answer;

	(void)state;
	start();
	put_incident(1, T0, T0 + SECOND);
	put_incident(2, T0 + 5 * SECOND, 0);
	stop();
	start();
	put_incident(1, T0 + 100 * SECOND, 0);
	put_event(1, T0 + 101 * SECOND, "mine");
	put_incident(1, T0 + 99 * SECOND, T0 + 102 * SECOND);
	/* The same incident as before, its beginning having gone through a double. */
	put_incident(2, T0 + 5 * SECOND + 300, T0 + 50 * SECOND);
	answer = ask_incident(3);
	assert_true(time_at(json_object_get(answer, "incident"), "began", T0 + 99 * SECOND));
	assert_true(time_at(json_object_get(answer, "incident"), "closed", T0 + 102 * SECOND));
	assert_int_equal(json_array_size(json_object_get(answer, "events")),
			 2); /* its own, and a note why 3 */
	json_decref(answer);
	answer = ask_incident(1);
	assert_true(time_at(json_object_get(answer, "incident"), "began", T0));
	assert_int_equal(json_array_size(json_object_get(answer, "events")), 0);
	json_decref(answer);
	assert_int_equal(number("SELECT count(*) FROM incidents"), 3);
	assert_int_equal(number("SELECT closed FROM incidents WHERE id=2") > 0, 1);
	/* Keeper's own 3 must not fall onto the one that was moved there. */
	put_incident(3, T0 + 200 * SECOND, 0);
	WAIT(number("SELECT count(*) FROM incidents") == 4);
	assert_int_equal(number("SELECT began FROM incidents WHERE id=4") == (int64_t)(T0 + 200 * SECOND), 1);
}

/* ---- retention ---- */

#define DAY (24 * 3600 * SECOND)

/* Age goes by the days on which something was recorded. */
static void put_days(uint64_t first_ns, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put_sample(first_ns + i * DAY);
}

static void age_spares_open_incidents(void **state)
{
	uint64_t now = clock_real_ns(), old = now - 20 * DAY;

	(void)state;
	stage.options.keep_days = 10;
	atomic_store(&stage.tuning.retain_ms, 20);
	start();
	put_incident(1, old, old + 1);
	put_incident(2, old, 0);
	put_incident(3, old, now); /* closed today */
	put_event(1, old, "old");
	put_event(2, now, "new");
	put_days(old, 21);
	WAIT(number("SELECT count(*) FROM incidents") == 2 && number("SELECT count(*) FROM events") == 1 &&
	     number("SELECT count(*) FROM samples") == 10);
	assert_int_equal(number("SELECT sum(id) FROM incidents"), 5);
	assert_int_equal(number("SELECT incident FROM events"), 2);
	assert_int_equal(state_now(), JOURNAL_OK);
}

/* The clock of this moment is that which has jumped ahead; then it is set right. */
static void a_clock_that_jumps_makes_nothing_old(void **state)
{
	uint64_t jumped = clock_real_ns(), now = jumped - 500 * DAY;

	(void)state;
	stage.options.keep_days = 10;
	start();
	put_days(now - 5 * DAY, 6);
	put_incident(1, now - 5 * DAY, now - 5 * DAY + SECOND);
	put_event(1, now - 5 * DAY, "before it");
	put_incident(2, jumped, jumped + SECOND);
	put_event(2, jumped, "after it");
	put_days(now + DAY, 2);
	stop();
	atomic_store(&stage.tuning.retain_ms, 20);
	start();
	put_event(0, now + DAY, "last");
	/* Retention has been there: nine days stand, the two that are added make the first old. */
	WAIT(number("SELECT count(*) FROM events") == 3);
	assert_int_equal(number("SELECT count(*) FROM incidents"), 2);
	put_days(now + 3 * DAY, 2);
	WAIT(number("SELECT count(*) FROM incidents") == 1);
	assert_int_equal(number("SELECT id FROM incidents"), 2);
	assert_int_equal(number("SELECT count(*) FROM samples"), 9);
	assert_int_equal(number("SELECT count(*) FROM events"), 2);
}

static int64_t database_bytes(void)
{
	return number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
}

static void put_much(uint64_t n)
{
	char text[JOURNAL_TEXT_MAX];

	memset(text, 't', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (uint64_t i = 0; i < n; i++) {
		put_event(2, T0 + i, text);
		put_sample(T0 + i);
		if (i % 200 == 199)
			WAIT(number("SELECT count(*) FROM events") == (int64_t)i + 1);
	}
}

static void size_spares_open_incidents(void **state)
{
	(void)state;
	stage.options.keep_mib = 1;
	start();
	put_incident(1, T0, T0 + 1);
	put_incident(2, T0, 0);
	put_much(1600); /* 13 MiB */
	stop();
	assert_true(database_bytes() > 8 << 20);
	atomic_store(&stage.tuning.retain_ms, 20);
	start();
	WAIT(database_bytes() <= 1 << 20);
	assert_int_equal(number("SELECT count(*) FROM samples"), 0); /* they go first */
	assert_int_equal(number("SELECT count(*) FROM incidents WHERE id=2"), 1);
	assert_int_equal(state_now(), JOURNAL_OK);
}

static void size_takes_incidents_last(void **state)
{
	(void)state;
	stage.options.keep_mib = 0; /* impossible to reach */
	start();
	put_incident(1, T0, T0 + 1);
	put_incident(2, T0, 0);
	put_event(1, T0, "e");
	put_sample(T0);
	stop();
	assert_int_equal(number("SELECT count(*) FROM incidents"), 2);
	atomic_store(&stage.tuning.retain_ms, 20);
	start();
	WAIT(number("SELECT count(*) FROM incidents") == 1);
	assert_int_equal(number("SELECT id FROM incidents"), 2);
	assert_int_equal(number("SELECT (SELECT count(*) FROM samples) + (SELECT count(*) FROM events)"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_put_is_found),
	    TEST(an_update_replaces_all_but_routes),
	    TEST(unknown_incident),
	    TEST(listing_is_chosen_and_ordered),
	    TEST(listing_is_bounded),
	    TEST(a_listing_goes_on_after_its_last),
	    TEST(listing_of_control_characters_fits),
	    TEST(listing_of_broken_text_fits),
	    TEST(timeline_fits_a_frame),
	    TEST(samples_are_put_together),
	    TEST(any_bytes_make_valid_json),
	    TEST(what_others_wrote_makes_valid_json),
	    TEST(what_happened_around_an_incident_is_told_with_it),
	    TEST(long_text_is_cut_in_the_middle),
	    TEST(recalled_at_start),
	    TEST(too_long_a_value_is_not_cut),
	    TEST(taken_number_is_not_overwritten),
	    TEST(age_spares_open_incidents),
	    TEST(a_clock_that_jumps_makes_nothing_old),
	    TEST(size_spares_open_incidents),
	    TEST(size_takes_incidents_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
