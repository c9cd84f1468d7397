/* guardctl sync's ioctls on a file or directory of the mount: the kernel sends no request for syncfs(2)
 * on FUSE. The same for 32 and 64 bits. EPERM: not root. ENOTTY: no guardfs, or an older one. */
#ifndef GUARDFS_BASE_SYNC_IOCTL_H
#define GUARDFS_BASE_SYNC_IOCTL_H

#include <stdint.h>
#include <sys/ioctl.h>

/* With headers it must fit into SLOT_REPLY_MAX (shm/slot.h). */
struct sync_open_file {
	/* In: 0, then the last output, to go on. */
	uint64_t cursor;
	/* Out: for SYNC_IOCTL_FILE; 0: no more. */
	uint64_t fh;
	/* Out: backend, or "local". */
	char tier[32];
	/* Out, relative to the mount, shortened to its end: the file, of the local tier its directory; "":
	 * unknown. */
	char path[176];
};

/* syncfs(2) of the local tier and the directory's file system. Out: 1; 0: the directory is on a backend, nothing was
 * done. */
#define SYNC_IOCTL_LOCAL _IOR('g', 1, uint32_t)
/* Next file at or below the directory open for writing. */
#define SYNC_IOCTL_NEXT _IOWR('g', 2, struct sync_open_file)
/* fsync(2). EBADF: closed meanwhile. */
#define SYNC_IOCTL_FILE _IOW('g', 3, uint64_t)

#endif
