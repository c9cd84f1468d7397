/* look.h: whether what storage shows of a file is the file that we, its open files and the kernel take it
 * for.
 *
 * Another client may have changed a file, or put another one in its place, since it was last looked at; and
 * what goes by names (sshfs) tells of an open file what is known of whatever has its name. Whoever opens a
 * file is to read it as one whole version: an open looks at the file that it has opened (close-to-open), and
 * where that is not as the kernel was told, has it ask again. A file that is open while another one takes its
 * place goes on as the one that it is; the other one becomes another node.
 *
 * Within the guard; worker, any thread. */
#ifndef GUARDFS_FS_LOOK_H
#define GUARDFS_FS_LOOK_H

#include "fs/node.h"

/* What an OPEN has come to. */
struct opened {
	int ref;	/* -1: nothing is open */
	struct stat st; /* looked: of the file */
	bool looked;
	bool changed;  /* it is not as it was known to be before it was opened */
	bool replaced; /* another file has the name, of which the node knows nothing yet */
	bool unsure;   /* what storage shows may be older than the open */
	/* Before it was opened (look_begin): */
	struct version before; /* what was known of it */
	uint32_t writes;       /* guard_writes_ended */
	uint32_t accepted;     /* opens that had been accepted */
};

/* A file of node is about to be opened. */
void look_begin(const struct backend *b, const struct node *node, struct opened *o);

/* Looks at the file of node, just opened as o->ref with flags (as used on the backend, not truncating). It
 * may be opened anew on the way. 0; BACKEND_NODE_GONE if another file is there by now (o->replaced:
 * node_replaced is called for, when no rename of ours can be the reason), or it is replaced all the while; or
 * -errno of storage. On error o->ref is still the caller's, if it is not -1. */
errint_t look_at_opened(struct backend *b, struct node *node, int flags, struct opened *o) WARN_UNUSED;

/* When the file is open as a handle, by which others know it: has the kernel ask again for its attributes, if
 * they are not as it was told (then o->changed: what the kernel has kept of the content is old, too). False:
 * the file was opened for reading, and is not that to which another open of the node has come meanwhile. The
 * kernel's inode is of that other one: this one has to be read past the inode. */
bool look_accept(const struct backend *b, struct node *node, int flags, struct opened *o) WARN_UNUSED;

/* Has a name, at which storage shows st, been given to another file than that of node, which is open and as
 * it was known? (False where that can't be told: it has the same size.) */
bool look_is_another(struct backend *b, const struct node *node, const struct stat *st);

/* Has an open of node been accepted since this thread's request went into the backend? Then what storage has
 * shown at the node's name meanwhile may be another file than the one that was opened, of which the kernel's
 * inode is. What is known of the node is newer. */
bool look_is_overtaken(const struct backend *b, const struct node *node);

/* st is what storage shows of the file that is open as h. If it is of whatever has the file's name by now,
 * what was last known of the file itself is recalled instead. */
void look_at_own(struct backend *b, struct handle *h, struct stat *st);

#endif
