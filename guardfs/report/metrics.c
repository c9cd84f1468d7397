/* Guardfs's own figures, and all of them. */
#include "report/metrics.h"
#include "base/cleanup.h"
#include "report/report.h"

static void put_one(struct metrics *m, const char *name, const char *type, const char *help,
		    struct metric_value value)
{
	metrics_family(m, name, type, help);
	metrics_put(m, NO_LABELS, value);
}

static void put_identity(struct metrics *m)
{
	const struct config *c = &m->s->board->config;

	metrics_family(m, "guardfs_build_info", "gauge", "Always 1; the version that runs.");
	metrics_put(m, LABELS({"version", GUARDFS_VERSION, 0}), metric_number(1));
	metrics_family(m, "guardfs_mount_info", "gauge", "Always 1; where it is mounted.");
	metrics_put(m,
		    LABELS({"mountpoint", c->mountpoint, sizeof(c->mountpoint)},
			   {"local", c->local, sizeof(c->local)}),
		    metric_number(1));
	put_one(m, "guardfs_metrics_timestamp_seconds", "gauge",
		"When these figures were taken, in seconds since the epoch.", metric_ns(m->s->real_ns));
	put_one(m, "guardfs_start_time_seconds", "gauge",
		"When guardfs was started, in seconds since the epoch.",
		metric_moment(atomic_load(&m->s->board->started_real_ns)));
}

static void put_health(struct metrics *m)
{
	metrics_family(m, "guardfs_health", "gauge", "1 for the state of the whole, 0 for the others.");
	for (int h = HEALTH_SUMMARY_OK; h <= HEALTH_SUMMARY_DOWN; h++)
		metrics_put(m, LABELS({"state", health_summary_name((enum health_summary)h), 0}),
			    metric_number((int)m->s->summary == h));
}

static void put_processes(struct metrics *m)
{
	const struct board *b = m->s->board;

	put_one(m, "guardfs_mounted", "gauge", "Is it mounted where it should be?",
		metric_number(m->s->unmounted_ns == 0));
	metrics_family(m, "guardfs_process_up", "gauge", "Does the process of guardfs run?");
	for (unsigned p = 0; p < PROCESS_COUNT; p++)
		metrics_put(m, LABELS({"process", report_process_name((enum process)p), 0}),
			    metric_number(m->s->processes[p].state == REPORT_PROCESS_RUNNING));
	put_one(m, "guardfs_worker_serving", "gauge", "Does a worker take requests?",
		metric_number(m->s->serving));
	put_one(m, "guardfs_worker_restarts_total", "counter",
		"Workers started after an end that was not planned.",
		metric_number(atomic_load(&b->worker_restarts)));
	put_one(m, "guardfs_keeper_restarts_total", "counter",
		"Keepers started after an end that was not planned.",
		metric_number(atomic_load(&b->keeper_restarts)));
	put_one(m, "guardfs_worker_crashes_total", "counter",
		"Workers that died or were ended because they did not answer any more.",
		metric_number(atomic_load(&b->crashes_total)));
}

struct share_family {
	const char *name, *type, *help;
	size_t offset;
};

#define SHARE(field) offsetof(struct board_share, field)

static void put_shares(struct metrics *m)
{
	static const struct share_family families[] = {
	    {"guardfs_share_used", "gauge", "Of what all users draw on, what is taken.", SHARE(used)},
	    {"guardfs_share_capacity", "gauge", "How much of it there is.", SHARE(capacity)},
	    {"guardfs_share_refused_total", "counter", "How often a user was refused more than his share.",
	     SHARE(refused)},
	};

	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		metrics_family(m, families[f].name, families[f].type, families[f].help);
		for (unsigned k = 0; k < SHARE_KIND_COUNT; k++) {
			const char *share = (const char *)&m->s->board->shares[k];

			metrics_put(m, LABELS({"what", share_kind_name((enum share_kind)k), 0}),
				    metric_number(
					atomic_load((const _Atomic uint64_t *)(share + families[f].offset))));
		}
	}
}

/* Keeper's text on the journal begins so (journal_state_name). */
static const char *const journal_states[] = {"starting", "ok", "full", "locked", "newer", "failed", "off"};

static void put_journal(struct metrics *m)
{
	char text[sizeof(m->s->board->journal)];
	size_t word;

	board_get_journal(m->s->board, text, sizeof(text));
	word = strcspn(text, ":");
	metrics_family(m, "guardfs_journal_state", "gauge",
		       "1 for the state of the history's database, 0 for the others.");
	for (size_t i = 0; word > 0 && i < ARRAY_SIZE(journal_states); i++)
		metrics_put(m, LABELS({"state", journal_states[i], 0}),
			    metric_number(strlen(journal_states[i]) == word &&
					  memcmp(journal_states[i], text, word) == 0));
	put_one(m, "guardfs_journal_damaged", "gauge", "Was a damaged database set aside since the start?",
		word > 0 ? metric_number(strstr(text, "damaged") != NULL) : metric_absent());
	put_one(m, "guardfs_incidents_total", "counter",
		"Incidents and drills so far, by the number of the last one.",
		metric_number(atomic_load(&m->s->board->last_incident)));
}

static void put_map(struct metrics *m)
{
	put_one(m, "guardfs_manifest_ok", "gauge",
		"Was the tiering manifest read, or does the last good one stay? Absent without a manifest.",
		m->s->manifest == REPORT_MANIFEST_NONE ? metric_absent()
						       : metric_number(m->s->manifest == REPORT_MANIFEST_OK));
	put_one(m, "guardfs_routes", "gauge", "Paths that lie on a backend.", metric_number(m->s->n_routes));
}

static bool put_all(struct metrics *m)
{
	put_identity(m);
	put_health(m);
	put_processes(m);
	put_shares(m);
	put_journal(m);
	put_map(m);
	metrics_backends(m);
	metrics_latency(m);
	metrics_space(m);
	metrics_routes(m);
	metrics_misplaced(m);
	metrics_suspects(m);
	if (!metrics_jobs(m))
		return false;
	if (m->s->board->config.metrics_healtharchive)
		metrics_healtharchive(m);
	return true;
}

char *report_metrics(const struct arena *arena, size_t *length)
{
	CLEANUP_FREE struct report_snapshot *s = report_snapshot_take(arena);
	char *text = NULL;
	struct metrics m = {.arena = arena, .s = s, .out = s ? open_memstream(&text, length) : NULL};
	bool whole;

	if (!m.out)
		return NULL;
	whole = put_all(&m);
	/* Half of the figures would look like good news. */
	if (ferror(m.out) | (fclose(m.out) != 0) | !whole) {
		free(text);
		return NULL;
	}
	return text;
}
