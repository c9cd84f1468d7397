/* context.h: the core's parts (fs) and the present request (call), for all of fs. Knows no operation.
 * Worker threads. */
#ifndef GUARDFS_FS_CONTEXT_H
#define GUARDFS_FS_CONTEXT_H

#define FUSE_USE_VERSION 314

#include "backend/backend.h"
#include "base/base.h"
#include "shm/arena.h"
#include "shm/slot.h"
#include <fuse_lowlevel.h>

/* ---- the core ---- */

/* Set up by fs_init before threads, then constant. */
struct fs {
	struct arena *arena;
	struct board *board;
	const struct config *config;
	int dev_fd;
	struct backend local;
	struct backend guarded[CONFIG_BACKENDS_MAX];
	/* Called by a thread that is about to enter a guarded backend, where it may stay. NULL: nobody cares. Worker
	 * (worker/readers.c). */
	void (*may_block)(void);
};

extern struct fs fs;

/* Backend of a node; &fs.local for local ones. Not for virtual nodes. */
static inline struct backend *fs_backend(const struct node *node)
{
	return node->backend == NODE_LOCAL ? &fs.local : &fs.guarded[node->backend];
}

/* Cache times on b. */
double fs_cache_seconds(const struct backend *b);

/* Is a link to target neither shown nor made on b (contain_links)? The caller gets EPERM. */
bool fs_hides_link(const struct backend *b, const char *target);

/* ---- the request ---- */

/* A route's root and the directory that it shows to this request (fs/view.h). */
struct call_target {
	/* object is pinned. */
	struct node *root, *object;
};

struct call {
	struct slot *slot;
	/* The request as read, from struct fuse_in_header on. */
	uint8_t *buffer;
	uint64_t unique;
	/* The caller; 0 also without one. */
	uint32_t uid;
	/* Counted as an open file of uid's, without a handle yet (handle_admit). */
	bool admitted;
	/* Last entry into a guarded backend. */
	uint64_t entered_ns;
	/* The request stays in its slot; the thread takes another. */
	bool parked;
	/* The backend it is parked for. */
	uint32_t parked_for;
	/* enum guard_flags of its visit. */
	unsigned flags;
	/* Renames ended on the backend at entry. */
	uint32_t renames;
	/* Nodes kept from being freed during the visit (fs/guard.c). NULL: none. */
	struct node *held[2];
	struct call_target targets[4];
	/* Passthrough: for the reply of OPEN or CREATE. 0: none. */
	int32_t backing_id;
	/* CALL_DATA_SIZE page-aligned bytes of this thread, for replies with data. */
	uint8_t *data;
};

#define CALL_DATA_SIZE (1024 * 1024)

/* This thread's. Set up by worker/pool.c. */
extern _Thread_local struct call call;

/* Has guardian answered? Then no change may be begun. */
static inline bool call_answered(void)
{
	return atomic_load_explicit(&call.slot->answered, memory_order_acquire) == call.unique;
}

/* rc: negative errno. */
static inline void fs_reply_rc(fuse_req_t req, ssize_t rc)
{
	fuse_reply_err(req, rc < 0 ? (int)-rc : 0);
}

/* Wakes keeper, which looks at the arena. Never blocks. */
void fs_nudge_keeper(void);

/* The caller in the backend's terms. */
struct caller fs_caller(fuse_req_t req);

#endif
