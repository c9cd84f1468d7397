/* Making and removing names: libfuse operations. */
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

struct make_args {
	enum { MAKE_NODE, MAKE_DIR, MAKE_SYMLINK, MAKE_LINK } what;
	/* Of MAKE_NODE, with the type; 0: a regular file. */
	mode_t mode;
	dev_t rdev;
	const char *target;
	/* MAKE_LINK: the file. */
	uint32_t node;
};

/* The directory for making or removing names; NULL: answered ESTALE, in the virtual tree EROFS (making
 * .guardfs: EEXIST), for names that rewritings of state files use EPERM. */
struct node *make_parent(fuse_req_t req, fuse_ino_t parent, const char *name, bool removing);

/* The local object is about to lose this name. If it is the last, keeps its descriptor for processes that
 * use it (working directory, O_PATH). Returns the node, pinned, for make_lost; or NULL. */
struct node *make_losing(uint32_t parent, const char *name);

/* The name is lost (lost), or stays. node may be NULL. */
void make_lost(struct node *node, bool lost);

#endif
