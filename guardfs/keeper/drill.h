/* drill.h: trouble made on purpose, for a time, on one backend. Keeper only. */
#ifndef GUARDFS_KEEPER_DRILL_H
#define GUARDFS_KEEPER_DRILL_H

#include "base/base.h"
#include <sys/types.h>

struct supervised;

enum drill_kind {
	DRILL_NONE,
	DRILL_HANG,	   /* its sshfs and ssh are stopped, new ones too */
	DRILL_DROP,	   /* they are killed, new ones too */
	DRILL_AUTH,	   /* killed once; new ones offer no key */
	DRILL_SLOW,	   /* the fault filter delays everything by 3 s */
	DRILL_FULL,	   /* the fault filter answers writes with ENOSPC */
	DRILL_WORKER_KILL, /* worker is killed, once */
	DRILL_KEEPER_KILL, /* keeper kills itself, once */
	DRILL_KIND_COUNT
};

#define DRILL_SECONDS_MAX 3600u

struct drill {
	enum drill_kind kind;
	uint64_t until_ns;
	/* The last transport that was hit. */
	pid_t done_to;
	/* When a transport was first hit, CLOCK_MONOTONIC; 0: not yet. */
	uint64_t hit_ns;
	/* Its incident; 0: none yet. */
	uint64_t incident;
};

/* DRILL_KIND_COUNT: no such name. */
enum drill_kind drill_kind_from_name(const char *name);

/* Begins it. 0; -EBUSY: a drill is under way, or the backend does not serve or has not settled; -ENOTSUP:
 * this backend cannot have it, with why (size bytes). */
errint_t drill_begin(struct supervised *s, enum drill_kind kind, uint64_t seconds, uint64_t now_ns, char *why,
		     size_t size) WARN_UNUSED;

/* Hits new transports; ends the drill in time. Returns when to call again. */
uint64_t drill_step(struct supervised *s, uint64_t now_ns);

void drill_stop(struct supervised *s);

/* At keeper's start, after all recalls: ends a drill of a former keeper whose rules the filter still has. */
void drill_clean_up(struct supervised *s);

/* Does an incident that opens now belong to the drill? And its number. */
bool drill_active(const struct supervised *s);
void drill_incident(struct supervised *s, uint64_t id);

#endif
