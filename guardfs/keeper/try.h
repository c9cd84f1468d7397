/* try.h: one try to get a backend back: plan, beginning, end. climb.h climbs the rungs. Keeper only. */
#ifndef GUARDFS_KEEPER_TRY_H
#define GUARDFS_KEEPER_TRY_H

#include "keeper/ladder.h"
#include "policy/errclass.h"

struct supervised;

/* The plan of a try of s that began now. */
void try_plan(const struct supervised *s, struct plan *plan);

/* For all connecting rungs together, in ms. */
uint32_t try_budget_ms(const struct supervised *s);

/* Begins a try: its plan, in s->plan and the journal, and its epoch. climb_step enters its first rung.
 * now_ns: CLOCK_MONOTONIC. */
void try_begin(struct supervised *s, uint64_t now_ns);

/* Notes why the try is about to fail; for rungs. Returns RUNG_FAILED. */
enum rung_result try_fail(struct supervised *s, enum errclass class, const char *detail);

/* Takes down whatever runs: leaves the ladder, kills sshfs, detaches its mounts, forgets the probe. Does
 * not wait. */
void try_take_down(struct supervised *s);

#endif
