#include "keeper/ladder.h"

unsigned ladder_rungs(const struct plan *plan, const struct rung_functions *functions, struct rung *rungs)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *step = &plan->steps[i];
		const struct rung_info *info = rung_info(step->rung);

		if (step->skipped)
			continue;
		rungs[n++] = (struct rung){.name = info->name,
					   .deadline_ms = info->connecting ? 0 : step->deadline_ms,
					   .connecting = info->connecting,
					   .poll_ms = info->poll_ms,
					   .start = functions[step->rung].start,
					   .poll = functions[step->rung].poll};
	}
	return n;
}

void ladder_begin(struct ladder *l, const struct rung *rungs, unsigned n, uint32_t budget_ms)
{
	*l = (struct ladder){
	    .rungs = rungs, .n = n, .climbing = n > 0, .budget_ns = budget_ms * NSEC_PER_MSEC};
}

static uint64_t rung_until_ns(const struct ladder *l)
{
	const struct rung *r = &l->rungs[l->at];
	uint64_t until = UINT64_MAX;

	if (r->deadline_ms)
		until = l->entered_ns + r->deadline_ms * NSEC_PER_MSEC;
	if (r->connecting)
		until = MIN(until, l->budget_until_ns);
	return until;
}

static enum rung_result enter_rung(struct ladder *l, void *context, uint64_t now_ns)
{
	const struct rung *r = &l->rungs[l->at];

	l->entered = true;
	l->entered_ns = now_ns;
	if (r->connecting && l->budget_until_ns == 0)
		l->budget_until_ns = now_ns + l->budget_ns;
	return r->start(context, now_ns);
}

static enum rung_result step_rung(struct ladder *l, void *context, uint64_t now_ns)
{
	const struct rung *r = &l->rungs[l->at];

	if (!l->entered) {
		enum rung_result first = enter_rung(l, context, now_ns);

		if (first != RUNG_WAIT)
			return first;
	}
	return r->poll ? r->poll(context, now_ns) : RUNG_WAIT;
}

static void tell_left(const struct ladder *l, void *context, enum ladder_outcome outcome, uint64_t now_ns)
{
	if (l->left)
		l->left(context, &l->rungs[l->at], outcome, (now_ns - l->entered_ns) / NSEC_PER_MSEC);
}

enum ladder_outcome ladder_step(struct ladder *l, void *context, uint64_t now_ns)
{
	if (!l->climbing)
		return LADDER_IDLE;
	for (;;) {
		enum rung_result result = step_rung(l, context, now_ns);

		if (!l->climbing) /* by the rung's function */
			return LADDER_IDLE;
		if (result == RUNG_WAIT && now_ns < rung_until_ns(l))
			return LADDER_WAITING;
		if (result != RUNG_DONE) {
			enum ladder_outcome end = result == RUNG_FAILED ? LADDER_FAILED : LADDER_EXPIRED;

			l->climbing = false;
			tell_left(l, context, end, now_ns);
			return end;
		}
		tell_left(l, context, LADDER_TOP, now_ns);
		if (l->at + 1 == l->n) {
			l->climbing = false;
			return LADDER_TOP;
		}
		l->at++;
		l->entered = false;
	}
}

uint64_t ladder_wake_ns(const struct ladder *l, uint64_t now_ns)
{
	uint64_t wake;

	if (!l->climbing)
		return UINT64_MAX;
	wake = now_ns + l->rungs[l->at].poll_ms * NSEC_PER_MSEC;
	return l->entered ? MIN(wake, rung_until_ns(l)) : now_ns;
}

const char *ladder_rung_name(const struct ladder *l)
{
	return l->n ? l->rungs[l->at].name : "none";
}

void ladder_stop(struct ladder *l)
{
	l->climbing = false;
}
