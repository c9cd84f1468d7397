/* sync-ioctl.h: how guardctl sync has the mount sync open files. The kernel answers syncfs(2) for FUSE
 * without a request; these ioctls arrive. Fixed sizes, the same for 32 and 64 bits.
 *
 * On a descriptor of a directory or file opened through the mount. EPERM: not root. ENOTTY: no guardfs, or
 * an older one. */
#ifndef GUARDFS_BASE_SYNC_IOCTL_H
#define GUARDFS_BASE_SYNC_IOCTL_H

#include <stdint.h>
#include <sys/ioctl.h>

/* An open file. The reply must fit into SLOT_REPLY_MAX (shm/slot.h) with headers. */
struct sync_open_file {
	/* In: 0, then the last output: where to go on. */
	uint64_t cursor;
	/* Out: the file, for SYNC_IOCTL_FILE; 0: no more. */
	uint64_t fh;
	/* Out: name of its backend, or "local". */
	char tier[32];
	/* Out: of the file on a backend, of its directory on the local tier; relative to the mount,
	 * shortened to its end; "": unknown. */
	char path[176];
};

/* As syncfs(2) of the local tier's file system, and of the directory's should it be another; as slow as
 * the disk. Out: 1; 0: the directory is on a backend, nothing was done. */
#define SYNC_IOCTL_LOCAL _IOR('g', 1, uint32_t)
/* The next file at or below the directory that is open for writing. */
#define SYNC_IOCTL_NEXT _IOWR('g', 2, struct sync_open_file)
/* fsync(2) of fh. EBADF: closed meanwhile. */
#define SYNC_IOCTL_FILE _IOW('g', 3, uint64_t)

#endif
