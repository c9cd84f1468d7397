/* publish_last.h: drafts (fs/draft.h) whose last descriptor is closed. Nobody is told any more whether they are published: they
 * wait until they can be (handle.draft_last), over any number of outages and workers. What cannot be published is
 * named in the log, and its file is suspect. Worker. */
#ifndef GUARDFS_FS_PUBLISH_LAST_H
#define GUARDFS_FS_PUBLISH_LAST_H

#include "fs/context.h"

/* Counts a predecessor's. Before threads, after handle_init. */
void publish_last_init(void);

/* For RELEASE: is there something left to publish? Draws conclusions, once: of what is not, the log tells. */
bool publish_last_is_due(struct handle *h);

/* Before RELEASE is answered: retires h and publishes it, or leaves that to publish_last_waiting. handle_finish may follow.
 * Any thread, with the request's slot. */
void publish_last(struct handle *h);

/* Does one wait that may be tried now? Any thread. */
bool publish_last_has_waiting(unsigned backend);
/* Tries all of them, by a thread with an empty RUNNING slot. One thread for each backend. */
void publish_last_waiting(unsigned backend);

/* Does any wait? At the end: those that do are lost. Any thread. */
bool publish_last_waits(void);
void publish_last_give_up(void);

/* Within the guard: a request that is to find what was closed before it came waits for that to be published, while that
 * is under way, or about to begin. opens: also for the RELEASE of a draft that was only emptied, just after its close. 0;
 * GUARD_POISONED: the request was answered meanwhile; -ENOTCONN: the breaker opened. */
errint_t publish_last_await(struct backend *b, uint32_t node, bool opens) WARN_UNUSED;

#endif
