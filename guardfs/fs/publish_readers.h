/* publish_readers.h: readers of a state file that is about to be replaced. Worker, any thread. */
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

/* Who has node's file open for reading keeps this version, in memory, counted to its user: a version is read as a whole, whatever comes
 * after it. But over SFTP the descriptors are closed: sshfs moves a file out of the way that it takes for open, so that for a
 * moment nothing has its name, or for long if sshfs ends in that moment. sshfs hears of a close some time after close(2):
 * requests that wait for the server must lie between this and the rename.
 *
 * Within the guard, between statefiles_begin and statefiles_end. 0; GUARD_POISONED: the request was answered meanwhile; or
 * storage's -errno, and who has not been given its version goes on with the file. publish_readers_end must follow. */
errint_t publish_readers_begin(struct backend *b, uint32_t node, struct published_readers *r) WARN_UNUSED;

/* replaced: the file was. Whose version could not be kept does not go on with another one after a reconnect. */
void publish_readers_end(struct published_readers *r, bool replaced);

#endif
