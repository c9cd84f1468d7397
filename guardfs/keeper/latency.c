#include "keeper/events.h"
#include "keeper/internal.h"
#include "base/clock.h"

#include <stdio.h>

#define WINDOW_NS (SLOWNESS_WINDOW_MS * NSEC_PER_MSEC)
#define MINUTE_MS 60000
/* Quiet buckets end at keeper's ticks, and wake nobody. */
#define SLACK_NS  (2 * NSEC_PER_SEC)
#define RECENT_MS 4500 /* as often as status.json is renewed (keeper.c) */

struct verdict {
	enum slowness_verdict worst;
	enum op_class class;
	uint64_t p99_ns;
};

static void begin_bucket(struct supervised *s, uint64_t now_ns)
{
	struct latency_watch *w = &s->latency;

	w->state = s->course.state;
	w->began_ns = now_ns;
	w->length_ns = grain_length_ms(&w->grain, now_ns) * NSEC_PER_MSEC;
	w->ops_before = atomic_load(&s->board->counters[COUNT_OPS]);
	w->bucket_errors_before = board_failed(s->board);
}

void latency_init(struct supervised *s, uint64_t now_ns)
{
	struct latency_watch *w = &s->latency;

	for (unsigned c = 0; c < OP_CLASS_COUNT; c++)
		histogram_copy(&s->board->latency[c], &w->last[c]);
	grain_init(&w->grain, health_serves(s->course.state), now_ns);
	begin_bucket(s, now_ns);
	w->errors_before = w->bucket_errors_before;
	w->read_before = atomic_load(&s->board->counters[COUNT_READ_BYTES]);
	w->written_before = atomic_load(&s->board->counters[COUNT_WRITTEN_BYTES]);
	w->window_end_ns = now_ns + WINDOW_NS;
}

void latency_errors_since(struct supervised *s, uint64_t errors)
{
	struct latency_watch *w = &s->latency;

	w->errors_before = MIN(w->errors_before, errors);
	w->bucket_errors_before = MIN(w->bucket_errors_before, errors);
}

/* Callers' waits since the bucket began, of all classes. */
static void gather_waits(struct supervised *s, struct histogram_copy *all)
{
	struct latency_watch *w = &s->latency;

	memset(all, 0, sizeof(*all));
	for (unsigned c = 0; c < OP_CLASS_COUNT; c++) {
		struct histogram_copy now, difference = w->last[c];

		histogram_copy(&s->board->latency[c], &now);
		(void)histogram_difference(&now, &difference);
		w->last[c] = now;
		histogram_merge(&w->window[c], &difference);
		histogram_merge(all, &difference);
	}
}

static void put_percentiles(struct journal_sample *sample, const struct histogram_copy *waits)
{
	sample->p50_us = histogram_percentile(waits, 500) / 1000;
	sample->p99_us = histogram_percentile(waits, 990) / 1000;
}

static void add_sample(struct journal_sample *sum, const struct journal_sample *more)
{
	sum->time_ns = more->time_ns;
	sum->span_ms += more->span_ms;
	sum->ops += more->ops;
	sum->errors += more->errors;
}

/* A healthy idle backend leaves none. */
static void put_sample(const struct supervised *s, const struct journal_sample *sample)
{
	if (s->keeper->journal && (sample->ops || sample->errors || s->latency.state != HEALTH_HEALTHY))
		journal_put_sample(s->keeper->journal, sample);
}

static void forget_minute(struct latency_watch *w)
{
	w->n_quiet = 0;
	memset(&w->minute, 0, sizeof(w->minute));
}

/* Before trouble, its seconds are wanted. */
static void put_quiet_buckets(struct supervised *s)
{
	struct latency_watch *w = &s->latency;

	for (uint32_t i = 0; i < w->n_quiet; i++)
		if (s->keeper->journal && w->quiet[i].ops)
			journal_put_sample(s->keeper->journal, &w->quiet[i]);
	forget_minute(w);
}

static void put_quiet_minute(struct supervised *s)
{
	struct latency_watch *w = &s->latency;
	struct journal_sample sum = w->quiet[0];

	for (uint32_t i = 1; i < w->n_quiet; i++)
		add_sample(&sum, &w->quiet[i]);
	if (sum.span_ms < MINUTE_MS && w->n_quiet < LATENCY_QUIET_MAX)
		return;
	put_percentiles(&sum, &w->minute);
	put_sample(s, &sum);
	forget_minute(w);
}

static void keep_quiet(struct supervised *s, const struct journal_sample *sample,
		       const struct histogram_copy *waits)
{
	struct latency_watch *w = &s->latency;

	w->quiet[w->n_quiet++] = *sample;
	histogram_merge(&w->minute, waits);
	put_quiet_minute(s);
}

/* For people who look: torn figures do no harm. */
static void publish_recent(struct supervised *s, const struct journal_sample *sample,
			   const struct histogram_copy *waits)
{
	struct latency_watch *w = &s->latency;
	struct board_recent *r = &s->board->recent;
	uint64_t read = atomic_load(&s->board->counters[COUNT_READ_BYTES]);
	uint64_t written = atomic_load(&s->board->counters[COUNT_WRITTEN_BYTES]);

	add_sample(&w->recent_sum, sample);
	histogram_merge(&w->recent, waits);
	if (w->recent_sum.span_ms < RECENT_MS)
		return;
	put_percentiles(&w->recent_sum, &w->recent);
	atomic_store(&r->span_ms, w->recent_sum.span_ms);
	atomic_store(&r->ops, w->recent_sum.ops);
	atomic_store(&r->errors, w->recent_sum.errors);
	atomic_store(&r->p50_us, w->recent_sum.p50_us);
	atomic_store(&r->p99_us, w->recent_sum.p99_us);
	atomic_store(&r->read_bytes, read - w->read_before);
	atomic_store(&r->written_bytes, written - w->written_before);
	w->read_before = read;
	w->written_before = written;
	w->recent_sum = (struct journal_sample){.time_ns = 0};
	memset(&w->recent, 0, sizeof(w->recent));
}

static void end_bucket(struct supervised *s, uint64_t now_ns)
{
	struct latency_watch *w = &s->latency;
	struct histogram_copy waits;
	struct journal_sample sample = {
	    /* This step may have taken long already: the next bucket begins at now_ns. */
	    .time_ns = clock_real_ns() - (clock_mono_ns() - now_ns),
	    .span_ms = MAX((now_ns - w->began_ns) / NSEC_PER_MSEC, 1u),
	    .backend = s->config->name,
	    .state = health_state_name(w->state),
	    .ops = atomic_load(&s->board->counters[COUNT_OPS]) - w->ops_before,
	    .errors = board_failed(s->board) - w->bucket_errors_before,
	};
	bool trouble = w->state != HEALTH_HEALTHY || s->course.state != HEALTH_HEALTHY || sample.errors;

	gather_waits(s, &waits);
	put_percentiles(&sample, &waits);
	publish_recent(s, &sample, &waits);
	if (grain_take(&w->grain, trouble, health_serves(s->course.state), now_ns)) {
		put_quiet_buckets(s);
		put_sample(s, &sample);
	} else {
		keep_quiet(s, &sample, &waits);
	}
	begin_bucket(s, now_ns);
}

static struct verdict judge_classes(struct supervised *s)
{
	struct verdict out = {.worst = SLOWNESS_SILENT};

	for (unsigned c = 0; c < OP_CLASS_COUNT; c++) {
		struct histogram_copy *waits = &s->latency.window[c];
		uint64_t bound_ns = s->keeper->config->slow_ms[c] * NSEC_PER_MSEC;
		uint64_t p99_ns = histogram_percentile(waits, 990);
		enum slowness_verdict verdict = slowness_window(p99_ns, histogram_total(waits), bound_ns);

		if (verdict > out.worst)
			out = (struct verdict){verdict, (enum op_class)c, p99_ns};
		memset(waits, 0, sizeof(*waits));
	}
	return out;
}

static void judge_window(struct supervised *s, uint64_t now_ns)
{
	struct latency_watch *w = &s->latency;
	struct verdict verdict = judge_classes(s);
	uint64_t for_ns = s->keeper->config->slow_for_ms * NSEC_PER_MSEC;
	bool slow = slowness_take(&w->slowness, verdict.worst, for_ns, now_ns);
	char detail[160] = "";

	if (slow == w->slow || !s->serving)
		return;
	w->slow = slow;
	if (slow)
		snprintf(detail, sizeof(detail),
			 "99 of 100 %s operations take up to %llu ms, the bound is %u ms",
			 op_class_name(verdict.class), (unsigned long long)(verdict.p99_ns / NSEC_PER_MSEC),
			 s->keeper->config->slow_ms[verdict.class]);
	event_probed(s, slow ? ERRCLASS_SLOW : ERRCLASS_NONE, detail, now_ns);
}

static void end_window(struct supervised *s, uint64_t now_ns)
{
	struct latency_watch *w = &s->latency;
	uint64_t errors = board_failed(s->board);
	bool failed = errors != w->errors_before;

	w->errors_before = errors;
	w->window_end_ns = now_ns + WINDOW_NS;
	/* Too old for the next incident. */
	if (!s->incident.open && !failed)
		board_hurt_clear(s->board);
	/* Its count of hurt callers grows. */
	if (failed)
		incident_update(s);
	judge_window(s, now_ns);
}

uint64_t latency_step(struct supervised *s, uint64_t now_ns)
{
	struct latency_watch *w = &s->latency;
	uint64_t end_ns = w->began_ns + w->length_ns;
	bool ends_window = now_ns >= w->window_end_ns;

	/* A bucket has one state, and lies in one window. */
	if (now_ns >= end_ns || ends_window || s->course.state != w->state)
		end_bucket(s, now_ns);
	if (ends_window)
		end_window(s, now_ns);
	end_ns = w->began_ns + w->length_ns + (w->grain.changed_ns ? 0 : SLACK_NS);
	return MIN(end_ns, w->window_end_ns);
}
