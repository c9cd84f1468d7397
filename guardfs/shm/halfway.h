/* Renames over sshfs that broke off halfway (docs/INTERNALS.md, "Halfway"), as they outlive a worker. Worker writes. */
#ifndef GUARDFS_SHM_HALFWAY_H
#define GUARDFS_SHM_HALFWAY_H

#include "base/base.h"
#include "config/config.h"
#include <limits.h>
#include <stdatomic.h>

/* Of one backend. */
#define HALFWAY_MAX 16u
/* Tries to finish one. */
#define HALFWAY_TRIES_MAX 3u

struct halfway_record {
	/* halfway_seal of what stands from `backend` on, stored last; 0: free, stored before the record is used
	 * again. */
	_Atomic uint64_t seal;
	/* Begun, those of dead workers included. Stored before each. */
	_Atomic uint32_t tries;
	/* Of the connection over which it broke off, or was tried last. */
	_Atomic uint32_t epoch;
	uint64_t backend;
	/* Ids of the directories, which are no views. */
	uint64_t from, to;
	/* Of the file that was to have the name. */
	uint64_t size;
	char name[NAME_MAX + 1], newname[NAME_MAX + 1];
};

struct halfway_table {
	struct halfway_record records[CONFIG_BACKENDS_MAX][HALFWAY_MAX];
};

#define HALFWAY_SEALED_FROM offsetof(struct halfway_record, backend)
_Static_assert(sizeof(struct halfway_record) == HALFWAY_SEALED_FROM + 4 * 8 + 2 * (NAME_MAX + 1),
	       "no padding, which would be sealed as well");

/* Never 0. */
static inline uint64_t halfway_seal(const struct halfway_record *r)
{
	return hash_bytes(0, (const char *)r + HALFWAY_SEALED_FROM, sizeof(*r) - HALFWAY_SEALED_FROM) | 1;
}

#endif
