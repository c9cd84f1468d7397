/* publish_beside.h: new content put beside a file and renamed over it, for fs/publish.c. Within the guard; worker, any
 * thread. */
#ifndef GUARDFS_FS_PUBLISH_BESIDE_H
#define GUARDFS_FS_PUBLISH_BESIDE_H

#include "fs/draft.h"
#include "fs/node.h"

struct publication {
	uint32_t node;
	/* Its place on the backend. */
	uint32_t parent;
	char name[NAME_LENGTH_MAX + 1];
	const struct draft_content *content;
	/* Is there a file of the name? Its attributes. */
	bool is_there;
	struct stat old;
};

/* No file can be put beside it, or none with its owner, mode and extended attributes. Nothing has changed. */
#define PUBLISH_IN_PLACE (-EXDEV)

/* Between statefiles_begin and statefiles_end. 0; PUBLISH_IN_PLACE; GUARD_POISONED: the request was answered meanwhile; or
 * storage's -errno. */
errint_t publish_beside(struct backend *b, const struct publication *p) WARN_UNUSED;

/* Is it a name that publish_beside takes for such a file, on this machine and for this mount? Also without the guard. */
bool publish_beside_is_ours(const char *name);

#endif
