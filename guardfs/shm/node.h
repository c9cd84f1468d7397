/* node.h: nodes, which the kernel knows by id. They lie in the arena and survive the worker. Indexes over
 * them are the worker's private memory, rebuilt by its successor: a crash during an update damages nothing.
 *
 * Id: generation << 32 | index + 1; the root has index 0 and generation 0, hence FUSE_ROOT_ID. */
#ifndef GUARDFS_SHM_NODE_H
#define GUARDFS_SHM_NODE_H

#include "base/base.h"
#include <stdatomic.h>

#define NODE_MAX    (8u << 20)
#define NODE_NONE   UINT32_MAX
#define NODE_FH_MAX 24

/* Nodes of the local tier that are kept after the kernel has forgotten them (fs/node_rest.c), at most. */
#define NODE_RESTING_MAX (64u << 10)

#define NODE_LOCAL   0xff /* node.backend: the local tier */
#define NODE_VIRTUAL 0xfe /* node.backend: .guardfs and below; node.ino selects the file */

enum node_state { NODE_FREE, NODE_LIVE };

enum node_flags {
	NODE_ROUTE_ROOT = 1 << 0, /* the root of a route, or of a backend: shown even while that is down */
	NODE_UNLINKED = 1 << 1,	  /* has no name any more; reachable through handles only */
	NODE_KNOWN = 1 << 2,	  /* attributes below are from the backend, not invented */
	/* Local tier: about to lose, or without, its last name: only the descriptor leads to it. */
	NODE_KEEPS_FD = 1 << 3,
	NODE_VIEW = 1 << 4,   /* a guarded directory as a route shows it; `object` is the directory itself */
	NODE_TARGET = 1 << 5, /* guarded: a route's target is, or was, resolved to it or through it */
	/* Lies on another file system, mounted within its tier. Its descriptor is kept for a moment only, so
	 * that that file system can be unmounted; the node is found again by parent and name. */
	NODE_MOUNTED = 1 << 6,
	/* Bytes of it are acknowledged and not on storage yet (fs/behind.h). */
	NODE_BEHIND = 1 << 7,
};

/* A node's cached O_PATH descriptor, the number of tasks using it and its backend's epoch, in one word:
 * taken, dropped and evicted without a lock. fd + 1 (0: none) << 40 | epoch (24 bits) << 16 | pins (16
 * bits). */
typedef _Atomic uint64_t node_fd_word;

struct node {
	_Atomic uint32_t state; /* enum node_state, stored last on creation */
	uint32_t generation;	/* raised when the record is reused */
	_Atomic uint64_t nlookup;
	union {
		/* Local tier, no directory: id of the directory in which it was last found, 0: none. */
		_Atomic uint64_t home;
		_Atomic uint64_t made_ns; /* guarded, no view: when it was made, on the monotonic clock */
		/* NODE_VIEW: index of the directory itself, a node of the same backend's tree. A route's
		 * root: also version of the tier map << 32, and its own index while it has no target
		 * (fs/view.h). */
		_Atomic uint64_t object;
	};
	node_fd_word fd;
	uint64_t ino; /* shown to callers */
	/* Last known, as mtime_ns: of a guarded node by any answer (fs/node.c), of a file that the kernel
	 * writes by itself at the last look (fs/jobs.c). Under the node's lock. */
	uint64_t size;
	int64_t mtime_ns;
	uint32_t mode, uid, gid, nlink;
	/* Index or NODE_NONE. For directories of the local tier, its files with NODE_MOUNTED, and every
	 * guarded node; for a view below a route's root that root. */
	uint32_t parent;
	uint32_t name; /* name reference (shm/name.h) or 0 */
	/* tasks using the node, beyond the kernel's references; reset by a new worker */
	_Atomic uint32_t pins;
	_Atomic uint32_t children; /* nodes whose parent or object this is; recounted by a new worker */
	uint32_t taker;		   /* uid of the user for whose request it was made: it is of his share */
	int32_t backing_id;	   /* FUSE passthrough, 0: none; with opens under the node's shard lock */
	union {
		uint32_t opens; /* local regular file: open file handles */
		/* Guarded file: epoch of the backend at its last open, 0: none (fs/open.c). */
		_Atomic uint32_t pages_epoch;
	};
	uint8_t backend;       /* index, NODE_LOCAL or NODE_VIRTUAL */
	_Atomic uint8_t flags; /* enum node_flags; set and cleared bit by bit, each under another lock */
	uint8_t fh_type;       /* local tier: file handle type, fh_length bytes of fh (name_to_handle_at) */
	uint8_t fh_length;
	uint8_t fh[NODE_FH_MAX];
};

_Static_assert(sizeof(struct node) <= 144, "a million nodes with names are to stay below 250 bytes each");

/* Of a view. */
static inline uint32_t node_object_index(const struct node *node)
{
	return (uint32_t)atomic_load(&node->object);
}

/* A directory below a route's root, as the route shows it: known by root (parent) and object, without a
 * name. */
static inline bool node_is_below_route(const struct node *node)
{
	return (node->flags & (NODE_VIEW | NODE_ROUTE_ROOT)) == NODE_VIEW;
}

static inline uint64_t node_id(const struct node *node, uint32_t index)
{
	return (uint64_t)node->generation << 32 | ((uint64_t)index + 1);
}

#endif
