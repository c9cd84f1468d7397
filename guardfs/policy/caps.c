#include "policy/caps.h"

#include <stdio.h>

#define HOUR_MS (3600 * MSEC_PER_SEC)
#define DAY_MS	(24 * HOUR_MS)

uint32_t caps_count(const struct caps *c, uint64_t window_ms, int64_t now_ns)
{
	int64_t from_ns = now_ns - (int64_t)(window_ms * NSEC_PER_MSEC);
	uint32_t count = 0;

	for (uint32_t i = 0; i < MIN(c->n, (uint32_t)CAPS_TIMES_MAX); i++)
		count += c->at_ns[i] > from_ns && c->at_ns[i] <= now_ns;
	return count;
}

enum caps_verdict caps_check(const struct caps *c, const struct caps_limits *l, int64_t now_ns)
{
	if (l->per_day && caps_count(c, DAY_MS, now_ns) >= l->per_day)
		return CAPS_DAY;
	if (l->per_hour && caps_count(c, HOUR_MS, now_ns) >= l->per_hour)
		return CAPS_HOUR;
	if (l->cooldown_ms && caps_count(c, l->cooldown_ms, now_ns) > 0)
		return CAPS_COOLDOWN;
	return CAPS_ALLOWED;
}

/* When the nth last time (1: the last) leaves a window; INT64_MIN: there is none. */
static int64_t leaves_ns(const struct caps *c, uint32_t nth, uint64_t window_ms)
{
	if (nth == 0 || nth > MIN(c->n, (uint32_t)CAPS_TIMES_MAX))
		return INT64_MIN;
	return c->at_ns[(c->next + CAPS_TIMES_MAX - nth) % CAPS_TIMES_MAX] +
	       (int64_t)(window_ms * NSEC_PER_MSEC);
}

int64_t caps_allowed_ns(const struct caps *c, const struct caps_limits *l)
{
	int64_t at = leaves_ns(c, l->per_day, DAY_MS);

	at = MAX(at, leaves_ns(c, l->per_hour, HOUR_MS));
	return l->cooldown_ms ? MAX(at, leaves_ns(c, 1, l->cooldown_ms)) : at;
}

void caps_note(struct caps *c, int64_t now_ns)
{
	c->at_ns[c->next] = now_ns;
	c->next = (c->next + 1) % CAPS_TIMES_MAX;
	c->n += c->n < CAPS_TIMES_MAX;
}

void caps_take_back(struct caps *c)
{
	if (c->n == 0)
		return;
	c->n--;
	c->next = (c->next + CAPS_TIMES_MAX - 1) % CAPS_TIMES_MAX;
}

void caps_describe(enum caps_verdict verdict, const struct caps_limits *l, char *text, size_t size)
{
	switch (verdict) {
	case CAPS_COOLDOWN:
		snprintf(text, size, "the last one is less than %llu s ago",
			 (unsigned long long)(l->cooldown_ms / MSEC_PER_SEC));
		return;
	case CAPS_HOUR:
		snprintf(text, size, "%u within an hour are the cap", l->per_hour);
		return;
	case CAPS_DAY:
		snprintf(text, size, "%u within a day are the cap", l->per_day);
		return;
	case CAPS_ALLOWED:
		break;
	}
	snprintf(text, size, "within the caps");
}
