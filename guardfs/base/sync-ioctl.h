/* sync-ioctl.h: how guardctl sync asks the mount to write down what is open. The kernel answers syncfs(2) for
 * a FUSE file system by itself, so that no request of it arrives; these ioctls do. Fixed sizes, the same for
 * 32 and 64 bits.
 *
 * On a descriptor of the directory (or file) that is meant, opened through the mount. Only for root: EPERM.
 * ENOTTY: this is no guardfs, or an older one. */
#ifndef GUARDFS_BASE_SYNC_IOCTL_H
#define GUARDFS_BASE_SYNC_IOCTL_H

#include <stdint.h>
#include <sys/ioctl.h>

/* An open file. Its reply is to fit into SLOT_REPLY_MAX (shm/slot.h), headers included. */
struct sync_open_file {
	uint64_t cursor; /* in: 0, then as it came out: where to go on looking */
	uint64_t fh;	 /* out: the file, for SYNC_IOCTL_FILE; 0: there are no more */
	char tier[32];	 /* out: name of its backend, or "local" */
	char path[176];	 /* out: of the file on a backend, of its directory on the local tier; relative to the
			    mount; the end of it, if it is longer; "": not known */
};

/* Writes down the local tier's file system, and that of the directory should it be another; out: 1, or 0 if
 * the directory lies on a backend, and nothing was done. Takes as long as the disk does. As syncfs(2). */
#define SYNC_IOCTL_LOCAL _IOR('g', 1, uint32_t)
/* The next file at or below the directory that is open for writing. */
#define SYNC_IOCTL_NEXT _IOWR('g', 2, struct sync_open_file)
/* fsync(2) of the file fh. EBADF: it was closed meanwhile. */
#define SYNC_IOCTL_FILE _IOW('g', 3, uint64_t)

#endif
