/* session.h: libfuse's session over guardian's descriptor: INIT is replayed from the arena, replies are
 * recorded before they are sent. */
#ifndef GUARDFS_WORKER_SESSION_H
#define GUARDFS_WORKER_SESSION_H

#include "base/base.h"
#include "shm/arena.h"

/* Makes the session and brings it through INIT: the first time in earnest, later with the reply compared
 * and swallowed. 0 or -errno (-EPROTO: this program negotiates something else than its predecessor did).
 * Before threads. */
errint_t session_open(struct arena *arena, int dev_fd) WARN_UNUSED;

/* Runs the request in the current call's buffer. Any thread. */
void session_dispatch(size_t length);

/* Sends a recorded or made-up reply. 0 or -errno; -ENOENT: the request has been answered already. Any
 * thread. */
errint_t session_send(const void *reply, size_t length) WARN_UNUSED;

#endif
