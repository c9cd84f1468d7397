/* recover.h: a dead worker's slots and unrecorded descriptors. */
#ifndef GUARDFS_WORKER_RECOVER_H
#define GUARDFS_WORKER_RECOVER_H

#include "base/base.h"
#include "shm/arena.h"

/* Decides for each slot: send the recorded reply; run the request again (the slot's index goes to ready,
 * its state is RUNNING); leave it parked; answer the configured errno; or nothing. An answered request
 * that may have changed something goes to ready too (recover_is_doubtful). A task that may still be inside
 * a backend keeps its slot as ORPHAN; its request moves to another slot. Returns the number of indexes in
 * ready. Before threads. */
uint32_t recover_slots(struct arena *arena, uint16_t ready[SLOT_MAX]);

/* For a slot whose request is over (EXPIRED) or whose task is gone (ORPHAN, at a start): can the request
 * have changed something after its caller was answered? Then the slot becomes RUNNING without a unique:
 * its runner only tells the kernel to ask again (fs/doubt.h). Ends `inside`. */
bool recover_is_doubtful(struct slot *slot);

/* Before a change of the local tier runs again: waits until the dead worker's thread that ran it (slot->ran)
 * is gone. SIGKILL does not end a write(2) that waits for its disk: it may still land, unseen by the second
 * run, or on top of later changes. False: the thread is there after timeout_ms, or the request was answered.
 * The thread that runs the request. */
bool recover_await_thread(struct slot *slot, unsigned timeout_ms) WARN_UNUSED;

/* Closes every descriptor from FD_RESERVED up that no record names: the dead worker had not recorded it
 * yet. A separate thread closes them, for it may hang in a dead backend; the numbers stay taken until
 * then. Before other threads. */
void recover_descriptors(struct arena *arena);

/* The same for descriptors that stuck tasks of a dead worker opened later. Every heartbeat, while threads
 * run: begins when board.reaped_workers has changed, and closes when all requests of that moment have
 * ended. */
void recover_late_descriptors(struct arena *arena);

#endif
