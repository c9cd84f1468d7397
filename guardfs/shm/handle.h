/* Open files and directories, in the arena. The kernel's fh: generation << 32 | index + 1. Worker writes all
 * fields. */
#ifndef GUARDFS_SHM_HANDLE_H
#define GUARDFS_SHM_HANDLE_H

#include "base/base.h"
#include "policy/content.h"
#include "policy/ledger.h"
#include <stdatomic.h>

#define HANDLE_MAX	(64u << 10)
#define HANDLE_TAIL_MAX 256

enum handle_state { HANDLE_FREE, HANDLE_LIVE };
enum handle_kind { HANDLE_FILE, HANDLE_DIRECTORY, HANDLE_SNAPSHOT };

enum handle_name {
	HANDLE_NAMED,
	HANDLE_UNLINKED, /* its file has no name any more */
	HANDLE_STRAY,	 /* another file in the place of its node's; only read */
};

/* A guarded file's content, where it is not storage's (fs/draft.h). */
enum handle_draft {
	DRAFT_NONE,
	DRAFT_NEW,  /* snapshot_fd: a state file's next version */
	DRAFT_KEPT, /* snapshot_fd: the version opened for reading, since replaced */
	DRAFT_END
};

/* A closed draft still to be published (fs/publish_last.h). */
enum handle_last {
	LAST_NONE,
	LAST_DUE,
	LAST_TAKEN, /* by a thread of this worker */
	LAST_END
};

/* A closed file still to be synced (fs/checkpoint.h). */
enum handle_sync {
	SYNC_NONE,
	SYNC_DUE,
	SYNC_TAKEN, /* by a thread of this worker */
	SYNC_END
};

struct handle {
	/* Stored last on creation. */
	_Atomic uint32_t state;
	uint32_t generation;
	/* Index. */
	uint32_t node;
	/* open(2) flags on the backend: never O_CREAT, O_EXCL, O_TRUNC. */
	uint32_t flags;
	/* The backend's ref, a descriptor or not (handle_is_descriptor), valid for epoch; -1: none. */
	_Atomic int32_t fd;
	_Atomic uint32_t epoch;
	/* For other writes: at the end if flags lack O_APPEND, else by offset. epoch << 32 | fd + 1, 0: none.
	 * Compare-and-swap or exchange. */
	_Atomic uint64_t other;
	/* Tasks inside; the descriptor is closed only at zero. A new worker starts at 0. */
	_Atomic uint32_t users;
	/* RELEASE has come: the last user frees it. */
	_Atomic uint32_t closing;
	/* Poisoned: positive errno of write, fsync and close from now on. */
	_Atomic int32_t error;
	/* A sync's EIO that no probe has explained yet: epoch << 32 | number of the verdict (fs/sync_failed.h); 0:
	 * none. */
	_Atomic uint64_t sync_doubt;
	/* enum handle_kind. */
	uint8_t kind;
	/* As node.backend. */
	uint8_t backend;
	/* enum handle_name; not 0: cannot be reopened, but for a stray that nobody has read. */
	uint8_t unlinked;
	/* The kernel reads and writes the file itself. */
	uint8_t passthrough;
	uint32_t uid;
	/* Counted to uid's share. */
	_Atomic uint32_t snapshot_kib;
	/* memfd of a directory's listing, a virtual file's text, or a draft; -1: none. */
	int32_t snapshot_fd;
	/* enum handle_draft. Stored after snapshot_fd. */
	_Atomic uint8_t draft;
	/* Opened as a state file: the kernel passes its pages by. */
	uint8_t is_statefile;
	/* Of a stray: a read has ended well. */
	_Atomic uint8_t stray_read;
	/* enum handle_last. */
	_Atomic uint8_t draft_last;
	/* The draft is being written in place: the file may be cut (docs/LOCKING.md). */
	_Atomic uint8_t draft_cut;
	/* enum handle_sync. */
	_Atomic uint8_t sync_last;
	/* Its file may have been removed, or another renamed over it, and nobody knows: cannot be reopened by
	 * name. */
	_Atomic uint8_t perhaps_replaced;
	/* Up to this count of changes the draft is published only if asked: its writer was killed, or a caller
	 * was, or may be, told that it was not published. 0: none. */
	_Atomic uint32_t draft_refused;
	/* Process that began the draft; 0: unknown. */
	uint32_t draft_owner;
	/* Changes of the draft, its beginning included; how many are published; how many also synced. */
	_Atomic uint32_t draft_changes, draft_published, draft_synced;
	/* Times set since the last change (ns); INT64_MIN: none. */
	_Atomic int64_t draft_mtime_ns, draft_atime_ns;
	/* Bytes of the draft that could not be written, under the draft lock; to = 0: none. */
	uint64_t draft_failed_from, draft_failed_to;
	/* CLOCK_MONOTONIC of the last close, perhaps a duplicate's; of a draft only one by its owner that left it
	 * as it was, only emptied. 0: none. */
	_Atomic uint64_t closed_ns;
	/* Instance in the name of the file being put beside it (policy/statefile.h); 0: none. */
	_Atomic uint64_t draft_beside;
	/* The version that a draft replaces: size, and mtime in ns. */
	uint64_t draft_base_size;
	int64_t draft_base_mtime_ns;
	/* Acknowledged writes not yet synced, under the ledger lock. */
	/* Least size of the file. */
	uint64_t known_end;
	uint64_t unsynced_bytes;
	/* Since when there are some, and when the last sync began (CLOCK_MONOTONIC). */
	uint64_t unsynced_since_ns, sync_began_ns;
	/* Confirmed by storage, but not synced. */
	struct ledger unsynced;
	/* The same bytes, with replay_check = content; and how far they are compared over this epoch's connection. */
	struct content content;
	struct {
		uint32_t epoch, run, sum;
		uint64_t from, to;
	} compared;
	/* One of them changed bytes that existed. */
	uint8_t overwrote;
	/* While the ledger changes (handle_mend_ledger). */
	_Atomic uint8_t ledger_changing;
	/* A close was answered with 0, and nothing was acknowledged since. */
	_Atomic uint8_t flushed;
	/* The last acknowledged append: its end (length stored last, 0: unknown), size, and request (last of
	 * all). */
	_Atomic uint16_t tail_length;
	uint8_t tail[HANDLE_TAIL_MAX];
	uint32_t appended_bytes;
	_Atomic uint64_t appended_unique;
	/* The last acknowledged WRITE that came to storage later. */
	_Atomic uint64_t taken_unique;
	/* When opened, or set back to since: the file must not be found older. */
	int64_t mtime_ns;
	/* Index of its job + 1; 0: none. */
	_Atomic uint32_t job;
};

/* A backend's refs below this are descriptors, from here on numbers of its own. */
#define HANDLE_NO_DESCRIPTOR (1 << 30)

static inline bool handle_is_descriptor(int ref)
{
	return ref >= 0 && ref < HANDLE_NO_DESCRIPTOR;
}

static inline uint64_t handle_other(uint32_t epoch, int fd)
{
	return (uint64_t)epoch << 32 | ((uint32_t)fd + 1);
}

/* -1: none. */
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
