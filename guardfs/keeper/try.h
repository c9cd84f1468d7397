/* One try to get a backend back: plan, beginning, end. */
#ifndef GUARDFS_KEEPER_TRY_H
#define GUARDFS_KEEPER_TRY_H

#include "keeper/ladder.h"
#include "policy/errclass.h"

struct supervised;

/* The plan of a try that began now. */
void try_plan(const struct supervised *s, struct plan *plan);

/* For all connecting rungs, in ms. */
uint32_t try_budget_ms(const struct supervised *s);

/* Makes the plan, in s->plan and the journal, and the epoch. climb_step enters the first rung. */
void try_begin(struct supervised *s, uint64_t now_ns);

/* Notes why the try is about to fail. Returns RUNG_FAILED. */
enum rung_result try_fail(struct supervised *s, enum errclass class, const char *detail);

/* Leaves the ladder, kills the transport, detaches its mounts, forgets the probe. Does not wait. */
void try_take_down(struct supervised *s);

#endif
