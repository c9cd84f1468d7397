/* Status.json. guardfs(8): members may be added, never change their meaning. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "report/jobs.h"
#include "report/report.h"
#include "report/snapshot.h"
#include "policy/server.h"
#include "base/utf8.h"
#include <jansson.h>

static const char *const counter_names[BACKEND_COUNTER_COUNT] = {
    [COUNT_OPS] = "ops",
    [COUNT_ERRORS] = "errors",
    [COUNT_TIMEOUTS] = "timeouts",
    [COUNT_FAST_FAILS] = "fast_fails",
    [COUNT_PARKED] = "parked",
    [COUNT_LATE] = "late",
    [COUNT_REOPENED] = "reopened",
    [COUNT_CHECKPOINTS] = "checkpoints",
    [COUNT_POISONED] = "poisoned",
    [COUNT_MADE_BEFORE] = "made_before",
    [COUNT_READ_BYTES] = "read_bytes",
    [COUNT_WRITTEN_BYTES] = "written_bytes",
};

static json_t *string(const char *s, size_t max)
{
	CLEANUP_FREE char *clean = utf8_clean(s, max);

	return clean ? json_string(clean) : NULL;
}

/* Terminated or not. */
#define STRING(array) string(array, sizeof(array))

static json_int_t to_seconds(uint64_t ns)
{
	return (json_int_t)(ns / NSEC_PER_SEC);
}

static json_t *counters_of(const struct board_backend *b)
{
	json_t *object = json_object();

	for (unsigned c = 0; c < BACKEND_COUNTER_COUNT; c++)
		json_object_set_new(
		    object, counter_names[c],
		    json_integer((json_int_t)atomic_load_explicit(&b->counters[c], memory_order_relaxed)));
	return object;
}

static json_t *counters_of_all(const struct report_snapshot *s)
{
	json_t *object = json_object();

	for (unsigned c = 0; c < BACKEND_COUNTER_COUNT; c++) {
		uint64_t sum = 0;

		for (uint32_t i = 0; i < s->n_backends; i++)
			sum += atomic_load_explicit(&s->backends[i].board->counters[c], memory_order_relaxed);
		json_object_set_new(object, counter_names[c], json_integer((json_int_t)sum));
	}
	return object;
}

/* By operation class; classes without operations are missing. */
static json_t *latency_of(const struct board_backend *b)
{
	json_t *object = json_object();

	for (unsigned c = 0; c < OP_CLASS_COUNT; c++) {
		struct histogram_copy copy;

		histogram_copy(&b->latency[c], &copy);
		if (histogram_percentile(&copy, 500))
			json_object_set_new(object, op_class_name((enum op_class)c),
					    json_pack("{s:I, s:I}", "p50_us",
						      (json_int_t)(histogram_percentile(&copy, 500) / 1000),
						      "p99_us",
						      (json_int_t)(histogram_percentile(&copy, 990) / 1000)));
	}
	return object;
}

json_t *report_server_lacks(uint32_t lacks)
{
	json_t *array;

	if (!(lacks & SERVER_KNOWN))
		return json_null();
	array = json_array();
	for (unsigned i = 0; i < SERVER_FEATURE_COUNT; i++)
		if (lacks & 1u << i)
			json_array_append_new(array,
					      json_string(server_feature_info((enum server_feature)i)->name));
	return array;
}

/* Null: not known yet. */
static json_t *recent_of(const struct board_backend *b)
{
	const struct board_recent *r = &b->recent;
	uint64_t span_ms = atomic_load(&r->span_ms);

	if (!span_ms)
		return json_null();
	return json_pack("{s:f, s:I, s:I, s:I, s:I, s:I, s:I}", "seconds", (double)span_ms / 1000, "ops",
			 (json_int_t)atomic_load(&r->ops), "errors", (json_int_t)atomic_load(&r->errors),
			 "read_bytes", (json_int_t)atomic_load(&r->read_bytes), "written_bytes",
			 (json_int_t)atomic_load(&r->written_bytes), "p50_us",
			 (json_int_t)atomic_load(&r->p50_us), "p99_us", (json_int_t)atomic_load(&r->p99_us));
}

/* Users refused for a while, and until when. */
static json_t *refused_of(const struct board_backend *board)
{
	uint64_t now_ns = clock_mono_ns(), real_ns = clock_real_ns();
	json_t *array = json_array();

	for (size_t i = 0; i < BOARD_REFUSED_MAX; i++) {
		uint64_t word = atomic_load(&board->refused[i]), until_ns = board_refused_until_ns(word);

		if (word && now_ns < until_ns)
			json_array_append_new(array, json_pack("{s:I, s:I}", "uid",
							       (json_int_t)board_refused_uid(word), "until",
							       to_seconds(real_ns + until_ns - now_ns)));
	}
	return array;
}

static void describe_course(const struct board_backend *board, json_t *object)
{
	uint32_t by = atomic_load(&board->opened_by);

	json_object_set_new(object, "incident", json_integer((json_int_t)atomic_load(&board->incident)));
	json_object_set_new(
	    object, "opened_by",
	    json_string(detector_name(by < DETECTOR_COUNT ? (enum detector)by : DETECTOR_NONE)));
	json_object_set_new(object, "held_until",
			    json_integer(to_seconds(atomic_load(&board->held_until_real_ns))));
	json_object_set_new(object, "hold_waits", json_boolean(atomic_load(&board->hold_waits) != 0));
	json_object_set_new(object, "callers_wait",
			    json_boolean(!breaker_is_closed(atomic_load(&board->breaker)) &&
					 board_callers_wait(board, clock_mono_ns())));
	json_object_set_new(object, "refused", refused_of(board));
	json_object_set_new(object, "latency", latency_of(board));
	json_object_set_new(object, "recent", recent_of(board));
	json_object_set_new(object, "server_lacks", report_server_lacks(atomic_load(&board->server_lacks)));
}

static json_t *describe_backend(const struct report_backend *b)
{
	const struct errclass_info *info = errclass_info(b->now.class);
	const struct board_backend *board = b->board;
	uint64_t breaker = atomic_load(&board->breaker);
	json_t *object = json_pack(
	    "{s:o, s:s, s:s, s:s, s:I, s:I, s:i, s:I, s:I}", "name", STRING(b->config->name), "type",
	    backend_type_name(b->config->type), "state", health_state_name(b->now.state), "class", info->name,
	    "since", to_seconds(b->now.since_ns), "epoch", (json_int_t)breaker_epoch(breaker), "pid",
	    (int)atomic_load(&board->pid), "attempts", (json_int_t)atomic_load(&board->attempts),
	    "next_attempt", to_seconds(atomic_load(&board->next_attempt_real_ns)));
	json_t *more = json_pack(
	    "{s:s, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:o}", "breaker",
	    breaker_is_closed(breaker) ? "closed" : "open", "detail", STRING(b->detail), "summary",
	    info->summary, "advice", info->advice, "inflight", (json_int_t)atomic_load(&board->inflight),
	    "parked", (json_int_t)atomic_load(&board->parked), "late", (json_int_t)atomic_load(&board->late),
	    "recovered", to_seconds(atomic_load(&board->recovered_real_ns)), "expose",
	    STRING(b->config->expose), "owed_bytes", (json_int_t)atomic_load(&board->owed_bytes),
	    "owed_files", (json_int_t)atomic_load(&board->owed_files), "counters", counters_of(board));

	json_object_update(object, more);
	json_decref(more);
	describe_course(board, object);
	return object;
}

static json_t *describe_backends(const struct report_snapshot *s)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < s->n_backends; i++)
		json_array_append_new(array, describe_backend(&s->backends[i]));
	return array;
}

static json_t *describe_route(const struct report_snapshot *s, uint32_t index)
{
	const struct route *route = &s->map.routes[index];
	const struct report_route *r = &s->routes[index];
	const char *backend = route->backend < s->n_backends ? s->backends[route->backend].config->name : "";

	return json_pack("{s:o, s:o, s:s, s:s, s:I, s:i, s:o, s:s}", "path", STRING(route->path), "backend",
			 string(backend, CONFIG_NAME_MAX), "state", health_state_name(r->now.state), "class",
			 errclass_info(r->now.class)->name, "since", to_seconds(r->now.since_ns), "errno",
			 r->error, "target", STRING(route->target), "origin",
			 route->origin == ROUTE_PATTERN ? "pattern" : "manifest");
}

static json_t *describe_routes(const struct report_snapshot *s)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < s->n_routes; i++)
		json_array_append_new(array, describe_route(s, i));
	return array;
}

static json_t *describe_manifest(const struct report_snapshot *s)
{
	static const char *const states[] = {"bad", "ok", "none"};

	return json_pack("{s:s, s:o, s:o}", "state", states[s->manifest], "file",
			 STRING(s->board->config.manifest), "error", STRING(s->manifest_error));
}

/* Newest first. */
static json_t *describe_crashes(const struct report_snapshot *s)
{
	uint32_t total = atomic_load(&s->board->crashes_total);
	json_t *array = json_array();

	for (uint32_t n = 0; n < MIN(total, (uint32_t)CRASHES_MAX); n++) {
		const struct board_crash *c = &s->board->crashes[(total - 1 - n) % CRASHES_MAX];

		json_array_append_new(array,
				      json_pack("{s:I, s:i, s:o, s:I, s:o}", "time", to_seconds(c->real_ns),
						"pid", (int)c->pid, "cause", STRING(c->cause), "opcode",
						(json_int_t)c->opcode, "path", STRING(c->path)));
	}
	return array;
}

static void describe_processes(const struct report_snapshot *s, json_t *status)
{
	json_t *pids = json_object(), *states = json_object();

	for (unsigned p = 0; p < PROCESS_COUNT; p++) {
		const char *name = report_process_name((enum process)p);

		json_object_set_new(pids, name, json_integer(s->processes[p].pid));
		json_object_set_new(states, name,
				    json_string(report_process_state_name(s->processes[p].state)));
	}
	json_object_set_new(status, "processes", pids);
	json_object_set_new(status, "process_states", states);
}

static void describe_worker(const struct report_snapshot *s, json_t *status)
{
	const struct board *b = s->board;
	uint64_t beat = atomic_load(&b->heartbeat_ns);

	json_object_set_new(status, "worker_restarts", json_integer(atomic_load(&b->worker_restarts)));
	json_object_set_new(status, "keeper_restarts", json_integer(atomic_load(&b->keeper_restarts)));
	json_object_set_new(status, "serving", json_boolean(s->serving));
	json_object_set_new(
	    status, "heartbeat_age_ms",
	    json_integer(beat && beat <= s->mono_ns ? (json_int_t)((s->mono_ns - beat) / NSEC_PER_MSEC) : 0));
	json_object_set_new(status, "crashes_total", json_integer(atomic_load(&b->crashes_total)));
}

/* Shares of what all users draw on, and the last user refused. */
static json_t *describe_shares(const struct board *b)
{
	json_t *shares = json_object();

	for (unsigned k = 0; k < SHARE_KIND_COUNT; k++) {
		const struct board_share *share = &b->shares[k];

		json_object_set_new(shares, share_kind_name((enum share_kind)k),
				    json_pack("{s:I, s:I, s:I, s:I, s:I}", "used",
					      (json_int_t)atomic_load(&share->used), "capacity",
					      (json_int_t)atomic_load(&share->capacity), "refused",
					      (json_int_t)atomic_load(&share->refused), "refused_uid",
					      (json_int_t)atomic_load(&share->refused_uid), "refused_time",
					      (json_int_t)to_seconds(atomic_load(&share->refused_real_ns))));
	}
	return shares;
}

static json_t *describe_status(const struct report_snapshot *s)
{
	const struct config *config = &s->board->config;
	char journal[sizeof(s->board->journal)];
	json_t *status = json_pack("{s:i, s:I, s:o, s:s, s:o}", "schema", REPORT_SCHEMA, "time",
				   to_seconds(s->real_ns), "name", STRING(config->name), "state",
				   health_summary_name(s->summary), "mountpoint", STRING(config->mountpoint));

	if (config->root[0])
		json_object_set_new(status, "root", STRING(config->root));
	describe_processes(s, status);
	describe_worker(s, status);
	json_object_set_new(status, "backends", describe_backends(s));
	json_object_set_new(status, "routes", describe_routes(s));
	json_object_set_new(status, "counters", counters_of_all(s));
	json_object_set_new(status, "shares", describe_shares(s->board));
	json_object_set_new(status, "class", json_string(s->cause));
	json_object_set_new(status, "since", json_integer(to_seconds(s->since_ns)));
	json_object_set_new(status, "detail", STRING(s->reason));
	json_object_set_new(status, "version", json_string(GUARDFS_VERSION));
	json_object_set_new(status, "started",
			    json_integer(to_seconds(atomic_load(&s->board->started_real_ns))));
	json_object_set_new(status, "local", STRING(config->local));
	json_object_set_new(status, "unmounted", json_integer(to_seconds(s->unmounted_ns)));
	json_object_set_new(status, "passthrough", json_boolean(s->board->kernel_passthrough == 1));
	json_object_set_new(status, "manifest", describe_manifest(s));
	json_object_set_new(status, "config", STRING(config->file));
	json_object_set_new(status, "state_dir", STRING(config->state_dir));
	board_get_journal(s->board, journal, sizeof(journal));
	json_object_set_new(status, "journal", STRING(journal));
	json_object_set_new(status, "crashes", describe_crashes(s));
	return status;
}

/* jansson's setters only fail for NULL. A report that lacks members for want of memory beats none, but
 * without "backends" it would seem healthy. */
static json_t *describe_arena(const struct arena *arena)
{
	CLEANUP_FREE struct report_snapshot *s = report_snapshot_take(arena);
	json_t *status = s ? describe_status(s) : NULL;

	if (status)
		json_object_set_new(status, "jobs", report_jobs_json(s, arena, REPORT_JOBS_MAX));
	if (status)
		json_object_set_new(status, "suspects",
				    json_integer((json_int_t)atomic_load(&arena->suspects.open)));
	if (status && json_array_size(json_object_get(status, "backends")) == s->n_backends)
		return status;
	json_decref(status);
	return NULL;
}

char *report_status_json(const struct arena *arena, size_t *length)
{
	json_t *status = describe_arena(arena);
	char *text = status ? json_dumps(status, JSON_INDENT(1)) : NULL;
	char *longer = NULL;

	json_decref(status);
	if (!text)
		return NULL;
	*length = strlen(text) + 1;
	longer = realloc(text, *length + 1);
	if (!longer) {
		free(text);
		return NULL;
	}
	memcpy(longer + *length - 1, "\n", 2);
	return longer;
}

char *report_status_text(const struct arena *arena, size_t *length)
{
	json_t *status = describe_arena(arena);
	char *text = NULL;

	if (status)
		text = report_text_from_json(
		    status, (int64_t)json_integer_value(json_object_get(status, "time")), length);
	json_decref(status);
	return text;
}
