/* When a lone caller's reader follows it to its processor. docs/INTERNALS.md, "Following". A tick is
 * READERS_TICK_MS. */
#ifndef GUARDFS_POLICY_FOLLOW_H
#define GUARDFS_POLICY_FOLLOW_H

#include "base/base.h"

/* Requests are judged over so many ticks. */
#define FOLLOW_PERIOD_TICKS 4u
/* A period with fewer is no reason to follow. */
#define FOLLOW_REQUESTS_MIN 32u
/* At most one in so many of a lone caller's requests came from another than the one before. */
#define FOLLOW_LONE 16u
/* Longest lack of a processor in a period: half of it. */
#define FOLLOW_LACK_NS (FOLLOW_PERIOD_TICKS * 1000000u / 2)
/* A mean over so many: a program that computes takes most of one period, and leaves others alone. */
#define FOLLOW_LACKED_PERIODS 4u
/* Longest time between two looks for the caller's processor. */
#define FOLLOW_LOOK_TICKS_MAX 16u
/* Pause after the reader lacked a processor; doubled each time, up to the most. */
#define FOLLOW_PAUSE_NS	    20000000u
#define FOLLOW_PAUSE_NS_MAX 1280000000u
/* After so long without a lack the next pause is short again. */
#define FOLLOW_WELL_TICKS 64u

enum follow_step {
	FOLLOW_GO_ON,
	/* Look for the caller's processor, and follow it there. */
	FOLLOW_LOOK,
	FOLLOW_END,
};

/* The watch's. Zeroed at first. */
struct follow_state {
	bool following;
	uint32_t ticks, requests, changes; /* of the period */
	uint32_t followed_ticks;
	uint64_t lacked_ns;		    /* mean of some periods, times FOLLOW_LACKED_PERIODS */
	uint32_t look_in_ticks, look_every; /* while following */
	uint64_t pause_ns;		    /* the last one; 0: it did well since */
	uint64_t not_until_ns;
};

/* Of a tick. changes: requests from another caller than the one before. well: requests were taken, or none waited. */
struct follow_seen {
	uint32_t requests, changes;
	bool well;
	/* How long, in the period that ends now, others ran while the following reader wanted to. */
	uint64_t lacked_ns;
	uint64_t now_ns;
};

/* All but the pause begins anew. */
static inline void follow_rest(struct follow_state *s)
{
	uint64_t pause_ns = s->followed_ticks >= FOLLOW_WELL_TICKS ? 0 : s->pause_ns;

	*s = (struct follow_state){.pause_ns = pause_ns, .not_until_ns = s->not_until_ns};
}

static inline void follow_pause(struct follow_state *s, uint64_t now_ns)
{
	follow_rest(s);
	s->pause_ns = s->pause_ns ? MIN(2 * s->pause_ns, FOLLOW_PAUSE_NS_MAX) : FOLLOW_PAUSE_NS;
	s->not_until_ns = now_ns + s->pause_ns;
}

/* Does a period end with the next tick, while following? Then lacked_ns is needed. */
static inline bool follow_asks_lack(const struct follow_state *s)
{
	return s->following && s->ticks + 1 >= FOLLOW_PERIOD_TICKS;
}

/* Others run while the reader waits to. The caller may. Both counts are of one period. */
static inline uint64_t follow_lack(uint64_t reader_waited_ns, uint64_t caller_ran_ns)
{
	return reader_waited_ns - MIN(reader_waited_ns, caller_ran_ns);
}

/* After FOLLOW_LOOK. moved: to another processor. */
static inline void follow_looked(struct follow_state *s, bool follows, bool moved)
{
	if (!follows) {
		follow_rest(s);
		return;
	}
	if (!s->following) {
		follow_rest(s);
		s->following = true;
		s->look_every = 1;
	}
	s->look_every = moved ? 1 : MIN(2 * s->look_every, FOLLOW_LOOK_TICKS_MAX);
	s->look_in_ticks = s->look_every;
}

static inline bool follow_is_lone(uint32_t requests, uint32_t changes)
{
	return changes * FOLLOW_LONE <= requests;
}

/* Half of some periods; or of one that had too few requests: they are few because they waited. */
static inline bool follow_lacks(struct follow_state *s, uint64_t lacked_ns, bool few)
{
	s->lacked_ns += lacked_ns - s->lacked_ns / FOLLOW_LACKED_PERIODS;
	return s->lacked_ns > FOLLOW_LACKED_PERIODS * FOLLOW_LACK_NS || (few && lacked_ns > FOLLOW_LACK_NS);
}

static inline enum follow_step follow_judge_period(struct follow_state *s, const struct follow_seen *seen)
{
	bool few = s->requests < FOLLOW_REQUESTS_MIN;
	bool lone = !few && follow_is_lone(s->requests, s->changes);
	bool lacks = s->following && follow_lacks(s, seen->lacked_ns, few);

	if (s->following && lone && !lacks) {
		s->ticks = s->requests = s->changes = 0;
		return FOLLOW_GO_ON;
	}
	if (s->following) {
		if (lacks)
			follow_pause(s, seen->now_ns);
		else
			follow_rest(s);
		return FOLLOW_END;
	}
	if (lone && seen->now_ns >= s->not_until_ns)
		return FOLLOW_LOOK;
	follow_rest(s);
	return FOLLOW_GO_ON;
}

static inline enum follow_step follow_tick(struct follow_state *s, const struct follow_seen *seen)
{
	bool several = seen->changes > 1 && !follow_is_lone(seen->requests, seen->changes);

	if (s->following && (!seen->well || several)) {
		if (!seen->well)
			follow_pause(s, seen->now_ns);
		else
			follow_rest(s);
		return FOLLOW_END;
	}
	s->ticks++;
	s->requests += seen->requests;
	s->changes += seen->changes;
	if (s->ticks >= FOLLOW_PERIOD_TICKS) {
		enum follow_step step = follow_judge_period(s, seen);

		if (step != FOLLOW_GO_ON)
			return step;
	}
	if (!s->following)
		return FOLLOW_GO_ON;
	s->followed_ticks++;
	return --s->look_in_ticks == 0 ? FOLLOW_LOOK : FOLLOW_GO_ON;
}

#endif
