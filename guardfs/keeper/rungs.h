/* The functions of a recovery's rungs (docs/RECOVERY.md). */
#ifndef GUARDFS_KEEPER_RUNGS_H
#define GUARDFS_KEEPER_RUNGS_H

#include "keeper/ladder.h"

/* Fills rungs (room for RUNG_ID_COUNT); their context is the struct supervised. Returns how many. */
unsigned rungs_of_plan(const struct plan *plan, struct rung *rungs);

#endif
