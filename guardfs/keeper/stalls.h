/* stalls.h: jobs without progress: named, and acted upon when an operator (or a timer of theirs) asks for it.
 * Keeper only. */
#ifndef GUARDFS_KEEPER_STALLS_H
#define GUARDFS_KEEPER_STALLS_H

#include "base/base.h"

struct json_t;
struct keeper;
struct stalls;

/* Recalls from the journal for which jobs on_stall was run lately; while k->recalled is valid. NULL: memory
 * is short. */
struct stalls *stalls_start(struct keeper *k);
void stalls_stop(struct stalls *stalls);

/* Every second or so: notices time in which nobody could make progress. */
void stalls_tick(struct keeper *k);

/* The stalled jobs, the one stalled longest first: the result of the command (docs/PROTOCOL.control.md). act:
 * runs on_stall for the first of them for which storage is not to blame, if that may be. NULL: memory is
 * short. */
struct json_t *stalls_answer(struct keeper *k, uint64_t require_s, bool act);

#endif
