/* Do attributes seen on storage belong to the file that guardfs, its open files and the kernel mean?
 * docs/INTERNALS.md, "Close-to-open". Within the guard, any thread. */
#ifndef GUARDFS_FS_LOOK_H
#define GUARDFS_FS_LOOK_H

#include "fs/node.h"

struct handle;

struct look_question {
	uint32_t changes;
	uint64_t asked_ns; /* CLOCK_MONOTONIC */
};

/* Of an OPEN. */
struct opened {
	/* The opened file; -1: none. */
	int ref;
	/* looked: st is known. */
	struct stat st;
	bool looked;
	/* The file differs from what was known before. */
	bool changed;
	/* The file grew during the look. */
	bool growing;
	/* st is another file's. */
	bool unlike;
	/* Another file has the name; the node does not know it yet. */
	bool replaced;
	/* st may be older than the open. */
	bool unsure;
	/* Before the open: */
	struct version before;
	/* guard_writes_ended */
	uint32_t writes;
	uint32_t accepted;
	struct look_question question;
	/* The look's number. */
	uint32_t look;
	/* Another look had not ended. */
	bool beside;
};

/* Before threads. 0 or -ENOMEM. */
errint_t look_init(void) WARN_UNUSED;

/* Around asking storage for node's name. Returns the look's number. */
uint32_t look_enter(const struct node *node);
void look_leave(const struct node *node);

/* A lookup by name is answered with node. */
void look_found(const struct node *node);

/* Did the kernel look the name up just before this request? (Also true of a node just made.) */
bool look_was_just_found(const struct node *node);

/* look_enter for an open on a guarded tier; look_leave follows look_at_opened. */
void look_begin(const struct backend *b, const struct node *node, struct opened *o);

/* Looks at node's file, just opened as o->ref; may reopen it. flags: the backend's, not truncating. -errno of
 * storage, or BACKEND_NODE_GONE: another file is there (o->replaced: node_replaced is needed, unless our
 * rename is the reason). On error o->ref is the caller's, if not -1. */
errint_t look_at_opened(struct backend *b, struct node *node, int flags, struct opened *o) WARN_UNUSED;

/* Before the kernel's answer: makes h, HANDLE_STRAY so far, its node's, and has the kernel ask again if it
 * may believe other attributes (o->changed: its content is old too). False: h, which is only read, stays a
 * stray (docs/INTERNALS.md, "Close-to-open"). */
bool look_accept(const struct backend *b, struct node *node, int flags, struct opened *o, struct handle *h);

/* Does st, at node's name, show another file than node's open one? (False for equal sizes.) */
bool look_is_another(struct backend *b, const struct node *node, const struct stat *st);

/* Remembers st, seen since this request entered, for the kernel. If an open was accepted since, the node's
 * attributes replace st, which may be another file's. known: node's size before; if larger, another client
 * cut the file (handle_seen_cut). */
void look_tell(const struct backend *b, struct node *node, uint64_t known, struct stat *st);

/* Before storage is asked for a file's attributes. */
struct look_question look_ask(const struct node *node);

/* Storage has answered st for node's own file, which the node remembers; or it was just made so. */
void look_answered(const struct node *node, const struct stat *st, const struct look_question *q);

/* Was the last such question no longer ago than attributes may be old? *atime: the answer's. */
bool look_is_fresh(const struct backend *b, const struct node *node, struct timespec *atime);

/* node's object was just found or, if made, made through the mount; storage was asked at begun_ns. */
void look_created(const struct node *node, const struct stat *st, uint64_t begun_ns, bool made);

/* A change of node's attributes may have been made, or not. */
void look_doubted(const struct node *node);

/* Was it made through the mount, and has storage answered no longer ago than attributes may be old, with all changes of
 * its attributes since then remembered? Then the node remembers its owner and mode. */
bool look_knows_owner(const struct backend *b, const struct node *node);

/* The last answer, if nothing was changed since it was asked for: for how many seconds the kernel may keep it. Else 0,
 * or less: ask storage. */
double look_recall(const struct backend *b, const struct node *node, struct stat *st);

/* look_tell after the request's own change. */
void look_tell_change(struct node *node, const struct stat *st);

/* If h's file's name is another file's, the file's own last attributes replace st. */
void look_at_own(struct backend *b, struct handle *h, struct stat *st);

#endif
