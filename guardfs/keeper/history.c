/* Keeper's records in the journal. */
#include "keeper/internal.h"
#include "keeper/plan-json.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#include <jansson.h>
#include <stdio.h>

#define RECALL_MS 500  /* waiting for the disk, at the start */
#define FLUSH_MS  2000 /* at the end */

#define PROCESSES_KEY "processes"

static void remember_processes(const struct keeper *k)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"keepers\":%u,\"crashes\":%u}",
		 (unsigned)atomic_load(&k->board->keeper_restarts), (unsigned)k->crashes_seen);
	journal_put_memory(k->journal, PROCESSES_KEY, text);
}

static void note_keeper(const struct keeper *k)
{
	const struct journal_event event = {
	    .time_ns = clock_real_ns(),
	    .kind = "crash",
	    .name = "keeper",
	    .outcome = "replaced",
	    .text = "the one before this had ended unexpectedly; what ran went on"};

	journal_put_event(k->journal, &event);
}

/* Keeper alone writes deaths down, its predecessor's too. A new guardfs counts from zero. */
static void recall_processes(struct keeper *k)
{
	uint32_t keepers = atomic_load(&k->board->keeper_restarts);
	const char *text = json_string_value(json_object_get(k->recalled.memory, PROCESSES_KEY));
	json_t *object = text ? json_loads(text, 0, NULL) : NULL;
	json_int_t known = json_integer_value(json_object_get(object, "crashes"));

	k->crashes_seen = atomic_load(&k->board->crashes_total);
	if (keepers > 0 && json_is_object(object) &&
	    json_integer_value(json_object_get(object, "keepers")) != (json_int_t)keepers) {
		note_keeper(k);
		if (known >= 0 && known < (json_int_t)k->crashes_seen)
			k->crashes_seen = (uint32_t)known;
	}
	json_decref(object);
	remember_processes(k);
}

void history_start(struct keeper *k)
{
	struct journal_options options = {.keep_days = k->config->journal_keep_days,
					  .keep_mib = k->config->journal_keep_mib};

	(void)copy_string(options.directory, sizeof(options.directory), k->config->state_dir);
	k->journal = journal_start(&options);
	if (!k->journal) {
		log_error("history: out of memory, none is written");
		return;
	}
	if (journal_recall(k->journal, RECALL_MS, &k->recalled) < 0)
		log_warning("history: what was known before is not there: caps and holds begin anew");
	if (k->recalled.highest_incident > atomic_load(&k->board->last_incident))
		atomic_store(&k->board->last_incident, k->recalled.highest_incident);
	recall_processes(k);
}

void history_stop(struct keeper *k)
{
	if (k->journal)
		journal_stop(k->journal, FLUSH_MS);
	k->journal = NULL;
}

static void publish_state(struct keeper *k)
{
	char detail[200] = "", text[256], old[256];
	enum journal_state state =
	    k->journal ? journal_state(k->journal, detail, sizeof(detail)) : JOURNAL_OFF;

	snprintf(text, sizeof(text), "%s%s%s", journal_state_name(state), detail[0] ? ": " : "", detail);
	board_get_journal(k->board, old, sizeof(old));
	if (strcmp(text, old) == 0)
		return;
	board_set_journal(k->board, text);
	k->changed = true;
	if (state == JOURNAL_OK || state == JOURNAL_STARTING)
		log_info("history: %s", text);
	else
		log_warning("history: %s; guarding goes on without it", text);
}

static void note_crash(struct keeper *k, const struct board_crash *crash)
{
	char text[512];
	const struct journal_event event = {.time_ns = crash->real_ns,
					    .kind = "crash",
					    .name = "worker",
					    .outcome = crash->cause,
					    .text = text};

	if (crash->opcode)
		snprintf(text, sizeof(text), "worker %d, while it ran request %u %s", (int)crash->pid,
			 crash->opcode, crash->path);
	else
		snprintf(text, sizeof(text), "worker %d", (int)crash->pid);
	journal_put_event(k->journal, &event);
}

static void note_crashes(struct keeper *k)
{
	uint32_t total = atomic_load(&k->board->crashes_total);
	uint32_t first = MAX(k->crashes_seen, total > CRASHES_MAX ? total - CRASHES_MAX : 0);

	if (first == total)
		return;
	for (uint32_t i = first; i < total; i++)
		note_crash(k, &k->board->crashes[i % CRASHES_MAX]);
	k->crashes_seen = total;
	remember_processes(k);
}

void history_tick(struct keeper *k)
{
	publish_state(k);
	if (k->journal)
		note_crashes(k);
}

/* Suspect files come to light later, and belong to the last incident. */
static uint64_t incident_of(const struct supervised *s, const char *kind)
{
	bool late = strcmp(kind, "note") == 0 || strcmp(kind, "hook") == 0;

	return s->incident.open || late ? s->incident.id : 0;
}

void history_transition(const struct supervised *s, const struct course_effect *e, const char *detail)
{
	const struct journal_event event = {.time_ns = clock_real_ns(),
					    .incident = incident_of(s, "transition"),
					    .kind = "transition",
					    .backend = s->config->name,
					    .from_state = health_state_name(e->from),
					    .to_state = health_state_name(e->to),
					    .class = errclass_info(e->class)->name,
					    .name = health_event_name(e->event),
					    .text = detail};

	if (s->keeper->journal)
		journal_put_event(s->keeper->journal, &event);
}

void history_note(const struct supervised *s, const char *kind, const char *name, const char *outcome,
		  uint64_t duration_ms, const char *text)
{
	const struct journal_event event = {.time_ns = clock_real_ns(),
					    .incident = incident_of(s, kind),
					    .kind = kind,
					    .backend = s->config->name,
					    .name = name,
					    .outcome = outcome,
					    .text = text,
					    .duration_ms = duration_ms};

	if (s->keeper->journal)
		journal_put_event(s->keeper->journal, &event);
}

void history_plan(const struct supervised *s)
{
	json_t *plan = plan_json(s, &s->plan);
	CLEANUP_FREE char *text = plan ? json_dumps(plan, JSON_COMPACT) : NULL;
	char hash[24];

	json_decref(plan);
	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)s->plan.hash);
	history_note(s, "plan", hash, "begun", 0, text ? text : "");
}

void history_rung(void *context, const struct rung *rung, enum ladder_outcome outcome, uint64_t ms)
{
	const struct supervised *s = context;
	const char *word = outcome == LADDER_TOP ? "done" : outcome == LADDER_FAILED ? "failed" : "expired";

	history_note(s, "rung", rung->name, word, ms, outcome == LADDER_FAILED ? s->failure_detail : "");
}
