/* make.h: making and removing names: libfuse operations. */
#ifndef GUARDFS_FS_MAKE_H
#define GUARDFS_FS_MAKE_H

#include "fs/context.h"

void fs_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void fs_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void fs_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void fs_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname);
void fs_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
	       unsigned flags);

/* What is to be made under a name. */
struct make_args {
	enum { MAKE_NODE, MAKE_DIR, MAKE_SYMLINK, MAKE_LINK } what;
	mode_t mode; /* of MAKE_NODE with the type, 0: a regular file */
	dev_t rdev;
	const char *target;
	uint32_t node; /* of which MAKE_LINK is to be another name */
};

/* The directory with this id in which names may be made, or NULL with the request answered: ESTALE; EROFS for
 * the virtual tree, EEXIST for .guardfs itself when making, EROFS when removing. */
struct node *make_parent(fuse_req_t req, fuse_ino_t parent, const char *name, bool removing);

/* The local object at this name is about to lose it. If that is its last name, keeps its descriptor for
 * processes that still use the object (a working directory, an O_PATH descriptor). Returns the node, pinned,
 * for make_lost; or NULL. */
struct node *make_losing(uint32_t parent, const char *name);

/* After the attempt; lost: it succeeded. node may be NULL. */
void make_lost(struct node *node, bool lost);

#endif
