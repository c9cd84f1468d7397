/* doubt.h: changes whose callers cannot know whether they happened.
 *
 * A change was begun, and answered with the configured errno (its deadline passed, its worker died, its
 * connection broke): it may have been made all the same. The kernel still remembers the nodes as they were
 * before: it would read a grown file up to its old size only. What is seen first after an error must stay.
 * So the kernel is told to ask again, and a file that may have been cut off is no longer known to reach
 * further. */
#ifndef GUARDFS_FS_DOUBT_H
#define GUARDFS_FS_DOUBT_H

#include "shm/node.h"

/* Has the kernel ask again for a node's attributes. A request that is not yet answered must be using the
 * node. Pages stay. */
void doubt_node(const struct node *node);

/* Has the kernel ask again for the attributes of every node that the request in the buffer can have changed:
 * the nodes that it names, and on a guarded tier those under its names. Nothing for requests that change
 * nothing. Call it before the request is answered, or, if it has been, when its change can have been made.
 * For an answered request it may wait for requests about the same nodes (wire_drop_attributes): call it in a
 * thread on which no other depends. Worker. */
void doubt_raise(const uint8_t *buffer);

#endif
