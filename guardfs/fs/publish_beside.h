/* New content put beside a file and renamed over it. Within the guard; worker, any thread. */
#ifndef GUARDFS_FS_PUBLISH_BESIDE_H
#define GUARDFS_FS_PUBLISH_BESIDE_H

#include "fs/draft.h"
#include "fs/node.h"
#include "fs/publish_readers.h"
#include "policy/statefile.h"

struct publication {
	struct handle *h;
	uint32_t node;
	/* Its place on the backend. */
	uint32_t parent;
	char name[NAME_LENGTH_MAX + 1];
	const struct draft_content *content;
	/* It is to outlast a crash of the server, name and all. */
	bool durable;
	/* Is there a file of the name? As it was found. */
	bool is_there;
	struct found old;
	/* The file beside it; "": none. */
	char beside[STATEFILE_NAME_SIZE];
	/* Of the file, which was replaced. */
	struct published_readers readers;
	bool is_replaced;
};

/* No file can be put beside it, or none with its owner, mode and extended attributes, or none renamed over
 * it. The file itself has not changed. */
#define PUBLISH_IN_PLACE (-EXDEV)

/* Between statefiles_begin and statefiles_end. 0; PUBLISH_IN_PLACE; GUARD_POISONED: answered meanwhile; or
 * storage's -errno. publish_beside_end must follow in any case, once the content is where it belongs. */
errint_t publish_beside(struct backend *b, struct publication *p) WARN_UNUSED;

/* Removes what is left beside it; rc: the publication's result. */
void publish_beside_end(struct backend *b, struct publication *p, errint_t rc);

/* Would publish_beside give such a file this name, on this machine and for this mount? Also without the
 * guard. */
bool publish_beside_is_ours(const char *name);

#endif
