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
 * For the local tier both return true and do nothing. Worker threads. docs/ARCHITECTURE.md has the rules
 *behind it. */
#ifndef GUARDFS_FS_GUARD_H
#define GUARDFS_FS_GUARD_H

#include "fs/context.h"
#include <errno.h>

enum guard_flags {
	GUARD_NONE = 0,
	GUARD_MUTATING =
	    1 << 0, /* changes something: must not land after a newer change of the same target */
	GUARD_PARKABLE = 1 << 1, /* WRITE, FLUSH, FSYNC on an open handle: waits for the next epoch while the
				    backend is down */
	GUARD_BY_NAME = 1 << 2,	 /* of something that was there: that it is missing is not believed while a
				    rename is inside, but asked again after it */
	GUARD_LISTING = 1 << 3,	 /* its deadline goes by progress: see docs/ARCHITECTURE.md */
	GUARD_RECALLS = 1 << 4,	 /* while the backend is down, its caller is answered from memory and need
				    not wait */
};

/* Keys for GUARD_MUTATING: what is changed. GUARD_TARGET_ALL conflicts with every other change on the
 * backend. */
#define GUARD_TARGET_ALL UINT64_MAX
static inline uint64_t guard_target_node(uint32_t node)
{
	return 1ull << 33 | node;
}

static inline uint64_t guard_target_name(uint32_t parent, const char *name)
{
	return hash_bytes(parent, name, strlen(name)) | 1ull << 34;
}

/* See above. deadline and op class are published before anything else, so that guardian can answer for a
 * parked request too. */
bool guard_enter(fuse_req_t req, struct backend *b, enum op_class op_class, unsigned flags, uint64_t target);

/* guard_enter in which the caller gives the fast answer itself. */
enum guard_result { GUARD_GO, GUARD_DOWN, GUARD_GONE /* parked or answered: req is gone */ };
enum guard_result guard_try(fuse_req_t req, struct backend *b, enum op_class op_class, unsigned flags,
			    uint64_t target);

/* As *rc: not the backend's answer, but ours (the handle is poisoned, or the request was answered meanwhile).
 * The caller gets the configured errno, the breaker hears nothing. */
#define GUARD_POISONED (-EBADFD)

/* For what asks storage nothing, but must not succeed while it is away: as guard_enter of a look-up, without
 * the visit. False: answered or parked, req is gone. */
bool guard_await(fuse_req_t req, struct backend *b);

/* Ends the visit. *rc (>= 0 or -errno) becomes what the caller may see: infrastructure errors become the
 * configured errno. Returns false if the request was parked to be run again (it hit a connection error, or a
 * doubtful EIO, and is parkable, or the outage is young and it may run twice: wire_may_run_again; or
 * GUARD_BY_NAME). What a change that is run again had done before is for its operation to find: fs/again.h.
 */
bool guard_leave(fuse_req_t req, struct backend *b, ssize_t *rc);

/* Like guard_enter without a request to answer: for work nobody waits for (closing), of this user's share.
 * Returns false if the breaker is open or the backend is full for him. */
bool guard_enter_quietly(struct backend *b, uint64_t target, uid_t uid);
void guard_leave_quietly(struct backend *b, ssize_t rc);

/* The request that this thread has run is over (or parked): nothing of it is needed any more. worker/pool.c.
 */
void guard_end_request(void);

/* How many writes have ended on b; and is one inside, other than this thread's? */
uint32_t guard_writes_ended(const struct backend *b);
bool guard_is_write_inside(const struct backend *b);

/* Is the breaker of b closed? True for the local tier. */
bool guard_breaker_is_closed(const struct backend *b);

/* Accounts for a slot that is no longer parked (run again, or expired). worker/pool.c. */
void guard_unparked(const struct slot *slot);

/* May a parked slot run now? worker/pool.c asks for each. */
bool guard_may_run(const struct slot *slot);

#endif
