/* Figures of suspect files. */
#include "report/metrics.h"

/* In place: keeper may change one meanwhile. */
static uint64_t count_open(const struct suspect_table *table, uint32_t backend, enum suspect_verdict verdict)
{
	uint32_t used = MIN(atomic_load(&table->used), SUSPECTS_MAX);
	uint64_t n = 0;

	for (uint32_t i = 0; i < used; i++) {
		const struct suspect *s = &table->places[i].suspect;

		n += s->filed_ns && s->backend == backend && s->verdict == verdict;
	}
	return n;
}

static void put_open(struct metrics *m, uint32_t backend)
{
	for (unsigned v = 0; v < SUSPECT_WHOLE; v++)
		metrics_put(m,
			    LABELS({"backend", m->s->backends[backend].config->name, CONFIG_NAME_MAX},
				   {"verdict", suspect_verdict_name((enum suspect_verdict)v), 0}),
			    metric_number(count_open(&m->arena->suspects, backend, (enum suspect_verdict)v)));
}

void metrics_suspects(struct metrics *m)
{
	const struct suspect_table *table = &m->arena->suspects;

	metrics_family(
	    m, "guardfs_suspect_files", "gauge",
	    "Files that may lack what was acknowledged of them and need a look, by what was found.");
	for (uint32_t i = 0; i < m->s->n_backends; i++)
		if (metrics_backend_is_shown(m, i))
			put_open(m, i);
	metrics_family(m, "guardfs_suspects_filed_total", "counter",
		       "Reports that a file may lack what was acknowledged of it, by cause.");
	for (unsigned c = SUSPECT_LOST; c <= SUSPECT_CRASHED; c++)
		metrics_put(m, LABELS({"cause", suspect_news_name((enum suspect_news)c), 0}),
			    metric_number(atomic_load(&table->came[c])));
	metrics_family(m, "guardfs_suspects_found_total", "counter",
		       "What was found of suspect files, or became of them, by verdict.");
	for (unsigned v = SUSPECT_TRUNCATED; v < SUSPECT_VERDICT_COUNT; v++)
		metrics_put(m, LABELS({"verdict", suspect_verdict_name((enum suspect_verdict)v), 0}),
			    metric_number(atomic_load(&table->found[v])));
	metrics_family(m, "guardfs_suspects_missed_total", "counter",
		       "Reports for which there was no room while no keeper took them.");
	metrics_put(m, NO_LABELS, metric_number(atomic_load(&table->missed)));
}
