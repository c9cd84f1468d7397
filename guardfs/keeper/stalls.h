/* Jobs without progress: shows them, and acts if an operator or a timer asks. */
#ifndef GUARDFS_KEEPER_STALLS_H
#define GUARDFS_KEEPER_STALLS_H

#include "base/base.h"

struct json_t;
struct keeper;
struct stalls;

/* Recalls recent runs of on_stall; while k->recalled is valid. NULL: out of memory. */
struct stalls *stalls_start(struct keeper *k);
void stalls_stop(struct stalls *stalls);

/* Every second or so: notes when no job could progress. */
void stalls_tick(struct keeper *k);

/* Longest first, for the command's result (docs/PROTOCOL.control.md). act: runs on_stall, if permitted, for the
 * first that storage is not to blame for. NULL: out of memory. */
struct json_t *stalls_answer(struct keeper *k, uint64_t require_s, bool act);

#endif
