/* notify.h: messages from keeper to worker about one backend (shm/message.h). A message that does not fit
 * into the socket is sent later: worker may be stopped, and keeper does not wait. Keeper only. */
#ifndef GUARDFS_KEEPER_NOTIFY_H
#define GUARDFS_KEEPER_NOTIFY_H

#include "base/base.h"

struct supervised;

/* Hands s->root_fd to worker as the root of epoch s->epoch. 0, -EAGAIN (the socket is full) or -errno; the
 * descriptor remains s's. */
errint_t notify_root(const struct supervised *s) WARN_UNUSED;

/* The breaker is closed: parked requests may run. */
void notify_closed(struct supervised *s);

/* A probe has ended: raises the board's number of verdicts and tells worker. */
void notify_verdict(struct supervised *s);

/* Sends the messages that did not fit. */
void notify_pending(struct supervised *s);

#endif
