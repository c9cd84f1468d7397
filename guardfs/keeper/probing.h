/* probing.h: probes of a supervised backend: what is asked, and what becomes of the answers. Keeper only. */
#ifndef GUARDFS_KEEPER_PROBING_H
#define GUARDFS_KEEPER_PROBING_H

#include "base/base.h"

struct supervised;

/* Starts a probe. tasks: enum probe_task. while_serving: the root must still be the one that worker has.
 * now_ns: CLOCK_MONOTONIC. Returns 0, -EBUSY (the child of an earlier probe is still there), or -errno. */
errint_t probing_begin(struct supervised *s, unsigned tasks, bool while_serving, uint64_t now_ns) WARN_UNUSED;

/* Takes what the running probe has reported: into s->heard, s->root, the board. */
void probing_hear(struct supervised *s, uint64_t now_ns);

#endif
