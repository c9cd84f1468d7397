/* handle.h: open files and directories. Lies in the arena; fh given to the kernel: generation << 32 | index
 * + 1. */
#ifndef GUARDFS_SHM_HANDLE_H
#define GUARDFS_SHM_HANDLE_H

#include "base/base.h"
#include <stdatomic.h>

#define HANDLE_MAX	(64u << 10)
#define HANDLE_TAIL_MAX 256

enum handle_state { HANDLE_FREE, HANDLE_LIVE };
enum handle_kind { HANDLE_FILE, HANDLE_DIRECTORY, HANDLE_SNAPSHOT };

/* Does its node's name lead to its file? */
enum handle_name {
	HANDLE_NAMED,
	HANDLE_UNLINKED, /* the file has lost its last name */
	HANDLE_STRAY,	 /* the file is not that of its node, in whose place it was found; it is only read */
};

struct handle {
	_Atomic uint32_t state; /* stored last on creation */
	uint32_t generation;
	/* index; the node stays live as long as the handle does (pinned by opens of the kernel) */
	uint32_t node;
	uint32_t flags;	    /* open(2) flags as used on the backend: never O_CREAT, O_EXCL, O_TRUNC */
	_Atomic int32_t fd; /* descriptor, valid for epoch; -1: none (to be found again, or never needed) */
	_Atomic uint32_t epoch;
	/* The descriptor that writes the other way: at the end if flags lack O_APPEND, by offset if they
	 * have it. Opened at the first such write, valid for its epoch. One word, changed by
	 * compare-and-swap or exchange: epoch << 32 | fd + 1, 0: none. */
	_Atomic uint64_t other;
	/* tasks inside; the descriptor is closed only at zero. Reset by a new worker */
	_Atomic uint32_t users;
	_Atomic uint32_t closing; /* RELEASE has come; the last user frees */
	/* Poisoned: the (positive) errno of write, fsync and close until it is closed. 0: fine. */
	_Atomic int32_t error;
	uint8_t kind;		       /* enum handle_kind */
	uint8_t backend;	       /* as node.backend */
	uint8_t unlinked;	       /* enum handle_name: not 0: not to be found again after a reconnect */
	uint8_t passthrough;	       /* the kernel reads and writes the backing file by itself */
	uint32_t uid;		       /* who opened it */
	_Atomic uint32_t snapshot_kib; /* counted as uid's for snapshot_fd: a directory's listing */
	int32_t snapshot_fd; /* memfd with a directory's listing or a virtual file's text, -1: none */
	/* Ledger of acknowledged writes not yet synced; under the handle's ledger lock (fs/handle_ledger.c).
	 */
	uint64_t known_end; /* size that the file must have at least, by what was acknowledged */
	uint64_t unsynced_bytes;
	uint8_t overwrote; /* an unsynced acknowledged write did not merely extend the file */
	/* The last acknowledged append: its end (length stored last, 0: unknown), its size, and its request,
	 * stored after the rest of the ledger: a second run of that request need not look. */
	_Atomic uint16_t tail_length;
	uint8_t tail[HANDLE_TAIL_MAX];
	uint32_t appended_bytes;
	_Atomic uint64_t appended_unique;
	/* The last WRITE through it that was acknowledged and has come to storage later (fs/behind.c). */
	_Atomic uint64_t taken_unique;
	int64_t mtime_ns;     /* of the file when last seen by this handle */
	_Atomic uint32_t job; /* index of the job it belongs to + 1 (shm/job.h), 0: none */
};

static inline uint64_t handle_other(uint32_t epoch, int fd)
{
	return (uint64_t)epoch << 32 | ((uint32_t)fd + 1);
}

/* The descriptor in handle.other, of whatever epoch, or -1. */
static inline int handle_other_fd(uint64_t other)
{
	return (int)(uint32_t)other - 1;
}

static inline uint32_t handle_other_epoch(uint64_t other)
{
	return (uint32_t)(other >> 32);
}

static inline uint64_t handle_id(const struct handle *h, uint32_t index)
{
	return (uint64_t)h->generation << 32 | ((uint64_t)index + 1);
}

#endif
