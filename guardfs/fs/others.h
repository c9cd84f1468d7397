/* others.h: the other places at which a directory of a guarded tier is shown (fs/view.h).
 *
 * The kernel learns of a change through one place only for that place. It would believe the old state of the
 * others for up to a second: a log renamed through expose would be written on, under its old name, by a
 * program that opens it through the route. So the kernel is told. Worker; threads with a request, outside of
 * any backend, before the request is answered. */
#ifndef GUARDFS_FS_OTHERS_H
#define GUARDFS_FS_OTHERS_H

#include "fs/node.h"

/* The name in directory `shown`, through which it was changed, leads to nothing now, or to another object:
 * tells the kernel so at all other places. Returns when that is done, or the kernel has forgotten by itself.
 * It returns earlier only if another caller is changing names at one of those places: the kernel takes no
 * message before that caller is answered, who may be waiting for us. The message follows.
 *
 * gone: a directory has left `shown`. The kernel has a directory at one place only; it would have to move it
 * at the next lookup, and cannot (ESTALE) while anything is being renamed between directories. Nothing to do
 * for the local tier. */
void others_expire(struct node *shown, const char *name, bool gone);

/* A directory was renamed into `shown` from a directory that another route shows; the kernel still takes it
 * to belong to that route. Tells the kernel after the answer. */
void others_moved_in(struct node *shown, const char *name);

/* Of a file's content, what the kernel keeps is not what storage has, nor its size: it asks again. Waits for
 * nobody: who reads or writes a page at this very moment has it locked. */
void others_drop_pages(const struct node *file);

/* Mode, owner or times of the directory were set through `shown`. */
void others_drop_attributes(struct node *shown);

#endif
