/* The process that is a transport of SFTP: guardfs executed anew, with nothing of keeper's memory.
 * docs/SECURITY.md says what it gives up, and when. */
#ifndef GUARDFS_KEEPER_SFTP_CHILD_H
#define GUARDFS_KEEPER_SFTP_CHILD_H

#include "config/config.h"
#include "diagnose/diagnose.h"
#include <stdatomic.h>

/* Its argv[0]. */
#define SFTP_CHILD_NAME "guardfs-sftp"

/* Its descriptors. */
enum sftp_child_fd {
	SFTP_CHILD_SOCKET = 4, /* the transport's end of the ring's socket */
	SFTP_CHILD_MEMORY,     /* the ring */
	SFTP_CHILD_JOB,	       /* a memfd that holds a struct sftp_job */
	SFTP_CHILD_DOOR,       /* another socket for the ring comes through it */
	SFTP_CHILD_DOORSTEP, /* its other end, for a keeper that has nothing of the ring: not used by the child */
	SFTP_CHILD_END
};

/* Written by keeper before the start, then by the child: once it serves only `ended` is read. */
struct sftp_job {
	struct config_backend backend;
	uint32_t connect_ms;
	uint32_t connections;
	/* How long a server that was asked may be silent on a connection: one that only looks and reads, and one
	 * that changes something. */
	uint32_t quick_ms, slow_ms;
	bool no_key, sandbox;
	/* Bytes of its own memory. */
	uint64_t memory_max;

	/* Of the login, under way or done. */
	struct diagnosis diagnosis;
	/* Of the second login, if wanted: without it data shares the first connection. */
	struct diagnosis second;
	/* transport_serve's error; 0: it has not ended. */
	_Atomic int32_t ended;
};

/* ssh should have said what is wrong before keeper gives up. */
static inline uint32_t sftp_ssh_timeout_s(uint32_t connect_ms)
{
	return connect_ms > 2000 ? (connect_ms - 1000) / 1000 : 1;
}

/* Returns the exit status. */
int sftp_child_main(void);

#endif
