/* Nodes, which the kernel knows by id: generation << 32 | index + 1. The root has 0 and 0, hence
 * FUSE_ROOT_ID. Worker writes all fields. */
#ifndef GUARDFS_SHM_NODE_H
#define GUARDFS_SHM_NODE_H

#include "base/base.h"
#include <stdatomic.h>

#define NODE_MAX    (8u << 20)
#define NODE_NONE   UINT32_MAX
#define NODE_FH_MAX 24

/* Nodes kept after the kernel has forgotten them (fs/node_rest.c). */
#define NODE_RESTING_MAX (64u << 10)

#define NODE_LOCAL   0xff
#define NODE_VIRTUAL 0xfe /* .guardfs and below; node.ino selects the file */

/* One more name than a node has itself is a record of its own (docs/INTERNALS.md, "Several names"). */
enum node_state {
	NODE_FREE,
	NODE_LIVE,
	NODE_NAME, /* of the file `object` */
	/* The same, while it and the node's own name change places (node_settle_name). */
	NODE_NAME_MOVING,
};

/* Of one file. Beyond, a name is a file of its own. */
#define NODE_NAMES_MAX 1000u

enum node_flags {
	NODE_ROUTE_ROOT = 1 << 0, /* of a route or backend: shown even in an outage */
	NODE_UNLINKED = 1 << 1,	  /* reached through handles only */
	NODE_KNOWN = 1 << 2,	  /* attributes came from the backend */
	/* Local, without its last name or about to lose it: only the descriptor leads to it. */
	NODE_KEEPS_FD = 1 << 3,
	NODE_VIEW = 1 << 4,   /* a guarded directory as a route shows it; `object` is the directory */
	NODE_TARGET = 1 << 5, /* guarded: on the way of a route's target */
	/* On a file system mounted within the tier: the descriptor is kept only briefly (docs/INTERNALS.md,
	 * "Nodes"). */
	NODE_MOUNTED = 1 << 6,
	/* Some bytes are acknowledged and not on storage. */
	NODE_BEHIND = 1 << 7,
};

/* The cached O_PATH descriptor: fd + 1 (0: none) << 40 | epoch (24 bits) << 16 | pins (16 bits). */
typedef _Atomic uint64_t node_fd_word;

struct node {
	/* Stored last on creation. */
	_Atomic uint32_t state;
	/* Raised at reuse. */
	uint32_t generation;
	_Atomic uint64_t nlookup;
	union {
		/* Local, no directory: id of the directory where it was last found; 0: none. */
		_Atomic uint64_t home;
		/* Guarded, no view: CLOCK_MONOTONIC of its creation. */
		_Atomic uint64_t made_ns;
		/* NODE_VIEW: index of the directory shown. A route's root: also tier map version << 32, and
		 * its own index while it has no target (fs/view.h). NODE_NAME: index of the file's node. */
		_Atomic uint64_t object;
	};
	node_fd_word fd;
	uint64_t ino;
	/* As last answered by the backend; of a passthrough file as last seen (fs/jobs.c). Under the field lock. */
	union {
		uint64_t size;
		/* NODE_NAME_MOVING: what `place` is to become. */
		uint64_t next_place;
	};
	int64_t mtime_ns;
	uint32_t mode, uid, gid, nlink;
	union {
		struct {
			/* Index or NODE_NONE. Set for local directories, NODE_MOUNTED files and guarded nodes;
			 * a view below a route's root has that root. */
			uint32_t parent;
			/* Reference or 0. */
			uint32_t name;
		};
		/* Both at once. */
		_Atomic uint64_t place;
	};
	/* Tasks using the node; a new worker starts at 0. */
	_Atomic uint32_t pins;
	/* Nodes whose parent or object this is; a new worker recounts. */
	_Atomic uint32_t children;
	/* User whose share it takes. */
	uint32_t taker;
	/* FUSE passthrough; 0: none. Under the field lock, as opens. */
	int32_t backing_id;
	union {
		/* Open handles of a local regular file. */
		uint32_t opens;
		/* Guarded file: epoch at its last open; 0: none. */
		_Atomic uint32_t pages_epoch;
	};
	/* Index, NODE_LOCAL or NODE_VIRTUAL. */
	uint8_t backend;
	/* Each bit of enum node_flags has its own lock. */
	_Atomic uint8_t flags;
	/* Local: name_to_handle_at(2). */
	uint8_t fh_type;
	uint8_t fh_length;
	union {
		uint8_t fh[NODE_FH_MAX];
		/* Guarded. */
		struct {
			/* Further names: how many, and the index of the first, or of the next one; NODE_NONE. Counted
			 * and chained again by a new worker; under tree_lock. */
			_Atomic uint32_t others, other;
			/* The directory from which a name was removed last; NODE_NONE. */
			_Atomic uint32_t left;
		};
	};
};

_Static_assert(sizeof(struct node) <= 144, "a million nodes with names are to stay below 250 bytes each");

static inline uint32_t node_object_index(const struct node *node)
{
	return (uint32_t)atomic_load(&node->object);
}

/* Identified by root (parent) and object, without a name. */
static inline bool node_is_below_route(const struct node *node)
{
	return (node->flags & (NODE_VIEW | NODE_ROUTE_ROOT)) == NODE_VIEW;
}

static inline bool node_is_name(const struct node *record)
{
	uint32_t state = atomic_load(&record->state);

	return state == NODE_NAME || state == NODE_NAME_MOVING;
}

/* Known names of a file, or 1. */
static inline uint32_t node_names(const struct node *node)
{
	return node->backend < NODE_VIRTUAL ? 1 + atomic_load(&node->others) : 1;
}

/* Completes what a dead worker had begun. file: the node of name. */
static inline void node_settle_name(const struct node *file, struct node *name)
{
	if (atomic_load(&name->state) != NODE_NAME_MOVING)
		return;
	if (atomic_load(&file->place) == atomic_load(&name->place))
		atomic_store(&name->place, name->next_place);
	atomic_store(&name->state, NODE_NAME);
}

static inline uint64_t node_id(const struct node *node, uint32_t index)
{
	return (uint64_t)node->generation << 32 | ((uint64_t)index + 1);
}

#endif
