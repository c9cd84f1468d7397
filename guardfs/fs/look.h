/* look.h: are attributes seen on storage those of the file that guardfs, its open files and the kernel
 * mean?
 *
 * Another client may change or replace a file; and sshfs, which goes by names, tells of an open file what
 * has its name. An open shows one whole version: it looks at the opened file (close-to-open) and has the
 * kernel ask again if that differs from what it was told. An open file that is replaced goes on as itself;
 * its successor becomes another node.
 *
 * Within the guard; worker, any thread. */
#ifndef GUARDFS_FS_LOOK_H
#define GUARDFS_FS_LOOK_H

#include "fs/node.h"

struct handle;

/* The result of an OPEN. */
struct opened {
	/* -1: nothing is open. */
	int ref;
	/* looked: of the file. */
	struct stat st;
	bool looked;
	/* Differs from what was known before the open. */
	bool changed;
	/* During the look. */
	bool growing;
	/* Not seen: st is another file's. */
	bool unlike;
	/* Another file has the name; the node does not know it yet. */
	bool replaced;
	/* st may be older than the open. */
	bool unsure;
	/* Before the open (look_begin): */
	/* As known then. */
	struct version before;
	/* guard_writes_ended. */
	uint32_t writes;
	/* Opens accepted. */
	uint32_t accepted;
	/* Its number among the node's looks. */
	uint32_t look;
	/* Another had not ended. */
	bool beside;
};

/* Before threads. 0 or -ENOMEM. */
errint_t look_init(void) WARN_UNUSED;

/* Storage is about to be asked for node's name; has answered. Returns the look's number. */
uint32_t look_enter(const struct node *node);
void look_leave(const struct node *node);

/* look_enter for an open on a guarded tier; look_leave, by the caller, follows look_at_opened. */
void look_begin(const struct backend *b, const struct node *node, struct opened *o);

/* Looks at node's file, just opened as o->ref with flags (as on the backend, not truncating); may reopen
 * it. 0; BACKEND_NODE_GONE: another file is there (o->replaced: node_replaced is needed, unless our rename
 * is the reason), or it is replaced all the while; or storage's -errno. On error o->ref is the caller's,
 * if not -1. */
errint_t look_at_opened(struct backend *b, struct node *node, int flags, struct opened *o) WARN_UNUSED;

/* For handle h, HANDLE_STRAY so far, before the kernel's answer: makes it its node's, and has the kernel
 * ask again if it may believe other attributes (o->changed: cached content is old too). False: opened for
 * reading, and it is another file than that of an open accepted meanwhile, or grows during the look: stays
 * a stray, to be read past the kernel's inode, which is the other file. */
bool look_accept(const struct backend *b, struct node *node, int flags, struct opened *o, struct handle *h);

/* Does st, at node's name, show another file than node's, which is open and as known? (False if unknown:
 * the same size.) */
bool look_is_another(struct backend *b, const struct node *node, const struct stat *st);

/* Remembers st, seen since this request entered the backend, as told to the kernel. If an open was
 * accepted since, st may be another file's: the opened file's attributes replace it. known: node's size
 * before storage was asked; if larger, another client cut the file (handle_seen_cut). */
void look_tell(const struct backend *b, struct node *node, uint64_t known, struct stat *st);

/* The same after the request's own change. */
void look_tell_change(struct node *node, const struct stat *st);

/* st of the file open as h. If another file has its name, the file's own last attributes replace st. */
void look_at_own(struct backend *b, struct handle *h, struct stat *st);

#endif
