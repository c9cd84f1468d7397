/* How an operation enters a guarded backend: breaker, deadline, limits, parking.
 *
 * Around every call into a backend:
 *
 * 	if (!guard_enter(req, b, OP_READ, GUARD_NONE, 0))
 * 		return;                    answered (fast error) or parked: req is gone
 * 	rc = b->ops->...;
 * 	if (!guard_leave(req, b, &rc))
 * 		return;                    parked: will be run again from its buffer; req is gone
 *
 * For the local tier both return true and do nothing. Rules: docs/INTERNALS.md; order of stores: docs/LOCKING.md. */
#ifndef GUARDFS_FS_GUARD_H
#define GUARDFS_FS_GUARD_H

#include "fs/context.h"
#include <errno.h>

enum guard_flags {
	GUARD_NONE = 0,
	/* Must not land after a newer change of its target. */
	GUARD_MUTATING = 1 << 0,
	/* WRITE, FLUSH, FSYNC: waits for the next epoch in any outage. */
	GUARD_PARKABLE = 1 << 1,
	/* Names an object that existed. If it is missing during a rename, the request waits and asks
	 * again. */
	GUARD_BY_NAME = 1 << 2,
	/* Progress moves its deadline (docs/INTERNALS.md, "A listing"). */
	GUARD_LISTING = 1 << 3,
	/* Answered from memory in an outage. */
	GUARD_RECALLS = 1 << 4,
	/* A sync that writes all of its data again: earlier errors say nothing of that. */
	GUARD_REWRITES = 1 << 5,
};

/* The object changed. GUARD_TARGET_ALL conflicts with every change. */
#define GUARD_TARGET_ALL UINT64_MAX
static inline uint64_t guard_target_node(uint32_t node)
{
	return 1ull << 33 | node;
}

/* Then the low 32 bits are the node. */
static inline bool guard_is_node_target(uint64_t target)
{
	return target >> 32 == 1ull << 1 && (uint32_t)target < NODE_MAX;
}

static inline uint64_t guard_target_name(uint32_t parent, const char *name)
{
	return hash_bytes(parent, name, strlen(name)) | 1ull << 34;
}

/* Publishes deadline and class first: guardian can answer a parked request too. */
bool guard_enter(fuse_req_t req, struct backend *b, enum op_class op_class, unsigned flags, uint64_t target);

/* guard_enter without the fast answer, which is the caller's on GUARD_DOWN. */
enum guard_result { GUARD_GO, GUARD_DOWN, GUARD_GONE /* req is gone */ };
enum guard_result guard_try(fuse_req_t req, struct backend *b, enum op_class op_class, unsigned flags,
			    uint64_t target);

/* As *rc: guardfs itself refuses. The caller gets the configured errno; the breaker hears nothing. */
#define GUARD_POISONED (-EBADFD)

/* guard_enter of a look-up, without the visit: for an answer from memory that must not succeed in an
 * outage. False: req is gone. */
bool guard_await(fuse_req_t req, struct backend *b);

/* Ends the visit. *rc (>= 0 or -errno) becomes the caller's: infrastructure errors become the configured
 * errno. False: parked to run again (docs/INTERNALS.md, "Running again"); req is gone. */
bool guard_leave(fuse_req_t req, struct backend *b, ssize_t *rc);

/* In a visit of many calls: storage has answered one begun at since_ns. Else a long visit that is alone is
 * taken for silence. */
void guard_heard(struct backend *b, uint64_t since_ns);

/* For closing without a request, in uid's share. False: breaker open, or backend full for the user. */
bool guard_enter_quietly(struct backend *b, uint64_t target, uid_t uid);
void guard_leave_quietly(struct backend *b, ssize_t rc);

/* Parks a WRITE, with its deadline, until there is room to owe it of node's file; then it runs again.
 * GUARD_DOWN: it cannot wait. */
enum guard_result guard_await_room(fuse_req_t req, struct backend *b, uint32_t node);

/* May a WRITE be acknowledged before storage has it? */
bool guard_takes_writes(const struct backend *b);

/* A visit to send or confirm owed bytes, in uid's share, by a thread with an empty RUNNING slot, with
 * op_class's deadline. */
enum guard_visit {
	VISIT_IN, /* guard_end_visit must follow */
	VISIT_DOWN,
	VISIT_LATER, /* full, or a late task on the target is inside */
};
enum guard_visit guard_visit(struct backend *b, enum op_class op_class, uint64_t target, uid_t uid);

enum guard_outcome {
	OUTCOME_KNOWN,	 /* rc is storage's answer, or GUARD_POISONED */
	OUTCOME_LOST,	 /* connection lost: do it again over another */
	OUTCOME_DOUBTED, /* an EIO for a probe to explain */
};
/* by_storage: no cache can have answered. */
enum guard_outcome guard_end_visit(struct backend *b, ssize_t rc, bool by_storage);

/* Releases all that this thread's ended or parked request held. */
void guard_end_request(void);

/* Writes that have ended on b; is another thread's inside? */
uint32_t guard_writes_ended(const struct backend *b);
/* The same of all that changes something. */
uint32_t guard_changes_ended(const struct backend *b);
/* Changes of the node's object that have ended, and some others'. */
uint32_t guard_changes_of(uint32_t node);
bool guard_is_write_inside(const struct backend *b);

/* True for the local tier. */
bool guard_breaker_is_closed(const struct backend *b);

/* A slot is run again, or expired. */
void guard_unparked(const struct slot *slot);

bool guard_may_run(const struct slot *slot);

#endif
