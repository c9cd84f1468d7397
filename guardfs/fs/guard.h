/* guard.h: how an operation enters a guarded backend: breaker, deadline, in-flight limit, fencing, parking.
 *
 * Around every call into a backend:
 *
 *	if (!guard_enter(req, b, OP_READ, GUARD_NONE, 0))
 *		return;                    answered (fast error) or parked: req is gone
 *	rc = b->ops->...;
 *	if (!guard_leave(req, b, &rc))
 *		return;                    parked: will be run again from its buffer; req is gone
 *
 * For the local tier both return true and do nothing. Worker threads. Rules: docs/INTERNALS.md. */
#ifndef GUARDFS_FS_GUARD_H
#define GUARDFS_FS_GUARD_H

#include "fs/context.h"
#include <errno.h>

enum guard_flags {
	GUARD_NONE = 0,
	/* Changes something: must not land after a newer change of its target. */
	GUARD_MUTATING = 1 << 0,
	/* WRITE, FLUSH, FSYNC on an open handle: waits for the next epoch in an outage. */
	GUARD_PARKABLE = 1 << 1,
	/* Names an object that existed. If it is missing while a rename is inside, the request waits for
	 * the rename and asks again. */
	GUARD_BY_NAME = 1 << 2,
	/* Its deadline goes by progress: docs/INTERNALS.md, "A listing". */
	GUARD_LISTING = 1 << 3,
	/* In an outage it is answered from memory, at once. */
	GUARD_RECALLS = 1 << 4,
};

/* The object changed, for GUARD_MUTATING. GUARD_TARGET_ALL conflicts with every change on the backend. */
#define GUARD_TARGET_ALL UINT64_MAX
static inline uint64_t guard_target_node(uint32_t node)
{
	return 1ull << 33 | node;
}

/* Of guard_target_node? Then the low 32 bits are the node. */
static inline bool guard_is_node_target(uint64_t target)
{
	return target >> 32 == 1ull << 1 && (uint32_t)target < NODE_MAX;
}

static inline uint64_t guard_target_name(uint32_t parent, const char *name)
{
	return hash_bytes(parent, name, strlen(name)) | 1ull << 34;
}

/* See above. Publishes deadline and class first: guardian can answer a parked request too. */
bool guard_enter(fuse_req_t req, struct backend *b, enum op_class op_class, unsigned flags, uint64_t target);

/* guard_enter whose caller gives the fast answer. */
enum guard_result { GUARD_GO, GUARD_DOWN, GUARD_GONE /* parked or answered: req is gone */ };
enum guard_result guard_try(fuse_req_t req, struct backend *b, enum op_class op_class, unsigned flags,
			    uint64_t target);

/* As *rc: guardfs itself refuses (poisoned handle, answered request). The caller gets the configured
 * errno; the breaker hears nothing. */
#define GUARD_POISONED (-EBADFD)

/* For an operation without storage's answer that must not succeed in an outage: a look-up's guard_enter,
 * without the visit. False: answered or parked, req is gone. */
bool guard_await(fuse_req_t req, struct backend *b);

/* Ends the visit. *rc (>= 0 or -errno) becomes the caller's: infrastructure errors become the configured
 * errno. False: parked to run again, after a connection error or a doubtful EIO, if parkable, or if the
 * outage is young and two runs do no harm (wire_may_run_again); or for GUARD_BY_NAME. The operation finds
 * out what its first run changed: fs/again.h. */
bool guard_leave(fuse_req_t req, struct backend *b, ssize_t *rc);

/* For work without a request (closing), from this user's share. False: the breaker is open, or the backend
 * is full for the user. */
bool guard_enter_quietly(struct backend *b, uint64_t target, uid_t uid);
void guard_leave_quietly(struct backend *b, ssize_t rc);

/* Parks a WRITE for room to be owed of node's file (fs/behind.h), with a write's deadline; then it runs
 * again. GUARD_GONE; or GUARD_DOWN: it cannot wait, and the caller answers. */
enum guard_result guard_await_room(fuse_req_t req, struct backend *b, uint32_t node);

/* May a WRITE be acknowledged before storage has it? Not while writes are refused. */
bool guard_takes_writes(const struct backend *b);

/* A visit without a request (of uid's share), by a thread with its own slot (empty, RUNNING) and
 * op_class's deadline: to write, or confirm, what is owed. */
enum guard_visit {
	VISIT_IN, /* guard_end_visit must follow */
	VISIT_DOWN,
	VISIT_LATER, /* the backend is full, or a late task on the same target is inside */
};
enum guard_visit guard_visit(struct backend *b, enum op_class op_class, uint64_t target, uid_t uid);

enum guard_outcome {
	OUTCOME_KNOWN,	 /* *rc is storage's answer, or (GUARD_POISONED) guardfs's */
	OUTCOME_LOST,	 /* connection lost: do it again over another */
	OUTCOME_DOUBTED, /* an EIO that a probe is to explain */
};
/* by_storage: storage itself must have answered if it took its time. */
enum guard_outcome guard_end_visit(struct backend *b, ssize_t rc, bool by_storage);

/* This thread's request is over (or parked): releases all that it held. worker/pool.c. */
void guard_end_request(void);

/* Writes that have ended on b. Is another than this thread's inside? */
uint32_t guard_writes_ended(const struct backend *b);
bool guard_is_write_inside(const struct backend *b);

/* True for the local tier. */
bool guard_breaker_is_closed(const struct backend *b);

/* A slot is no longer parked (run again, or expired). worker/pool.c. */
void guard_unparked(const struct slot *slot);

/* May a parked slot run now? worker/pool.c asks. */
bool guard_may_run(const struct slot *slot);

#endif
