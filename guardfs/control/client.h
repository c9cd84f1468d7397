/* client.h: the asking side: guardctl. Blocks, with a time limit. */
#ifndef GUARDFS_CONTROL_CLIENT_H
#define GUARDFS_CONTROL_CLIENT_H

#include "base/base.h"
#include <jansson.h>

/* Sends {"v":1,"command":command, ...arguments} (arguments may be NULL; takes the reference) to
 * RUN_DIR/control.sock and waits for the final frame, each wait for a frame at most timeout_ms.
 * progress (may be NULL) is called with each progress object. Returns 0 with *reply, the final frame's object
 * as received (the caller releases it; "ok" may be false), or -ENOENT (no socket), -ECONNREFUSED (nobody
 * listens), -EACCES (may not), -ETIMEDOUT, -EPROTO (no sense in the answer), or another -errno. */
errint_t control_call(const char *run_dir, const char *command, json_t *arguments, uint32_t timeout_ms,
		      void (*progress)(void *arg, const json_t *object), void *arg,
		      json_t **reply) WARN_UNUSED;

#endif
