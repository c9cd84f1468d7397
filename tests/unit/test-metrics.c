/* The figures: each is what the board says, or absent. */
#include "metrics-util.h"
#include "journal/journal.h"

static void a_healthy_board(void **state)
{
	struct reading *r = read_metrics(*state);

	expect(r, "guardfs_health{mount=\"jobs\",state=\"ok\"}", 1);
	expect(r, "guardfs_health{mount=\"jobs\",state=\"down\"}", 0);
	expect(r, "guardfs_build_info{mount=\"jobs\",version=\"" GUARDFS_VERSION "\"}", 1);
	expect(r, "guardfs_start_time_seconds{mount=\"jobs\"}", SINCE);
	expect(r, "guardfs_process_up{mount=\"jobs\",process=\"keeper\"}", 1);
	expect(r, "guardfs_journal_state{mount=\"jobs\",state=\"ok\"}", 1);
	expect(r, "guardfs_journal_state{mount=\"jobs\",state=\"off\"}", 0);
	expect(r, "guardfs_journal_damaged{mount=\"jobs\"}", 0);
	expect(r, "guardfs_manifest_ok{mount=\"jobs\"}", 1);
	expect(r, "guardfs_backend_state{mount=\"jobs\",backend=\"box\",state=\"healthy\"}", 1);
	expect(r, "guardfs_backend_state{mount=\"jobs\",backend=\"box\",state=\"down\"}", 0);
	expect(r, "guardfs_backend_breaker_open{mount=\"jobs\",backend=\"box\"}", 0);
	expect(r, "guardfs_backend_epoch{mount=\"jobs\",backend=\"box\"}", 3);
	expect(r, "guardfs_route_state{mount=\"jobs\",route=\"hc/b\",backend=\"nas\",state=\"healthy\"}", 1);
	expect(r, "guardfs_route_errno{mount=\"jobs\",route=\"hc/b\",backend=\"nas\"}", 0);
	assert_true(fabs(value_of(r, "guardfs_metrics_timestamp_seconds{mount=\"jobs\"}") -
			 (double)clock_real_ns() / 1e9) < 60);
	expect_no_family(r, "healtharchive");
	release(r);
}

static void a_backend_that_is_down(void **state)
{
	struct arena *arena = *state;
	struct board_backend *box = &arena->board.backends[0];
	struct reading *r;

	lose(arena, 0, ERRCLASS_TIMEOUT);
	atomic_store(&box->next_attempt_real_ns, (SINCE + 200) * NSEC_PER_SEC);
	atomic_store(&box->incident, 7);
	atomic_store(&box->parked, 5);
	board_count(box, COUNT_FAST_FAILS, 11);
	r = read_metrics(arena);
	expect(r, "guardfs_health{mount=\"jobs\",state=\"degraded\"}", 1);
	expect(r, "guardfs_backend_state{mount=\"jobs\",backend=\"box\",state=\"down\"}", 1);
	expect(r, "guardfs_backend_state{mount=\"jobs\",backend=\"box\",state=\"healthy\"}", 0);
	expect(r,
	       "guardfs_backend_class_info{mount=\"jobs\",backend=\"box\",class=\"timeout\",advice=\"if it "
	       "lasts: "
	       "check the link's load and the storage server\"}",
	       1);
	expect(r, "guardfs_backend_breaker_open{mount=\"jobs\",backend=\"box\"}", 1);
	expect(r, "guardfs_backend_state_changed_timestamp_seconds{mount=\"jobs\",backend=\"box\"}",
	       SINCE + 100);
	expect(r, "guardfs_backend_outage_began_timestamp_seconds{mount=\"jobs\",backend=\"box\"}",
	       SINCE + 100);
	expect(r, "guardfs_backend_next_attempt_timestamp_seconds{mount=\"jobs\",backend=\"box\"}",
	       SINCE + 200);
	expect(r, "guardfs_backend_incident{mount=\"jobs\",backend=\"box\"}", 7);
	expect(r, "guardfs_backend_parked_operations{mount=\"jobs\",backend=\"box\"}", 5);
	expect(r, "guardfs_backend_fast_failures_total{mount=\"jobs\",backend=\"box\"}", 11);
	expect(r, "guardfs_route_errno{mount=\"jobs\",route=\"hc/a\",backend=\"box\"}", EIO);
	expect(r, "guardfs_route_errno{mount=\"jobs\",route=\"hc/b\",backend=\"nas\"}", 0);
	release(r);
}

/* They are read when all that they tell of has gone. */
static void the_last_figures_say_down(void **state)
{
	struct arena *arena = *state;
	struct reading *r;

	atomic_store(&arena->board.ended, BOARD_ENDED_KEEPER);
	r = read_metrics(arena);
	expect(r, "guardfs_process_up{mount=\"jobs\",process=\"keeper\"}", 0);
	expect(r, "guardfs_process_up{mount=\"jobs\",process=\"worker\"}", 1);
	expect(r, "guardfs_mounted{mount=\"jobs\"}", 1);
	expect(r, "guardfs_health{mount=\"jobs\",state=\"ok\"}", 0);
	release(r);
	atomic_store(&arena->board.ended, BOARD_ENDED_ALL);
	r = read_metrics(arena);
	expect(r, "guardfs_process_up{mount=\"jobs\",process=\"guardian\"}", 0);
	expect(r, "guardfs_process_up{mount=\"jobs\",process=\"worker\"}", 0);
	expect(r, "guardfs_worker_serving{mount=\"jobs\"}", 0);
	expect(r, "guardfs_mounted{mount=\"jobs\"}", 0);
	expect(r, "guardfs_health{mount=\"jobs\",state=\"down\"}", 1);
	release(r);
}

/* Names that were never meant to be labels; and two that differ only in what is no UTF-8. */
static void hostile_names_are_escaped(void **state)
{
	struct arena *arena = *state;
	struct reading *r;

	copy_string(arena->board.config.local, CONFIG_PATH_MAX, "/a\"b\\c\nd");
	copy_string(arena->board.map.routes[0].path, CONFIG_PATH_MAX, "x\xfe} 1\n# TYPE");
	copy_string(arena->board.map.routes[1].path, CONFIG_PATH_MAX, "x\xff\xc3\xa4\xe2\x82");
	r = read_metrics(arena);
	expect(
	    r,
	    "guardfs_mount_info{mount=\"jobs\",mountpoint=\"/srv/jobs\",local=\"/a\\\"b\\\\x5Cc\\\\x0Ad\"}",
	    1);
	expect(r, "guardfs_route_errno{mount=\"jobs\",route=\"x\\\\xFE} 1\\\\x0A# TYPE\",backend=\"box\"}",
	       0);
	expect(r,
	       "guardfs_route_errno{mount=\"jobs\",route=\"x\\\\xFF\xc3\xa4\\\\xE2\\\\x82\",backend=\"nas\"}",
	       0);
	release(r);
}

static void set_space(struct board_statfs *s, uint64_t blocks)
{
	atomic_store(&s->blocks, blocks);
	atomic_store(&s->bfree, 40);
	atomic_store(&s->bavail, 30);
	atomic_store(&s->files, 1000);
	atomic_store(&s->ffree, 900);
	atomic_store(&s->bsize, 65536);
	atomic_store(&s->frsize, 4096);
	atomic_store(&s->valid, 1);
}

static void what_is_not_known_is_absent(void **state)
{
	struct arena *arena = *state;
	struct board *b = &arena->board;
	struct reading *r;

	b->config.manifest[0] = '\0';
	board_set_journal(b, "");
	atomic_store(&b->started_real_ns, 0);
	r = read_metrics(arena);
	expect_no_family(r, "guardfs_manifest_ok");
	expect_no_family(r, "guardfs_journal");
	expect_no_family(r, "guardfs_start_time");
	expect_no_family(r, "guardfs_local_");
	expect_no_family(r, "guardfs_backend_size");
	expect_no_family(r, "guardfs_backend_next_attempt");
	expect_no_family(r, "guardfs_backend_outage_began");
	expect_no_family(r, "guardfs_backend_held_until");
	release(r);
}

static void space_is_told_while_it_is_known(void **state)
{
	struct arena *arena = *state;
	struct board *b = &arena->board;
	struct reading *r;

	set_space(&b->local, 100);
	set_space(&b->backends[0].statfs, 200);
	set_space(&b->backends[1].statfs, 0); /* a server that does not tell */
	r = read_metrics(arena);
	expect(r, "guardfs_local_size_bytes{mount=\"jobs\"}", 409600);
	expect(r, "guardfs_local_avail_bytes{mount=\"jobs\"}", 122880);
	expect(r, "guardfs_local_files_free{mount=\"jobs\"}", 900);
	expect(r, "guardfs_backend_size_bytes{mount=\"jobs\",backend=\"box\"}", 819200);
	expect(r, "guardfs_backend_free_bytes{mount=\"jobs\",backend=\"box\"}", 163840);
	assert_null(find(r, "guardfs_backend_size_bytes{mount=\"jobs\",backend=\"nas\"}"));
	release(r);
	lose(arena, 0, ERRCLASS_SERVER_GONE);
	r = read_metrics(arena);
	expect_no_family(r, "guardfs_backend_size");
	release(r);
}

static void outages_are_counted_by_the_changes(void **state)
{
	struct arena *arena = *state;
	struct board_backend *box = &arena->board.backends[0];
	struct reading *r;

	lose(arena, 0, ERRCLASS_TIMEOUT);
	board_set_state(box, HEALTH_RECOVERING, ERRCLASS_TIMEOUT, 1);
	board_set_state(box, HEALTH_DOWN, ERRCLASS_TIMEOUT, 1);
	board_set_state(box, HEALTH_RECOVERING, ERRCLASS_TIMEOUT, 1);
	/* Trouble in probation is the same outage. */
	board_set_state(box, HEALTH_PROBATION, ERRCLASS_NONE, 1);
	board_set_state(box, HEALTH_DOWN, ERRCLASS_TIMEOUT, 1);
	assert_int_equal(atomic_load(&box->recoveries), 0);
	serve_again(arena, 0);
	/* An operator's doing is none. */
	board_set_state(box, HEALTH_HELD, ERRCLASS_HELD, 1);
	board_set_state(box, HEALTH_RECOVERING, ERRCLASS_NONE, 1);
	serve_again(arena, 0);
	r = read_metrics(arena);
	expect(r, "guardfs_backend_outages_total{mount=\"jobs\",backend=\"box\"}", 1);
	expect(r, "guardfs_backend_recoveries_total{mount=\"jobs\",backend=\"box\"}", 1);
	expect(r, "guardfs_backend_recovery_tries_total{mount=\"jobs\",backend=\"box\"}", 3);
	expect(r, "guardfs_backend_outages_total{mount=\"jobs\",backend=\"nas\"}", 0);
	expect(r, "guardfs_backend_recovered_timestamp_seconds{mount=\"jobs\",backend=\"box\"}", SINCE + 111);
	expect_no_family(r, "guardfs_backend_outage_began");
	release(r);
}

#define LATENCY "guardfs_backend_latency_seconds"
#define READING "{mount=\"jobs\",backend=\"box\",operation=\"read\""

static void latencies_make_a_histogram(void **state)
{
	struct arena *arena = *state;
	struct histogram *h = &arena->board.backends[0].latency[OP_READ];
	struct reading *r;
	double sum;

	for (int i = 0; i < 10; i++)
		histogram_add(h, 1000);
	for (int i = 0; i < 5; i++)
		histogram_add(h, 4 * NSEC_PER_SEC);
	histogram_add(h, 1ull << 20);
	histogram_add(h, (1ull << 20) - 1);
	histogram_add(h, UINT64_MAX);
	r = read_metrics(arena);
	expect(r, LATENCY "_bucket" READING ",le=\"0.000131072\"}", 10);
	expect(r, LATENCY "_bucket" READING ",le=\"0.001048576\"}", 11);
	expect(r, LATENCY "_bucket" READING ",le=\"0.002097152\"}", 12);
	expect(r, LATENCY "_bucket" READING ",le=\"2.147483648\"}", 12);
	expect(r, LATENCY "_bucket" READING ",le=\"4.294967296\"}", 17);
	expect(r, LATENCY "_bucket" READING ",le=\"68.719476736\"}", 17);
	expect(r, LATENCY "_bucket" READING ",le=\"+Inf\"}", 18);
	expect(r, LATENCY "_count" READING "}", 18);
	sum = value_of(r, LATENCY "_sum" READING "}");
	assert_true(sum > 0.94 * 20 + 274 && sum < 1.06 * 20 + 276);
	expect(r, LATENCY "_count{mount=\"jobs\",backend=\"nas\",operation=\"read\"}", 0);
	release(r);
}

static void poisoned_files_are_those_open_now(void **state)
{
	struct arena *arena = *state;
	struct reading *r;

	for (unsigned i = 0; i < 4; i++) {
		arena->handles[i].backend = i == 3 ? 1 : 0;
		atomic_store(&arena->handles[i].error, i == 0 ? 0 : EIO);
		atomic_store(&arena->handles[i].state, i == 2 ? HANDLE_FREE : HANDLE_LIVE);
	}
	atomic_store(&arena->handles_used, 4);
	r = read_metrics(arena);
	expect(r, "guardfs_backend_poisoned_files{mount=\"jobs\",backend=\"box\"}", 1);
	expect(r, "guardfs_backend_poisoned_files{mount=\"jobs\",backend=\"nas\"}", 1);
	release(r);
}

static void every_state_of_the_journal_is_known(void **state)
{
	struct arena *arena = *state;
	char text[64], series[128];

	for (unsigned s = 0; s < JOURNAL_STATE_COUNT; s++) {
		struct reading *r;

		snprintf(text, sizeof(text), "%s: a damaged database",
			 journal_state_name((enum journal_state)s));
		board_set_journal(&arena->board, text);
		r = read_metrics(arena);
		snprintf(series, sizeof(series), "guardfs_journal_state{mount=\"jobs\",state=\"%s\"}",
			 journal_state_name((enum journal_state)s));
		expect(r, series, 1);
		expect(r, "guardfs_journal_damaged{mount=\"jobs\"}", 1);
		release(r);
	}
}

/* ---- the names of HealthArchive ---- */

#define HOTPATH "healtharchive_storage_hotpath_auto_recover_"

static void healtharchive_when_well(void **state)
{
	struct arena *arena = *state;
	struct reading *r;

	arena->board.config.metrics_healtharchive = true;
	r = read_metrics(arena);
	expect(r, "healtharchive_storagebox_mount_ok", 1);
	expect(r, "healtharchive_tiering_manifest_ok", 1);
	expect(r, "healtharchive_tiering_hot_path_ok{hot=\"/srv/jobs/hc/a\"}", 1);
	expect(r, "healtharchive_tiering_hot_path_errno{hot=\"/srv/jobs/hc/a\"}", -1);
	expect(r, HOTPATH "metrics_ok", 1);
	expect(r, HOTPATH "enabled", 1);
	expect(r, HOTPATH "detected_targets", 0);
	expect(r, HOTPATH "apply_total", 0);
	expect(r, HOTPATH "apply_24h", 0);
	expect(r, HOTPATH "apply_1h", 0);
	expect(r, HOTPATH "last_apply_ok", 0);
	expect_no_family(r, HOTPATH "last_apply_timestamp");
	expect_no_family(r, HOTPATH "deploy_lock");
	release(r);
}

static void healtharchive_through_an_outage(void **state)
{
	struct arena *arena = *state;
	struct reading *r;

	arena->board.config.metrics_healtharchive = true;
	atomic_store(&arena->board.manifest_ok, 0);
	lose(arena, 0, ERRCLASS_TIMEOUT);
	r = read_metrics(arena);
	expect(r, "healtharchive_storagebox_mount_ok", 0);
	expect(r, "healtharchive_tiering_manifest_ok", 0);
	expect(r, "healtharchive_tiering_hot_path_ok{hot=\"/srv/jobs/hc/a\"}", 0);
	expect(r, "healtharchive_tiering_hot_path_errno{hot=\"/srv/jobs/hc/a\"}", EIO);
	expect(r, "healtharchive_tiering_hot_path_ok{hot=\"/srv/jobs/hc/b\"}", 1);
	expect(r, HOTPATH "detected_targets", 1);
	expect(r, HOTPATH "apply_total", 1);
	expect(r, HOTPATH "last_apply_ok", 0);
	expect(r, HOTPATH "last_apply_timestamp_seconds", SINCE + 100);
	expect(r, HOTPATH "last_healthy_timestamp_seconds", SINCE + 100);
	release(r);
	serve_again(arena, 0);
	r = read_metrics(arena);
	expect(r, HOTPATH "apply_total", 1);
	expect(r, HOTPATH "last_apply_ok", 1);
	expect(r, HOTPATH "last_apply_timestamp_seconds", SINCE + 111);
	release(r);
	board_set_state(&arena->board.backends[1], HEALTH_HELD, ERRCLASS_HELD, 1);
	r = read_metrics(arena);
	expect(r, HOTPATH "enabled", 0);
	release(r);
}

static void incidents_are_counted_as_far_as_known(void **state)
{
	struct arena *arena = *state;
	struct board *b = &arena->board;
	uint64_t now_ns = clock_real_ns();
	struct reading *r;

	b->config.metrics_healtharchive = true;
	for (unsigned i = 0; i < BOARD_INCIDENTS_MAX - 1; i++) {
		struct board_incident incident = {.id = i + 1};

		/* One in three hours; every third was a drill. */
		incident.began_ns = now_ns - (BOARD_INCIDENTS_MAX - i) * 10800 * NSEC_PER_SEC + NSEC_PER_SEC;
		incident.drill = i % 3 == 0;
		board_put_incident(b, &incident);
	}
	board_put_incident(b, &(struct board_incident){.id = 99, .began_ns = now_ns - 60 * NSEC_PER_SEC});
	r = read_metrics(arena);
	expect(r, HOTPATH "apply_1h", 1);
	expect(r, HOTPATH "apply_24h", 1 + 4);
	release(r);
	/* So many in a day that the oldest of it have fallen off. */
	for (unsigned i = 0; i < BOARD_INCIDENTS_MAX; i++)
		board_put_incident(
		    b, &(struct board_incident){.id = 200 + i, .began_ns = now_ns - 7200 * NSEC_PER_SEC});
	r = read_metrics(arena);
	expect(r, HOTPATH "apply_1h", 0);
	expect_no_family(r, HOTPATH "apply_24h");
	release(r);
	/* What was before the start, nobody told. */
	atomic_store(&b->started_real_ns, now_ns - 1800 * NSEC_PER_SEC);
	r = read_metrics(arena);
	expect_no_family(r, HOTPATH "apply_1h");
	release(r);
}

/* ---- damage ---- */

static void a_damaged_board_still_gives_a_text_that_can_be_read(void **state)
{
	struct arena *arena = *state;
	struct board *b = &arena->board;

	b->config.metrics_healtharchive = true;
	memset(b->config.name, 'n', sizeof(b->config.name));
	memset(b->config.mountpoint, '"', sizeof(b->config.mountpoint));
	memset(b->config.local, '\\', sizeof(b->config.local));
	memset(b->config.backends[0].name, '\n', sizeof(b->config.backends[0].name));
	memset(b->config.backends[1].name, '\n', sizeof(b->config.backends[1].name));
	memset(b->map.routes[0].path, 0xff, sizeof(b->map.routes[0].path));
	memset(b->map.routes[1].path, 0xff, sizeof(b->map.routes[1].path));
	memset(b->journal, '"', sizeof(b->journal));
	memset(&b->local, 0xff, sizeof(b->local));
	memset(b->incidents, 0xff, sizeof(b->incidents));
	for (unsigned c = 0; c < OP_CLASS_COUNT; c++)
		memset(&b->backends[0].latency[c], 0xff, sizeof(b->backends[0].latency[c]));
	for (unsigned c = 0; c < BACKEND_COUNTER_COUNT; c++)
		atomic_store(&b->backends[0].counters[c], UINT64_MAX);
	atomic_store(&b->n_incidents, UINT32_MAX);
	atomic_store(&b->backends[0].state, 77);
	atomic_store(&b->backends[0].errclass, 77);
	atomic_store(&b->backends[0].lost_real_ns, UINT64_MAX);
	atomic_store(&b->routes[1].error, 1u << 31);
	atomic_store(&arena->handles_used, UINT32_MAX);
	b->map.routes[1].backend = 200;
	b->config.n_backends = 1000;
	b->map.n_routes = 1u << 30;
	release(read_metrics(arena));
}

/* ---- the man page ---- */

static char *read_man_page(void)
{
	FILE *in = fopen("docs/man/guardfs.8.scd", "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(in);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	return text;
}

static void the_man_page_has_every_metric(void **state)
{
	struct arena *arena = *state;
	struct board *b = &arena->board;
	char *page = read_man_page(), needle[160];
	struct reading *r;

	b->config.metrics_healtharchive = true;
	set_space(&b->local, 100);
	set_space(&b->backends[1].statfs, 200);
	lose(arena, 0, ERRCLASS_TIMEOUT);
	atomic_store(&b->backends[0].recovered_real_ns, SINCE);
	atomic_store(&b->backends[0].next_attempt_real_ns, SINCE);
	board_set_state(&b->backends[0], HEALTH_HELD, ERRCLASS_HELD, SINCE);
	atomic_store(&b->backends[0].held_until_real_ns, SINCE);
	atomic_store(&b->misplaced.looked_ns, clock_mono_ns());
	atomic_store(&add_job(arena, "hc/a", 0)->progress_ns, SINCE);
	job_error(&arena->jobs, 1, ERRCLASS_TIMEOUT, SINCE);
	r = read_metrics(arena);
	assert_in_range(r->n_families, 85, 255);
	for (size_t i = 0; i < r->n_families; i++) {
		snprintf(needle, sizeof(needle), "*%s*", r->families[i]);
		if (!strstr(page, needle))
			fail_msg("guardfs(8), METRICS, lacks %s", r->families[i]);
	}
	release(r);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_A_BOARD(a_healthy_board),
	    ON_A_BOARD(a_backend_that_is_down),
	    ON_A_BOARD(the_last_figures_say_down),
	    ON_A_BOARD(hostile_names_are_escaped),
	    ON_A_BOARD(what_is_not_known_is_absent),
	    ON_A_BOARD(space_is_told_while_it_is_known),
	    ON_A_BOARD(outages_are_counted_by_the_changes),
	    ON_A_BOARD(latencies_make_a_histogram),
	    ON_A_BOARD(poisoned_files_are_those_open_now),
	    ON_A_BOARD(every_state_of_the_journal_is_known),
	    ON_A_BOARD(healtharchive_when_well),
	    ON_A_BOARD(healtharchive_through_an_outage),
	    ON_A_BOARD(incidents_are_counted_as_far_as_known),
	    ON_A_BOARD(a_damaged_board_still_gives_a_text_that_can_be_read),
	    ON_A_BOARD(the_man_page_has_every_metric),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
