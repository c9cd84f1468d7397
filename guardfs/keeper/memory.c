/* memory.c: what must be known again after keeper's restart, one line of JSON for each backend. What it says
 * of times is CLOCK_REALTIME in seconds; a clock that was set meanwhile shifts the caps, no more. */
#include "keeper/internal.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <jansson.h>
#include <stdio.h>

static void make_key(const struct supervised *s, char *key, size_t size)
{
	snprintf(key, size, "course/%s", s->config->name);
}

/* Seconds by the wall of a moment of CLOCK_MONOTONIC, and back. */
static double to_wall(int64_t at_ns, uint64_t now_ns)
{
	return ((double)clock_real_ns() - ((double)now_ns - (double)at_ns)) / 1e9;
}

static int64_t from_wall(double seconds, uint64_t now_ns)
{
	double ago_ns = (double)clock_real_ns() - seconds * 1e9;

	return (int64_t)now_ns - (int64_t)MAX(ago_ns, 0.0);
}

/* Only those that can still count. */
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

static void unpack_times(const json_t *array, struct caps *caps, uint64_t now_ns)
{
	const json_t *element;
	size_t i;

	json_array_foreach(array, i, element) caps_note(caps, from_wall(json_number_value(element), now_ns));
}

void memory_store(const struct supervised *s, uint64_t now_ns)
{
	const struct course *c = &s->course;
	json_t *object =
	    json_pack("{s:o, s:o, s:o, s:i, s:i, s:i, s:b, s:b, s:s, s:f, s:b, s:s}", "recoveries",
		      pack_times(&c->recoveries, now_ns), "acts", pack_times(&c->acts, now_ns), "breaks",
		      pack_times(&c->breaks, now_ns), "doublings", (int)c->doublings, "short_services",
		      (int)c->short_services, "failures", (int)c->failures, "told_down", c->told_down,
		      "acted_down", c->acted_down, "state", health_state_name(c->state), "held_until",
		      c->held_until_ns ? to_wall((int64_t)c->held_until_ns, now_ns) : 0.0, "hold_waits",
		      atomic_load(&s->board->hold_waits) != 0, "hold_reason", s->hold_reason);
	CLEANUP_FREE char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	char key[64];

	json_decref(object);
	make_key(s, key, sizeof(key));
	if (text && s->keeper->journal)
		journal_put_memory(s->keeper->journal, key, text);
}

static uint32_t small_number(const json_t *object, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(object, name));

	return n > 0 && n < 1000000 ? (uint32_t)n : 0;
}

/* Held and exhausted are an operator's business: they outlive a reboot too, for which the board knows
 * nothing. */
static void recall_state(struct supervised *s, const json_t *object, uint64_t now_ns)
{
	const char *name = json_string_value(json_object_get(object, "state"));
	enum health_state state = name ? health_state_from_name(name) : HEALTH_STATE_COUNT;
	double until = json_number_value(json_object_get(object, "held_until"));
	const char *reason = json_string_value(json_object_get(object, "hold_reason"));

	if (s->serving || (state != HEALTH_HELD && state != HEALTH_EXHAUSTED))
		return;
	s->course.state = state;
	s->course.class = state == HEALTH_HELD ? ERRCLASS_HELD : s->course.class;
	if (until > 0) {
		int64_t left_ns = (int64_t)(until * 1e9 - (double)clock_real_ns());

		s->course.held_until_ns = now_ns + (uint64_t)MAX(left_ns, (int64_t)1);
		atomic_store(&s->board->held_until_real_ns, (uint64_t)(until * 1e9));
	}
	atomic_store(&s->board->hold_waits, json_is_true(json_object_get(object, "hold_waits")));
	(void)copy_string(s->hold_reason, sizeof(s->hold_reason), reason ? reason : "");
	board_set_detail(s->board, s->hold_reason);
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
	if (!json_is_object(object)) {
		json_decref(object);
		return;
	}
	unpack_times(json_object_get(object, "recoveries"), &c->recoveries, now_ns);
	unpack_times(json_object_get(object, "acts"), &c->acts, now_ns);
	unpack_times(json_object_get(object, "breaks"), &c->breaks, now_ns);
	c->doublings = MIN(small_number(object, "doublings"), 32u);
	c->short_services = small_number(object, "short_services");
	c->failures = small_number(object, "failures");
	c->told_down = json_is_true(json_object_get(object, "told_down"));
	c->acted_down = json_is_true(json_object_get(object, "acted_down"));
	recall_state(s, object, now_ns);
	json_decref(object);
}
