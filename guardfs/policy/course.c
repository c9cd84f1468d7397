#include "policy/course.h"

#include "policy/backoff.h"

#include <errno.h>

/* ---- effects ---- */

static struct course_effect *emit_effect(struct course *c, enum course_effect_kind kind)
{
	/* A call causes few effects: a full queue is the caller's bug. */
	struct course_effect *e = &c->effects[MIN(c->n_effects, (uint32_t)COURSE_EFFECTS_MAX - 1)];

	*e = (struct course_effect){.kind = kind, .from = c->state, .to = c->state, .class = c->class};
	if (c->n_effects < COURSE_EFFECTS_MAX)
		c->n_effects++;
	return e;
}

bool course_take(struct course *c, struct course_effect *effect)
{
	if (c->n_effects == 0)
		return false;
	*effect = c->effects[0];
	c->n_effects--;
	memmove(&c->effects[0], &c->effects[1], c->n_effects * sizeof(c->effects[0]));
	return true;
}

static void apply_event(struct course *c, enum health_event event, enum errclass class)
{
	enum health_state to = health_next(c->state, event);
	struct course_effect *e;

	if (to == c->state && class == c->class)
		return;
	e = emit_effect(c, COURSE_TRANSITION);
	e->to = to;
	e->event = event;
	e->class = class;
	c->state = to;
	c->class = class;
}

/* ---- incidents ---- */

/* Precedes its transition: keeper's death between them must leave an incident, not an outage without one. */
static void open_incident(struct course *c, enum errclass class, uint64_t now_ns)
{
	if (c->incident)
		return;
	c->incident = true;
	c->incident_counted = c->told_down = c->acted_down = c->act_refused = false;
	c->failures = c->act_failures = 0;
	c->down_since_ns = now_ns;
	emit_effect(c, COURSE_INCIDENT_OPEN)->class = class;
}

static void emit_act(struct course *c, enum course_act act, enum caps_verdict verdict)
{
	struct course_effect *e = emit_effect(c, COURSE_ACT);

	e->act = act;
	e->verdict = verdict;
}

static void close_incident(struct course *c)
{
	if (!c->incident)
		return;
	c->incident = false;
	emit_effect(c, COURSE_INCIDENT_CLOSE);
	/* acted_down stays: if keeper dies before the journal has the end, the incident closes again and
	 * needs it. */
	if (c->acted_down)
		emit_act(c, COURSE_ACT_RECOVERED, CAPS_ALLOWED);
}

/* ---- the next try ---- */

static void plan_try(struct course *c, bool at_once, uint32_t random, uint64_t now_ns)
{
	const struct course_limits *l = c->limits;
	bool patient = !errclass_info(c->class)->retried;
	uint64_t wait_ms = 0;

	if (!at_once) {
		wait_ms = backoff_delay_ms(patient ? UINT32_MAX : c->doublings, l->backoff_min_ms,
					   l->backoff_max_ms, random);
		c->doublings += c->doublings < 32;
	}
	c->next_is_called = false;
	c->next_try_ns =
	    MAX(now_ns + wait_ms * NSEC_PER_MSEC, c->down_since_ns + l->confirm_ms * NSEC_PER_MSEC);
}

/* docs/RECOVERY.md, "Backoff" (servers ban constant reconnection). Returns whether to try at once. */
#define FORGIVEN 3

static bool forgive(struct course *c, uint64_t now_ns)
{
	uint64_t served_ns = now_ns - c->served_since_ns;

	if (served_ns < c->limits->probation_ms * NSEC_PER_MSEC)
		return false;
	c->short_services = served_ns < c->limits->short_ms * NSEC_PER_MSEC ? c->short_services + 1 : 0;
	c->doublings = c->short_services > FORGIVEN + 1 ? c->short_services - FORGIVEN - 1 : 0;
	return c->short_services <= FORGIVEN;
}

bool course_flaps(const struct course *c, uint64_t now_ns)
{
	return c->limits->flap_count &&
	       caps_count(&c->breaks, c->limits->flap_window_ms, (int64_t)now_ns) >= c->limits->flap_count;
}

/* ---- events ---- */

void course_init(struct course *c, const struct course_limits *limits, enum health_state state,
		 enum errclass class, bool incident, uint64_t now_ns)
{
	bool broken_off = state == HEALTH_RECOVERING;

	*c = (struct course){.limits = limits,
			     .state = broken_off ? HEALTH_DOWN : state,
			     .class = class,
			     .incident = incident,
			     .incident_counted = incident,
			     .down_since_ns = now_ns,
			     .served_since_ns = now_ns,
			     .settle_ns = now_ns,
			     .next_try_ns = now_ns};
	/* The number of tries is unknown: wait as after one, for keeper may be dying repeatedly. */
	if (c->state == HEALTH_DOWN)
		c->next_try_ns += limits->backoff_min_ms * NSEC_PER_MSEC;
}

void course_broken(struct course *c, enum errclass class, uint32_t random, uint64_t now_ns)
{
	if (!health_serves(c->state))
		return;
	caps_note(&c->breaks, (int64_t)now_ns);
	open_incident(c, class, now_ns);
	apply_event(c, HEALTH_EVENT_BREAKER_OPEN, class);
	plan_try(c, forgive(c, now_ns), random, now_ns);
}

void course_try_started(struct course *c, uint64_t now_ns)
{
	(void)now_ns;
	if (!c->trying) /* else RECOVERING would never end */
		return;
	apply_event(c, HEALTH_EVENT_START_TRY, c->class);
}

/* ---- the network ---- */

/* A network that comes back says so in some steps: link, addresses, routes. */
#define CALLS_MAX	10u
#define CALLS_WINDOW_MS 60000u
#define CALLS_HOUR_MAX	60u /* where containers come and go there is news without end */
#define CALLS_HOUR_MS	3600000u
#define CALL_LEAST_MS	50u
#define CALL_SPREAD_MS	250u
#define CALL_YOUNG_MS	1000u /* a try that young may have met the network */

static uint64_t call_ns(uint32_t random, uint64_t now_ns)
{
	return now_ns + (CALL_LEAST_MS + ((uint64_t)CALL_SPREAD_MS * random >> 32)) * NSEC_PER_MSEC;
}

static bool may_be_called(const struct course *c, uint64_t now_ns)
{
	return errclass_info(c->class)->retried &&
	       caps_count(&c->called, CALLS_WINDOW_MS, (int64_t)now_ns) < CALLS_MAX &&
	       caps_count(&c->called, CALLS_HOUR_MS, (int64_t)now_ns) < CALLS_HOUR_MAX;
}

static void bring_forward(struct course *c, uint32_t random, uint64_t now_ns)
{
	/* News without end must not keep the backoff at its beginning: that would be a try a second. */
	if (caps_count(&c->called, CALLS_WINDOW_MS, (int64_t)now_ns) == 0)
		c->doublings = 0;
	caps_note(&c->called, (int64_t)now_ns);
	c->called_meanwhile = false;
	c->next_is_called = true;
	c->next_try_ns =
	    MAX(call_ns(random, now_ns), c->down_since_ns + c->limits->confirm_ms * NSEC_PER_MSEC);
}

/* A slow login must come to its end while there is further news. */
static bool is_stale_try(const struct course *c, uint64_t now_ns)
{
	return !c->try_is_called && now_ns >= c->try_began_ns + CALL_YOUNG_MS * NSEC_PER_MSEC;
}

/* True: it was ended. */
static bool end_stale_try(struct course *c, uint64_t now_ns)
{
	if (!is_stale_try(c, now_ns))
		return false;
	emit_effect(c, COURSE_STOP_TRY);
	c->trying = false;
	if (c->state == HEALTH_RECOVERING)
		apply_event(c, HEALTH_EVENT_TRY_FAILED, c->class);
	return true;
}

bool course_called(struct course *c, uint32_t random, uint64_t now_ns)
{
	if (health_serves(c->state) || c->state == HEALTH_HELD || c->state == HEALTH_EXHAUSTED ||
	    !may_be_called(c, now_ns))
		return false;
	if (c->trying && !end_stale_try(c, now_ns)) {
		c->called_meanwhile = true;
		return false;
	}
	/* Steps of one return. */
	if (c->next_try_ns > now_ns &&
	    c->next_try_ns <= now_ns + (CALL_LEAST_MS + CALL_SPREAD_MS) * NSEC_PER_MSEC)
		return false;
	bring_forward(c, random, now_ns);
	return true;
}

void course_try_failed(struct course *c, enum errclass class, uint32_t random, uint64_t now_ns)
{
	if (!c->trying)
		return;
	c->trying = false;
	open_incident(c, class, now_ns);
	apply_event(c, HEALTH_EVENT_TRY_FAILED, class);
	c->failures++;
	c->act_failures++;
	plan_try(c, false, random, now_ns);
	if (c->called_meanwhile && may_be_called(c, now_ns))
		bring_forward(c, random, now_ns);
}

void course_proven(struct course *c, uint64_t now_ns)
{
	if (!c->trying)
		return;
	c->trying = false;
	c->served_since_ns = now_ns;
	c->settle_ns = now_ns + c->limits->probation_ms * NSEC_PER_MSEC;
	/* A plan may skip the rung that reports the start. */
	if (c->state == HEALTH_DOWN)
		apply_event(c, HEALTH_EVENT_START_TRY, c->class);
	apply_event(c, HEALTH_EVENT_PROVEN, ERRCLASS_NONE);
}

void course_probed(struct course *c, enum errclass class, uint64_t now_ns)
{
	if (!health_serves(c->state))
		return;
	if (class == ERRCLASS_NONE && course_flaps(c, now_ns) && c->state == HEALTH_DEGRADED)
		class = ERRCLASS_FLAPPING;
	apply_event(c, class == ERRCLASS_NONE ? HEALTH_EVENT_PROBE_OK : HEALTH_EVENT_PROBE_SLOW, class);
}

void course_act_refused(struct course *c)
{
	if (!c->acted_down)
		return;
	c->acted_down = false;
	c->act_refused = true;
	caps_take_back(&c->acts);
}

void course_act_again(struct course *c)
{
	if (!c->act_refused)
		return;
	c->act_refused = false;
	c->act_failures = 0;
}

void course_explained(struct course *c, enum errclass class)
{
	struct course_effect *e;

	if (health_serves(c->state) || c->state == HEALTH_HELD || class == c->class)
		return;
	c->class = class;
	e = emit_effect(c, COURSE_TRANSITION);
	e->event = HEALTH_EVENT_TRY_FAILED;
}

/* ---- an operator ---- */

static void stop_try(struct course *c)
{
	if (c->trying)
		emit_effect(c, COURSE_STOP_TRY);
	c->trying = false;
}

errint_t course_hold(struct course *c, uint64_t until_ns, uint64_t now_ns)
{
	(void)now_ns;
	c->held_until_ns = until_ns;
	if (c->state == HEALTH_HELD)
		return 0;
	stop_try(c);
	apply_event(c, HEALTH_EVENT_HOLD, ERRCLASS_HELD);
	return 0;
}

/* Earlier failures confirm nothing: nobody looked during the pause. */
static void go_on(struct course *c, uint64_t now_ns)
{
	/* held_until_ns stays: a restart that finds the backend held ends the hold. */
	c->doublings = c->short_services = c->act_failures = 0;
	c->next_try_ns = now_ns;
	apply_event(c, HEALTH_EVENT_RESUME, c->state == HEALTH_HELD ? ERRCLASS_NONE : c->class);
}

errint_t course_resume(struct course *c, uint64_t now_ns)
{
	if (c->state != HEALTH_HELD && c->state != HEALTH_EXHAUSTED)
		return -EALREADY;
	if (c->state == HEALTH_EXHAUSTED)
		memset(&c->recoveries, 0, sizeof(c->recoveries));
	go_on(c, now_ns);
	return 0;
}

errint_t course_reconnect(struct course *c, uint64_t now_ns)
{
	if (c->state == HEALTH_HELD)
		return -EBUSY;
	if (c->state == HEALTH_EXHAUSTED)
		return course_resume(c, now_ns);
	/* No outage yet: an incident needs a failed try. */
	if (health_serves(c->state))
		apply_event(c, HEALTH_EVENT_BREAKER_OPEN, ERRCLASS_NONE);
	stop_try(c);
	c->doublings = c->short_services = 0;
	c->next_try_ns = now_ns;
	/* An order needs no confirmation and uses no budget. */
	c->incident_counted = true;
	if (c->state == HEALTH_RECOVERING)
		apply_event(c, HEALTH_EVENT_TRY_FAILED, c->class);
	return 0;
}

/* ---- time ---- */

static bool settled(const struct course *c)
{
	return c->state == HEALTH_HEALTHY || c->state == HEALTH_DEGRADED;
}

static void settle_probation(struct course *c, uint64_t now_ns)
{
	if (settled(c))
		close_incident(c); /* a keeper died between */
	if (c->state != HEALTH_PROBATION || now_ns < c->settle_ns)
		return;
	apply_event(c, HEALTH_EVENT_SETTLED, ERRCLASS_NONE);
	close_incident(c);
	if (course_flaps(c, now_ns))
		apply_event(c, HEALTH_EVENT_PROBE_SLOW, ERRCLASS_FLAPPING);
}

static bool may_try(const struct course *c)
{
	return !c->trying && (c->state == HEALTH_DOWN || c->state == HEALTH_CONNECTING);
}

/* Caps count an incident's first try, but not the very first connection. */
static void begin_try(struct course *c, uint64_t now_ns)
{
	if (c->incident && !c->incident_counted) {
		if (caps_check(&c->recoveries, &c->limits->recoveries, (int64_t)now_ns) != CAPS_ALLOWED) {
			apply_event(c, HEALTH_EVENT_CAP_REACHED, c->class);
			emit_act(c, COURSE_ACT_EXHAUSTED, CAPS_ALLOWED);
			return;
		}
		caps_note(&c->recoveries, (int64_t)now_ns);
		c->incident_counted = true;
	}
	c->trying = true;
	c->try_began_ns = now_ns;
	c->try_is_called = c->next_is_called;
	c->next_is_called = c->called_meanwhile = false;
	emit_effect(c, COURSE_TRY);
}

/* A cap only delays the act. */
static bool act_wanted(const struct course *c)
{
	return c->incident && !c->acted_down && !c->act_refused && !health_serves(c->state) &&
	       c->state != HEALTH_HELD && c->act_failures >= c->limits->act_confirm_failures;
}

static uint64_t act_confirmed_ns(const struct course *c)
{
	return c->down_since_ns + c->limits->act_confirm_ms * NSEC_PER_MSEC;
}

static uint64_t act_due_ns(const struct course *c)
{
	int64_t allowed_ns = c->told_down ? caps_allowed_ns(&c->acts, &c->limits->acts) : 0;

	return MAX(act_confirmed_ns(c), (uint64_t)MAX(allowed_ns, (int64_t)0));
}

static void act_if_allowed(struct course *c, uint64_t now_ns)
{
	enum caps_verdict verdict;

	if (!act_wanted(c) || now_ns < act_confirmed_ns(c))
		return;
	verdict = caps_check(&c->acts, &c->limits->acts, (int64_t)now_ns);
	if (verdict != CAPS_ALLOWED && c->told_down)
		return;
	if (verdict == CAPS_ALLOWED) {
		caps_note(&c->acts, (int64_t)now_ns);
		c->acted_down = true;
	}
	c->told_down = true;
	emit_act(c, COURSE_ACT_DOWN, verdict);
}

uint64_t course_step(struct course *c, uint64_t now_ns)
{
	uint64_t wake = UINT64_MAX;

	if (c->state == HEALTH_HELD && c->held_until_ns && now_ns >= c->held_until_ns)
		go_on(c, now_ns);
	settle_probation(c, now_ns);
	act_if_allowed(c, now_ns);
	if (may_try(c) && now_ns >= c->next_try_ns)
		begin_try(c, now_ns);

	if (c->state == HEALTH_HELD && c->held_until_ns)
		wake = c->held_until_ns;
	if (c->state == HEALTH_PROBATION)
		wake = MIN(wake, c->settle_ns);
	if (may_try(c))
		wake = MIN(wake, c->next_try_ns);
	if (act_wanted(c))
		wake = MIN(wake, act_due_ns(c));
	return wake;
}

const char *course_obstacle(const struct course *c, uint64_t now_ns)
{
	if (c->state == HEALTH_HELD)
		return "an operator holds it: guardctl resume";
	if (c->state == HEALTH_EXHAUSTED)
		return "its budget of recoveries is used up: guardctl resume";
	if (c->trying)
		return "a try is under way";
	if (!health_serves(c->state) && c->incident && !c->incident_counted &&
	    caps_check(&c->recoveries, &c->limits->recoveries, (int64_t)now_ns) != CAPS_ALLOWED)
		return "its budget of recoveries is used up";
	return NULL;
}
