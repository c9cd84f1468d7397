/* recover.h: what a dead worker left: its slots and its unrecorded descriptors. */
#ifndef GUARDFS_WORKER_RECOVER_H
#define GUARDFS_WORKER_RECOVER_H

#include "base/base.h"
#include "shm/arena.h"

/* Decides for each slot: send the reply that was decided on; run again (its index goes to ready, state
 * RUNNING); stay parked; answer the configured errno; or nothing. (What has been answered already and can
 * have changed something goes to ready, too: not to be run, but doubted.) A task that may still be inside a
 * backend keeps its slot as ORPHAN; its request goes on in another. Returns how many are in ready. Before
 * threads. */
uint32_t recover_slots(struct arena *arena, uint16_t ready[SLOT_MAX]);

/* The slot of a request that is over (EXPIRED) or a task that is gone (ORPHAN at a start): can it have
 * changed something behind the back of a caller who has had an answer? Then it becomes RUNNING, to be handed
 * to a runner, which only raises the doubt (fs/doubt.h); its unique is none. Ends `inside`. */
bool recover_is_doubtful(struct slot *slot);

/* Closes every descriptor from FD_RESERVED up that no record in the arena names: opened by a worker that died
 * before recording it. Closing happens in a thread of its own (it may hang in a dead backend); the numbers
 * stay taken until then. Before other threads. */
void recover_descriptors(struct arena *arena);

/* The same while threads run, for what stuck tasks of a dead worker opened after the first sweep. Call at
 * every heartbeat: begins when board.reaped_workers has changed, and closes what is still unrecorded when
 * every request of that moment has ended. */
void recover_late_descriptors(struct arena *arena);

#endif
