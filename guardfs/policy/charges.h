/* charges.h: how often a backend was lost over which user, and whose share of its recoveries is used up.
 * Pure: the caller passes the time (ns of any one clock; may be negative).
 *
 * The recoveries of an hour, and of a day, are shared like all else (policy/share.h): a user who has used
 * a share is refused for a while, so that others have theirs. docs/RECOVERY.md says what is charged. */
#ifndef GUARDFS_POLICY_CHARGES_H
#define GUARDFS_POLICY_CHARGES_H

#include "base/base.h"

#define CHARGES_MAX	   256		      /* remembered; the oldest is forgotten */
#define CHARGES_MIN	   3		      /* anybody may be unlucky so often */
#define CHARGES_FIRST_MS   (5u * 60u * 1000u) /* first refusal; each further one is twice as long */
#define CHARGES_LONGEST_MS (60u * 60u * 1000u)
#define CHARGES_CAP	   20 /* recoveries an hour to share where there is no cap */

struct charge {
	int64_t at_ns;
	uint32_t uid;
	/* The user was refused for it. */
	bool refused;
};

/* Zero-initialise. */
struct charges {
	/* Ring: n valid. */
	uint32_t n, next;
	struct charge of[CHARGES_MAX];
};

/* Recoveries in a window: permitted (0: no cap), and used by all users. */
struct charges_budget {
	uint32_t cap, used;
};

/* From a predecessor's memory. */
void charges_put(struct charges *charges, const struct charge *charge);

/* The backend was lost over this user, and found again. percent: user_share. Returns the ms of refusal; 0:
 * none. */
uint64_t charges_note(struct charges *charges, uint32_t uid, const struct charges_budget *hour,
		      const struct charges_budget *day, uint32_t percent, int64_t now_ns);

/* Losses over this user within the last window_ms. */
uint32_t charges_count(const struct charges *charges, uint32_t uid, uint64_t window_ms, int64_t now_ns);

#endif
