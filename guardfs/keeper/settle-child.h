/* The look at a suspect file, in a child that may hang. */
#ifndef GUARDFS_KEEPER_SETTLE_CHILD_H
#define GUARDFS_KEEPER_SETTLE_CHILD_H

#include "keeper/probe.h"
#include "shm/arena.h"
#include "verify/verify.h"
#include <stdatomic.h>

struct settle_job {
	const struct arena *arena;
	/* Of the backend; sftp: not used. */
	char root[CONFIG_PATH_MAX + 128];
	/* sftp: the users' end of the transport's ring; else -1. */
	int ring_socket;
	bool has_expected;
	struct probe_root expected; /* the directory that it is */
	uint32_t epoch;
	const struct suspect *suspect; /* in the child's own memory */
};

/* Keeper reads result.whole_to of a killed child. */
struct settle_shared {
	_Atomic uint32_t done; /* the result is whole */
	struct verify_result result;
};

/* Fills shared->result. Returns the exit status. In the child, whose descriptor SETTLE_RING_SOCKET is the ring's
 * socket. */
#define SETTLE_RING_SOCKET 3
int settle_child(const struct settle_job *job, struct settle_shared *shared);

/* settle-sftp.c: the look itself, behind the ring. Returns 0, or 1: no result. */
int settle_look_on_server(const struct settle_job *job, struct verify_result *r);

/* Over the connection that serves? */
bool settle_is_connected(const struct settle_job *job);
/* st: of the file. job must stay. */
struct verify_options settle_options(const struct settle_job *job, const struct stat *st);
void settle_cannot_tell(struct verify_result *r, int error);

#endif
