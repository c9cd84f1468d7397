/* charges.h: which users a backend was lost over, how often, and who has had his share of its recoveries.
 * Pure: the caller brings the time (any one clock, in ns; may lie before its zero).
 *
 * The recoveries of an hour, and of a day, are shared as all else is (policy/share.h): a user over whom a
 * backend was lost as often as his share allows is to be refused for a while, so that nobody uses up what
 * the others need. docs/RECOVERY.md says what is charged to a user, and what never is. */
#ifndef GUARDFS_POLICY_CHARGES_H
#define GUARDFS_POLICY_CHARGES_H

#include "base/base.h"

#define CHARGES_MAX	   256		      /* remembered; the oldest is forgotten */
#define CHARGES_MIN	   3		      /* anybody may be unlucky so often */
#define CHARGES_FIRST_MS   (5u * 60u * 1000u) /* refused for so long, then twice as long, ... */
#define CHARGES_LONGEST_MS (60u * 60u * 1000u)
#define CHARGES_CAP	   20 /* recoveries an hour to be shared where there is no cap */

struct charge {
	int64_t at_ns;
	uint32_t uid;
	bool refused; /* he was refused for it */
};

/* Zero-initialise. */
struct charges {
	uint32_t n, next; /* ring: n valid */
	struct charge of[CHARGES_MAX];
};

/* Recoveries in a window: how many it may have (0: no cap), how many it had, whoever they were for. */
struct charges_budget {
	uint32_t cap, used;
};

/* Adds one of before: from a predecessor's memory. */
void charges_put(struct charges *charges, const struct charge *charge);

/* The backend was lost over this user, and found again. percent: user_share. Returns for how many ms he is to
 * be refused; 0: not. */
uint64_t charges_note(struct charges *charges, uint32_t uid, const struct charges_budget *hour,
		      const struct charges_budget *day, uint32_t percent, int64_t now_ns);

/* How often it was lost over this user within the last window_ms. */
uint32_t charges_count(const struct charges *charges, uint32_t uid, uint64_t window_ms, int64_t now_ns);

#endif
