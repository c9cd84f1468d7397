/* The core's parts (fs) and the present request (call). Worker threads. */
#ifndef GUARDFS_FS_CONTEXT_H
#define GUARDFS_FS_CONTEXT_H

#define FUSE_USE_VERSION 314

#include "backend/backend.h"
#include "base/base.h"
#include "base/clock.h"
#include "shm/arena.h"
#include "shm/slot.h"
#include <fuse_lowlevel.h>

/* Constant after fs_init. */
struct fs {
	struct arena *arena;
	struct board *board;
	const struct config *config;
	int dev_fd;
	struct backend local;
	struct backend guarded[CONFIG_BACKENDS_MAX];
	/* The one whose tree the whole mount shows; NULL: the local tier's. */
	struct backend *root;
	/* Called before a thread enters a guarded backend, where it may stay; or NULL. */
	void (*may_block)(void);
};

extern struct fs fs;

/* Not for virtual nodes. */
static inline struct backend *fs_backend(const struct node *node)
{
	return node->backend == NODE_LOCAL ? &fs.local : &fs.guarded[node->backend];
}

double fs_cache_seconds(const struct backend *b);

/* Is a link to target hidden on b (contain_links)? The caller then gets EPERM. */
bool fs_hides_link(const struct backend *b, const char *target);

/* A route's root and the directory that it shows to this request. */
struct call_target {
	/* Pinned. */
	struct node *root, *object;
};

struct call {
	struct slot *slot;
	/* From struct fuse_in_header on. */
	uint8_t *buffer;
	uint64_t unique;
	/* 0 also without a caller. */
	uint32_t uid;
	/* Counted as an open file, but without a handle yet. */
	bool admitted;
	/* CLOCK_MONOTONIC of the last entry. */
	uint64_t entered_ns;
	/* The request stays in its slot; the thread takes another. */
	bool parked;
	uint32_t parked_for;
	/* enum guard_flags. */
	unsigned flags;
	/* It failed, and has changed nothing on storage. */
	bool changed_nothing;
	/* renames_ended at entry (fs/guard.c). */
	uint32_t renames;
	/* Nodes kept from being freed during the visit. */
	struct node *held[2];
	struct call_target targets[4];
	/* Passthrough, for the reply of OPEN or CREATE; 0: none. */
	int32_t backing_id;
	/* CALL_DATA_SIZE page-aligned bytes for data. */
	uint8_t *data;
};

#define CALL_DATA_SIZE (1024 * 1024)

/* Set up by worker/pool.c. */
extern _Thread_local struct call call;

/* By guardian, or by worker where its caller was killed: then no change may be begun. */
static inline bool call_answered(void)
{
	return atomic_load_explicit(&call.slot->answered, memory_order_acquire) == call.unique;
}

/* Nor when its deadline is over: guardian answers just now, or, of work without a request, nobody. */
static inline bool call_is_late(void)
{
	uint64_t deadline_ns = atomic_load_explicit(&call.slot->deadline_ns, memory_order_relaxed);

	return call_answered() || (deadline_ns && clock_mono_ns() >= deadline_ns);
}

/* rc: >= 0 or -errno. */
static inline void fs_reply_rc(fuse_req_t req, ssize_t rc)
{
	fuse_reply_err(req, rc < 0 ? (int)-rc : 0);
}

/* Wakes keeper. Never blocks. */
void fs_nudge_keeper(void);

struct caller fs_caller(fuse_req_t req);

#endif
