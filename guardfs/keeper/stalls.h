/* stalls.h: jobs without progress: shows them, and acts if an operator (or a timer) asks. Keeper only. */
#ifndef GUARDFS_KEEPER_STALLS_H
#define GUARDFS_KEEPER_STALLS_H

#include "base/base.h"

struct json_t;
struct keeper;
struct stalls;

/* Recalls for which jobs on_stall was run lately; while k->recalled is valid. NULL: out of memory. */
struct stalls *stalls_start(struct keeper *k);
void stalls_stop(struct stalls *stalls);

/* Every second or so: notices time in which no job could progress. */
void stalls_tick(struct keeper *k);

/* The stalled jobs, longest first: the command's result (docs/PROTOCOL.control.md). act: runs on_stall, if
 * permitted, for the first one for which storage is not to blame. NULL: out of memory. */
struct json_t *stalls_answer(struct keeper *k, uint64_t require_s, bool act);

#endif
