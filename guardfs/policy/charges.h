/* Users over whom a backend was lost (docs/RECOVERY.md, "Whose outage"). Zero-initialise. Times: ns of any
 * one clock, perhaps negative. */
#ifndef GUARDFS_POLICY_CHARGES_H
#define GUARDFS_POLICY_CHARGES_H

#include "base/base.h"

#define CHARGES_MAX	   256		      /* the oldest is forgotten */
#define CHARGES_MIN	   3		      /* so many losses cause no refusal */
#define CHARGES_FIRST_MS   (5u * 60u * 1000u) /* doubles with each further refusal */
#define CHARGES_LONGEST_MS (60u * 60u * 1000u)
#define CHARGES_CAP	   20 /* hourly recoveries to share without a cap */

struct charge {
	int64_t at_ns;
	uint32_t uid;
	bool refused;
};

struct charges {
	/* Ring of n valid entries. */
	uint32_t n, next;
	struct charge of[CHARGES_MAX];
};

/* Recoveries in a window. cap 0: no cap. used: by all users. */
struct charges_budget {
	uint32_t cap, used;
};

/* Restores a charge from a predecessor's memory. */
void charges_put(struct charges *charges, const struct charge *charge);

/* The backend was lost over uid and came back. percent: user_share. Returns the refusal in ms; 0: none. */
uint64_t charges_note(struct charges *charges, uint32_t uid, const struct charges_budget *hour,
		      const struct charges_budget *day, uint32_t percent, int64_t now_ns);

uint32_t charges_count(const struct charges *charges, uint32_t uid, uint64_t window_ms, int64_t now_ns);

#endif
