/* doubt.h: changes that may have happened, unknown to their callers.
 *
 * Such a change was answered with the configured errno (deadline, worker's death, broken connection). The
 * kernel remembers the nodes as before: it would read a grown file only up to its old size. The first
 * sight after an error must last: so the kernel is told to ask again, a file that may have been cut
 * has no known end any more, and one that was written to is suspect. */
#ifndef GUARDFS_FS_DOUBT_H
#define GUARDFS_FS_DOUBT_H

#include "shm/node.h"

/* Has the kernel ask again for a node's attributes. An unanswered request must be using the node. Pages
 * stay. */
void doubt_node(const struct node *node);

/* Has the kernel ask again for the attributes of all nodes that the request in the buffer can have
 * changed: those it names, and on a guarded tier those under its names. Nothing for requests that change
 * nothing. Before the answer; or, after it, when the change can have been made. Then it may wait for
 * requests about the same nodes (wire_drop_attributes): call it in a thread on which no other depends.
 * Worker. */
void doubt_raise(const uint8_t *buffer);

#endif
