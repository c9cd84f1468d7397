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

struct handle;

/* What an OPEN has come to. */
struct opened {
	int ref;	/* -1: nothing is open */
	struct stat st; /* looked: of the file */
	bool looked;
	bool changed;  /* it is not as it was known to be before it was opened */
	bool growing;  /* while it was looked at */
	bool unlike;   /* it could not be seen: st is of another file */
	bool replaced; /* another file has the name, of which the node knows nothing yet */
	bool unsure;   /* what storage shows may be older than the open */
	/* Before it was opened (look_begin): */
	struct version before; /* what was known of it */
	uint32_t writes;       /* guard_writes_ended */
	uint32_t accepted;     /* opens that had been accepted */
	uint32_t look;	       /* its number among the looks at the node */
	bool beside;	       /* another one had not ended */
};

/* Makes room for what is known of each node. Before threads. 0 or -ENOMEM. */
errint_t look_init(void) WARN_UNUSED;

/* Storage is about to be asked what is at the node's name; it has answered. Returns the look's number. */
uint32_t look_enter(const struct node *node);
void look_leave(const struct node *node);

/* A file of node is about to be opened: look_enter, for a guarded tier. look_leave is the caller's, after
 * look_at_opened. */
void look_begin(const struct backend *b, const struct node *node, struct opened *o);

/* Looks at the file of node, just opened as o->ref with flags (as used on the backend, not truncating). It
 * may be opened anew on the way. 0; BACKEND_NODE_GONE if another file is there by now (o->replaced:
 * node_replaced is called for, when no rename of ours can be the reason), or it is replaced all the while; or
 * -errno of storage. On error o->ref is still the caller's, if it is not -1. */
errint_t look_at_opened(struct backend *b, struct node *node, int flags, struct opened *o) WARN_UNUSED;

/* When the file is open as handle h, HANDLE_STRAY until now, and before the kernel has an answer: makes it a
 * handle of its node, by which others know the file, and has the kernel ask again for its attributes if it
 * may believe others (then o->changed: what it has kept of the content is old, too). False: the file was
 * opened for reading, and is not that to which another open of the node has come meanwhile, or grows as it is
 * looked at. It stays a stray: the kernel's inode is of that other one, and this one has to be read past it.
 */
bool look_accept(const struct backend *b, struct node *node, int flags, struct opened *o, struct handle *h);

/* Has a name, at which storage shows st, been given to another file than that of node, which is open and as
 * it was known? (False where that can't be told: it has the same size.) */
bool look_is_another(struct backend *b, const struct node *node, const struct stat *st);

/* The kernel is going to be told st of node, as storage has shown it since this thread's request went into
 * the backend: remembers that. If an open of the node was accepted since then, what storage has shown may be
 * another file than the one that was opened, of which the kernel's inode is: st becomes what is known of
 * that. known: the size that the node had before storage was asked; if that was more, another client has cut
 * the file off (handle_seen_cut). */
void look_tell(const struct backend *b, struct node *node, uint64_t known, struct stat *st);

/* The same of st as it is after a change that the request has made. */
void look_tell_change(struct node *node, const struct stat *st);

/* st is what storage shows of the file that is open as h. If it is of whatever has the file's name by now,
 * what was last known of the file itself is recalled instead. */
void look_at_own(struct backend *b, struct handle *h, struct stat *st);

#endif
