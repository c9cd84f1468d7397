/* transport.h: the loop of a transport: its ring on one side, its connections on the other. */
#ifndef GUARDFS_SFTP_TRANSPORT_H
#define GUARDFS_SFTP_TRANSPORT_H

#include "sftp/connection.h"

/* Serves the ring in memory, whose end of the socket is given (ring_make), until a connection ends or nobody is
 * left on the other side of the socket. Begins the connections, and says in the ring when they are ready. Takes
 * both connections over, which may be one and the same. Returns the error that ended it, by when the ring has
 * ended too; 0: nobody was left. The transport's process alone; ignores SIGPIPE. */
errint_t transport_serve(int socket, int memory, struct connection *metadata,
			 struct connection *bulk) WARN_UNUSED;

#endif
