/* One draft (fs/draft.h) put into its file's place. Worker, any thread. */
#ifndef GUARDFS_FS_PUBLISH_DRAFT_H
#define GUARDFS_FS_PUBLISH_DRAFT_H

#include "fs/context.h"

/* Within the guard, as a change of everything (GUARD_TARGET_ALL). h: a draft, in the caller's use.
 * Publishes what was changed up to now (handle.draft_published); durable: it outlasts a crash of the
 * server. Of a nameless file nowhere. 0; GUARD_POISONED: answered meanwhile, or the content is lost;
 * BACKEND_NODE_GONE: something else than a file has its name; or storage's -errno. */
errint_t publish_draft(struct backend *b, struct handle *h, bool durable) WARN_UNUSED;

/* h's path, for people. */
const char *publish_path_of(const struct handle *h, char *path, size_t size);

#endif
