/* Request slots: one request's bytes and all that is known about it, which guardian sees. docs/LOCKING.md has
 * the states and who changes them.
 *
 * A worker thread takes a free slot, clears `unique` in the buffer's header and reads /dev/fuse straight into
 * the buffer: at no instant is a request known to nobody. The kernel takes the first reply to a unique,
 * answers ENOENT to any other, and never reuses a unique: guardian may answer without asking.
 *
 * Worker writes the fields, those marked D before deadline_ns. Times are CLOCK_MONOTONIC. */
#ifndef GUARDFS_SHM_SLOT_H
#define GUARDFS_SHM_SLOT_H

#include "base/base.h"
#include <stdatomic.h>

#define SLOT_MAX 1024
/* The headers of a WRITE, before its data. */
#define SLOT_HEADER_SIZE  80
#define SLOT_BUFFER_SIZE  (1024 * 1024 + 64 * 1024) /* a 1 MiB WRITE with headers, in whole pages */
#define SLOT_REPLY_MAX	  256			    /* any but READ, READDIR, READLINK, GETXATTR, LISTXATTR */
#define SLOT_FALLBACK_MAX 160			    /* of LOOKUP */
#define SLOT_REPLY_BIG	  UINT32_MAX
#define SLOT_LOCAL	  0xff /* slot.backend: none */

enum slot_state {
	SLOT_FREE,
	SLOT_READING,
	SLOT_RUNNING,
	SLOT_PARKED,   /* waits in its buffer, holding no thread */
	SLOT_EXPIRING, /* guardian is answering it */
	SLOT_EXPIRED,  /* answered; worker frees it */
	SLOT_ORPHAN    /* its worker died with a task inside */
};

enum slot_park_reason {
	PARK_NONE,
	PARK_DOWN,
	PARK_FULL,
	PARK_LATE,
	PARK_VERDICT,
	PARK_RENAME,
	PARK_OWED, /* bytes owed to a file that it concerns */
	PARK_ROOM, /* room for a WRITE to be owed */
};

struct slot_thread {
	int32_t pid, tid; /* 0: none */
};

struct slot {
	_Alignas(CACHE_LINE) _Atomic uint32_t state;
	/* Generation of the worker that read it; set in READING. */
	uint32_t worker;
	/* When read(2) returned; 0 before. Guardian writes it too, if it finds 0. */
	_Atomic uint64_t read_ns;
	/* 0: none (local tier, virtual files). */
	_Atomic uint64_t deadline_ns;
	/* Listing: its last entry. */
	_Atomic uint64_t progress_ns;
	/* The unique that guardian (worker: for an interrupt) answers. Stored before the reply is written. */
	_Atomic uint64_t answered;
	/* D: Index, or SLOT_LOCAL. */
	_Atomic uint32_t backend;
	/* At entry. */
	_Atomic uint32_t epoch;
	_Atomic uint32_t inside;
	/* Stored before inside. */
	_Atomic uint64_t entered_ns;
	/* D: enum op_class. */
	uint8_t op_class;
	/* D. */
	uint8_t mutating;
	/* Stored before PARKED. */
	uint8_t park_reason;
	/* Workers that died with it. */
	uint8_t replays;
	/* Set when it begins. */
	struct slot_thread runs;
	/* The thread that ran it on the local tier when its worker died. Stored before RUNNING; cleared once
	 * the thread is gone. */
	struct slot_thread ran;
	/* After a lost connection, or a worker that was asked to go. */
	uint8_t reruns;
	/* D: May wait for the next epoch. */
	uint8_t parkable;
	/* The reply about to be recorded is the fallback, or like it. */
	uint8_t spent;
	/* D: Progress moves the deadline. */
	uint8_t listing;
	/* A verdict has been waited for. */
	uint8_t asked;
	/* Renames waited for. Worker. */
	uint8_t renames;
	/* 1: the request goes on in another slot; here is the task left inside. Next worker. */
	uint8_t moved;
	/* D: User whose share it takes. */
	uint32_t uid;
	/* D: Index of the job + 1; 0: none. */
	_Atomic uint32_t job;
	/* Index + 1; 0: none. */
	uint32_t handle;
	/* D: Key of what it changes, to order it after late tasks (fs/guard.c). */
	uint64_t target;
	/* enum append_begun of a WRITE to the end. append_from, stored before: the file's known end. */
	_Atomic uint32_t append_begun;
	uint64_t append_from;
	/* In the buffer. */
	uint32_t length;
	/* PARK_VERDICT: board_backend.verdicts waited for. */
	uint32_t park_sequence;
	/* It waits for what was acknowledged before this point (fs/behind.h; 0: not looked yet) for node
	 * owed_node. Stored before PARKED. */
	uint64_t owed_point;
	uint32_t owed_node;
	/* The reply about to be written, which outlives the worker. */
	/* 0: none yet; SLOT_REPLY_BIG: an unrecorded one is being sent. */
	_Atomic uint32_t reply_length;
	uint8_t reply[SLOT_REPLY_MAX];
	/* Lookups counted for the reply (fs/grant.h). */
	_Atomic uint32_t n_granted;
	/* D: Guardian's answer at the deadline; length 0: the configured errno. docs/INTERNALS.md,
	 * "Requests". */
	uint32_t fallback_length;
	uint8_t fallback[SLOT_FALLBACK_MAX];
};

/* Was the caller of a task inside answered, or is about to be? unique: in the buffer. Any process. */
static inline bool slot_is_late(const struct slot *slot, uint64_t unique, uint64_t now_ns)
{
	uint64_t deadline_ns = atomic_load(&slot->deadline_ns);

	return atomic_load(&slot->state) == SLOT_ORPHAN || (deadline_ns && deadline_ns <= now_ns) ||
	       (unique && atomic_load(&slot->answered) == unique);
}

/* Before the next request is read, after `unique` was cleared in the buffer. */
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
	slot->moved = 0;
	slot->reruns = 0;
	slot->park_reason = PARK_NONE;
	slot->replays = 0;
	slot->runs.tid = 0;
	slot->ran.tid = 0;
	slot->target = 0;
	slot->handle = 0;
	slot->length = 0;
	slot->fallback_length = 0;
}

#endif
