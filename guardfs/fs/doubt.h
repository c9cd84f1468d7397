/* doubt.h: changes of which their callers cannot know whether they have happened.
 *
 * A change that was answered with the configured errno after it had been begun (its deadline passed, its
 * worker died, its connection broke) may have been made all the same. What the kernel remembers of the nodes
 * concerned is then as it was before: a file that had grown would be read only up to its old size, and what
 * is read first after an error must be what stays. So is what we know of them: a file that may have been cut
 * off is no more known to reach beyond that. */
#ifndef GUARDFS_FS_DOUBT_H
#define GUARDFS_FS_DOUBT_H

#include "shm/node.h"

/* Has the kernel ask again for the attributes of a node that a request, not yet answered, has in use. Pages
 * stay. */
void doubt_node(const struct node *node);

/* Has the kernel ask again for the attributes of every node that the request in the buffer, complete, can
 * have changed, if it is of a kind that changes any: those it names, and those that have its names on a
 * guarded tier. Before the request is answered, so that its caller sees what is there; or, where that has
 * happened, when the change can have been made. May wait for requests about the same nodes if the request has
 * been answered (wire_drop_attributes). Worker; any thread that others do not depend on, and any at all for a
 * request that has not been answered: its nodes are in use. */
void doubt_raise(const uint8_t *buffer);

#endif
