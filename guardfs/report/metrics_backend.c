/* Figures and space of backends and routes. */
#include "report/metrics.h"

typedef struct metric_value value_of(const struct metrics *m, uint32_t backend);

#define BOARD(m, i)	   ((m)->s->backends[i].board)
#define LOAD(m, i, member) atomic_load(&BOARD(m, i)->member)

static struct metric_label name_of(const struct metrics *m, uint32_t index)
{
	return (struct metric_label){"backend", m->s->backends[index].config->name, CONFIG_NAME_MAX};
}

static void put_states(struct metrics *m)
{
	metrics_family(m, "guardfs_backend_state", "gauge", "1 for the backend's state, 0 for the others.");
	for (uint32_t i = 0; i < m->s->n_backends; i++)
		for (unsigned s = 0; metrics_backend_is_shown(m, i) && s < HEALTH_STATE_COUNT; s++)
			metrics_put(
			    m, LABELS(name_of(m, i), {"state", health_state_name((enum health_state)s), 0}),
			    metric_number((unsigned)m->s->backends[i].now.state == s));
	metrics_family(m, "guardfs_backend_class_info", "gauge",
		       "Always 1; the class of what is wrong with the backend, or none, and what to do.");
	for (uint32_t i = 0; i < m->s->n_backends; i++) {
		const struct errclass_info *info = errclass_info(m->s->backends[i].now.class);

		if (metrics_backend_is_shown(m, i))
			metrics_put(
			    m, LABELS(name_of(m, i), {"class", info->name, 0}, {"advice", info->advice, 0}),
			    metric_number(1));
	}
}

static struct metric_value breaker_open(const struct metrics *m, uint32_t i)
{
	return metric_number(!breaker_is_closed(LOAD(m, i, breaker)));
}

static struct metric_value epoch(const struct metrics *m, uint32_t i)
{
	return metric_number(breaker_epoch(LOAD(m, i, breaker)));
}

static struct metric_value changed(const struct metrics *m, uint32_t i)
{
	return metric_moment(m->s->backends[i].now.since_ns);
}

static struct metric_value outage_began(const struct metrics *m, uint32_t i)
{
	return metric_moment(LOAD(m, i, lost_real_ns));
}

static struct metric_value recovered(const struct metrics *m, uint32_t i)
{
	return metric_moment(LOAD(m, i, recovered_real_ns));
}

static struct metric_value attempts(const struct metrics *m, uint32_t i)
{
	return metric_number(LOAD(m, i, attempts));
}

static struct metric_value next_attempt(const struct metrics *m, uint32_t i)
{
	return metric_moment(LOAD(m, i, next_attempt_real_ns));
}

static struct metric_value held_until(const struct metrics *m, uint32_t i)
{
	return m->s->backends[i].now.state == HEALTH_HELD ? metric_moment(LOAD(m, i, held_until_real_ns))
							  : metric_absent();
}

static struct metric_value incident(const struct metrics *m, uint32_t i)
{
	return metric_number(LOAD(m, i, incident));
}

static struct metric_value inflight(const struct metrics *m, uint32_t i)
{
	return metric_number(LOAD(m, i, inflight));
}

static struct metric_value parked(const struct metrics *m, uint32_t i)
{
	return metric_number(LOAD(m, i, parked));
}

static struct metric_value late(const struct metrics *m, uint32_t i)
{
	return metric_number(LOAD(m, i, late));
}

static struct metric_value owed_bytes(const struct metrics *m, uint32_t i)
{
	return metric_number(LOAD(m, i, late));
}

static struct metric_value owed_files(const struct metrics *m, uint32_t i)
{
	return metric_number(LOAD(m, i, late));
}

/* Without locks: handles come and go. */
static struct metric_value poisoned(const struct metrics *m, uint32_t backend)
{
	uint32_t used = MIN(atomic_load(&m->arena->handles_used), (uint32_t)HANDLE_MAX);
	uint64_t n = 0;

	for (uint32_t i = 0; i < used; i++) {
		const struct handle *h = &m->arena->handles[i];

		n += atomic_load(&h->state) == HANDLE_LIVE && atomic_load(&h->error) != 0 &&
		     h->backend == backend;
	}
	return metric_number(n);
}

static struct metric_value outages(const struct metrics *m, uint32_t i)
{
	return metric_number(LOAD(m, i, outages));
}

static struct metric_value recoveries(const struct metrics *m, uint32_t i)
{
	return metric_number(LOAD(m, i, recoveries));
}

static struct metric_value tries(const struct metrics *m, uint32_t i)
{
	return metric_number(LOAD(m, i, tries));
}

static const struct family {
	const char *name, *type, *help;
	value_of *value;
} families[] = {
    {"guardfs_backend_breaker_open", "gauge", "Is the breaker open, so that operations are not let through?",
     breaker_open},
    {"guardfs_backend_epoch", "gauge", "Number of the connection.", epoch},
    {"guardfs_backend_state_changed_timestamp_seconds", "gauge",
     "When the backend came into its state, in seconds since the epoch.", changed},
    {"guardfs_backend_outage_began_timestamp_seconds", "gauge",
     "When the outage began, in seconds since the epoch. Absent without one.", outage_began},
    {"guardfs_backend_recovered_timestamp_seconds", "gauge",
     "When it last became healthy, in seconds since the epoch. Absent if never.", recovered},
    {"guardfs_backend_attempts", "gauge", "Tries to recover since it was last healthy.", attempts},
    {"guardfs_backend_next_attempt_timestamp_seconds", "gauge",
     "When the next try is due, in seconds since the epoch. Absent if none is planned.", next_attempt},
    {"guardfs_backend_held_until_timestamp_seconds", "gauge",
     "When an operator's hold ends, in seconds since the epoch. Absent without an end or a hold.",
     held_until},
    {"guardfs_backend_incident", "gauge", "Number of the open incident; 0: none.", incident},
    {"guardfs_backend_inflight_operations", "gauge", "Operations inside the backend now.", inflight},
    {"guardfs_backend_parked_operations", "gauge", "Operations that wait in their buffers now.", parked},
    {"guardfs_backend_late_operations", "gauge",
     "Changing operations still inside the backend past their deadline.", late},
    {"guardfs_backend_owed_bytes", "gauge", "Bytes that are acknowledged and not on storage yet.",
     owed_bytes},
    {"guardfs_backend_owed_files", "gauge", "Files that they belong to.", owed_files},
    {"guardfs_backend_poisoned_files", "gauge",
     "Open files that could not be found again as they were: what was written may be lost.", poisoned},
    {"guardfs_backend_outages_total", "counter", "How often the backend was lost while it served.", outages},
    {"guardfs_backend_recoveries_total", "counter", "Outages that ended with a recovery.", recoveries},
    {"guardfs_backend_recovery_tries_total", "counter", "Tries to connect anew.", tries},
};

static const struct counter {
	const char *name, *help;
} counters[BACKEND_COUNTER_COUNT] = {
    [COUNT_OPS] = {"guardfs_backend_operations_total", "Operations that entered the backend."},
    [COUNT_ERRORS] = {"guardfs_backend_errors_total",
		      "Operations answered with the error that stands for infrastructure trouble."},
    [COUNT_TIMEOUTS] = {"guardfs_backend_timeouts_total", "Operations answered at their deadline."},
    [COUNT_FAST_FAILS] = {"guardfs_backend_fast_failures_total",
			  "Operations refused at once because the breaker was open."},
    [COUNT_PARKED] = {"guardfs_backend_parked_operations_total", "Operations that waited in their buffers."},
    [COUNT_LATE] = {"guardfs_backend_late_operations_total",
		    "Operations that came back after their deadline."},
    [COUNT_REOPENED] = {"guardfs_backend_reopened_files_total",
			"Open files found again after a connection was lost."},
    [COUNT_CHECKPOINTS] = {"guardfs_backend_checkpoints_total",
			   "Syncs of files that nobody asked for (checkpoint)."},
    [COUNT_POISONED] = {"guardfs_backend_poisoned_files_total",
			"Open files that could not be found again as they were."},
    [COUNT_MADE_BEFORE] = {"guardfs_backend_changes_made_before_total",
			   "Changes whose answer was lost, and which were found to have been made."},
    [COUNT_READ_BYTES] = {"guardfs_backend_read_bytes_total", "Bytes read from the backend."},
    [COUNT_WRITTEN_BYTES] = {"guardfs_backend_written_bytes_total", "Bytes written to the backend."},
};

void metrics_backends(struct metrics *m)
{
	put_states(m);
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		metrics_family(m, families[f].name, families[f].type, families[f].help);
		for (uint32_t i = 0; i < m->s->n_backends; i++)
			if (metrics_backend_is_shown(m, i))
				metrics_put(m, LABELS(name_of(m, i)), families[f].value(m, i));
	}
	for (size_t c = 0; c < BACKEND_COUNTER_COUNT; c++) {
		metrics_family(m, counters[c].name, "counter", counters[c].help);
		for (uint32_t i = 0; i < m->s->n_backends; i++)
			if (metrics_backend_is_shown(m, i))
				metrics_put(m, LABELS(name_of(m, i)), metric_number(LOAD(m, i, counters[c])));
	}
}

static struct metric_value bytes(const struct board_statfs *known, uint64_t blocks)
{
	uint32_t frsize = atomic_load(&known->frsize);
	uint64_t n = 0;

	if (__builtin_mul_overflow(blocks, frsize ? frsize : atomic_load(&known->bsize), &n))
		return metric_absent();
	return metric_number(n);
}

static struct metric_value size(const struct board_statfs *known)
{
	return bytes(known, atomic_load(&known->blocks));
}

static struct metric_value free_bytes(const struct board_statfs *known)
{
	return bytes(known, atomic_load(&known->bfree));
}

static struct metric_value available(const struct board_statfs *known)
{
	return bytes(known, atomic_load(&known->bavail));
}

static struct metric_value file_nodes(const struct board_statfs *known)
{
	return metric_number(atomic_load(&known->files));
}

static struct metric_value free_nodes(const struct board_statfs *known)
{
	return metric_number(atomic_load(&known->ffree));
}

static const struct {
	const char *name, *local_name, *help;
	struct metric_value (*value)(const struct board_statfs *known);
} figures[] = {
    {"guardfs_backend_size_bytes", "guardfs_local_size_bytes", "Size of the storage.", size},
    {"guardfs_backend_free_bytes", "guardfs_local_free_bytes", "Free bytes.", free_bytes},
    {"guardfs_backend_avail_bytes", "guardfs_local_avail_bytes", "Free bytes that anybody may use.",
     available},
    {"guardfs_backend_files", "guardfs_local_files", "Files that the storage can hold.", file_nodes},
    {"guardfs_backend_files_free", "guardfs_local_files_free", "Files that it can hold besides those it has.",
     free_nodes},
};

/* Unknown while the backend is down. Servers without figures say 0 blocks. */
static bool space_is_known(const struct metrics *m, uint32_t i)
{
	const struct board_statfs *known = &BOARD(m, i)->statfs;

	return metrics_backend_is_shown(m, i) && health_serves(m->s->backends[i].now.state) &&
	       atomic_load(&known->valid) && atomic_load(&known->blocks);
}

void metrics_space(struct metrics *m)
{
	const struct board_statfs *local = &m->s->board->local;

	for (size_t f = 0; f < ARRAY_SIZE(figures); f++) {
		metrics_family(m, figures[f].name, "gauge", figures[f].help);
		for (uint32_t i = 0; i < m->s->n_backends; i++)
			if (space_is_known(m, i))
				metrics_put(m, LABELS(name_of(m, i)), figures[f].value(&BOARD(m, i)->statfs));
	}
	for (size_t f = 0; f < ARRAY_SIZE(figures); f++) {
		metrics_family(m, figures[f].local_name, "gauge", figures[f].help);
		if (atomic_load(&local->valid))
			metrics_put(m, NO_LABELS, figures[f].value(local));
	}
}

static const struct route *route_at(const struct metrics *m, uint32_t index)
{
	return &m->s->map.routes[index];
}

/* Of equal paths (torn map) the first is shown. */
static bool route_is_shown(const struct metrics *m, uint32_t index)
{
	return route_at(m, index)->backend < m->s->n_backends &&
	       (index == 0 || strncmp(route_at(m, index - 1)->path, route_at(m, index)->path,
				      sizeof(route_at(m, index)->path)) != 0);
}

static struct metric_label path_of(const struct metrics *m, uint32_t index)
{
	return (struct metric_label){"route", route_at(m, index)->path, sizeof(route_at(m, index)->path)};
}

void metrics_routes(struct metrics *m)
{
	metrics_family(m, "guardfs_route_state", "gauge", "1 for the route's state, 0 for the others.");
	for (uint32_t i = 0; i < m->s->n_routes; i++)
		for (unsigned s = 0; route_is_shown(m, i) && s < HEALTH_STATE_COUNT; s++)
			metrics_put(m,
				    LABELS(path_of(m, i), name_of(m, route_at(m, i)->backend),
					   {"state", health_state_name((enum health_state)s), 0}),
				    metric_number((unsigned)m->s->routes[i].now.state == s));
	metrics_family(m, "guardfs_route_errno", "gauge", "What callers on the route get; 0: it serves.");
	for (uint32_t i = 0; i < m->s->n_routes; i++)
		if (route_is_shown(m, i))
			metrics_put(m, LABELS(path_of(m, i), name_of(m, route_at(m, i)->backend)),
				    metric_number((uint64_t)m->s->routes[i].error));
}
