/* slot.h: request slots. A slot has one request's bytes and all that is known about it, visible to
 * guardian at any moment.
 *
 * A worker thread takes a free slot, clears `unique` in the buffer's header and reads /dev/fuse straight
 * into the buffer: at no instant is a request known to nobody. The kernel takes the first reply to a
 * unique, answers ENOENT to any other, and never reuses a unique. So guardian may answer blindly.
 *
 *   FREE -> READING -> RUNNING -> FREE         the ordinary way (worker)
 *   RUNNING -> PARKED -> RUNNING               waits in its buffer, holding no thread (worker)
 *   PARKED -> EXPIRING -> EXPIRED -> FREE      past its deadline (guardian answers; worker frees)
 *   RUNNING -> ORPHAN -> EXPIRED               the worker died with a task inside a backend (next worker;
 *                                              guardian when the task is gone)
 *
 * A RUNNING slot past its deadline stays RUNNING until its thread comes back; `answered` says that
 * guardian has replied. Buffers lie apart (arena_slot_buffer). */
#ifndef GUARDFS_SHM_SLOT_H
#define GUARDFS_SHM_SLOT_H

#include "base/base.h"
#include <stdatomic.h>

#define SLOT_MAX 1024
/* Before the data of a WRITE: struct fuse_in_header and struct fuse_write_in. */
#define SLOT_HEADER_SIZE  80
#define SLOT_BUFFER_SIZE  (1024 * 1024 + 64 * 1024) /* a 1 MiB WRITE with headers; whole pages */
#define SLOT_REPLY_MAX	  256 /* any reply but READ, READDIR, READLINK, GETXATTR, LISTXATTR */
#define SLOT_FALLBACK_MAX 160 /* a FUSE_LOOKUP reply */
#define SLOT_REPLY_BIG	  UINT32_MAX
#define SLOT_LOCAL	  0xff /* slot.backend: no guarded backend */

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
	PARK_OWED, /* bytes owed to a file that it concerns (docs/WRITEBEHIND.md) */
	PARK_ROOM, /* a WRITE: room to be owed */
};

/* A thread of a worker. */
struct slot_thread {
	int32_t pid, tid; /* tid 0: none */
};

struct slot {
	/* enum slot_state; the diagram says who changes it. */
	_Alignas(CACHE_LINE) _Atomic uint32_t state;
	/* Generation of the worker that read the request; set in READING. */
	uint32_t worker;
	/* CLOCK_MONOTONIC when read(2) returned; 0 before. Worker; guardian if it finds 0. */
	_Atomic uint64_t read_ns;
	/* CLOCK_MONOTONIC; 0: none (local tier, virtual files). Worker. */
	_Atomic uint64_t deadline_ns;
	/* Listing: CLOCK_MONOTONIC of the last entry. Worker. */
	_Atomic uint64_t progress_ns;
	/* The unique that guardian (worker: for an interrupt) has answered or is answering. Stored before
	 * the reply is written. */
	_Atomic uint64_t answered;
	/* Index of the guarded backend, or SLOT_LOCAL. Worker. */
	_Atomic uint32_t backend;
	/* Of that backend at entry. Worker. */
	_Atomic uint32_t epoch;
	/* 1: a task is inside the backend for this slot. Worker. */
	_Atomic uint32_t inside;
	/* CLOCK_MONOTONIC of the entry. Worker, before inside. */
	_Atomic uint64_t entered_ns;
	/* enum op_class. Worker, before deadline_ns. */
	uint8_t op_class;
	/* Changes something on the backend. Worker, before deadline_ns. */
	uint8_t mutating;
	/* enum slot_park_reason. Worker, before PARKED. */
	uint8_t park_reason;
	/* Workers that died with it. */
	uint8_t replays;
	/* The thread that runs it. Worker, when it begins. */
	struct slot_thread runs;
	/* The thread that ran it on the local tier when its worker died, and may be at it still. Worker, before RUNNING; cleared
	 * once the thread is gone. */
	struct slot_thread ran;
	/* Further runs, each after a lost connection or a worker that was asked to go. Worker. */
	uint8_t reruns;
	/* May wait for the next epoch. Worker, before deadline_ns. */
	uint8_t parkable;
	/* The reply about to be recorded is the fallback, or one like it. Worker. */
	uint8_t spent;
	/* The deadline goes by progress. Worker, before deadline_ns. */
	uint8_t listing;
	/* 1: a verdict has been waited for. Worker. */
	uint8_t asked;
	/* Renames waited for. Worker. */
	uint8_t renames;
	/* The user whose share it takes. Worker, before deadline_ns. */
	uint32_t uid;
	/* Index of the job + 1 (shm/job.h), or 0. Worker. */
	_Atomic uint32_t job;
	/* Index of the handle + 1, or 0. */
	uint32_t handle;
	/* Key of what it changes, to order it after late tasks (fs/guard.c). */
	uint64_t target;
	/* enum append_begun, of a WRITE to the end of a file (fs/append.c). append_from, stored before: the
	 * known end of the file. Worker. */
	_Atomic uint32_t append_begun;
	uint64_t append_from;
	/* Bytes read into the buffer. */
	uint32_t length;
	/* PARK_VERDICT: the board_backend.verdicts waited for. */
	uint32_t park_sequence;
	/* The request waits for what was acknowledged before this point (fs/behind.h; 0: not looked yet)
	 * for the node with index owed_node. Worker, before PARKED. */
	uint64_t owed_point;
	uint32_t owed_node;
	/* The reply about to be written: no result is lost when the worker dies between deciding and
	 * replying. Worker. */
	/* 0: none yet; SLOT_REPLY_BIG: an unrecorded one is being sent. */
	_Atomic uint32_t reply_length;
	uint8_t reply[SLOT_REPLY_MAX];
	/* Lookups counted for the reply (fs/grant.h). Worker. */
	_Atomic uint32_t n_granted;
	/* Guardian's answer at the deadline instead of the configured errno (length 0). A LOOKUP of a node
	 * that the kernel holds must not fail: the kernel would drop the dentry, with every mount and
	 * working directory below. Worker, before deadline_ns. */
	uint32_t fallback_length;
	uint8_t fallback[SLOT_FALLBACK_MAX];
};

/* For a slot with a task inside, whose buffer holds unique: was its caller answered, or is about to be?
 * Then its work may land on top of something newer. Any process. */
static inline bool slot_is_late(const struct slot *slot, uint64_t unique, uint64_t now_ns)
{
	uint64_t deadline_ns = atomic_load(&slot->deadline_ns);

	return atomic_load(&slot->state) == SLOT_ORPHAN || (deadline_ns && deadline_ns <= now_ns) ||
	       (unique && atomic_load(&slot->answered) == unique);
}

/* By the thread about to read the next request, after it cleared `unique` in the buffer. Other fields are
 * set before anybody looks at them. */
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
	slot->runs.tid = 0;
	slot->ran.tid = 0;
	slot->target = 0;
	slot->handle = 0;
	slot->length = 0;
	slot->fallback_length = 0;
}

#endif
