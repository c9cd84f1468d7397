/* transport.h: the loop of a transport between its ring and its connections. */
#ifndef GUARDFS_SFTP_TRANSPORT_H
#define GUARDFS_SFTP_TRANSPORT_H

#include "sftp/connection.h"

/* Serves the ring (ring_make) until a connection ends or nobody is left on the other side. Begins both
 * connections, which may be the same, and takes them over; says in the ring when they are ready. Returns 0:
 * nobody was left, or the error, after ending the ring. The transport's process, which ignores SIGPIPE. */
errint_t transport_serve(int socket, int memory, struct connection *metadata,
			 struct connection *bulk) WARN_UNUSED;

#endif
