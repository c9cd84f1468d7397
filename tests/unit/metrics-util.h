/* metrics-util.h: what tests of the figures share: a strict reader of Prometheus's text format, which takes
 * nothing that the format does not allow, and a board. */
#ifndef TESTS_UNIT_METRICS_UTIL_H
#define TESTS_UNIT_METRICS_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "report/report.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static inline const char *after_name(const char *p, bool label)
{
	assert_true(isalpha((unsigned char)*p) || *p == '_' || (*p == ':' && !label));
	while (isalnum((unsigned char)*p) || *p == '_' || (*p == ':' && !label))
		p++;
	return p;
}

/* The value in quotes: of a backslash only the three escapes, of bytes only those that do not end a line. */
static inline const char *after_quoted(const char *p)
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

static inline const char *after_labels(const char *p)
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

static inline void read_head(struct reading *r, const char *line)
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
static inline void expect_family(const struct reading *r, const char *name, size_t length)
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

static inline void read_sample(struct reading *r, char *line)
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

static inline int by_series(const void *a, const void *b)
{
	return strcmp(((const struct sample *)a)->series, ((const struct sample *)b)->series);
}

static inline struct reading *read_metrics(const struct arena *arena)
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

static inline void release(struct reading *r)
{
	free(r->text);
	free(r);
}

static inline const struct sample *find(const struct reading *r, const char *series)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->samples[i].series, series) == 0)
			return &r->samples[i];
	return NULL;
}

static inline void expect(const struct reading *r, const char *series, double value)
{
	const struct sample *s = find(r, series);

	if (!s)
		fail_msg("no %s", series);
	else if (fabs(s->value - value) > fabs(value) * 1e-12)
		fail_msg("%s is %f instead of %f", series, s->value, value);
}

static inline double value_of(const struct reading *r, const char *series)
{
	const struct sample *s = find(r, series);

	assert_non_null(s);
	return s ? s->value : 0;
}

static inline void expect_no_family(const struct reading *r, const char *prefix)
{
	for (size_t i = 0; i < r->n_families; i++)
		if (strncmp(r->families[i], prefix, strlen(prefix)) == 0)
			fail_msg("there should be no %s", r->families[i]);
}

/* ---- the board ---- */

static inline void add_route(struct tiermap *map, const char *path, uint8_t backend)
{
	struct route *r = &map->routes[map->n_routes++];

	copy_string(r->path, sizeof(r->path), path);
	copy_string(r->target, sizeof(r->target), path);
	r->backend = backend;
}

/* Two healthy backends with a route on each. */
static inline int set_up(void **state)
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
		atomic_store(&b->backends[i].breaker, breaker_word(3, true));
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

static inline int tear_down(void **state)
{
	arena_unmap(*state);
	return 0;
}

static inline void lose(struct arena *arena, unsigned backend, enum errclass class)
{
	struct board_backend *b = &arena->board.backends[backend];

	atomic_store(&b->breaker, breaker_word(breaker_epoch(atomic_load(&b->breaker)), false));
	board_set_state(b, HEALTH_DOWN, class, (SINCE + 100) * NSEC_PER_SEC);
}

static inline void serve_again(struct arena *arena, unsigned backend)
{
	struct board_backend *b = &arena->board.backends[backend];

	board_set_state(b, HEALTH_PROBATION, ERRCLASS_NONE, (SINCE + 110) * NSEC_PER_SEC);
	atomic_store(&b->breaker, breaker_word(breaker_epoch(atomic_load(&b->breaker)) + 1, true));
	board_set_state(b, HEALTH_HEALTHY, ERRCLASS_NONE, (SINCE + 111) * NSEC_PER_SEC);
	atomic_store(&b->recovered_real_ns, (SINCE + 111) * NSEC_PER_SEC);
}

static inline struct job *add_job(struct arena *arena, const char *name, uint8_t backend)
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

#define ON_A_BOARD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
