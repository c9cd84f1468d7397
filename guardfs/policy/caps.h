/* Counts recent events against caps. Times: ns of any one clock; negative: before a reboot. */
#ifndef GUARDFS_POLICY_CAPS_H
#define GUARDFS_POLICY_CAPS_H

#include "base/base.h"

#define CAPS_TIMES_MAX 256 /* above every configurable daily cap */

struct caps {
	/* Ring of n valid entries. */
	uint32_t n, next;
	int64_t at_ns[CAPS_TIMES_MAX];
};

struct caps_limits {
	/* 0: no cap. */
	uint32_t per_hour, per_day;
	/* Since the last event. */
	uint64_t cooldown_ms;
};

enum caps_verdict { CAPS_ALLOWED, CAPS_COOLDOWN, CAPS_HOUR, CAPS_DAY };

enum caps_verdict caps_check(const struct caps *caps, const struct caps_limits *limits, int64_t now_ns);
void caps_note(struct caps *caps, int64_t now_ns);

void caps_take_back(struct caps *caps);

/* Events within window_ms. Times after now_ns come from a wrong clock and do not count. */
uint32_t caps_count(const struct caps *caps, uint64_t window_ms, int64_t now_ns);

/* When caps_check allows the next event, if none comes before. */
int64_t caps_allowed_ns(const struct caps *caps, const struct caps_limits *limits);

/* Such as "cap of 2 an hour". */
void caps_describe(enum caps_verdict verdict, const struct caps_limits *limits, char *text, size_t size);

#endif
