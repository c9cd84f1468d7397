/* call.h: the request that this thread is working on. Worker threads only. */
#ifndef GUARDFS_FS_CALL_H
#define GUARDFS_FS_CALL_H

#include "base/base.h"
#include "shm/slot.h"

struct node;

/* What a route's root shows to this request: fs/view.h. */
struct call_target {
	struct node *root, *object; /* object: pinned */
};

struct call {
	struct slot *slot;
	uint8_t *buffer; /* the request as read: struct fuse_in_header and what follows */
	uint64_t unique;
	uint32_t uid;	      /* whose request it is; 0 also where there is none */
	bool admitted;	      /* counted as an open file of uid's, and not one yet (handle_admit) */
	uint64_t entered_ns;  /* when it last went into a guarded backend */
	bool parked;	      /* the request stays in its slot; the thread must take another */
	uint32_t parked_for;  /* for which backend */
	unsigned flags;	      /* enum guard_flags of its visit to a guarded backend */
	uint32_t renames;     /* that had ended on the backend when it went in */
	struct node *held[2]; /* nodes of the request, kept from being freed while it visits a guarded
				 backend (fs/guard.c); NULL: none */
	struct call_target targets[4];
	int32_t backing_id; /* passthrough: to be written into the reply of OPEN or CREATE; 0: none */
	uint8_t
	    *data; /* page-aligned, CALL_DATA_SIZE bytes of this thread's own, for replies that carry data */
};

#define CALL_DATA_SIZE (1024 * 1024)

/* This thread's call. Set up by worker/pool.c. */
extern _Thread_local struct call call;

/* Has guardian answered already (deadline passed)? Then steps that change anything must not be begun. */
static inline bool call_answered(void)
{
	return atomic_load_explicit(&call.slot->answered, memory_order_acquire) == call.unique;
}

#endif
