/* libfuse's session over guardian's descriptor. */
#ifndef GUARDFS_WORKER_SESSION_H
#define GUARDFS_WORKER_SESSION_H

#include "base/base.h"
#include "shm/arena.h"

/* A successor's INIT reply is compared and swallowed. -EPROTO: this program negotiates something else than its
 * predecessor. Before threads. */
errint_t session_open(struct arena *arena, int dev_fd) WARN_UNUSED;

/* Runs the request in the current call's buffer. */
void session_dispatch(size_t length);

/* -ENOENT: the request has been answered already. */
errint_t session_send(const void *reply, size_t length) WARN_UNUSED;

#endif
