/* The loop of a transport between its ring and its connections. */
#ifndef GUARDFS_SFTP_TRANSPORT_H
#define GUARDFS_SFTP_TRANSPORT_H

#include "sftp/connection.h"

/* What the process has of the ring. */
struct transport_ends {
	/* The transport's end of the ring's socket, and the ring (ring_make). */
	int socket, memory;
	/* Another socket comes through it (ring_renew). -1: none does. */
	int door;
	/* Nobody is left on the other side: who comes within this time goes on. */
	uint64_t patience_ns;
	/* So much later than the first connection the second may be ready; after that it is closed, and the first
	 * serves for everything, as when the second ends before. */
	uint64_t join_ns;
	/* Not 0: instead the second connection is begun when the first is ready, and may take half of the time left
	 * until then. */
	uint64_t join_until_ns;
};

/* Serves the ring until a connection ends or nobody is left on the other side. Begins both connections, which may be
 * the same, and takes them over; the ring tells when they are ready. 0: nobody was left; or the error, after ending
 * the ring. The transport's process, which ignores SIGPIPE. */
errint_t transport_serve(const struct transport_ends *ends, struct connection *metadata,
			 struct connection *bulk) WARN_UNUSED;

#endif
