/* Jobs, bounded: those at work first, then by last activity. */
#include "report/metrics.h"
#include "base/cleanup.h"
#include "report/jobs.h"
#include "report/report.h"

#include <stdlib.h>

/* Older looks are a stopped keeper's: findings are unknown. */
#define LOOK_IS_OLD_NS (300 * NSEC_PER_SEC)

struct shown {
	struct job_view job;
	struct report_tier tier;
};

struct collected {
	const struct metrics *m;
	/* REPORT_JOBS_MAX. */
	struct shown *shown;
	uint32_t n, known;
};

/* Of equal names (one was given up) the first is shown. */
static bool is_shown(const struct collected *c, const char *name)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (strcmp(c->shown[i].job.name, name) == 0)
			return true;
	return false;
}

static bool collect_job(void *arg, const struct job_view *job)
{
	struct collected *c = arg;
	struct shown *s = &c->shown[c->n];

	c->known++;
	if (c->n == REPORT_JOBS_MAX || is_shown(c, job->name))
		return true;
	s->job = *job;
	report_tier_of(c->m->s, job, &s->tier);
	c->n++;
	return true;
}

/* Prometheus renames a label "job". */
static struct metric_label directory_of(const struct shown *s)
{
	return (struct metric_label){"directory", s->job.name, sizeof(s->job.name)};
}

static struct metric_label tier_of(const struct shown *s)
{
	return (struct metric_label){"tier", s->tier.name, CONFIG_NAME_MAX};
}

/* Bytes that the kernel reads by itself (passthrough) are unknown. */
static struct metric_value unless_by_stat(const struct job_view *job, uint64_t n)
{
	return job->by_stat ? metric_absent() : metric_number(n);
}

static struct metric_value read_bytes(const struct job_view *job)
{
	return unless_by_stat(job, job->read_bytes);
}

static struct metric_value written_bytes(const struct job_view *job)
{
	return metric_number(job->written_bytes);
}

static struct metric_value operations(const struct job_view *job)
{
	return unless_by_stat(job, job->ops);
}

static struct metric_value opened_files(const struct job_view *job)
{
	return metric_number(job->opens);
}

static struct metric_value open_files(const struct job_view *job)
{
	return metric_number(job->handles);
}

static struct metric_value open_writers(const struct job_view *job)
{
	return metric_number(job->writers);
}

static struct metric_value progress(const struct job_view *job)
{
	return metric_moment(job->progress_ns);
}

static struct metric_value active(const struct job_view *job)
{
	return metric_moment(job->active_ns);
}

static struct metric_value errors(const struct job_view *job)
{
	return metric_number(job->n_errors);
}

static struct metric_value last_error(const struct job_view *job)
{
	return metric_moment(job->error_ns);
}

static const struct {
	const char *name, *type, *help;
	struct metric_value (*value)(const struct job_view *job);
} families[] = {
    {"guardfs_job_read_bytes_total", "counter",
     "Bytes read from the job's files. Absent where the kernel reads them by itself.", read_bytes},
    {"guardfs_job_written_bytes_total", "counter", "Bytes written to the job's files.", written_bytes},
    {"guardfs_job_operations_total", "counter",
     "Reads, writes and syncs. Absent where the kernel does them by itself.", operations},
    {"guardfs_job_opened_files_total", "counter", "Files of the job that were opened or made.", opened_files},
    {"guardfs_job_open_files", "gauge", "Files of the job that are open.", open_files},
    {"guardfs_job_open_writers", "gauge", "Of these, those open for writing.", open_writers},
    {"guardfs_job_progress_timestamp_seconds", "gauge",
     "When something was last written, in seconds since the epoch. Absent if never.", progress},
    {"guardfs_job_active_timestamp_seconds", "gauge",
     "When anything was last done, in seconds since the epoch. Absent if never.", active},
    {"guardfs_job_errors_total", "counter",
     "Errors of infrastructure, of a full disk or a read-only one that callers got.", errors},
    {"guardfs_job_last_error_timestamp_seconds", "gauge",
     "When the last of these was, in seconds since the epoch. Absent if never.", last_error},
};

/* Only classes that occurred, to save series. */
static void put_errors(struct metrics *m, const struct shown *s)
{
	for (unsigned c = 0; c < ERRCLASS_COUNT; c++)
		if (s->job.errors[c])
			metrics_put(m,
				    LABELS(directory_of(s), tier_of(s),
					   {"class", errclass_info((enum errclass)c)->name, 0}),
				    metric_number(s->job.errors[c]));
}

static void put_each(struct metrics *m, const struct collected *c)
{
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		metrics_family(m, families[f].name, families[f].type, families[f].help);
		for (uint32_t i = 0; i < c->n; i++)
			metrics_put(m, LABELS(directory_of(&c->shown[i]), tier_of(&c->shown[i])),
				    families[f].value(&c->shown[i].job));
	}
	metrics_family(m, "guardfs_job_errors_by_class_total", "counter",
		       "The errors that callers got, by class; classes that did not occur are absent.");
	for (uint32_t i = 0; i < c->n; i++)
		put_errors(m, &c->shown[i]);
}

static void put_table(struct metrics *m, uint32_t known)
{
	const struct job_table *table = &m->arena->jobs;

	metrics_family(m, "guardfs_jobs", "gauge", "Jobs that are known.");
	metrics_put(m, NO_LABELS, metric_number(known));
	metrics_family(m, "guardfs_jobs_evicted_total", "counter",
		       "Idle jobs that gave way to new ones: their figures begin anew when they come back.");
	metrics_put(m, NO_LABELS, metric_number(atomic_load(&table->evicted)));
	metrics_family(m, "guardfs_jobs_missed_total", "counter",
		       "Jobs that were not counted, since all places were taken by busy ones.");
	metrics_put(m, NO_LABELS, metric_number(atomic_load(&table->missed)));
}

bool metrics_jobs(struct metrics *m)
{
	CLEANUP_FREE struct shown *shown = calloc(REPORT_JOBS_MAX, sizeof(*shown));
	struct collected c = {.m = m, .shown = shown};

	if (!shown || !report_jobs_visit(&m->arena->jobs, collect_job, &c))
		return false;
	/* No pattern: nobody asked. */
	if (m->s->board->config.n_job_patterns == 0 && c.known == 0)
		return true;
	put_table(m, c.known);
	put_each(m, &c);
	return true;
}

void metrics_misplaced(struct metrics *m)
{
	const struct board_misplaced *b = &m->s->board->misplaced;
	uint64_t looked_ns = atomic_load(&b->looked_ns);
	/* A look later than the present is new. */
	uint64_t age_ns = looked_ns < m->s->mono_ns ? m->s->mono_ns - looked_ns : 0;

	metrics_family(
	    m, "guardfs_misplaced_directories", "gauge",
	    "Directories on the local tier that belong on a backend, by kind. Absent if not known.");
	if (looked_ns == 0 || age_ns > LOOK_IS_OLD_NS)
		return;
	metrics_put(m, LABELS({"kind", "misplaced", 0}), metric_number(atomic_load(&b->misplaced)));
	metrics_put(m, LABELS({"kind", "shadowed", 0}), metric_number(atomic_load(&b->shadowed)));
}
