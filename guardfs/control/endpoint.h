/* The socket as a file, and its peer. Reached by its directory's descriptor: sockaddr_un holds only 107
 * bytes. Needs /proc. */
#ifndef GUARDFS_CONTROL_ENDPOINT_H
#define GUARDFS_CONTROL_ENDPOINT_H

#include "base/base.h"
#include <sys/types.h>

/* Listens at path (non-blocking, close-on-exec), mode 0660 with group, 0600 with (gid_t)-1. Renamed into place, with
 * its mode, over a predecessor's. *inode identifies it. The descriptor or -errno; -EEXIST: path is no socket. */
int endpoint_listen(const char *path, gid_t group, ino_t *inode) WARN_UNUSED;

/* Only the socket with this inode, not a successor's. */
void endpoint_remove(const char *path, ino_t inode);

/* timeout_ms: a backlog can be full. The descriptor or -errno. */
int endpoint_connect(const char *directory, const char *name, uint32_t timeout_ms) WARN_UNUSED;

struct endpoint_peer {
	uid_t uid;
	gid_t gid;
	/* 0: another pid namespace. */
	pid_t pid;
	bool in_group;
};

/* By the kernel's word. in_group: group ((gid_t)-1: never) is its primary or a supplementary one. 0 or
 * -errno. */
errint_t endpoint_peer(int fd, gid_t group, struct endpoint_peer *peer) WARN_UNUSED;

#endif
