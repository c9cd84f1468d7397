/* drill.h: trouble made on purpose, for a time, on a backend of ours. Keeper only. */
#ifndef GUARDFS_KEEPER_DRILL_H
#define GUARDFS_KEEPER_DRILL_H

#include "base/base.h"
#include <sys/types.h>

struct supervised;

enum drill_kind {
	DRILL_NONE,
	DRILL_HANG,	   /* its sshfs and ssh are stopped, new ones as well */
	DRILL_DROP,	   /* they are killed, new ones as well */
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
	pid_t done_to;	   /* transport that it was last done to */
	uint64_t hit_ns;   /* when it was first done to one; 0: not yet. CLOCK_MONOTONIC */
	uint64_t incident; /* that it led to; 0: none yet */
};

/* "hang", ..., or DRILL_KIND_COUNT. */
enum drill_kind drill_kind_from_name(const char *name);

/* Begins it. 0, -EBUSY (one is under way, or the backend does not serve or has not settled), -ENOTSUP with
 * why (size bytes) it cannot be done to this backend. */
errint_t drill_begin(struct supervised *s, enum drill_kind kind, uint64_t seconds, uint64_t now_ns, char *why,
		     size_t size) WARN_UNUSED;

/* Does it to what is new since; ends it in time. Returns when to call again. */
uint64_t drill_step(struct supervised *s, uint64_t now_ns);

/* Ends it now. */
void drill_stop(struct supervised *s);

/* At keeper's start, when all is recalled: ends a drill that a former keeper did not live to end, whose rules
 * the filter still has. */
void drill_clean_up(struct supervised *s);

/* Is an incident that opens now this drill's doing? And its number, to be remembered. */
bool drill_active(const struct supervised *s);
void drill_incident(struct supervised *s, uint64_t id);

#endif
