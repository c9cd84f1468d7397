/* Guardctl's side. Blocks, with a time limit. */
#ifndef GUARDFS_CONTROL_CLIENT_H
#define GUARDFS_CONTROL_CLIENT_H

#include "base/base.h"
#include <jansson.h>

/* Sends {"v":1,"command":command, arguments} (may be NULL; takes the reference) to RUN_DIR/control.sock, and
 * waits at most timeout_ms for each frame. progress (may be NULL) gets progress objects. 0: *reply is the
 * final object (the caller's; "ok" may be false). -ENOENT: no socket; -ECONNREFUSED: no listener; -EACCES;
 * -ETIMEDOUT; -EPROTO: senseless answer; or another -errno. */
errint_t control_call(const char *run_dir, const char *command, json_t *arguments, uint32_t timeout_ms,
		      void (*progress)(void *arg, const json_t *object), void *arg,
		      json_t **reply) WARN_UNUSED;

#endif
