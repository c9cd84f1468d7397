/* endpoint.h: the socket as a file, and who is at its other end. For server.c and client.c.
 *
 * The socket is reached through its directory's descriptor: paths of any length fit, though struct
 * sockaddr_un holds 107 bytes. Needs /proc. */
#ifndef GUARDFS_CONTROL_ENDPOINT_H
#define GUARDFS_CONTROL_ENDPOINT_H

#include "base/base.h"
#include <sys/types.h>

/* Listens at path (non-blocking, close-on-exec): 0660 with group, 0600 if group is (gid_t)-1. It is made
 * under another name and renamed, so that it is never there without its mode, and one left behind by a
 * predecessor is replaced in one step. *inode identifies it. Returns the descriptor, or -errno; -EEXIST:
 * something that is no socket has the name. */
int endpoint_listen(const char *path, gid_t group, ino_t *inode) WARN_UNUSED;

/* Removes path if it is still the socket with this inode, not a successor's. */
void endpoint_remove(const char *path, ino_t inode);

/* Connects to the socket `name` in a directory, for at most timeout_ms (a listener's backlog can be full).
 * Returns the descriptor, or -errno. */
int endpoint_connect(const char *directory, const char *name, uint32_t timeout_ms) WARN_UNUSED;

struct endpoint_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0: in another pid namespace */
	bool in_group;
};

/* The kernel's word on who connected. in_group: group is the peer's primary or one of its supplementary
 * groups
 * ((gid_t)-1 is nobody's). 0 or -errno. */
errint_t endpoint_peer(int fd, gid_t group, struct endpoint_peer *peer) WARN_UNUSED;

#endif
