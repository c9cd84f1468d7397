/* `.guardfs/jobs`, and status.json's jobs. */
#include "report/jobs.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "report/report.h"

#include <stdlib.h>

/* The job's route, if it leads to the backend that its files were last opened on. */
static const struct report_route *route_of(const struct report_snapshot *s, const struct job_view *job)
{
	const struct route *route = tiermap_find(&s->map, job->name);

	return route && route->backend == job->backend ? &s->routes[route - s->map.routes] : NULL;
}

void report_tier_of(const struct report_snapshot *s, const struct job_view *job, struct report_tier *tier)
{
	const struct report_route *route = route_of(s, job);
	const struct report_backend *b;

	*tier = (struct report_tier){.name = "local", .now = {.state = HEALTH_HEALTHY}};
	if (job->backend >= s->n_backends)
		return;
	b = &s->backends[job->backend];
	tier->name = b->config->name;
	tier->now = route ? route->now : b->now;
	tier->incident = atomic_load(&b->board->incident);
}

struct entry {
	bool writes;
	uint64_t active_ns;
	uint32_t index;
};

/* Readers of hundreds of jobs must not push a stalled one out of a bounded list. */
static int by_work(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->writes != y->writes)
		return x->writes ? -1 : 1;
	if (x->active_ns != y->active_ns)
		return x->active_ns < y->active_ns ? 1 : -1;
	return x->index < y->index ? -1 : x->index > y->index;
}

bool report_jobs_visit(const struct job_table *table, bool (*visit)(void *arg, const struct job_view *job),
		       void *arg)
{
	uint32_t used = MIN(atomic_load(&table->used), JOB_MAX), n = 0;
	CLEANUP_FREE struct entry *entries = malloc((used + 1) * sizeof(*entries));
	struct job_view view;

	if (!entries)
		return false;
	for (uint32_t i = 0; i < used; i++)
		if (atomic_load(&table->jobs[i].state) == JOB_LIVE)
			entries[n++] = (struct entry){atomic_load(&table->jobs[i].writers) > 0,
						      atomic_load(&table->jobs[i].active_ns), i};
	qsort(entries, n, sizeof(*entries), by_work);
	for (uint32_t i = 0; i < n; i++)
		if (job_view(table, entries[i].index, &view) && !visit(arg, &view))
			break;
	return true;
}

static json_int_t to_seconds(uint64_t ns)
{
	return (json_int_t)(ns / NSEC_PER_SEC);
}

static json_t *errors_of(const struct job_view *job)
{
	json_t *object = json_object();

	for (unsigned c = 0; c < ERRCLASS_COUNT; c++)
		if (job->errors[c])
			json_object_set_new(object, errclass_info((enum errclass)c)->name,
					    json_integer((json_int_t)job->errors[c]));
	return object;
}

static json_t *describe_job(const struct report_snapshot *s, const struct arena *arena,
			    const struct job_view *job)
{
	CLEANUP_FREE char *name = utf8_clean(job->name, sizeof(job->name));
	struct report_tier tier;
	json_t *object, *more;

	report_tier_of(s, job, &tier);
	object = json_pack("{s:s?, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I}", "name", name, "tier",
			   tier.name, "state", health_state_name(tier.now.state), "by",
			   job->by_stat ? "stat" : "io", "writers", (int)job->writers, "open",
			   (int)job->handles, "first", to_seconds(job->first_ns), "progress",
			   to_seconds(job->progress_ns), "active", to_seconds(job->active_ns),
			   "writing_since", to_seconds(job->writers ? job->writing_since_ns : 0));
	more = json_pack("{s:I, s:I, s:I, s:I, s:o, s:s, s:I, s:I}", "written_bytes",
			 (json_int_t)job->written_bytes, "read_bytes", (json_int_t)job->read_bytes, "ops",
			 (json_int_t)job->ops, "opens", (json_int_t)job->opens, "errors", errors_of(job),
			 "last_error", errclass_info(job->last_error)->name, "last_error_time",
			 to_seconds(job->error_ns), "incident", (json_int_t)tier.incident);
	json_object_update(object, more);
	json_object_set_new(object, "suspects",
			    json_integer((json_int_t)suspect_count_of_job(&arena->suspects, job->name)));
	json_decref(more);
	return object;
}

struct list {
	const struct report_snapshot *s;
	const struct arena *arena;
	json_t *array;
	uint32_t left;
};

static bool append_job(void *arg, const struct job_view *job)
{
	struct list *list = arg;

	if (list->left == 0)
		return false;
	list->left--;
	json_array_append_new(list->array, describe_job(list->s, list->arena, job));
	return true;
}

json_t *report_jobs_json(const struct report_snapshot *s, const struct arena *arena, uint32_t max)
{
	struct list list = {.s = s, .arena = arena, .array = json_array(), .left = max};

	(void)report_jobs_visit(&arena->jobs, append_job, &list);
	return list.array;
}

struct lines {
	const struct report_snapshot *s;
	const struct arena *arena;
	FILE *out;
};

static void put_errors(FILE *out, const struct job_view *job)
{
	const char *before = "";

	for (unsigned c = 0; c < ERRCLASS_COUNT; c++) {
		if (!job->errors[c])
			continue;
		fprintf(out, "%s%s=%llu", before, errclass_info((enum errclass)c)->name,
			(unsigned long long)job->errors[c]);
		before = ",";
	}
	if (job->n_errors == 0)
		fputc('-', out);
}

static bool put_line(void *arg, const struct job_view *job)
{
	const struct lines *l = arg;
	struct report_tier tier;

	report_tier_of(l->s, job, &tier);
	utf8_print_escaped(l->out, job->name, sizeof(job->name));
	fputc('\t', l->out);
	utf8_print_escaped(l->out, tier.name, CONFIG_NAME_MAX);
	fprintf(l->out, "\t%s\t%u\t%u\t%llu\t%llu\t%llu\t", health_state_name(tier.now.state), job->writers,
		job->handles, job->progress_ns / NSEC_PER_SEC, job->active_ns / NSEC_PER_SEC,
		(unsigned long long)job->written_bytes);
	/* Unknown: the kernel reads by itself (passthrough). */
	if (job->by_stat)
		fputs("-\t-\t", l->out);
	else
		fprintf(l->out, "%llu\t%llu\t", (unsigned long long)job->read_bytes,
			(unsigned long long)job->ops);
	fprintf(l->out, "%llu\t", (unsigned long long)job->opens);
	put_errors(l->out, job);
	fprintf(l->out, "\t%s\t%s\t%u\n", errclass_info(job->last_error)->name, job->by_stat ? "stat" : "io",
		suspect_count_of_job(&l->arena->suspects, job->name));
	return true;
}

char *report_jobs(const struct arena *arena, size_t *length)
{
	CLEANUP_FREE struct report_snapshot *s = report_snapshot_take(arena);
	char *text = NULL;
	struct lines lines = {.s = s, .arena = arena, .out = s ? open_memstream(&text, length) : NULL};

	if (!lines.out)
		return NULL;
	fputs("# job\ttier\tstate\twriters\topen\tprogress\tactive\twritten\tread\tops\topens\terrors\tlast_"
	      "error\tby\tsuspects\n",
	      lines.out);
	(void)report_jobs_visit(&arena->jobs, put_line, &lines);
	if (fclose(lines.out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
