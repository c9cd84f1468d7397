#include "keeper/events.h"
#include "keeper/internal.h"
#include "base/clock.h"

#include <stdio.h>

#define WINDOW_NS      (SLOWNESS_WINDOW_MS * NSEC_PER_MSEC)
#define SAMPLE_WINDOWS 6 /* for a healthy backend's sample */

struct window {
	/* Of all classes. */
	uint64_t n, p50_ns, p99_ns;
	enum slowness_verdict worst;
	enum op_class class;
	uint64_t class_p99_ns;
};

void latency_init(struct supervised *s, uint64_t now_ns)
{
	struct latency_watch *w = &s->latency;

	for (unsigned c = 0; c < OP_CLASS_COUNT; c++)
		histogram_copy(&s->board->latency[c], &w->last[c]);
	w->ops_before = atomic_load(&s->board->counters[COUNT_OPS]);
	w->errors_before = board_failed(s->board);
	w->next_ns = now_ns + WINDOW_NS;
}

static void end_window(struct supervised *s, struct window *out)
{
	struct histogram_copy all = {{0}};

	*out = (struct window){.worst = SLOWNESS_SILENT};
	for (unsigned c = 0; c < OP_CLASS_COUNT; c++) {
		struct histogram_copy now, difference = s->latency.last[c];
		uint64_t bound_ns = s->keeper->config->slow_ms[c] * NSEC_PER_MSEC, n, p99_ns;
		enum slowness_verdict verdict;

		histogram_copy(&s->board->latency[c], &now);
		n = histogram_difference(&now, &difference);
		s->latency.last[c] = now;
		p99_ns = histogram_percentile(&difference, 990);
		verdict = slowness_window(p99_ns, n, bound_ns);
		if (verdict > out->worst) {
			out->worst = verdict;
			out->class = (enum op_class)c;
			out->class_p99_ns = p99_ns;
		}
		for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
			all.count[i] += difference.count[i];
		out->n += n;
	}
	out->p50_ns = histogram_percentile(&all, 500);
	out->p99_ns = histogram_percentile(&all, 990);
}

/* A healthy idle backend leaves none. */
static bool worth_a_sample(struct latency_watch *w, const struct supervised *s, uint64_t ops, uint64_t errors)
{
	bool healthy = s->course.state == HEALTH_HEALTHY;

	if (healthy && ops == 0 && errors == 0)
		return false;
	w->quiet_windows++;
	if (healthy && errors == 0 && w->quiet_windows < SAMPLE_WINDOWS)
		return false;
	w->quiet_windows = 0;
	return true;
}

static void sample_window(struct supervised *s, const struct window *window)
{
	struct latency_watch *w = &s->latency;
	uint64_t ops = atomic_load(&s->board->counters[COUNT_OPS]);
	uint64_t errors = board_failed(s->board);
	const struct journal_sample record = {.time_ns = clock_real_ns(),
					      .backend = s->config->name,
					      .state = health_state_name(s->course.state),
					      .ops = ops - w->ops_before,
					      .errors = errors - w->errors_before,
					      .p50_us = window->p50_ns / 1000,
					      .p99_us = window->p99_ns / 1000};

	w->ops_before = ops;
	w->errors_before = errors;
	/* Too old for the next incident. */
	if (!s->incident.open && record.errors == 0)
		board_hurt_clear(s->board);
	/* Its count of hurt callers grows. */
	if (record.errors)
		incident_update(s);
	if (s->keeper->journal && worth_a_sample(w, s, record.ops, record.errors))
		journal_put_sample(s->keeper->journal, &record);
}

static void judge_window(struct supervised *s, const struct window *window, uint64_t now_ns)
{
	struct latency_watch *w = &s->latency;
	uint64_t for_ns = s->keeper->config->slow_for_ms * NSEC_PER_MSEC;
	bool slow = slowness_take(&w->slowness, window->worst, for_ns, now_ns);
	char detail[160] = "";

	if (slow == w->slow || !s->serving)
		return;
	w->slow = slow;
	if (slow)
		snprintf(
		    detail, sizeof(detail), "99 of 100 %s operations take up to %llu ms, the bound is %u ms",
		    op_class_name(window->class), (unsigned long long)(window->class_p99_ns / NSEC_PER_MSEC),
		    s->keeper->config->slow_ms[window->class]);
	event_probed(s, slow ? ERRCLASS_SLOW : ERRCLASS_NONE, detail, now_ns);
}

uint64_t latency_step(struct supervised *s, uint64_t now_ns)
{
	struct window window;

	if (now_ns < s->latency.next_ns)
		return s->latency.next_ns;
	s->latency.next_ns = now_ns + WINDOW_NS;
	end_window(s, &window);
	sample_window(s, &window);
	judge_window(s, &window, now_ns);
	return s->latency.next_ns;
}
