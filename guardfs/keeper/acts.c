/* The operator's hooks. Nothing without the sentinel. Prevented acts are written down like others. */
#include "keeper/internal.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

static enum config_hook hook_of(enum course_act act)
{
	switch (act) {
	case COURSE_ACT_RECOVERED:
		return CONFIG_HOOK_RECOVERED;
	case COURSE_ACT_EXHAUSTED:
		return CONFIG_HOOK_EXHAUSTED;
	case COURSE_ACT_DOWN:
		break;
	}
	return CONFIG_HOOK_DOWN;
}

/* NULL: none. */
static const char *act_obstacle(const struct config *c, const struct course_effect *e, char *text,
				size_t size)
{
	if (e->verdict != CAPS_ALLOWED) {
		struct caps_limits limits = {.per_hour = c->act_per_hour,
					     .per_day = c->act_per_day,
					     .cooldown_ms = c->act_cooldown_ms};

		caps_describe(e->verdict, &limits, text, size);
		return text;
	}
	if (!c->sentinel[0])
		return "no sentinel is configured: [hooks] sentinel";
	if (access(c->sentinel, F_OK) < 0) {
		snprintf(text, size, "the sentinel %.200s is not there", c->sentinel);
		return text;
	}
	return NULL;
}

/* Routes' absolute paths, and their jobs (last component); whole lines. */
static void append_line(char *text, size_t size, const char *line)
{
	size_t used = strlen(text), n = strlen(line);

	/* A name with a newline would be two. */
	if (strchr(line, '\n') || used + n + 2 > size)
		return;
	memcpy(text + used, line, n);
	memcpy(text + used + n, "\n", 2);
}

static void list_routes(const struct supervised *s, struct hook_event *event)
{
	const struct keeper *k = s->keeper;
	uint32_t n = MIN(k->board->map.n_routes, (uint32_t)TIERMAP_ROUTES_MAX);

	for (uint32_t i = 0; i < n; i++) {
		const struct route *r = &k->board->map.routes[i];
		char path[2 * CONFIG_PATH_MAX];
		const char *slash = strrchr(r->path, '/');

		if (r->backend != s->index)
			continue;
		snprintf(path, sizeof(path), "%s/%s", k->config->mountpoint, r->path);
		append_line(event->routes, sizeof(event->routes), path);
		append_line(event->jobs, sizeof(event->jobs), slash ? slash + 1 : r->path);
	}
}

static void run_hook(struct supervised *s, enum config_hook hook)
{
	struct hook_event event = {.kind = hook, .incident = s->incident.id};

	(void)copy_string(event.backend, sizeof(event.backend), s->config->name);
	(void)copy_string(event.class, sizeof(event.class), errclass_info(s->incident.class)->name);
	(void)copy_string(event.state, sizeof(event.state), health_state_name(s->course.state));
	list_routes(s, &event);
	if (hooks_run(s->keeper->hooks, &event, clock_mono_ns()) < 0) {
		log_error("backend %s: %s is not run: too many hooks wait", s->config->name,
			  config_hook_name(hook));
		history_note(s, "hook", config_hook_name(hook), "not run", 0, "too many hooks wait");
	}
}

void act_now(struct supervised *s, const struct course_effect *e)
{
	enum config_hook hook = hook_of(e->act);
	char text[256];
	const char *why;

	/* on_recovered without on_down is a hook too. */
	if (!s->keeper->hooks || !config_has_hook(s->keeper->config, hook))
		return;
	why = act_obstacle(s->keeper->config, e, text, sizeof(text));
	if (drill_active(s))
		why = "it is only a drill";
	if (!why) {
		run_hook(s, hook);
		return;
	}
	if (e->act == COURSE_ACT_DOWN) {
		course_act_refused(&s->course);
		memory_store(s, clock_mono_ns());
	}
	log_warning("backend %s: %s is not run: %s", s->config->name, config_hook_name(hook), why);
	history_note(s, "hook", config_hook_name(hook), "not run", 0, why);
}

static void tell_poisoned(struct supervised *s)
{
	uint64_t poisoned = atomic_load(&s->board->counters[COUNT_POISONED]);
	char detail[128];

	if (poisoned <= s->poisoned_seen)
		return;
	snprintf(detail, sizeof(detail),
		 "%llu open files could not be gone on with: what was written to them may be lost",
		 (unsigned long long)(poisoned - s->poisoned_seen));
	s->poisoned_seen = poisoned;
	history_note(s, "note", "suspect", "", 0, detail);
	log_warning("backend %s: %s", s->config->name, detail);
}

/* Those answered with an error count as failed. */
static void tell_made_before(struct supervised *s)
{
	uint64_t made = atomic_load(&s->board->counters[COUNT_MADE_BEFORE]);
	char detail[128];

	if (made <= s->made_before_seen)
		return;
	snprintf(detail, sizeof(detail),
		 "%llu changes that were under way had been made, though their answers were lost",
		 (unsigned long long)(made - s->made_before_seen));
	s->made_before_seen = made;
	history_note(s, "note", "made before", "", 0, detail);
	log_info("backend %s: %s", s->config->name, detail);
}

/* Files are found again at their next use, perhaps long after the incident. */
void act_on_suspects(struct supervised *s)
{
	const struct course_effect allowed = {.verdict = CAPS_ALLOWED};
	bool new = s->suspects_new > 0;
	char text[256];
	const char *why;

	tell_poisoned(s);
	tell_made_before(s);
	s->suspects_new = 0;
	if (!new || s->suspect_incident == s->incident.id || !s->keeper->hooks ||
	    !config_has_hook(s->keeper->config, CONFIG_HOOK_SUSPECT))
		return;
	s->suspect_incident = s->incident.id;
	why = s->incident.drill ? "it is only a drill"
				: act_obstacle(s->keeper->config, &allowed, text, sizeof(text));
	if (why)
		history_note(s, "hook", config_hook_name(CONFIG_HOOK_SUSPECT), "not run", 0, why);
	else
		run_hook(s, CONFIG_HOOK_SUSPECT);
}

void act_done(void *arg, const struct hook_result *r)
{
	struct keeper *k = arg;
	char name[320];
	const struct journal_event event = {.time_ns = clock_real_ns(),
					    .incident = r->incident,
					    .kind = "hook",
					    .backend = r->backend,
					    .name = name,
					    .outcome = r->outcome,
					    .text = r->output,
					    .duration_ms = r->duration_ms};

	snprintf(name, sizeof(name), "%s %.256s", config_hook_name(r->kind), r->program ? r->program : "");
	log_write(r->ok ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, "backend %s: %s: %s", r->backend, name,
		  r->outcome);
	if (k->journal)
		journal_put_event(k->journal, &event);
}
