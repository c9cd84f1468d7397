#include "base/cleanup.h"
#include "ctl/show.h"
#include "ctl/watch/watch.h"
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>

#define ROUTES_SHOWN 20 /* that do not serve */
#define JOBS_SHOWN   20
#define INDENT	     2

struct builder {
	const struct watch_view *view;
	struct watch_page *page;
};

/* ---- pieces ---- */

/* Takes text. */
static void add(const struct builder *b, bool begins, enum watch_look look, char *text)
{
	struct watch_page *page = b->page;

	if (text && page->n == page->room) {
		size_t room = MAX(page->room * 2, (size_t)64);
		struct watch_piece *pieces = reallocarray(page->pieces, room, sizeof(*pieces));

		if (pieces) {
			page->pieces = pieces;
			page->room = room;
		}
	}
	if (!text || page->n == page->room) {
		page->no_memory = true;
		free(text);
		return;
	}
	page->lines += begins;
	page->pieces[page->n++] = (struct watch_piece){look, begins, text};
}

static void add_fitted(const struct builder *b, bool begins, enum watch_look look, const char *text,
		       int columns)
{
	add(b, begins, look, watch_fit(text, columns, WATCH_CUT_END));
}

static void add_line(const struct builder *b, enum watch_look look, const char *text)
{
	add_fitted(b, true, look, text, b->view->columns);
}

static void add_empty(const struct builder *b)
{
	add(b, true, WATCH_PLAIN, strdup(""));
}

/* "  LABEL TEXT", as many lines as it takes. */
static void add_wrapped(const struct builder *b, enum watch_look look, const char *label, const char *text)
{
	int label_width = (int)strlen(label);
	CLEANUP_FREE char *clean = watch_clean(text);
	const char *rest = clean ? clean : "";
	char *part;

	if (!clean)
		b->page->no_memory = true;
	while ((part = watch_wrap(&rest, b->view->columns - INDENT - label_width - 1))) {
		char *head = NULL;

		if (asprintf(&head, "%*s%-*s ", INDENT, "", label_width, label) < 0)
			head = NULL;
		add(b, true, WATCH_DIM, head);
		add(b, false, look, part);
		label = "";
	}
}

/* ---- values ---- */

struct cell {
	char text[64];
	enum watch_look look;
};

static void put_span(char *text, size_t size, int64_t s)
{
	s = MAX(s, 0);
	if (s < 60)
		snprintf(text, size, "%llds", (long long)s);
	else if (s < 3600)
		snprintf(text, size, "%lldm %llds", (long long)s / 60, (long long)s % 60);
	else if (s < 86400)
		snprintf(text, size, "%lldh %lldm", (long long)s / 3600, (long long)s / 60 % 60);
	else
		snprintf(text, size, "%lldd %lldh", (long long)MIN(s / 86400, (int64_t)99999),
			 (long long)s / 3600 % 24);
}

static void put_since(char *text, size_t size, int64_t now, double when)
{
	if (when > 0)
		put_span(text, size, now - (int64_t)when);
	else
		snprintf(text, size, "-");
}

static void put_amount(char *text, size_t size, double value, const char *const *units, double step)
{
	unsigned unit = 0;

	for (; value >= step && units[unit + 1]; unit++)
		value /= step;
	value = MIN(MAX(value, 0.0), 99999.0);
	snprintf(text, size, value < 9.95 && value > 0 ? "%.1f%s" : "%.0f%s", value, units[unit]);
}

/* Of things. */
static void put_number(char *text, size_t size, double value)
{
	snprintf(text, size, "%.0f", MIN(MAX(value, 0.0), 99999.0));
}

/* A second. */
static void put_count(char *text, size_t size, double value)
{
	static const char *const units[] = {"", "k", "M", "G", NULL};

	put_amount(text, size, value, units, 1000);
}

static void put_bytes(char *text, size_t size, double value)
{
	static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB", NULL};

	put_amount(text, size, value, units, 1024);
}

/* 0: nothing came back. */
static void put_wait(char *text, size_t size, double us)
{
	static const char *const units[] = {"us", "ms", "s", NULL};

	if (us > 0)
		put_amount(text, size, us, units, 1000);
	else
		snprintf(text, size, "-");
}

static enum watch_look look_of(const char *state)
{
	static const struct {
		const char *state;
		enum watch_look look;
	} looks[] = {
	    {"healthy", WATCH_GOOD},	   {"ok", WATCH_GOOD},		 {"down", WATCH_BAD},
	    {"exhausted", WATCH_BAD},	   {"degraded", WATCH_WARNING},	 {"connecting", WATCH_WARNING},
	    {"recovering", WATCH_WARNING}, {"probation", WATCH_WARNING}, {"held", WATCH_WARNING}};

	for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
		if (strcmp(looks[i].state, state) == 0)
			return looks[i].look;
	return WATCH_BAD;
}

/* ---- tables: a name, and columns of which the last ones go where there is no room ---- */

struct column {
	const char *title;
	/* With the blank before. */
	int width;
	void (*put)(const struct builder *b, const json_t *row, struct cell *cell);
};

struct table {
	const char *title, *name_key;
	int name_min;
	const struct column *columns;
	size_t n;
	enum watch_cut cut;
};

static size_t columns_shown(const struct table *t, int width, int *name_width)
{
	size_t shown = 0;

	*name_width = width;
	for (; shown < t->n && *name_width - t->columns[shown].width >= t->name_min; shown++)
		*name_width -= t->columns[shown].width;
	return shown;
}

static void add_cell(const struct builder *b, int width, const struct cell *cell)
{
	char padded[sizeof(cell->text) + 64];

	snprintf(padded, sizeof(padded), "%*s", MIN(width, 60), cell->text);
	add_fitted(b, false, cell->look, padded, width);
}

static void add_titles(const struct builder *b, const struct table *t)
{
	int name_width;
	size_t shown = columns_shown(t, b->view->columns, &name_width);

	add_fitted(b, true, WATCH_TITLE, t->title, name_width);
	for (size_t i = 0; i < shown; i++) {
		struct cell cell = {.look = WATCH_TITLE};

		snprintf(cell.text, sizeof(cell.text), "%s", t->columns[i].title);
		add_cell(b, t->columns[i].width, &cell);
	}
}

static void add_row(const struct builder *b, const struct table *t, const json_t *row)
{
	int name_width;
	size_t shown = columns_shown(t, b->view->columns, &name_width);

	add(b, true, WATCH_PLAIN, watch_fit(ctl_text(row, t->name_key), name_width, t->cut));
	for (size_t i = 0; i < shown; i++) {
		struct cell cell = {.look = WATCH_PLAIN};

		t->columns[i].put(b, row, &cell);
		add_cell(b, t->columns[i].width, &cell);
	}
}

static void put_state(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	snprintf(cell->text, sizeof(cell->text), "%.40s", ctl_text(row, "state"));
	cell->look = look_of(ctl_text(row, "state"));
}

static void put_row_since(const struct builder *b, const json_t *row, struct cell *cell)
{
	put_since(cell->text, sizeof(cell->text), b->view->now, show_time_of(row, "since"));
}

/* ---- backends ---- */

/* A second; false: not known. */
static bool rate_of(const json_t *backend, const char *key, double *rate)
{
	const json_t *recent = json_object_get(backend, "recent");
	double seconds = show_number(recent, "seconds");

	*rate = seconds > 0 ? show_number(recent, key) / seconds : 0;
	return seconds > 0;
}

static void put_rate(const json_t *backend, const char *key, struct cell *cell)
{
	double rate;

	if (rate_of(backend, key, &rate))
		put_count(cell->text, sizeof(cell->text), rate);
	else
		snprintf(cell->text, sizeof(cell->text), "?");
}

static void put_byte_rate(const json_t *backend, const char *key, struct cell *cell)
{
	double rate;

	if (rate_of(backend, key, &rate))
		put_bytes(cell->text, sizeof(cell->text), rate);
	else
		snprintf(cell->text, sizeof(cell->text), "?");
}

static void put_p99(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	put_wait(cell->text, sizeof(cell->text), show_number(json_object_get(row, "recent"), "p99_us"));
}

static void put_p50(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	put_wait(cell->text, sizeof(cell->text), show_number(json_object_get(row, "recent"), "p50_us"));
}

static void put_ops(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	put_rate(row, "ops", cell);
}

static void put_errors(const struct builder *b, const json_t *row, struct cell *cell)
{
	double rate;

	(void)b;
	put_rate(row, "errors", cell);
	if (rate_of(row, "errors", &rate) && rate > 0)
		cell->look = WATCH_BAD;
}

/* Inside the backend, or waiting for it. */
static void put_waiting(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	put_number(cell->text, sizeof(cell->text), show_number(row, "inflight") + show_number(row, "parked"));
}

static void put_written(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	put_byte_rate(row, "written_bytes", cell);
}

static void put_read(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	put_byte_rate(row, "read_bytes", cell);
}

static const struct column backend_columns[] = {
    {"STATE", 12, put_state},	 {"SINCE", 8, put_row_since}, {"P99", 6, put_p99},
    {"OPS/S", 6, put_ops},	 {"ERR/S", 6, put_errors},    {"WAIT", 6, put_waiting},
    {"WRITE/S", 9, put_written}, {"READ/S", 9, put_read},     {"P50", 6, put_p50},
};

static const struct table backend_table = {
    "BACKEND", "name", 10, backend_columns, ARRAY_SIZE(backend_columns), WATCH_CUT_END};

static void add_next_try(FILE *out, const struct builder *b, const json_t *backend)
{
	int64_t next = ctl_number(backend, "next_attempt");
	char span[32];

	if (next > 0) {
		put_span(span, sizeof(span), next - b->view->now);
		fprintf(out, next > b->view->now ? "; next try in %s" : "; next try due now", span);
	}
	if (ctl_number(backend, "attempts") > 0)
		fprintf(out, "; tries so far: %lld", (long long)ctl_number(backend, "attempts"));
	if (ctl_number(backend, "incident") > 0)
		fprintf(out, "; incident %lld", (long long)ctl_number(backend, "incident"));
}

static void add_doing(const struct builder *b, const json_t *backend)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		fputs(report_activity(backend), out);
		add_next_try(out, b, backend);
		fclose(out);
	}
	if (text)
		add_wrapped(b, WATCH_PLAIN, "doing:", text);
	else
		b->page->no_memory = true;
	free(text);
}

static void add_trouble(const struct builder *b, const json_t *backend)
{
	CLEANUP_FREE char *why = NULL;
	bool known = strcmp(ctl_text(backend, "class"), "none") != 0;

	if (!known && strcmp(ctl_text(backend, "state"), "healthy") == 0)
		return;
	if (known && asprintf(&why, "%s (%s)%s%s", ctl_text(backend, "class"), ctl_text(backend, "summary"),
			      ctl_text(backend, "detail")[0] ? ": " : "", ctl_text(backend, "detail")) < 0)
		why = NULL;
	if (why)
		add_wrapped(b, WATCH_PLAIN, "why:  ", why);
	add_doing(b, backend);
	if (ctl_text(backend, "advice")[0])
		add_wrapped(b, WATCH_PLAIN, "to do:", ctl_text(backend, "advice"));
}

static void add_owed(const struct builder *b, const json_t *backend)
{
	char bytes[32], text[128];

	if (show_count(backend, "owed_bytes") == 0)
		return;
	put_bytes(bytes, sizeof(bytes), (double)show_count(backend, "owed_bytes"));
	snprintf(text, sizeof(text), "%s of %llu files are acknowledged and not on storage yet", bytes,
		 (unsigned long long)show_count(backend, "owed_files"));
	add_wrapped(b, WATCH_WARNING, "owed: ", text);
}

static void add_backends(const struct builder *b)
{
	const json_t *backends = json_object_get(b->view->status, "backends"), *backend;
	size_t i;

	add_empty(b);
	add_titles(b, &backend_table);
	json_array_foreach(backends, i, backend)
	{
		add_row(b, &backend_table, backend);
		add_trouble(b, backend);
		add_owed(b, backend);
	}
	if (json_array_size(backends) == 0)
		add_line(b, WATCH_DIM, "none configured: everything is local");
}

/* ---- routes ---- */

static void put_backend(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	snprintf(cell->text, sizeof(cell->text), "%.40s", ctl_text(row, "backend"));
}

static void put_class(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	snprintf(cell->text, sizeof(cell->text), "%.40s", ctl_text(row, "class"));
}

static const struct column route_columns[] = {{"STATE", 12, put_state},
					      {"SINCE", 8, put_row_since},
					      {"CLASS", 15, put_class},
					      {"BACKEND", 15, put_backend}};

static const struct table route_table = {"ROUTE THAT DOES NOT SERVE", "path",	      12, route_columns,
					 ARRAY_SIZE(route_columns),   WATCH_CUT_START};

static bool route_serves(const json_t *route)
{
	return ctl_number(route, "errno") == 0 && strcmp(ctl_text(route, "state"), "healthy") == 0;
}

static void add_further(const struct builder *b, size_t n, const char *what)
{
	char text[96];

	if (n == 0)
		return;
	snprintf(text, sizeof(text), "and %zu more: %s", n, what);
	add_line(b, WATCH_DIM, text);
}

static void add_routes(const struct builder *b)
{
	const json_t *routes = json_object_get(b->view->status, "routes"), *route;
	size_t i, bad = 0;
	char text[64];

	json_array_foreach(routes, i, route)
	{
		if (route_serves(route))
			continue;
		if (bad == 0) {
			add_empty(b);
			add_titles(b, &route_table);
		}
		if (bad++ < ROUTES_SHOWN)
			add_row(b, &route_table, route);
	}
	add_further(b, bad > ROUTES_SHOWN ? bad - ROUTES_SHOWN : 0, "guardctl status");
	if (bad == 0 && json_array_size(routes) > 0) {
		snprintf(text, sizeof(text), "%zu route%s: healthy", json_array_size(routes),
			 json_array_size(routes) == 1 ? "" : "s");
		add_empty(b);
		add_line(b, WATCH_PLAIN, text);
	}
}

/* ---- jobs ---- */

static void put_tier(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	snprintf(cell->text, sizeof(cell->text), "%.40s", ctl_text(row, "tier"));
}

static void put_progress(const struct builder *b, const json_t *row, struct cell *cell)
{
	put_since(cell->text, sizeof(cell->text), b->view->now, show_time_of(row, "progress"));
}

static void put_writers(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	put_number(cell->text, sizeof(cell->text), show_number(row, "writers"));
}

static void put_job_written(const struct builder *b, const json_t *row, struct cell *cell)
{
	(void)b;
	put_bytes(cell->text, sizeof(cell->text), show_number(row, "written_bytes"));
}

static void put_job_errors(const struct builder *b, const json_t *row, struct cell *cell)
{
	const json_t *value;
	const char *key;
	double sum = 0;

	(void)b;
	json_object_foreach(json_object_get(row, "errors"), key, value) sum += json_number_value(value);
	put_number(cell->text, sizeof(cell->text), sum);
	if (sum > 0)
		cell->look = WATCH_BAD;
}

static const struct column job_columns[] = {{"STATE", 12, put_state},	   {"IDLE", 8, put_progress},
					    {"WRITERS", 8, put_writers},   {"WRITTEN", 9, put_job_written},
					    {"ERRORS", 7, put_job_errors}, {"TIER", 15, put_tier}};

static const struct table job_table = {"JOB",	       "name", 12, job_columns, ARRAY_SIZE(job_columns),
				       WATCH_CUT_START};

static void add_jobs(const struct builder *b)
{
	const json_t *jobs = json_object_get(b->view->status, "jobs"), *job;
	size_t i;

	if (json_array_size(jobs) == 0)
		return;
	add_empty(b);
	add_titles(b, &job_table);
	json_array_foreach(jobs, i, job)
	{
		if (i < JOBS_SHOWN)
			add_row(b, &job_table, job);
	}
	add_further(b, i > JOBS_SHOWN ? i - JOBS_SHOWN : 0, "guardctl jobs");
}

/* ---- the whole ---- */

static void add_head(const struct builder *b)
{
	const json_t *status = b->view->status;
	int width = b->view->columns;
	char state[80], span[32];
	CLEANUP_FREE char *name = NULL;

	put_since(span, sizeof(span), b->view->now, show_time_of(status, "since"));
	snprintf(state, sizeof(state), " %.20s for %s", ctl_text(status, "state"), span);
	if (asprintf(&name, "guardfs %s on %s", ctl_text(status, "name"), ctl_text(status, "mountpoint")) < 0)
		name = NULL;
	add(b, true, WATCH_TITLE,
	    name ? watch_fit(name, MAX(width - (int)strlen(state), 0), WATCH_CUT_END) : NULL);
	add_fitted(b, false, look_of(ctl_text(status, "state")), state, MIN((int)strlen(state), width));
	if (ctl_text(status, "detail")[0] && strcmp(ctl_text(status, "state"), "ok") != 0)
		add_wrapped(b, WATCH_PLAIN, "", ctl_text(status, "detail"));
}

/* Nothing of the past as if it were the present. */
static void add_last_seen(const struct builder *b)
{
	CLEANUP_FREE char *text = NULL;
	char span[32];

	put_span(span, sizeof(span), b->view->age);
	if (asprintf(&text, "Last seen %s ago: guardfs %s on %s, %s", span, ctl_text(b->view->status, "name"),
		     ctl_text(b->view->status, "mountpoint"), ctl_text(b->view->status, "state")) < 0)
		text = NULL;
	add_wrapped(b, WATCH_DIM, "", text ? text : "");
}

static void add_old(const struct builder *b)
{
	char text[128], span[32];

	put_span(span, sizeof(span), b->view->age);
	snprintf(text, sizeof(text),
		 "NOT RENEWED for %s: keeper does not write it. What follows may have changed", span);
	add_wrapped(b, WATCH_BAD, "", text);
}

static void add_processes(const struct builder *b)
{
	static const char *const names[] = {"guardian", "worker", "keeper"};
	const json_t *states = json_object_get(b->view->status, "process_states");
	char text[96];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(ctl_text(states, names[i]), "running") == 0)
			continue;
		snprintf(text, sizeof(text), "%s is %s", names[i],
			 strcmp(ctl_text(states, names[i]), "missing") == 0 ? "missing" : "dead");
		add_wrapped(b, WATCH_BAD, "", text);
	}
	if (!json_is_true(json_object_get(b->view->status, "serving")))
		add_wrapped(b, WATCH_BAD, "", "no worker serves");
	if (ctl_number(b->view->status, "unmounted") > 0)
		add_wrapped(b, WATCH_BAD, "", "guardfs is not mounted in its place");
	if (strcmp(ctl_text(json_object_get(b->view->status, "manifest"), "state"), "bad") == 0)
		add_wrapped(b, WATCH_WARNING, "",
			    "the manifest is not read, the last good routes stay: guardctl status");
}

static void add_suspects(const struct builder *b)
{
	uint64_t n = show_count(b->view->status, "suspects");
	char text[96];

	if (n == 0)
		return;
	snprintf(text, sizeof(text), "%llu suspect file%s need%s a look: guardctl suspects",
		 (unsigned long long)n, n == 1 ? "" : "s", n == 1 ? "s" : "");
	add_empty(b);
	add_line(b, WATCH_WARNING, text);
}

errint_t watch_layout(const struct watch_view *view, struct watch_page *page)
{
	struct watch_view bounded = *view;
	const struct builder b = {&bounded, page};

	*page = (struct watch_page){.n = 0};
	bounded.columns = MIN(MAX(view->columns, WATCH_COLUMNS_MIN), WATCH_COLUMNS_MAX);
	if (view->trouble[0]) {
		add_wrapped(&b, WATCH_BAD, "", view->trouble);
		if (view->status)
			add_last_seen(&b);
	} else if (view->status) {
		add_head(&b);
		if (view->age > CTL_STALE_S)
			add_old(&b);
		add_processes(&b);
		add_backends(&b);
		add_routes(&b);
		add_jobs(&b);
		add_suspects(&b);
	}
	return page->no_memory ? -ENOMEM : 0;
}

void watch_page_release(struct watch_page *page)
{
	for (size_t i = 0; i < page->n; i++)
		free(page->pieces[i].text);
	free(page->pieces);
	*page = (struct watch_page){.n = 0};
}

/* The last of a line, or blank but for such. */
static size_t length_shown(const struct watch_page *page, size_t i)
{
	const char *text = page->pieces[i].text;
	size_t length = strlen(text);

	if (i + 1 < page->n && !page->pieces[i + 1].begins)
		return length;
	while (length > 0 && text[length - 1] == ' ')
		length--;
	return length;
}

void watch_print(FILE *out, const struct watch_page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		if (i > 0 && page->pieces[i].begins)
			fputc('\n', out);
		fwrite(page->pieces[i].text, 1, length_shown(page, i), out);
	}
	fputc('\n', out);
}
