/* Readers of a state file about to be replaced. Worker, any thread. */
#ifndef GUARDFS_FS_PUBLISH_READERS_H
#define GUARDFS_FS_PUBLISH_READERS_H

#include "fs/context.h"

struct published_reader {
	struct handle *h; /* in use */
	bool kept;
};

struct published_readers {
	struct published_reader *readers; /* malloc'ed */
	uint32_t n;
};

/* Readers of node's file keep this version, in memory, counted to their users. Over SFTP their descriptors
 * are closed, for sshfs moves an open file away before the rename (fs/statefiles.h). sshfs hears of a
 * close some time after close(2): requests that wait for the server must lie between this and the rename.
 *
 * Within the guard, between statefiles_begin and statefiles_end. 0; GUARD_POISONED: answered meanwhile; or
 * storage's -errno: readers that were not given their version go on with the file. publish_readers_end
 * must follow. */
errint_t publish_readers_begin(struct backend *b, uint32_t node, struct published_readers *r) WARN_UNUSED;

/* replaced: the file was. A reader whose version could not be kept goes on with no other after a
 * reconnect. */
void publish_readers_end(struct published_readers *r, bool replaced);

#endif
