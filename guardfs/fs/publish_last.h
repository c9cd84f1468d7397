/* Publishes drafts (fs/draft.h) whose last descriptor is closed (handle.draft_last; docs/STATEFILES.md,
 * "Closes"). Worker. */
#ifndef GUARDFS_FS_PUBLISH_LAST_H
#define GUARDFS_FS_PUBLISH_LAST_H

#include "fs/context.h"

/* Counts a predecessor's. Before threads, after handle_init. */
void publish_last_init(void);

/* For RELEASE: is there something left to publish? Concludes once: the log tells of what is not. */
bool publish_last_is_due(struct handle *h);

/* Before RELEASE is answered: retires h and publishes it, or leaves that to publish_last_waiting.
 * handle_finish may follow. Any thread, with the request's slot. */
void publish_last(struct handle *h);

/* Does one wait that may be tried now? Any thread. */
bool publish_last_has_waiting(unsigned backend);
/* Tries all, by a thread with an empty RUNNING slot, one for each backend. */
void publish_last_waiting(unsigned backend);

/* Does any wait? At the end waiting ones are lost. Any thread. */
bool publish_last_waits(void);
void publish_last_give_up(void);

/* Within the guard: waits while what was closed before the request came is being published, or about to
 * be. opens: also for the RELEASE of a draft that was only emptied, just after its close. 0;
 * GUARD_POISONED: answered meanwhile; -ENOTCONN: the breaker opened. */
errint_t publish_last_await(struct backend *b, uint32_t node, bool opens) WARN_UNUSED;

#endif
