/* Messages to worker about one backend (shm/message.h). One that does not fit is sent later: keeper waits for
 * no stopped worker. */
#ifndef GUARDFS_KEEPER_NOTIFY_H
#define GUARDFS_KEEPER_NOTIFY_H

#include "base/base.h"

struct supervised;

/* Sends s->root_fd as the root of s->epoch. -EAGAIN (full) or -errno. The descriptor remains s's. */
errint_t notify_root(const struct supervised *s) WARN_UNUSED;

/* Parked requests may run. */
void notify_closed(struct supervised *s);

/* Also raises board_backend.verdicts. */
void notify_verdict(struct supervised *s);

void notify_pending(struct supervised *s);

#endif
