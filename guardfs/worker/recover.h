/* A dead worker's slots and unrecorded descriptors. Before threads, unless stated otherwise. */
#ifndef GUARDFS_WORKER_RECOVER_H
#define GUARDFS_WORKER_RECOVER_H

#include "base/base.h"
#include "shm/arena.h"

/* Decides for each slot: send the recorded reply; rerun the request (RUNNING, index in ready); leave it parked;
 * answer the configured errno; or nothing. An answered request that may have changed something is in ready too. A
 * task perhaps still inside keeps its slot, as ORPHAN; its request moves to another. Returns the length of ready. */
uint32_t recover_slots(struct arena *arena, uint16_t ready[SLOT_MAX]);

/* May the request, EXPIRED or an ORPHAN whose task is gone, have changed something after its caller was answered?
 * Then the slot becomes RUNNING without a unique: its runner only has the kernel ask again (fs/doubt.h). Ends
 * `inside`. */
bool recover_is_doubtful(struct slot *slot);

/* Before a change of the local tier is rerun: waits for slot->ran's end (docs/INTERNALS.md, "The worker
 * dies"). False: still there after timeout_ms, or the request was answered. The runner. */
bool recover_await_thread(struct slot *slot, unsigned timeout_ms) WARN_UNUSED;

/* Closes descriptors from FD_RESERVED up that no record names, in a thread that may hang, their numbers taken
 * until then. Leaves those that may be guardian's to recover_late_descriptors. */
void recover_descriptors(struct arena *arena);

/* The same for those, and for what stuck tasks of a dead worker opened later (docs/INTERNALS.md, "The worker
 * dies"). At every heartbeat, in one thread: begins at the first one, and when board.reaped_workers has
 * changed. now_ns: CLOCK_MONOTONIC. */
void recover_late_descriptors(struct arena *arena, uint64_t now_ns);

/* Around work of a thread that has descriptors without a record to close, and may hang: no look counts meanwhile. */
void recover_closing(bool begins);

/* A request in a slot that counted as free: a dead worker's thread took it from the kernel after this worker
 * looked. True: rerun it, from *ready. Else the slot is free. One thread, owning the slot. */
bool recover_late(struct arena *arena, struct slot *slot, uint16_t *ready);

#endif
