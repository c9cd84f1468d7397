/* slot.h: request slots. A slot has one request's bytes and all that is known about it; guardian sees both
 * at any moment.
 *
 * A worker thread takes a free slot, stores 0 to the header's `unique` and reads /dev/fuse straight into the
 * buffer. When read(2) returns, guardian sees the request: at no instant is it known to nobody. The kernel
 * takes the first reply to a unique and answers ENOENT to any other; uniques are not reused. So guardian may
 * answer blindly.
 *
 *   FREE -> READING -> RUNNING -> FREE         the ordinary way (worker)
 *   RUNNING -> PARKED -> RUNNING               waits in its buffer, holding no thread (worker)
 *   PARKED -> EXPIRING -> EXPIRED -> FREE      past its deadline: held and answered (guardian; worker frees)
 *   RUNNING -> ORPHAN -> EXPIRED               the worker died with a task still inside a backend (the next
 *                                              worker; guardian when the task is gone)
 *
 * A RUNNING slot past its deadline stays RUNNING until its thread comes back; `answered` says that guardian
 * has replied. Buffers lie apart from the slots (arena_slot_buffer). */
#ifndef GUARDFS_SHM_SLOT_H
#define GUARDFS_SHM_SLOT_H

#include "base/base.h"
#include <stdatomic.h>

#define SLOT_MAX 1024
/* What precedes the data of a WRITE: struct fuse_in_header and struct fuse_write_in. */
#define SLOT_HEADER_SIZE 80
#define SLOT_BUFFER_SIZE \
	(1024 * 1024 + 64 * 1024) /* a 1 MiB WRITE and its headers; a multiple of the page size */
#define SLOT_REPLY_MAX	  256	  /* every reply but those of READ, READDIR, READLINK, GETXATTR, LISTXATTR */
#define SLOT_FALLBACK_MAX 160	  /* a FUSE_LOOKUP reply */
#define SLOT_REPLY_BIG	  UINT32_MAX
#define SLOT_LOCAL	  0xff /* slot.backend while no guarded backend is concerned */

enum slot_state {
	SLOT_FREE,
	SLOT_READING,
	SLOT_RUNNING,
	SLOT_PARKED,
	SLOT_EXPIRING,
	SLOT_EXPIRED,
	SLOT_ORPHAN
};

enum slot_park_reason {
	PARK_NONE,
	PARK_DOWN,
	PARK_FULL,
	PARK_LATE,
	PARK_VERDICT,
	PARK_RENAME,
	PARK_OWED, /* for what is owed to storage of a file it is about (docs/WRITEBEHIND.md) */
	PARK_ROOM, /* a WRITE: for room to be owed */
};

struct slot {
	_Alignas(CACHE_LINE) _Atomic uint32_t state; /* enum slot_state; see the diagram for who changes it */
	uint32_t worker; /* generation of the worker that read it; set in READING */
	/* CLOCK_MONOTONIC when read(2) returned; 0 before. Worker; guardian if it finds 0 */
	_Atomic uint64_t read_ns;
	_Atomic uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none (local tier, virtual files). Worker */
	_Atomic uint64_t progress_ns; /* listing: CLOCK_MONOTONIC when an entry last came. Worker */
	/* The unique that guardian (worker: for an interrupt) is answering or has answered. Stored before
	 * the reply is written. */
	_Atomic uint64_t answered;
	_Atomic uint32_t backend;    /* index of the guarded backend it concerns, or SLOT_LOCAL. Worker */
	_Atomic uint32_t epoch;	     /* of that backend when it was entered. Worker */
	_Atomic uint32_t inside;     /* 1 while a task is inside the backend on behalf of this slot. Worker */
	_Atomic uint64_t entered_ns; /* CLOCK_MONOTONIC when that task went in. Worker, before inside */
	uint8_t op_class;	     /* enum op_class. Worker, before deadline_ns */
	uint8_t mutating;	     /* changes something on the backend. Worker, before deadline_ns */
	uint8_t park_reason;	     /* enum slot_park_reason. Worker, before PARKED */
	uint8_t replays;	     /* how often a worker died with it */
	/* How often the request is run again because its connection was lost or its worker was asked to go.
	 * Worker. */
	uint8_t reruns;
	uint8_t parkable;     /* may wait for the next epoch. Worker, before deadline_ns */
	uint8_t spent;	      /* the reply about to be recorded is the fallback, or one like it. Worker */
	uint8_t listing;      /* its deadline goes by progress. Worker, before deadline_ns */
	uint8_t asked;	      /* 1: a verdict has been waited for. Worker */
	uint8_t renames;      /* how often a rename has been. Worker */
	uint32_t uid;	      /* whose request it is, of which share it takes. Worker, before deadline_ns */
	_Atomic uint32_t job; /* index of the job concerned + 1 (shm/job.h), or 0. Worker */
	uint32_t handle;      /* index of the handle concerned + 1, or 0 */
	uint64_t target;      /* what it changes: key for ordering after a late task (fs/guard.c) */
	/* A WRITE to the end of a file (fs/append.c) was begun, and may have been made. append_from, stored
	 * before: the end that the file was known to have. Worker. */
	_Atomic uint32_t append_begun;
	uint64_t append_from;
	uint32_t length;	/* bytes read into the buffer */
	uint32_t park_sequence; /* PARK_VERDICT: board_backend.verdicts value waited for */
	/* A place in the order of what is owed (fs/behind.h): the request waits for what was acknowledged before.
	 * 0: nobody has looked yet. And the node (index) of which it waits for that. Worker, before PARKED. */
	uint64_t owed_point;
	uint32_t owed_node;
	/* The reply about to be written: a worker's death between deciding and replying loses no result.
	 * Worker. */
	/* 0: none yet; SLOT_REPLY_BIG: one that is not recorded is being sent */
	_Atomic uint32_t reply_length;
	uint8_t reply[SLOT_REPLY_MAX];
	_Atomic uint32_t n_granted; /* lookups counted for the reply (fs/grant.h). Worker */
	/* Guardian's answer at the deadline instead of the configured errno (length 0). A LOOKUP of a node
	 * that the kernel holds must not fail: the kernel would drop the dentry, with every mount and
	 * working directory below. Worker, before deadline_ns. */
	uint32_t fallback_length;
	uint8_t fallback[SLOT_FALLBACK_MAX];
};

/* A task is inside for the slot, whose buffer holds unique. Was its caller answered, or is about to be? Then
 * its work may land on top of something newer. Any process. */
static inline bool slot_is_late(const struct slot *slot, uint64_t unique, uint64_t now_ns)
{
	uint64_t deadline_ns = atomic_load(&slot->deadline_ns);

	return atomic_load(&slot->state) == SLOT_ORPHAN || (deadline_ns && deadline_ns <= now_ns) ||
	       (unique && atomic_load(&slot->answered) == unique);
}

/* For the next request: by the thread about to read it, which has cleared `unique` in the buffer. Fields
 * left alone here are set before anybody looks at them. */
static inline void slot_reset(struct slot *slot)
{
	atomic_store_explicit(&slot->deadline_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->read_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->backend, SLOT_LOCAL, memory_order_relaxed);
	atomic_store_explicit(&slot->reply_length, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->n_granted, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->job, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->append_begun, 0, memory_order_relaxed);
	slot->owed_point = 0;
	slot->mutating = 0;
	slot->parkable = 0;
	slot->listing = 0;
	atomic_store_explicit(&slot->progress_ns, 0, memory_order_relaxed);
	slot->spent = 0;
	slot->asked = 0;
	slot->renames = 0;
	slot->reruns = 0;
	slot->park_reason = PARK_NONE;
	slot->replays = 0;
	slot->target = 0;
	slot->handle = 0;
	slot->length = 0;
	slot->fallback_length = 0;
}

#endif
