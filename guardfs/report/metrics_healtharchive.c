/* Figures under the names of HealthArchive's rules and dashboards, which scripts gave before
 * guardfs. A hot path is a route; condition and repairs are its backend's (guardfs(8), METRICS). -1: none, where a
 * number is required. */
#include "report/metrics.h"

#include <stdio.h>

#define HOUR_NS (3600 * NSEC_PER_SEC)

static void put_one(struct metrics *m, const char *name, const char *type, const char *help,
		    struct metric_value value)
{
	metrics_family(m, name, type, help);
	metrics_put(m, NO_LABELS, value);
}

/* ---- storage and tiers ---- */

static bool every_backend_serves(const struct report_snapshot *s)
{
	for (uint32_t i = 0; i < s->n_backends; i++)
		if (!health_serves(s->backends[i].now.state))
			return false;
	return true;
}

static bool is_shown(const struct report_snapshot *s, uint32_t index)
{
	const struct route *routes = s->map.routes;

	return index == 0 ||
	       strncmp(routes[index - 1].path, routes[index].path, sizeof(routes[index].path)) != 0;
}

static void put_hot_path(struct metrics *m, uint32_t index, struct metric_value value)
{
	char hot[CONFIG_PATH_MAX * 2 + 2];

	snprintf(hot, sizeof(hot), "%.*s/%.*s", CONFIG_PATH_MAX, m->s->board->config.mountpoint,
		 CONFIG_PATH_MAX, m->s->map.routes[index].path);
	if (is_shown(m->s, index))
		metrics_put(m, LABELS({"hot", hot, 0}), value);
}

static void put_tiers(struct metrics *m)
{
	const struct report_snapshot *s = m->s;

	put_one(m, "healtharchive_storagebox_mount_ok", "gauge", "1 if every backend of guardfs serves.",
		s->n_backends ? metric_number(every_backend_serves(s)) : metric_absent());
	put_one(m, "healtharchive_tiering_manifest_ok", "gauge", "1 if the tiering manifest was read.",
		s->manifest == REPORT_MANIFEST_NONE ? metric_absent()
						    : metric_number(s->manifest == REPORT_MANIFEST_OK));
	metrics_family(m, "healtharchive_tiering_hot_path_ok", "gauge", "1 if the path is served.");
	for (uint32_t i = 0; i < s->n_routes; i++)
		put_hot_path(m, i, metric_number(s->routes[i].error == 0));
	metrics_family(m, "healtharchive_tiering_hot_path_errno", "gauge",
		       "The errno that callers get on the path, -1 if it is served.");
	for (uint32_t i = 0; i < s->n_routes; i++)
		put_hot_path(
		    m, i, (struct metric_value){METRIC_NUMBER, s->routes[i].error ? s->routes[i].error : -1});
	put_one(m, "healtharchive_tiering_metrics_timestamp_seconds", "gauge",
		"When the figures of the tiers were taken.", metric_ns(s->real_ns));
}

/* ---- recovery, as the watchdog's ---- */

struct course_of_all {
	uint64_t outages;
	/* Begin of the outage, else end of the last; 0: none. */
	uint64_t last_ns;
	/* 0: all serves. */
	uint64_t ill_since_ns;
	bool lasts, held;
	/* Not served. */
	uint64_t targets;
};

static void note_ill(struct course_of_all *all, uint64_t since_ns)
{
	if (since_ns && (all->ill_since_ns == 0 || since_ns < all->ill_since_ns))
		all->ill_since_ns = since_ns;
}

static void add_backend(struct course_of_all *all, const struct report_backend *b)
{
	uint64_t lost_ns = atomic_load(&b->board->lost_real_ns);
	uint64_t recovered_ns = atomic_load(&b->board->recovered_real_ns);
	uint64_t outages = atomic_load(&b->board->outages);

	all->outages += outages;
	all->held |= b->now.state == HEALTH_HELD;
	if (lost_ns) {
		all->last_ns = all->lasts ? MIN(all->last_ns, lost_ns) : lost_ns;
		all->lasts = true;
	} else if (outages && !all->lasts) {
		all->last_ns = MAX(all->last_ns, recovered_ns);
	}
	if (!health_serves(b->now.state))
		note_ill(all, lost_ns ? lost_ns : b->now.since_ns);
}

static struct course_of_all sum_courses(const struct report_snapshot *s)
{
	struct course_of_all all = {0};

	for (uint32_t i = 0; i < s->n_backends; i++)
		add_backend(&all, &s->backends[i]);
	for (uint32_t i = 0; i < s->n_routes; i++) {
		all.targets += s->routes[i].error != 0;
		/* While its backend is down a route is not ill by itself. */
		if (s->routes[i].error && s->map.routes[i].backend < s->n_backends &&
		    health_serves(s->backends[s->map.routes[i].backend].now.state))
			note_ill(&all, s->routes[i].now.since_ns);
	}
	return all;
}

/* Incidents begun within the last span. The board has only some since the start: unknown if there may have been
 * more. */
static struct metric_value begun_within(const struct report_snapshot *s, uint64_t span_ns)
{
	uint64_t from_ns = s->real_ns > span_ns ? s->real_ns - span_ns : 0;
	uint64_t started_ns = atomic_load(&s->board->started_real_ns);
	struct board_incident incident;
	uint64_t count = 0;
	uint32_t n = 0;

	if (started_ns == 0 || started_ns > from_ns)
		return metric_absent();
	for (; board_get_incident(s->board, n, &incident); n++) {
		if (incident.began_ns < from_ns)
			return metric_number(count);
		count += !incident.drill && !incident.of_routes;
	}
	return n < BOARD_INCIDENTS_MAX ? metric_number(count) : metric_absent();
}

#define PREFIX "healtharchive_storage_hotpath_auto_recover_"

static void put_recovery(struct metrics *m)
{
	const struct report_snapshot *s = m->s;
	struct course_of_all all = sum_courses(s);
	bool well = all.ill_since_ns == 0 && all.targets == 0;

	put_one(m, PREFIX "metrics_ok", "gauge", "Always 1.", metric_number(1));
	put_one(m, PREFIX "last_run_timestamp_seconds", "gauge", "When the figures were taken.",
		metric_ns(s->real_ns));
	put_one(m, PREFIX "last_healthy_timestamp_seconds", "gauge",
		"When every backend and route was last seen to serve.",
		well ? metric_ns(s->real_ns) : metric_moment(all.ill_since_ns));
	put_one(m, PREFIX "enabled", "gauge", "0 while an operator holds a backend, else 1.",
		metric_number(!all.held));
	put_one(m, PREFIX "detected_targets", "gauge", "Routes that are not served.",
		metric_number(all.targets));
	put_one(m, PREFIX "last_apply_timestamp_seconds", "gauge",
		"When the outage that lasts began, or the last one ended. Absent if there was none.",
		metric_moment(all.last_ns));
	put_one(m, PREFIX "last_apply_ok", "gauge",
		"1 if the last outage ended with a recovery; 0 while one lasts, or if there was none.",
		metric_number(all.outages > 0 && !all.lasts));
	put_one(m, PREFIX "apply_total", "counter", "Outages of backends since the start.",
		metric_number(all.outages));
	put_one(m, PREFIX "apply_24h", "gauge", "Those of the last 24 hours. Absent if not known.",
		begun_within(s, 24 * HOUR_NS));
	put_one(m, PREFIX "apply_1h", "gauge", "Those of the last hour. Absent if not known.",
		begun_within(s, HOUR_NS));
}

void metrics_healtharchive(struct metrics *m)
{
	m->bare = true;
	put_tiers(m);
	put_recovery(m);
	m->bare = false;
}
