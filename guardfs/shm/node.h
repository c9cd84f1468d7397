/* node.h: nodes, which the kernel knows by id. They lie in the arena and survive the worker. Indexes over
 * them are the worker's private memory, rebuilt by its successor: a crash during an update damages
 * nothing.
 *
 * Id: generation << 32 | index + 1; the root has index 0 and generation 0, hence FUSE_ROOT_ID. */
#ifndef GUARDFS_SHM_NODE_H
#define GUARDFS_SHM_NODE_H

#include "base/base.h"
#include <stdatomic.h>

#define NODE_MAX    (8u << 20)
#define NODE_NONE   UINT32_MAX
#define NODE_FH_MAX 24

/* At most so many nodes of the local tier are kept after the kernel has forgotten them (fs/node_rest.c). */
#define NODE_RESTING_MAX (64u << 10)

#define NODE_LOCAL   0xff /* node.backend: the local tier */
#define NODE_VIRTUAL 0xfe /* node.backend: .guardfs and below; node.ino selects the file */

enum node_state { NODE_FREE, NODE_LIVE };

enum node_flags {
	NODE_ROUTE_ROOT = 1 << 0, /* root of a route or backend: shown even in an outage */
	NODE_UNLINKED = 1 << 1,	  /* nameless: reached through handles only */
	NODE_KNOWN = 1 << 2,	  /* attributes are from the backend, not invented */
	/* Local tier: without its last name, or about to lose it. Only the descriptor leads to it. */
	NODE_KEEPS_FD = 1 << 3,
	NODE_VIEW = 1 << 4,   /* a guarded directory as a route shows it; `object` is the directory */
	NODE_TARGET = 1 << 5, /* guarded: a route's target is, or was, resolved to or through it */
	/* On another file system mounted within the tier. The descriptor is kept for a moment only, so
	 * that the file system can be unmounted; the node is found again by parent and name. */
	NODE_MOUNTED = 1 << 6,
	/* Some of its bytes are acknowledged and not on storage (fs/behind.h). */
	NODE_BEHIND = 1 << 7,
};

/* A node's cached O_PATH descriptor, its users and its epoch in one word, changed without a lock: fd + 1
 * (0: none) << 40 | epoch (24 bits) << 16 | pins (16 bits). */
typedef _Atomic uint64_t node_fd_word;

struct node {
	/* enum node_state, stored last on creation. */
	_Atomic uint32_t state;
	/* Raised when the record is reused. */
	uint32_t generation;
	_Atomic uint64_t nlookup;
	union {
		/* Local tier, no directory: id of the directory where it was last found; 0: none. */
		_Atomic uint64_t home;
		/* Guarded, no view: CLOCK_MONOTONIC of its creation. */
		_Atomic uint64_t made_ns;
		/* NODE_VIEW: index of the directory shown, of the same backend's tree. A route's root:
		 * also version of the tier map << 32, and its own index while it has no target
		 * (fs/view.h). */
		_Atomic uint64_t object;
	};
	node_fd_word fd;
	/* Shown to callers. */
	uint64_t ino;
	/* Last known, as mtime_ns. Guarded: from any answer (fs/node.c). A file that the kernel writes by
	 * itself: from the last look (fs/jobs.c). Under the node's field lock. */
	uint64_t size;
	int64_t mtime_ns;
	uint32_t mode, uid, gid, nlink;
	/* Index or NODE_NONE. Set for directories of the local tier, its NODE_MOUNTED files, and guarded
	 * nodes; a view below a route's root has that root. */
	uint32_t parent;
	/* Name reference (shm/name.h) or 0. */
	uint32_t name;
	/* Tasks using the node, beyond the kernel's references; a new worker resets it. */
	_Atomic uint32_t pins;
	/* Nodes whose parent or object this is; a new worker recounts it. */
	_Atomic uint32_t children;
	/* The user whose share it takes. */
	uint32_t taker;
	/* FUSE passthrough; 0: none. With opens under the node's field lock. */
	int32_t backing_id;
	union {
		/* Local regular file: open handles. */
		uint32_t opens;
		/* Guarded file: epoch at its last open; 0: none (fs/open.c). */
		_Atomic uint32_t pages_epoch;
	};
	/* Index, NODE_LOCAL or NODE_VIRTUAL. */
	uint8_t backend;
	/* enum node_flags; each bit is set and cleared under its own lock. */
	_Atomic uint8_t flags;
	/* Local tier: file handle (name_to_handle_at), fh_length bytes. */
	uint8_t fh_type;
	uint8_t fh_length;
	uint8_t fh[NODE_FH_MAX];
};

_Static_assert(sizeof(struct node) <= 144, "a million nodes with names are to stay below 250 bytes each");

/* Of a view. */
static inline uint32_t node_object_index(const struct node *node)
{
	return (uint32_t)atomic_load(&node->object);
}

/* A directory below a route's root, as the route shows it: identified by root (parent) and object, without
 * a name. */
static inline bool node_is_below_route(const struct node *node)
{
	return (node->flags & (NODE_VIEW | NODE_ROUTE_ROOT)) == NODE_VIEW;
}

static inline uint64_t node_id(const struct node *node, uint32_t index)
{
	return (uint64_t)node->generation << 32 | ((uint64_t)index + 1);
}

#endif
