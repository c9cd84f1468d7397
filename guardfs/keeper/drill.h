/* Trouble made on purpose, for a time, on one backend. */
#ifndef GUARDFS_KEEPER_DRILL_H
#define GUARDFS_KEEPER_DRILL_H

#include "base/base.h"
#include <sys/types.h>

struct supervised;

enum drill_kind {
	DRILL_NONE,
	DRILL_HANG,	   /* its transports are stopped */
	DRILL_DROP,	   /* its transports are killed */
	DRILL_AUTH,	   /* killed once; new ones offer no key */
	DRILL_SLOW,	   /* the fault filter delays everything by 3 s */
	DRILL_FULL,	   /* the fault filter answers writes with ENOSPC */
	DRILL_WORKER_KILL, /* once */
	DRILL_KEEPER_KILL, /* once, by itself */
	DRILL_KIND_COUNT
};

#define DRILL_SECONDS_MAX 3600u

struct drill {
	enum drill_kind kind;
	uint64_t until_ns;
	/* Last transport hit. */
	pid_t done_to;
	/* First hit, CLOCK_MONOTONIC; 0: none yet. */
	uint64_t hit_ns;
	/* 0: none yet. */
	uint64_t incident;
};

/* DRILL_KIND_COUNT: none. */
enum drill_kind drill_kind_from_name(const char *name);

/* -EBUSY: a drill is under way, or the backend does not serve or has not settled; -ENOTSUP: not on this
 * backend, with why (size bytes). */
errint_t drill_begin(struct supervised *s, enum drill_kind kind, uint64_t seconds, uint64_t now_ns, char *why,
		     size_t size) WARN_UNUSED;

/* Hits new transports; ends the drill. */
uint64_t drill_step(struct supervised *s, uint64_t now_ns);

void drill_stop(struct supervised *s);

/* After all recalls: ends a former keeper's drill by its rules in the filter. */
void drill_clean_up(struct supervised *s);

/* Does an incident that opens now belong to it? Then id is its number. */
bool drill_active(const struct supervised *s);
void drill_incident(struct supervised *s, uint64_t id);

#endif
