/* context.h: what all of fs needs: the core's parts (fs), and the request that this thread is working on
 * (call). Knows no operation, so that every file of fs may use it. Worker threads. */
#ifndef GUARDFS_FS_CONTEXT_H
#define GUARDFS_FS_CONTEXT_H

#define FUSE_USE_VERSION 314

#include "backend/backend.h"
#include "base/base.h"
#include "shm/arena.h"
#include "shm/slot.h"
#include <fuse_lowlevel.h>

/* ---- the core ---- */

/* Set up once by fs_init before threads, constant afterwards. */
struct fs {
	struct arena *arena;
	struct board *board;
	const struct config *config;
	int dev_fd;
	struct backend local;
	struct backend guarded[CONFIG_BACKENDS_MAX];
};

extern struct fs fs;

/* The backend a node lives on; &fs.local for local nodes. Not for virtual nodes. */
static inline struct backend *fs_backend(const struct node *node)
{
	return node->backend == NODE_LOCAL ? &fs.local : &fs.guarded[node->backend];
}

/* Cache times for what lives on b. */
double fs_cache_seconds(const struct backend *b);

/* Is a symbolic link to target neither shown nor made on b (contain_links)? The caller gets EPERM. */
bool fs_hides_link(const struct backend *b, const char *target);

/* ---- the request ---- */

/* What a route's root shows to this request: fs/view.h. */
struct call_target {
	/* object is pinned. */
	struct node *root, *object;
};

struct call {
	struct slot *slot;
	/* The request as read: struct fuse_in_header and what follows. */
	uint8_t *buffer;
	uint64_t unique;
	/* Whose request it is; 0 also where there is none. */
	uint32_t uid;
	/* Counted as an open file of uid's, but no handle yet (handle_admit). */
	bool admitted;
	/* When the request last went into a guarded backend. */
	uint64_t entered_ns;
	/* The request stays in its slot; the thread must take another. */
	bool parked;
	/* The backend for which it is parked. */
	uint32_t parked_for;
	/* enum guard_flags of its visit to a guarded backend. */
	unsigned flags;
	/* Renames that had ended on the backend when the request went in. */
	uint32_t renames;
	/* Nodes of the request, kept from being freed while it visits a guarded backend (fs/guard.c). NULL:
	 * none. */
	struct node *held[2];
	struct call_target targets[4];
	/* Passthrough: to be written into the reply of OPEN or CREATE. 0: none. */
	int32_t backing_id;
	/* CALL_DATA_SIZE bytes of this thread's own, page-aligned, for replies that carry data. */
	uint8_t *data;
};

#define CALL_DATA_SIZE (1024 * 1024)

/* This thread's call. Set up by worker/pool.c. */
extern _Thread_local struct call call;

/* Has guardian answered already (deadline passed)? Then steps that change anything must not be begun. */
static inline bool call_answered(void)
{
	return atomic_load_explicit(&call.slot->answered, memory_order_acquire) == call.unique;
}

/* Answers with an error; errors of the backend in negative form. */
static inline void fs_reply_rc(fuse_req_t req, ssize_t rc)
{
	fuse_reply_err(req, rc < 0 ? (int)-rc : 0);
}

/* The caller of a request in the backend's terms. */
struct caller fs_caller(fuse_req_t req);

#endif
