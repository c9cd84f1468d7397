/* caps.h: how often something happened lately, against how often it may. Pure.
 *
 * Times are of any one clock, in ns; they may lie before its zero (history from before a reboot). */
#ifndef GUARDFS_POLICY_CAPS_H
#define GUARDFS_POLICY_CAPS_H

#include "base/base.h"

#define CAPS_TIMES_MAX 256 /* above every cap a day that can be configured */

struct caps {
	uint32_t n, next; /* ring: n valid, the oldest is overwritten */
	int64_t at_ns[CAPS_TIMES_MAX];
};

struct caps_limits {
	uint32_t per_hour, per_day; /* 0: no cap */
	uint64_t cooldown_ms;	    /* since the last one */
};

enum caps_verdict { CAPS_ALLOWED, CAPS_COOLDOWN, CAPS_HOUR, CAPS_DAY };

enum caps_verdict caps_check(const struct caps *caps, const struct caps_limits *limits, int64_t now_ns);
void caps_note(struct caps *caps, int64_t now_ns);

/* Forgets the one noted last. */
void caps_take_back(struct caps *caps);

/* How many within the last window_ms. Times after now_ns do not count: they come from a clock that was wrong,
 * and would count for years. */
uint32_t caps_count(const struct caps *caps, uint64_t window_ms, int64_t now_ns);

/* From when on caps_check allows the next one, if none is noted until then. */
int64_t caps_allowed_ns(const struct caps *caps, const struct caps_limits *limits);

/* "cooldown of 900 s", "cap of 2 an hour", ... for messages. */
void caps_describe(enum caps_verdict verdict, const struct caps_limits *limits, char *text, size_t size);

#endif
