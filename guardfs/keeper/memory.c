/* Knowledge that survives keeper, a line of JSON per backend. Times are CLOCK_REALTIME in seconds; a clock
 * set meanwhile only shifts the caps. */
#include "keeper/internal.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <jansson.h>
#include <stdio.h>

static void make_key(const struct supervised *s, char *key, size_t size)
{
	snprintf(key, size, "course/%s", s->config->name);
}

/* CLOCK_MONOTONIC ns to CLOCK_REALTIME seconds, and back. */
static double to_wall(int64_t at_ns, uint64_t now_ns)
{
	return ((double)clock_real_ns() - ((double)now_ns - (double)at_ns)) / 1e9;
}

static int64_t from_wall(double seconds, uint64_t now_ns)
{
	double ago_ns = (double)clock_real_ns() - seconds * 1e9;

	return (int64_t)now_ns - (int64_t)MAX(ago_ns, 0.0);
}

/* That can still count. */
static json_t *pack_times(const struct caps *caps, uint64_t now_ns)
{
	json_t *array = json_array();
	int64_t from_ns = (int64_t)now_ns - 86400 * (int64_t)NSEC_PER_SEC;

	for (uint32_t i = 0; i < caps->n; i++) {
		int64_t at_ns = caps->at_ns[(caps->next + CAPS_TIMES_MAX - caps->n + i) % CAPS_TIMES_MAX];

		if (at_ns > from_ns)
			json_array_append_new(array, json_real(to_wall(at_ns, now_ns)));
	}
	return array;
}

static json_t *pack_charges(const struct charges *charges, uint64_t now_ns)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < charges->n; i++) {
		const struct charge *c =
		    &charges->of[(charges->next + CHARGES_MAX - charges->n + i) % CHARGES_MAX];

		json_array_append_new(array, json_pack("{s:f, s:I, s:b}", "at", to_wall(c->at_ns, now_ns),
						       "uid", (json_int_t)c->uid, "refused", c->refused));
	}
	return array;
}

static void unpack_charges(const json_t *array, struct charges *charges, uint64_t now_ns)
{
	const json_t *element;
	size_t i;

	json_array_foreach(array, i, element)
	{
		const struct charge charge = {
		    .at_ns = from_wall(json_number_value(json_object_get(element, "at")), now_ns),
		    .uid = (uint32_t)json_integer_value(json_object_get(element, "uid")),
		    .refused = json_is_true(json_object_get(element, "refused"))};

		charges_put(charges, &charge);
	}
}

static void unpack_times(const json_t *array, struct caps *caps, uint64_t now_ns)
{
	const json_t *element;
	size_t i;

	json_array_foreach(array, i, element) caps_note(caps, from_wall(json_number_value(element), now_ns));
}

#define MEMBER(type, field) #field, offsetof(struct course, field), type
static const struct member {
	const char *name;
	size_t offset;
	enum member_type { NUMBER, YES_OR_NO, MOMENT } type;
} members[] = {
    {MEMBER(NUMBER, doublings)},       {MEMBER(NUMBER, short_services)},      {MEMBER(NUMBER, failures)},
    {MEMBER(NUMBER, act_failures)},    {MEMBER(YES_OR_NO, incident_counted)}, {MEMBER(YES_OR_NO, told_down)},
    {MEMBER(YES_OR_NO, acted_down)},   {MEMBER(YES_OR_NO, act_refused)},      {MEMBER(MOMENT, down_since_ns)},
    {MEMBER(MOMENT, served_since_ns)}, {MEMBER(MOMENT, next_try_ns)},	      {MEMBER(MOMENT, held_until_ns)},
};

static json_t *pack_member(const struct course *c, const struct member *m, uint64_t now_ns)
{
	const void *field = (const char *)c + m->offset;
	uint64_t moment_ns;

	switch (m->type) {
	case NUMBER:
		return json_integer(*(const uint32_t *)field);
	case YES_OR_NO:
		return json_boolean(*(const bool *)field);
	case MOMENT:
		break;
	}
	moment_ns = *(const uint64_t *)field;
	return json_real(moment_ns ? to_wall((int64_t)moment_ns, now_ns) : 0.0);
}

void memory_store(const struct supervised *s, uint64_t now_ns)
{
	const struct course *c = &s->course;
	json_t *object =
	    json_pack("{s:o, s:o, s:o, s:s, s:b, s:s, s:I, s:I}", "recoveries",
		      pack_times(&c->recoveries, now_ns), "acts", pack_times(&c->acts, now_ns), "breaks",
		      pack_times(&c->breaks, now_ns), "state", health_state_name(c->state), "hold_waits",
		      atomic_load(&s->board->hold_waits) != 0, "hold_reason", s->hold_reason, "incident",
		      (json_int_t)s->incident.id, "failed_before", (json_int_t)s->incident.failed_before);
	CLEANUP_FREE char *text = NULL;
	char key[64];

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		json_object_set_new(object, members[i].name, pack_member(c, &members[i], now_ns));
	json_object_set_new(object, "charges", pack_charges(&s->charge.charges, now_ns));
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	make_key(s, key, sizeof(key));
	if (text && s->keeper->journal)
		journal_put_memory(s->keeper->journal, key, text);
}

static uint32_t small_number(const json_t *value)
{
	json_int_t n = json_integer_value(value);

	return n > 0 && n < 1000000 ? (uint32_t)n : 0;
}

/* 0 stays 0; a moment before this clock's zero becomes its beginning; none lies a year ahead. */
static uint64_t unpack_moment(const json_t *value, uint64_t now_ns)
{
	double seconds = json_number_value(value), left_s = seconds - (double)clock_real_ns() / 1e9;
	double at_ns = (double)now_ns + left_s * 1e9;

	if (seconds <= 0 || left_s > 366 * 86400.0)
		return 0;
	return at_ns < 1 ? 1 : (uint64_t)at_ns;
}

static void unpack_member(struct course *c, const struct member *m, const json_t *value, uint64_t now_ns)
{
	void *field = (char *)c + m->offset;
	uint64_t moment_ns;

	switch (m->type) {
	case NUMBER:
		*(uint32_t *)field = small_number(value);
		return;
	case YES_OR_NO:
		*(bool *)field = json_is_true(value);
		return;
	case MOMENT:
		break;
	}
	moment_ns = unpack_moment(value, now_ns);
	if (moment_ns)
		*(uint64_t *)field = moment_ns;
}

/* Held and exhausted outlive a reboot, which empties the board. */
static void recall_state(struct supervised *s, const json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "state"));
	enum health_state state = name ? health_state_from_name(name) : HEALTH_STATE_COUNT;
	const char *reason = json_string_value(json_object_get(object, "hold_reason"));

	if (s->serving || (state != HEALTH_HELD && state != HEALTH_EXHAUSTED))
		return;
	s->course.state = state;
	if (state == HEALTH_EXHAUSTED)
		return;
	s->course.class = ERRCLASS_HELD;
	if (s->course.held_until_ns) {
		double until = json_number_value(json_object_get(object, "held_until_ns"));

		atomic_store(&s->board->held_until_real_ns, (uint64_t)(until * 1e9));
	}
	atomic_store(&s->board->hold_waits, json_is_true(json_object_get(object, "hold_waits")));
	(void)copy_string(s->hold_reason, sizeof(s->hold_reason), reason ? reason : "");
	board_set_detail(s->board, s->hold_reason);
}

/* After a restart of guardfs or the machine all is tried at once; after keeper's alone backoff goes on. */
static void recall_members(struct supervised *s, const json_t *object, uint64_t now_ns)
{
	struct course *c = &s->course;
	uint64_t next_try_ns = c->next_try_ns;
	bool first = c->state == HEALTH_CONNECTING;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		unpack_member(c, &members[i], json_object_get(object, members[i].name), now_ns);
	c->next_try_ns = first ? next_try_ns : MAX(next_try_ns, c->next_try_ns);
	/* Without its incident nothing of it counts. */
	if (!c->incident)
		c->incident_counted = c->told_down = c->act_refused = false;
}

void memory_recall(struct supervised *s, uint64_t now_ns)
{
	struct course *c = &s->course;
	const char *text;
	json_t *object;
	char key[64];

	make_key(s, key, sizeof(key));
	text = json_string_value(json_object_get(s->keeper->recalled.memory, key));
	object = text ? json_loads(text, 0, NULL) : NULL;
	if (json_is_object(object)) {
		unpack_times(json_object_get(object, "recoveries"), &c->recoveries, now_ns);
		unpack_times(json_object_get(object, "acts"), &c->acts, now_ns);
		unpack_times(json_object_get(object, "breaks"), &c->breaks, now_ns);
		unpack_charges(json_object_get(object, "charges"), &s->charge.charges, now_ns);
		recall_members(s, object, now_ns);
		recall_state(s, object);
		incident_recall_counter(
		    s, (uint64_t)json_integer_value(json_object_get(object, "incident")),
		    (uint64_t)json_integer_value(json_object_get(object, "failed_before")));
	}
	json_decref(object);
}
