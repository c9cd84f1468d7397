/* Mounts by /proc/self/mountinfo. Never touches a mount, so never hangs. */
#ifndef GUARDFS_BASE_MOUNTS_H
#define GUARDFS_BASE_MOUNTS_H

#include "base/base.h"
#include <stdio.h>

#define MOUNT_FIELD_MAX 1024

struct mount_entry {
	uint32_t id;
	uint32_t major, minor;
	/* Propagates to other mount namespaces. */
	bool shared;
	/* The directory of its file system that is shown. */
	char root[MOUNT_FIELD_MAX];
	char mountpoint[MOUNT_FIELD_MAX];
	char fstype[64];
	char source[MOUNT_FIELD_MAX];
};

/* Parses a line (proc(5)) with octal escapes. -EINVAL: malformed; -ENAMETOOLONG: a field is too long.
 * Pure. */
errint_t mount_parse(const char *line, struct mount_entry *entry) WARN_UNUSED;

/* Visits our namespace's mounts until visit returns true. 1: it did; 0: never; or -errno. */
int mount_scan(bool (*visit)(void *arg, const struct mount_entry *entry), void *arg) WARN_UNUSED;

/* The same for an open /proc/PID/mountinfo, from its beginning. */
int mount_scan_table(FILE *table, bool (*visit)(void *arg, const struct mount_entry *entry),
		     void *arg) WARN_UNUSED;

/* The topmost mount at exactly path; the mount with id; the mount that path lies on. path: absolute, without
 * symlinks. 0, -ENOENT or another -errno. */
errint_t mount_find_at(const char *path, struct mount_entry *entry) WARN_UNUSED;
errint_t mount_find_id(uint32_t id, struct mount_entry *entry) WARN_UNUSED;
errint_t mount_find_containing(const char *path, struct mount_entry *entry) WARN_UNUSED;

/* Does it show the file system with this device minor (major 0)? False for 0. */
bool mount_shows(const struct mount_entry *entry, uint32_t minor);

/* "fuse", "fuseblk" or "fuse.*". */
bool mount_is_fuse(const struct mount_entry *entry);

#endif
