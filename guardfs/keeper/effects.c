#include "keeper/effects.h"
#include "keeper/internal.h"
#include "keeper/try.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

/* Hours of outage are a handful of lines. */
static void log_change(struct supervised *s, enum health_state old, const char *detail)
{
	enum health_state state = s->course.state;
	enum errclass class = s->course.class;
	const struct errclass_info *info = errclass_info(class);
	bool told = class == s->told_class;

	if (state == HEALTH_HEALTHY)
		log_notice("backend %s: healthy (epoch %u)", s->config->name, s->epoch);
	else if (state == HEALTH_EXHAUSTED)
		log_error("backend %s: given up: it was lost and found too often (see [recovery] "
			  "recoveries_per_hour and _per_day). Find out why, then: guardctl resume %s",
			  s->config->name, s->config->name);
	else if (class == ERRCLASS_NONE || told || (health_serves(state) && state != HEALTH_DEGRADED))
		log_write(told ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "backend %s: %s -> %s%s%s",
			  s->config->name, health_state_name(old), health_state_name(state),
			  detail[0] ? ": " : "", detail);
	else
		log_warning("backend %s: %s -> %s: %s: %s%s%s; %s", s->config->name, health_state_name(old),
			    health_state_name(state), info->name, info->summary, detail[0] ? ": " : "",
			    detail, info->advice);
	s->told_class = class;
}

/* By an operator, or by the caps. */
static void leave_service(struct supervised *s, enum errclass class, uint64_t now_ns)
{
	bool drilled = drill_active(s);

	(void)now_ns;
	if (s->serving)
		board_trip_breaker(s->keeper->board, s->index, s->epoch, class,
				   drilled ? DETECTOR_DRILL : DETECTOR_OPERATOR);
	s->serving = false;
}

static void carry_out_transition(struct supervised *s, const struct course_effect *e, const char *detail,
				 uint64_t now_ns)
{
	uint64_t since_ns = e->from == e->to ? atomic_load(&s->board->since_real_ns) : clock_real_ns();

	history_transition(s, e, detail);
	if (!health_serves(e->to))
		leave_service(s, e->class, now_ns);
	if (e->to == HEALTH_HEALTHY && e->from != HEALTH_DEGRADED) {
		atomic_store(&s->board->attempts, 0);
		atomic_store(&s->board->recovered_real_ns, clock_real_ns());
	}
	if (e->event == HEALTH_EVENT_RESUME)
		board_be_patient(s->keeper->board, s->index);
	if (e->from == HEALTH_HELD && e->to != HEALTH_HELD) {
		atomic_store(&s->board->held_until_real_ns, 0);
		atomic_store(&s->board->hold_waits, 0);
	}
	board_set_detail(s->board, detail);
	board_set_state(s->board, e->to, e->class, since_ns);
	log_change(s, e->from, detail);
	if (e->to == HEALTH_HELD || e->to == HEALTH_EXHAUSTED) {
		try_take_down(s); /* nothing runs for a backend without users */
		atomic_store(&s->board->pid, 0);
	}
	s->keeper->changed = true;
	routes_refresh(s->keeper);
}

/* Of the next try, for people. */
static void publish_plan(const struct supervised *s, uint64_t now_ns)
{
	const struct course *c = &s->course;
	bool waits = !c->trying && (c->state == HEALTH_DOWN || c->state == HEALTH_CONNECTING);
	uint64_t wait_ns = c->next_try_ns > now_ns ? c->next_try_ns - now_ns : 0;

	atomic_store(&s->board->next_attempt_real_ns, waits ? clock_real_ns() + wait_ns : 0);
}

static void carry_out(struct supervised *s, const struct course_effect *e, const char *detail,
		      uint64_t now_ns)
{
	switch (e->kind) {
	case COURSE_TRANSITION:
		carry_out_transition(s, e, detail, now_ns);
		break;
	case COURSE_INCIDENT_OPEN:
		incident_open(s, e->class, detail);
		memory_store(s, now_ns); /* the counters' last state */
		inquiry_wanted(s);
		break;
	case COURSE_INCIDENT_CLOSE:
		incident_close(s);
		break;
	case COURSE_TRY:
		try_begin(s, now_ns);
		break;
	case COURSE_STOP_TRY:
		try_take_down(s);
		break;
	case COURSE_ACT:
		act_now(s, e);
		break;
	}
}

void effects_drain(struct supervised *s, const char *detail, uint64_t now_ns)
{
	struct course_effect e;

	if (s->course.n_effects == 0)
		return;
	/* Before acts: a keeper that dies in one must be known to have done it. */
	memory_store(s, now_ns);
	while (course_take(&s->course, &e))
		carry_out(s, &e, detail, now_ns);
	publish_plan(s, now_ns);
}
