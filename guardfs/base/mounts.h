/* mounts.h: what /proc/self/mountinfo says about mounts. Never touches a mount itself, so never hangs. */
#ifndef GUARDFS_BASE_MOUNTS_H
#define GUARDFS_BASE_MOUNTS_H

#include "base/base.h"
#include <stdio.h>

#define MOUNT_FIELD_MAX 1024

struct mount_entry {
	uint32_t id;
	uint32_t major, minor;
	bool shared;		    /* propagates to other mount namespaces */
	char root[MOUNT_FIELD_MAX]; /* the directory of its file system that is shown */
	char mountpoint[MOUNT_FIELD_MAX];
	char fstype[64];
	char source[MOUNT_FIELD_MAX];
};

/* Parses one line (proc(5)), undoing the octal escapes. -EINVAL for anything else; fields too long are
 * -ENAMETOOLONG. Pure. */
errint_t mount_parse(const char *line, struct mount_entry *entry) WARN_UNUSED;

/* Calls visit for every mount of our namespace until it returns true. Returns 1 if one did, 0 if none, or
 * -errno. */
int mount_scan(bool (*visit)(void *arg, const struct mount_entry *entry), void *arg) WARN_UNUSED;

/* The same for a mount table that the caller has open (/proc/PID/mountinfo), from its beginning. Returns as
 * mount_scan. */
int mount_scan_table(FILE *table, bool (*visit)(void *arg, const struct mount_entry *entry),
		     void *arg) WARN_UNUSED;

/* The topmost (last mounted) mount at exactly this path, the mount with this id, and the mount that path lies
 * on: 0, -ENOENT or another -errno. path: absolute, without symlinks. */
errint_t mount_find_at(const char *path, struct mount_entry *entry) WARN_UNUSED;
errint_t mount_find_id(uint32_t id, struct mount_entry *entry) WARN_UNUSED;
errint_t mount_find_containing(const char *path, struct mount_entry *entry) WARN_UNUSED;

/* Does it show the file system with this device minor (major 0, as FUSE's have)? False for 0. */
bool mount_shows(const struct mount_entry *entry, uint32_t minor);

/* Is it served by a user-space process: "fuse", "fuseblk" or "fuse.*"? */
bool mount_is_fuse(const struct mount_entry *entry);

#endif
