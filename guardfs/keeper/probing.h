/* A backend's probes: questions and answers. */
#ifndef GUARDFS_KEEPER_PROBING_H
#define GUARDFS_KEEPER_PROBING_H

#include "base/base.h"

struct supervised;

/* tasks: enum probe_task. while_serving: the root must be worker's. 0, -EBUSY (an earlier child still
 * exists), or -errno. */
errint_t probing_begin(struct supervised *s, unsigned tasks, bool while_serving, uint64_t now_ns) WARN_UNUSED;

/* Takes reports into s->heard, s->root, the board. */
void probing_hear(struct supervised *s, uint64_t now_ns);

#endif
