/* endpoint.h: the socket as a file, and its peer, for server.c and client.c.
 *
 * Reached through its directory's descriptor, since struct sockaddr_un holds only 107 bytes. Needs /proc. */
#ifndef GUARDFS_CONTROL_ENDPOINT_H
#define GUARDFS_CONTROL_ENDPOINT_H

#include "base/base.h"
#include <sys/types.h>

/* Listens at path (non-blocking, close-on-exec): 0660 with group, 0600 if group is (gid_t)-1. Made under
 * another name and renamed: never there without its mode, and a predecessor's is replaced in one step.
 * *inode identifies it. Returns the descriptor, or -errno; -EEXIST: path is no socket. */
int endpoint_listen(const char *path, gid_t group, ino_t *inode) WARN_UNUSED;

/* Removes path if it is the socket with this inode, not a successor's. */
void endpoint_remove(const char *path, ino_t inode);

/* Connects to the socket `name` in a directory within timeout_ms (a backlog can be full). Returns the
 * descriptor, or -errno. */
int endpoint_connect(const char *directory, const char *name, uint32_t timeout_ms) WARN_UNUSED;

struct endpoint_peer {
	uid_t uid;
	gid_t gid;
	/* 0: in another pid namespace. */
	pid_t pid;
	bool in_group;
};

/* The peer by the kernel's word. in_group: group is its primary or a supplementary group ((gid_t)-1:
 * never). 0 or -errno. */
errint_t endpoint_peer(int fd, gid_t group, struct endpoint_peer *peer) WARN_UNUSED;

#endif
