#include "keeper/internal.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <jansson.h>

/* Acknowledged and not known to be safe. Without locks: present writes may count. */
static uint64_t bytes_at_risk(const struct supervised *s)
{
	struct arena *arena = s->keeper->arena;
	uint32_t used = MIN(atomic_load(&arena->handles_used), (uint32_t)HANDLE_MAX);
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < used; i++) {
		const struct handle *h = &arena->handles[i];

		if (atomic_load(&h->state) == HANDLE_LIVE && h->backend == s->index)
			bytes += h->unsynced_bytes;
	}
	return bytes;
}

static bool route_counts(const struct supervised *s, uint32_t index, bool by_themselves)
{
	const struct board *board = s->keeper->board;

	return board->map.routes[index].backend == s->index &&
	       (!by_themselves || atomic_load(&board->routes[index].errclass) == ERRCLASS_PATH_MISSING);
}

/* As a JSON array of absolute paths, to be freed. NULL: out of memory. */
static char *describe_routes(const struct supervised *s, bool by_themselves)
{
	const struct keeper *k = s->keeper;
	uint32_t n = MIN(k->board->map.n_routes, (uint32_t)TIERMAP_ROUTES_MAX);
	json_t *array = json_array();
	char *text;

	for (uint32_t i = 0; i < n; i++)
		if (route_counts(s, i, by_themselves))
			/* Only UTF-8 fits JSON. */
			json_array_append_new(array, json_sprintf("%s/%s", k->config->mountpoint,
								  k->board->map.routes[i].path));
	text = json_dumps(array, JSON_COMPACT);
	json_decref(array);
	return text;
}

static void write_down(struct supervised *s, const struct incident *i)
{
	CLEANUP_FREE char *routes = describe_routes(s, i->of_routes);
	const struct journal_incident record = {
	    .id = i->id,
	    .kind = i->drill ? "drill" : "incident",
	    .scope = i->of_routes ? "routes" : "backend",
	    .backend = s->config->name,
	    .class = errclass_info(i->class)->name,
	    .detail = i->detail,
	    .detected_by = detector_name(i->by),
	    .began_ns = i->began_ns,
	    .detected_ns = i->detected_ns,
	    .first_error_ns = i->first_error_ns,
	    .first_fast_ns = i->first_fast_ns,
	    .recovered_ns = i->recovered_ns,
	    .closed_ns = i->closed_ns,
	    .callers = i->callers,
	    .failed = i->failed,
	    .bytes_at_risk = i->bytes_at_risk,
	    .tries = i->tries,
	    /* After closing the routes stay. */
	    .routes = i->open ? routes : NULL,
	};
	struct board_incident shown = {.id = i->id,
				       .began_ns = i->began_ns,
				       .recovered_ns = i->recovered_ns,
				       .closed_ns = i->closed_ns,
				       .drill = i->drill,
				       .of_routes = i->of_routes,
				       .errclass = (uint32_t)i->class,
				       .callers = (uint32_t)MIN(i->callers, (uint64_t)UINT32_MAX),
				       .failed = i->failed};

	(void)copy_string(shown.backend, sizeof(shown.backend), s->config->name);
	(void)copy_string(shown.detail, sizeof(shown.detail), i->detail);
	board_put_incident(s->keeper->board, &shown);
	if (s->keeper->journal)
		journal_put_incident(s->keeper->journal, &record);
	s->keeper->changed = true;
}

static void take_figures(struct supervised *s)
{
	struct incident *i = &s->incident;

	/* After a reboot the board lacks a former keeper's. */
	if (i->first_error_ns == 0)
		i->first_error_ns = atomic_load(&s->board->first_error_real_ns);
	if (i->first_fast_ns == 0)
		i->first_fast_ns = atomic_load(&s->board->first_fast_real_ns);
	i->callers = MAX(i->callers, (uint64_t)board_hurt_count(s->board));
	i->failed = board_failed(s->board) - i->failed_before;
}

static uint64_t next_id(struct keeper *k)
{
	return atomic_fetch_add(&k->board->last_incident, 1) + 1;
}

/* Of the longest task or probe; 0: nobody waits. */
static uint64_t waiting_since_ns(const struct supervised *s)
{
	const struct arena *arena = s->keeper->arena;
	uint64_t since_ns = probe_running(&s->probe) ? s->probe.heard_ns : UINT64_MAX;

	for (uint32_t i = 0; i < arena_slots_used(arena); i++) {
		const struct slot *slot = &arena->slots[i];
		uint64_t read_ns = atomic_load(&slot->read_ns);

		if (atomic_load(&slot->inside) && atomic_load(&slot->backend) == s->index && read_ns)
			since_ns = MIN(since_ns, read_ns);
	}
	return since_ns == UINT64_MAX ? 0 : since_ns;
}

/* "began" in docs/RECOVERY.md, "The incident closes". */
static uint64_t began_ns(const struct supervised *s, uint64_t real_ns)
{
	uint64_t now_ns = clock_mono_ns(), since_ns = waiting_since_ns(s);

	if (since_ns)
		since_ns = MAX(since_ns, atomic_load(&s->board->last_completion_ns));
	if (drill_active(s) && s->drill.hit_ns)
		since_ns = s->drill.hit_ns;
	return since_ns && since_ns < now_ns && now_ns - since_ns < real_ns ? real_ns - (now_ns - since_ns)
									    : real_ns;
}

void incident_open(struct supervised *s, enum errclass class, const char *detail)
{
	uint64_t real_ns = clock_real_ns();
	struct incident *i = &s->incident;
	uint32_t by = atomic_load(&s->board->opened_by);
	uint64_t told_before = i->failed_before + i->failed; /* by the last incident */

	*i = (struct incident){.id = next_id(s->keeper),
			       .open = true,
			       .drill = drill_active(s),
			       .class = class,
			       .by = by < DETECTOR_COUNT ? (enum detector)by : DETECTOR_NONE,
			       .began_ns = began_ns(s, real_ns),
			       .detected_ns = real_ns,
			       .bytes_at_risk = bytes_at_risk(s)};
	/* Waiting callers got their error just before. */
	i->failed_before = MAX(s->latency.errors_before, told_before);
	(void)copy_string(i->detail, sizeof(i->detail), detail);
	drill_incident(s, i->id);
	take_figures(s);
	atomic_store(&s->board->incident, i->id);
	write_down(s, i);
}

void incident_update(struct supervised *s)
{
	if (!s->incident.open)
		return;
	take_figures(s);
	write_down(s, &s->incident);
}

void incident_close(struct supervised *s)
{
	struct incident *i = &s->incident;

	if (!i->open)
		return;
	take_figures(s);
	i->closed_ns = clock_real_ns();
	i->recovered_ns = i->closed_ns - PROBATION_MS * NSEC_PER_MSEC;
	i->open = false;
	write_down(s, i);
	atomic_store(&s->board->incident, 0);
	board_hurt_clear(s->board);
}

/* ---- a predecessor's ---- */

static uint64_t member_ns(const json_t *object, const char *name)
{
	double seconds = json_number_value(json_object_get(object, name));

	return seconds > 0 && seconds < 1e11 ? (uint64_t)(seconds * 1e9) : 0;
}

static uint64_t member_u64(const json_t *object, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(object, name));

	return n > 0 ? (uint64_t)n : 0;
}

static const char *member_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void take_recalled(struct incident *i, const json_t *object)
{
	enum errclass class = errclass_from_name(member_text(object, "class"));

	*i = (struct incident){
	    .id = member_u64(object, "id"),
	    .open = true,
	    .drill = strcmp(member_text(object, "kind"), "drill") == 0,
	    .of_routes = strcmp(member_text(object, "scope"), "routes") == 0,
	    .class = class < ERRCLASS_COUNT ? class : ERRCLASS_IO_ERROR,
	    .began_ns = member_ns(object, "began"),
	    .detected_ns = member_ns(object, "detected"),
	    .first_error_ns = member_ns(object, "first_error"),
	    .first_fast_ns = member_ns(object, "first_fast"),
	    .callers = member_u64(object, "callers"),
	    .failed = member_u64(object, "failed"),
	    .bytes_at_risk = member_u64(object, "bytes_at_risk"),
	    .tries = member_u64(object, "tries"),
	};
	for (unsigned by = 0; by < DETECTOR_COUNT; by++)
		if (strcmp(detector_name((enum detector)by), member_text(object, "detected_by")) == 0)
			i->by = (enum detector)by;
	(void)copy_string(i->detail, sizeof(i->detail), member_text(object, "detail"));
}

/* A lagging journal may have several: the newest goes on. */
static void find_recalled(struct supervised *s)
{
	const json_t *object;
	struct incident found;
	size_t index;

	json_array_foreach(s->keeper->recalled.open, index, object)
	{
		struct incident *mine;

		if (strcmp(member_text(object, "backend"), s->config->name) != 0)
			continue;
		take_recalled(&found, object);
		mine = found.of_routes ? &s->routes_incident : &s->incident;
		if (found.id <= mine->id)
			continue;
		if (mine->open) {
			mine->open = false;
			mine->closed_ns = clock_real_ns();
			write_down(s, mine);
		}
		*mine = found;
	}
}

void incident_recall(struct supervised *s)
{
	find_recalled(s);
	if (!s->incident.open) {
		/* Without a journal the board has the number. */
		s->incident.id = atomic_load(&s->board->incident);
		s->incident.open = s->incident.id != 0;
		s->incident.began_ns = s->incident.detected_ns = atomic_load(&s->board->since_real_ns);
		s->incident.class = s->course.class;
	}
	/* From the figures last written on, unless recalled. */
	if (s->incident.open)
		s->incident.failed_before = board_failed(s->board) - s->incident.failed;
	s->course.incident = s->incident.open;
	s->course.incident_counted = s->incident.open;
	atomic_store(&s->board->incident, s->incident.open ? s->incident.id : 0);
}

void incident_recall_counter(struct supervised *s, uint64_t id, uint64_t failed_before)
{
	struct incident *i = &s->incident;

	/* A new arena's counters are below these. */
	if (i->open && i->id == id && board_failed(s->board) >= failed_before + i->failed)
		i->failed_before = failed_before;
}

/* ---- routes ---- */

static uint32_t missing_routes(const struct supervised *s)
{
	uint32_t n = MIN(s->keeper->board->map.n_routes, (uint32_t)TIERMAP_ROUTES_MAX), missing = 0;

	for (uint32_t i = 0; i < n; i++)
		missing += route_counts(s, i, true);
	return missing;
}

/* Not the backend's. */
static void note_of_routes(const struct supervised *s, const char *name, uint64_t time_ns, const char *text)
{
	const struct incident *i = &s->routes_incident;
	const struct journal_event event = {.time_ns = time_ns,
					    .incident = i->id,
					    .kind = "note",
					    .backend = s->config->name,
					    .class = errclass_info(i->class)->name,
					    .name = name,
					    .text = text};

	if (s->keeper->journal)
		journal_put_event(s->keeper->journal, &event);
}

void incident_of_routes(struct supervised *s)
{
	struct incident *i = &s->routes_incident;
	uint32_t missing;

	/* The routes' state is unknown then. */
	if (!health_serves(s->course.state))
		return;
	missing = missing_routes(s);
	if (missing && !i->open) {
		*i = (struct incident){.id = next_id(s->keeper),
				       .open = true,
				       .of_routes = true,
				       .class = ERRCLASS_PATH_MISSING,
				       .by = DETECTOR_PROBE};
		i->began_ns = i->detected_ns = clock_real_ns();
		snprintf(i->detail, sizeof(i->detail), "the target of %u routes is missing", missing);
		write_down(s, i);
		note_of_routes(s, "opened", i->began_ns, i->detail);
	} else if (!missing && i->open) {
		i->open = false;
		i->recovered_ns = i->closed_ns = clock_real_ns();
		write_down(s, i);
		note_of_routes(s, "closed", i->closed_ns, "the targets of all routes are there");
	}
}
