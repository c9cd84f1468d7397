/* The figures: read back by a strict reader of Prometheus's text format, which takes nothing that the format
 * does not allow; then each is what the board says, or absent. */
#include "base/clock.h"
#include "journal/journal.h"
#include "report/report.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SINCE	    1700000000ull
#define SAMPLES_MAX 32768

/* ---- the reader ---- */

struct sample {
	char *series; /* name{labels} as written */
	double value;
};

struct reading {
	char *text;
	size_t n, n_families;
	struct sample samples[SAMPLES_MAX];
	char families[256][128], types[256][16];
};

static const char *after_name(const char *p, bool label)
{
	assert_true(isalpha((unsigned char)*p) || *p == '_' || (*p == ':' && !label));
	while (isalnum((unsigned char)*p) || *p == '_' || (*p == ':' && !label))
		p++;
	return p;
}

/* The value in quotes: of a backslash only the three escapes, of bytes only those that do not end a line. */
static const char *after_quoted(const char *p)
{
	assert_int_equal(*p, '"');
	for (p++; *p != '"'; p++) {
		assert_true(*p != '\0' && *p != '\n');
		if (*p == '\\') {
			p++;
			assert_true(*p == '\\' || *p == '"' || *p == 'n');
		}
	}
	return p + 1;
}

static const char *after_labels(const char *p)
{
	if (*p != '{')
		return p;
	do {
		p = after_name(p + 1, true);
		assert_int_equal(*p, '=');
		p = after_quoted(p + 1);
	} while (*p == ',');
	assert_int_equal(*p, '}');
	return p + 1;
}

static void read_head(struct reading *r, const char *line)
{
	char name[128], type[16] = "";
	int n = 0;

	if (sscanf(line, "# HELP %127s %n", name, &n) == 1 && n > 0) {
		assert_true(line[n] != '\0');
		for (size_t i = 0; i < r->n_families; i++)
			assert_string_not_equal(r->families[i], name);
		assert_in_range(r->n_families, 0, 254);
		strcpy(r->families[r->n_families++], name);
		return;
	}
	assert_int_equal(sscanf(line, "# TYPE %127s %15s", name, type), 2);
	assert_true(r->n_families > 0);
	assert_string_equal(r->families[r->n_families - 1], name);
	assert_string_equal(r->types[r->n_families - 1], "");
	assert_true(strcmp(type, "gauge") == 0 || strcmp(type, "counter") == 0 ||
		    strcmp(type, "histogram") == 0);
	strcpy(r->types[r->n_families - 1], type);
}

/* A sample belongs to the family whose head came last. */
static void expect_family(const struct reading *r, const char *name, size_t length)
{
	const char *family = r->families[r->n_families - 1], *type = r->types[r->n_families - 1];
	size_t n = strlen(family);

	assert_true(r->n_families > 0 && *type != '\0' && length >= n);
	assert_memory_equal(name, family, n);
	if (strcmp(type, "histogram") != 0)
		assert_int_equal(length, n);
	else
		assert_true((length == n + 7 && memcmp(name + n, "_bucket", 7) == 0) ||
			    (length == n + 4 && memcmp(name + n, "_sum", 4) == 0) ||
			    (length == n + 6 && memcmp(name + n, "_count", 6) == 0));
	assert_int_equal(strcmp(type, "counter") == 0, n > 6 && strcmp(family + n - 6, "_total") == 0);
}

static void read_sample(struct reading *r, char *line)
{
	const char *end = after_name(line, false);
	char *space, *rest = NULL;

	expect_family(r, line, (size_t)(end - line));
	end = after_labels(end);
	assert_int_equal(*end, ' ');
	space = line + (end - line);
	*space = '\0';
	assert_in_range(r->n, 0, SAMPLES_MAX - 1);
	r->samples[r->n] = (struct sample){.series = line, .value = strtod(space + 1, &rest)};
	assert_true(rest > space + 1 && *rest == '\0' && isfinite(r->samples[r->n].value));
	r->n++;
}

static int by_series(const void *a, const void *b)
{
	return strcmp(((const struct sample *)a)->series, ((const struct sample *)b)->series);
}

static struct reading *read_metrics(const struct arena *arena)
{
	struct reading *r = calloc(1, sizeof(*r));
	size_t length = 0;
	char *save = NULL;

	assert_non_null(r);
	r->text = report_metrics(arena, &length);
	assert_non_null(r->text);
	assert_int_equal(length, strlen(r->text));
	assert_int_equal(r->text[length - 1], '\n');
	for (char *line = strtok_r(r->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (*line == '#')
			read_head(r, line);
		else
			read_sample(r, line);
	}
	qsort(r->samples, r->n, sizeof(r->samples[0]), by_series);
	for (size_t i = 1; i < r->n; i++)
		assert_string_not_equal(r->samples[i - 1].series, r->samples[i].series);
	return r;
}

static void release(struct reading *r)
{
	free(r->text);
	free(r);
}

static const struct sample *find(const struct reading *r, const char *series)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->samples[i].series, series) == 0)
			return &r->samples[i];
	return NULL;
}

static void expect(const struct reading *r, const char *series, double value)
{
	const struct sample *s = find(r, series);

	if (!s)
		fail_msg("no %s", series);
	else if (fabs(s->value - value) > fabs(value) * 1e-12)
		fail_msg("%s is %f instead of %f", series, s->value, value);
}

static double value_of(const struct reading *r, const char *series)
{
	const struct sample *s = find(r, series);

	assert_non_null(s);
	return s ? s->value : 0;
}

static void expect_no_family(const struct reading *r, const char *prefix)
{
	for (size_t i = 0; i < r->n_families; i++)
		if (strncmp(r->families[i], prefix, strlen(prefix)) == 0)
			fail_msg("there should be no %s", r->families[i]);
}

/* ---- the board ---- */

static void add_route(struct tiermap *map, const char *path, uint8_t backend)
{
	struct route *r = &map->routes[map->n_routes++];

	copy_string(r->path, sizeof(r->path), path);
	copy_string(r->target, sizeof(r->target), path);
	r->backend = backend;
}

/* Two healthy backends with a route on each. */
static int set_up(void **state)
{
	int fd = -1, error = 0;
	struct arena *arena = arena_create(&fd, &error);
	struct tiermap *map;
	struct board *b;

	if (!arena)
		return -1;
	close(fd);
	b = &arena->board;
	copy_string(b->config.name, CONFIG_NAME_MAX, "jobs");
	copy_string(b->config.mountpoint, CONFIG_PATH_MAX, "/srv/jobs");
	copy_string(b->config.manifest, CONFIG_PATH_MAX, "/etc/binds");
	b->config.error = EIO;
	b->config.n_backends = 2;
	copy_string(b->config.backends[0].name, CONFIG_NAME_MAX, "box");
	copy_string(b->config.backends[1].name, CONFIG_NAME_MAX, "nas");
	for (unsigned i = 0; i < 2; i++) {
		board_set_state(&b->backends[i], HEALTH_HEALTHY, ERRCLASS_NONE, (SINCE + i) * NSEC_PER_SEC);
		atomic_store(&b->backends[i].gate, gate_word(3, true));
	}
	map = board_map_begin(b);
	add_route(map, "hc/a", 0);
	add_route(map, "hc/b", 1);
	board_map_commit(b);
	atomic_store(&b->manifest_ok, 1);
	for (unsigned p = 0; p < PROCESS_COUNT; p++)
		atomic_store(&b->pid[p], getpid());
	atomic_store(&b->serving, 1);
	atomic_store(&b->started_real_ns, SINCE * NSEC_PER_SEC);
	board_set_journal(b, "ok");
	*state = arena;
	return 0;
}

static int tear_down(void **state)
{
	arena_unmap(*state);
	return 0;
}

static void lose(struct arena *arena, unsigned backend, enum errclass class)
{
	struct board_backend *b = &arena->board.backends[backend];

	atomic_store(&b->gate, gate_word(gate_epoch(atomic_load(&b->gate)), false));
	board_set_state(b, HEALTH_DOWN, class, (SINCE + 100) * NSEC_PER_SEC);
}

static void serve_again(struct arena *arena, unsigned backend)
{
	struct board_backend *b = &arena->board.backends[backend];

	board_set_state(b, HEALTH_PROBATION, ERRCLASS_NONE, (SINCE + 110) * NSEC_PER_SEC);
	atomic_store(&b->gate, gate_word(gate_epoch(atomic_load(&b->gate)) + 1, true));
	board_set_state(b, HEALTH_HEALTHY, ERRCLASS_NONE, (SINCE + 111) * NSEC_PER_SEC);
	atomic_store(&b->recovered_real_ns, (SINCE + 111) * NSEC_PER_SEC);
}

/* ---- tests ---- */

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
	expect(r, "guardfs_backend_class_info{mount=\"jobs\",backend=\"box\",class=\"timeout\"}", 1);
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

/* ---- jobs ---- */

static struct job *add_job(struct arena *arena, const char *name, uint8_t backend)
{
	uint32_t index = atomic_fetch_add(&arena->jobs.used, 1);
	struct job *j = &arena->jobs.jobs[index];

	assert_in_range(index, 0, JOB_MAX - 1);
	copy_string(j->name, sizeof(j->name), name);
	atomic_store(&j->backend, backend);
	atomic_store(&j->active_ns, (SINCE + index) * NSEC_PER_SEC);
	atomic_store(&j->state, JOB_LIVE);
	return j;
}

#define ON_BOX	"{mount=\"jobs\",directory=\"hc/a\",tier=\"box\""
#define AT_HOME "{mount=\"jobs\",directory=\"hc/\\\"b\\\\xFE\",tier=\"local\""

static void jobs_have_figures(void **state)
{
	struct arena *arena = *state;
	struct job *a = add_job(arena, "hc/a", 0), *b = add_job(arena, "hc/\"b\xfe", NODE_LOCAL);
	struct reading *r;

	atomic_store(&a->read_bytes, 100);
	atomic_store(&a->written_bytes, 200);
	atomic_store(&a->ops, 7);
	atomic_store(&a->opens, 3);
	atomic_store(&a->handles, 2);
	atomic_store(&a->writers, 1);
	atomic_store(&a->progress_ns, (SINCE + 50) * NSEC_PER_SEC);
	job_error(&arena->jobs, 1, ERRCLASS_TIMEOUT, (SINCE + 60) * NSEC_PER_SEC);
	job_error(&arena->jobs, 1, ERRCLASS_FULL, (SINCE + 61) * NSEC_PER_SEC);
	job_error(&arena->jobs, 1, ERRCLASS_FULL, (SINCE + 62) * NSEC_PER_SEC);
	/* The kernel reads and writes this one's files by itself. */
	atomic_store(&b->flags, JOB_BY_STAT);
	atomic_store(&b->written_bytes, 300);
	r = read_metrics(arena);
	expect(r, "guardfs_jobs{mount=\"jobs\"}", 2);
	expect(r, "guardfs_job_read_bytes_total" ON_BOX "}", 100);
	expect(r, "guardfs_job_written_bytes_total" ON_BOX "}", 200);
	expect(r, "guardfs_job_operations_total" ON_BOX "}", 7);
	expect(r, "guardfs_job_opened_files_total" ON_BOX "}", 3);
	expect(r, "guardfs_job_open_files" ON_BOX "}", 2);
	expect(r, "guardfs_job_open_writers" ON_BOX "}", 1);
	expect(r, "guardfs_job_progress_timestamp_seconds" ON_BOX "}", SINCE + 50);
	expect(r, "guardfs_job_active_timestamp_seconds" ON_BOX "}", SINCE + 62);
	expect(r, "guardfs_job_errors_total" ON_BOX "}", 3);
	expect(r, "guardfs_job_last_error_timestamp_seconds" ON_BOX "}", SINCE + 62);
	expect(r, "guardfs_job_errors_by_class_total" ON_BOX ",class=\"full\"}", 2);
	expect(r, "guardfs_job_errors_by_class_total" ON_BOX ",class=\"timeout\"}", 1);
	assert_null(find(r, "guardfs_job_errors_by_class_total" ON_BOX ",class=\"stalled\"}"));
	expect(r, "guardfs_job_written_bytes_total" AT_HOME "}", 300);
	expect(r, "guardfs_job_errors_total" AT_HOME "}", 0);
	assert_null(find(r, "guardfs_job_read_bytes_total" AT_HOME "}"));
	assert_null(find(r, "guardfs_job_operations_total" AT_HOME "}"));
	assert_null(find(r, "guardfs_job_progress_timestamp_seconds" AT_HOME "}"));
	release(r);
}

/* A full table, and a name that is there twice; the one active last is shown. */
static void jobs_are_bounded_and_told_apart(void **state)
{
	struct arena *arena = *state;
	char name[32], series[128];
	struct reading *r;

	for (uint32_t i = 0; i < JOB_MAX - 1; i++) {
		snprintf(name, sizeof(name), "hc/%u", i);
		add_job(arena, name, 0);
	}
	snprintf(series, sizeof(series),
		 "guardfs_job_opened_files_total{mount=\"jobs\",directory=\"%s\",tier=\"box\"}", name);
	atomic_store(&add_job(arena, name, 0)->opens, 9);
	atomic_store(&arena->jobs.evicted, 5);
	r = read_metrics(arena);
	expect(r, "guardfs_jobs{mount=\"jobs\"}", JOB_MAX);
	expect(r, "guardfs_jobs_evicted_total{mount=\"jobs\"}", 5);
	expect(r, "guardfs_jobs_missed_total{mount=\"jobs\"}", 0);
	expect(r, series, 9);
	assert_null(
	    find(r, "guardfs_job_opened_files_total{mount=\"jobs\",directory=\"hc/0\",tier=\"box\"}"));
	release(r);
}

static void without_jobs_there_is_no_word_of_them(void **state)
{
	struct arena *arena = *state;
	struct reading *r = read_metrics(arena);

	expect_no_family(r, "guardfs_job");
	release(r);
	arena->board.config.n_job_patterns = 1;
	r = read_metrics(arena);
	expect(r, "guardfs_jobs{mount=\"jobs\"}", 0);
	release(r);
}

static void the_wrong_tier_is_told_of_while_it_is_known(void **state)
{
	struct arena *arena = *state;
	struct board_misplaced *b = &arena->board.misplaced;
	struct reading *r = read_metrics(arena);

	expect_no_family(r, "guardfs_misplaced");
	release(r);
	atomic_store(&b->misplaced, 2);
	atomic_store(&b->looked_ns, clock_mono_ns());
	r = read_metrics(arena);
	expect(r, "guardfs_misplaced_directories{mount=\"jobs\",kind=\"misplaced\"}", 2);
	expect(r, "guardfs_misplaced_directories{mount=\"jobs\",kind=\"shadowed\"}", 0);
	release(r);
	/* Keeper is dead, or the disk does not answer it. */
	if (clock_mono_ns() > 301 * NSEC_PER_SEC) {
		atomic_store(&b->looked_ns, clock_mono_ns() - 301 * NSEC_PER_SEC);
		r = read_metrics(arena);
		expect_no_family(r, "guardfs_misplaced");
		release(r);
	}
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
#define ON_A_BOARD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    ON_A_BOARD(a_healthy_board),
	    ON_A_BOARD(a_backend_that_is_down),
	    ON_A_BOARD(hostile_names_are_escaped),
	    ON_A_BOARD(what_is_not_known_is_absent),
	    ON_A_BOARD(space_is_told_while_it_is_known),
	    ON_A_BOARD(outages_are_counted_by_the_changes),
	    ON_A_BOARD(latencies_make_a_histogram),
	    ON_A_BOARD(poisoned_files_are_those_open_now),
	    ON_A_BOARD(jobs_have_figures),
	    ON_A_BOARD(jobs_are_bounded_and_told_apart),
	    ON_A_BOARD(without_jobs_there_is_no_word_of_them),
	    ON_A_BOARD(the_wrong_tier_is_told_of_while_it_is_known),
	    ON_A_BOARD(every_state_of_the_journal_is_known),
	    ON_A_BOARD(healtharchive_when_well),
	    ON_A_BOARD(healtharchive_through_an_outage),
	    ON_A_BOARD(incidents_are_counted_as_far_as_known),
	    ON_A_BOARD(a_damaged_board_still_gives_a_text_that_can_be_read),
	    ON_A_BOARD(the_man_page_has_every_metric),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
